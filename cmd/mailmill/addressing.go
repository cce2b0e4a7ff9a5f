package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/report"
	"mailmill/transform/address"
	"mailmill/transform/address/directory"
)

// addressing is what the options say about how participants get their mail addresses.
type addressing struct {
	directories   []string
	bookFile      string
	rules         []string
	domains       []string
	unresolved    string
	minConfidence string
	asOf          bool
	trustNames    bool
	insecure      []string
	passwords     passwords

	flags   *pflag.FlagSet
	options address.Options // what check made of them
}

func (d *addressing) addFlags(cmd *cobra.Command) {
	flags := pflag.NewFlagSet("addresses", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringArrayVar(&d.directories, "directory", nil, "look addresses up in `FILE|URL`: CSV, LDIF, offline address book, vCards or JSON, or ldaps://server/base; may be repeated")
	flags.StringVar(&d.bookFile, "address-book", "", "keep what is learnt in `FILE`, and know what earlier runs kept there")
	flags.StringArrayVar(&d.rules, "address-rule", nil, "guess addresses of Exchange names by `REGEX=>TEMPLATE`: 'cn=([^/]+)$=>$1@example.com'; may be repeated")
	flags.StringSliceVar(&d.domains, "accepted-domain", nil, "a mail `DOMAIN` of the organisation, which decides where evidence is even; may be repeated")
	flags.StringVar(&d.unresolved, "unresolved", address.PolicyInvalid.String(), "write who has no known address as `POLICY`: invalid, imceaex, name-only; or fail")
	flags.StringVar(&d.minConfidence, "min-confidence", "0", "leave answers out that are less sure than `NUMBER`, from 0 to 1")
	flags.BoolVar(&d.asOf, "as-of-date", false, "of several addresses of a person take that of the item's time, not the latest")
	flags.BoolVar(&d.trustNames, "trust-names", false, "also guess by display names of two words or more, where only one person has the name")
	flags.StringArrayVar(&d.insecure, "insecure", nil, "talk to `HOST` without TLS or with a certificate that cannot be verified; may be repeated")
	d.passwords.addFlags(flags)
	d.flags = flags
	cmd.Flags().AddFlagSet(flags)
	offer(flags, "unresolved", "invalid\tan address that nothing is delivered to", "imceaex\tthe Exchange name, encapsulated", "name-only\tthe name without an address", "fail\tstop before anything is written")
	offer(flags, "min-confidence", "0.97\twhat directories say, and surer", "0.9\tthe item's own header, and surer", "0.6\tno guesses")
	for _, name := range []string{"address-rule", "accepted-domain", "insecure", "password-command"} {
		offer(flags, name)
	}
}

// given returns an option of these that was given, or "".
func (d *addressing) given() (name string) {
	d.flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed && name == "" {
			name = f.Name
		}
	})
	return name
}

// check refuses what is wrong with the options, before anything is opened. The accounts are those that items go to, which
// have a part in what the options say.
func (d *addressing) check(a *app, accounts ...*account) error {
	d.options = address.Options{AsOf: d.asOf, Names: d.trustNames}
	var err error
	if d.options.Unresolved, err = address.ParsePolicy(d.unresolved); err != nil {
		return usage("--unresolved: %v", err)
	}
	if d.options.MinConfidence, err = strconv.ParseFloat(d.minConfidence, 64); err != nil || !(d.options.MinConfidence >= 0 && d.options.MinConfidence <= 1) {
		return usage("--min-confidence takes a number from 0 to 1, not %q; mailmill help addresses tells how sure what is", d.minConfidence)
	}
	for _, text := range d.rules {
		rule, err := address.ParseRule(text)
		if err != nil {
			return usage("--address-rule: %v", err)
		}
		d.options.Rules = append(d.options.Rules, rule)
	}
	for _, domain := range d.domains {
		domain = strings.TrimPrefix(strings.TrimSpace(domain), "@")
		if domain == "" || strings.ContainsAny(domain, "@/: \t<>,;") {
			return usage("--accepted-domain takes what stands behind the @ of addresses, as in example.com, not %q", domain)
		}
		d.options.AcceptedDomains = append(d.options.AcceptedDomains, domain)
	}
	servers, err := d.checkDirectories()
	if err != nil {
		return err
	}
	for _, host := range d.insecure {
		if strings.Contains(host, "://") || strings.ContainsAny(host, "/@ ") || host == "" {
			return usage("--insecure takes the name of a host, as in dc.example.com, not %q", host)
		}
		if !slices.ContainsFunc(servers, func(s server) bool { return strings.EqualFold(s.host, host) }) &&
			!slices.ContainsFunc(accounts, func(acct *account) bool { return strings.EqualFold(acct.host, host) }) {
			if len(accounts) > 0 {
				return usage("--insecure %s: neither a target nor a --directory is on that host", host)
			}
			return usage("--insecure %s: no --directory is on that host", host)
		}
	}
	if err := d.passwords.check(a, servers, accounts); err != nil {
		return err
	}
	return d.checkBook()
}

// isInsecure reports whether a host may be spoken to in the clear, and whoever it says it is.
func (d *addressing) isInsecure(host string) bool {
	return slices.ContainsFunc(d.insecure, func(name string) bool { return strings.EqualFold(name, host) })
}

// server is the part of an LDAP server's URL that the command itself has to know.
type server struct{ host, user string }

func (d *addressing) checkDirectories() (servers []server, err error) {
	for _, location := range d.directories {
		if location == "" {
			return nil, usage("--directory is empty; name a file, or a server as in ldaps://dc.example.com/dc=example,dc=com")
		}
		if !directory.IsServer(location) {
			info, err := os.Stat(location)
			switch {
			case err != nil:
				return nil, usage("--directory: %s: %s", location, reasonOf(err))
			case info.IsDir():
				return nil, usage("--directory: %s is a folder; name a file in it", location)
			}
			continue
		}
		scheme, rest, _ := strings.Cut(location, "://")
		if !strings.EqualFold(scheme, "ldap") && !strings.EqualFold(scheme, "ldaps") {
			return nil, usage("--directory: %s:// is nothing that addresses can be looked up in: name a file, or a server with ldaps:// or ldap://", scheme)
		}
		authority := rest
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			authority = rest[:i]
		}
		s := server{host: authority}
		if i := strings.LastIndexByte(authority, '@'); i >= 0 {
			s.user, s.host = authority[:i], authority[i+1:]
		}
		_, port, _ := strings.Cut(s.host, ":")
		cut := strings.Trim(port, "0123456789") != "" && s.host[0] != '[' && strings.Contains(rest[len(authority):], "@") // at a slash in it
		if strings.Contains(s.user, ":") || cut {
			return nil, usage("--directory: a password has no place in a URL, where others see it: set MAILMILL_DIRECTORY_PASSWORD, or name a file with --password-file")
		}
		if i := strings.LastIndexByte(s.host, ':'); i > strings.LastIndexByte(s.host, ']') {
			s.host = s.host[:i]
		}
		s.host = strings.Trim(s.host, "[]")
		if s.host == "" {
			return nil, usage("--directory: %s names no server: it is written ldaps://dc.example.com/dc=example,dc=com", location)
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// checkBook refuses a file that is something else than an address book, or that cannot be written.
func (d *addressing) checkBook() error {
	if d.bookFile == "" {
		if d.flags.Changed("address-book") {
			return usage("--address-book is empty; name the file to keep addresses in")
		}
		return nil
	}
	info, err := os.Stat(d.bookFile)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return usage("--address-book: %s is no file", d.bookFile)
	case err == nil:
		if beginning, err := beginningOf(d.bookFile); err != nil {
			return usage("--address-book: %s: %s", d.bookFile, reasonOf(err))
		} else if beginning != "" && beginning != "{" {
			return usage("--address-book: %s is there and no address book; name another file", d.bookFile)
		}
	case errors.Is(err, os.ErrNotExist):
		if info, err := os.Stat(filepath.Dir(d.bookFile)); err != nil || !info.IsDir() {
			return usage("--address-book: there is no folder %s to keep it in", filepath.Dir(d.bookFile))
		}
	default:
		return usage("--address-book: %s: %s", d.bookFile, reasonOf(err))
	}
	return nil
}

// record returns the options that decide what is written, in an order that does not depend on the user's.
func (d *addressing) record() map[string]string {
	record := make(map[string]string)
	list := func(name string, values []string) {
		if len(values) > 0 {
			record[name] = strings.Join(values, "\n")
		}
	}
	list("directory", slices.Sorted(slices.Values(d.directories)))
	list("accepted-domain", slices.Sorted(slices.Values(d.options.AcceptedDomains)))
	list("address-rule", d.rules) // the first that fits counts
	if d.bookFile != "" {
		record["address-book"] = d.bookFile
	}
	if p := d.options.Unresolved; p != address.PolicyInvalid {
		record["unresolved"] = p.String()
	}
	if c := d.options.MinConfidence; c > 0 {
		record["min-confidence"] = strconv.FormatFloat(c, 'g', -1, 64)
	}
	if d.asOf {
		record["as-of-date"] = "true"
	}
	if d.trustNames {
		record["trust-names"] = "true"
	}
	return record
}

// people is what a run knows of everybody before its second pass.
type people struct {
	ladder  *address.Ladder
	report  *address.Report
	elapsed time.Duration
	skipped bool // there was nothing to learn from before
}

// line says how many people are known.
func (p *people) line() string { return p.report.Summary().String() }

// numbers is the same as an object.
func (p *people) numbers() report.People {
	s := p.report.Summary()
	return report.People{People: s.People, Resolved: s.Resolved, Guessed: s.Guessed, Open: s.Open}
}

// lessons are what a first pass needs beside what is said about addresses.
type lessons struct {
	sources  []load.Input
	jobs     int
	bars     *report.Bars // may be nil
	journals []*report.Journal
	log      *slog.Logger
	keep     bool // write the address book
}

// learn is the first pass of a run: it takes what earlier runs and directories know, and what all sources tell.
func (a *app) learn(d *addressing, l lessons) (*people, error) {
	log, bars := l.log, l.bars
	start := time.Now()
	// What cannot be merged in the end is better known before the work.
	if err := d.loadBook(address.NewBook()); err != nil {
		return nil, err
	}
	book := address.NewBook()
	for _, location := range d.directories {
		dir, err := address.ReadDirectory(a.ctx, location, directory.Options{
			Password: d.passwords.ask(a),
			Insecure: d.isInsecure,
			Notice: func(where, what string) {
				if !a.quiet {
					io.WriteString(a.screen(), report.Printable(where+": "+what)+"\n")
				}
				log.Debug("directory", "where", where, "notice", what)
			},
		})
		if err != nil {
			return nil, a.directoryError(err)
		}
		book.Use(dir)
		log.Debug("directory", "location", location, "recipients", dir.Len())
	}

	ticker := &report.Ticker{Log: log}
	learned, err := load.Learn(a.ctx, load.Lessons{Sources: l.sources, Pupil: book, Jobs: l.jobs, Log: log, Progress: func(done, total int) {
		elapsed := time.Since(start)
		for _, j := range l.journals {
			j.Learning(done, total, elapsed)
		}
		switch {
		case bars != nil:
			bars.Learning(done, total)
		case a.verbose:
			ticker.Learning(done, total, elapsed)
		}
	}})
	if bars != nil {
		bars.Close()
	}
	if err != nil {
		return nil, err
	}
	if a.ctx.Err() != nil {
		return nil, a.interrupted()
	}
	// After the learning: of each number the larger stands, and what is learnt again does not count twice.
	if err := d.loadBook(book); err != nil {
		return nil, err
	}
	log.Debug("learnt", "places", learned.Places, "unreadable", learned.Unreadable, "elapsed", learned.Elapsed.String())
	if l.keep {
		if err := d.saveBook(book); err != nil {
			return nil, err
		}
	}
	p := &people{ladder: book.Ladder(d.options), skipped: len(l.sources) > 0}
	for _, s := range l.sources {
		if stream, ok := s.Source.(load.Stream); ok && stream.Once() {
			log.Info("read in one pass as it comes, and not learnt from; --spool learns from it, too", "source", report.Printable(s.Name))
		} else {
			p.skipped = false
		}
	}
	p.report = p.ladder.RunReport()
	p.elapsed = time.Since(start)
	return p, nil
}

// mustKnow returns an error if somebody's address is not known and nothing is to be written then.
func (d *addressing) mustKnow(p *people) error {
	if d.options.Unresolved != address.PolicyFail {
		return nil
	}
	n := len(p.report.Unresolved())
	if n == 0 {
		return nil
	}
	who := "nobody knows the address of 1 person"
	if n > 1 {
		who = "nobody knows the addresses of " + report.Count(n) + " people"
	}
	return &exit{status: exitFailures, sentence: who +
		" (--unresolved fail): nothing was written; mailmill addresses --csv makes a table of them, which --directory takes when it is filled in"}
}

// loadBook merges what earlier runs have kept.
func (d *addressing) loadBook(book *address.Book) error {
	if d.bookFile == "" {
		return nil
	}
	f, err := os.Open(d.bookFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usage("--address-book: %s: %s", d.bookFile, reasonOf(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		return nil
	}
	if err := book.Load(f); err != nil {
		if temporary(err) {
			return fmt.Errorf("%s: %w", d.bookFile, err)
		}
		return &exit{exitUsage, fmt.Sprintf("--address-book: %s: %v; name another file, or remove this one and learn anew", d.bookFile, err), err}
	}
	return nil
}

// saveBook keeps what was learnt, whole or not at all.
func (d *addressing) saveBook(book *address.Book) (err error) {
	if d.bookFile == "" {
		return nil
	}
	name := d.bookFile
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	fail := func(err error) error {
		e := &exit{exitUsage, fmt.Sprintf("--address-book: %s cannot be written: %s", d.bookFile, reasonOf(err)), err}
		if temporary(err) {
			e.status, e.sentence = exitTemporary, e.sentence+"; see to that and run the same command again"
		}
		return e
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // for its owner alone
	if err != nil {
		return fail(err)
	}
	err = book.Save(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fail(err)
	}
	return nil
}

// directoryError says what is wrong with a directory.
func (a *app) directoryError(err error) error {
	var known *exit
	switch {
	case a.ctx.Err() != nil:
		return a.interrupted()
	case errors.As(err, &known):
		return known
	case errors.Is(err, directory.ErrAuthentication):
		return &exit{exitRefused, err.Error(), err}
	case errors.Is(err, directory.ErrAway):
		return &exit{exitTemporary, err.Error() + "; run the same command again when that is mended", err}
	case temporary(err):
		return err
	case errors.Is(err, context.Canceled):
		return err
	}
	return &exit{exitUsage, err.Error(), err}
}

// addressed returns a participant with the answer that is known for him; of nobody knows anything a nil one.
func (p *people) addressed(of *formats.Address) *formats.Address {
	if p == nil || of == nil || of.SMTP != "" {
		return of
	}
	known, ok := p.ladder.Person(of.Stored)
	if !ok || known.Open() {
		return of
	}
	with := *of
	with.SMTP, with.Via = known.SMTP, known.Via
	return &with
}

// persons returns people as reports have them.
func persons(list []address.Person) []report.Person {
	out := make([]report.Person, len(list))
	for i := range list {
		out[i] = personOf(&list[i])
	}
	return out
}

func personOf(p *address.Person) report.Person {
	out := report.Person{
		DN: p.DN, SMTP: p.SMTP, Via: p.Via, Confidence: p.Confidence, Items: p.Items, First: report.Stamp(p.First), Last: report.Stamp(p.Last),
		Folders: p.Folders, Evidence: evidence(p.Evidence), Conflicts: p.Conflicts, Directory: p.Where,
	}
	if p.Type != formats.ObjectUnknown {
		out.Kind = p.Type.String()
	}
	for _, name := range p.Names {
		out.Names = append(out.Names, name.Text)
	}
	if p.DN == "" && len(out.Names) > 0 {
		out.Stored = out.Names[0]
	}
	for _, s := range [...]struct {
		is   bool
		name string
	}{{p.Open(), "unresolved"}, {p.Ambiguous, "ambiguous"}, {p.Guessed, "guessed"}, {len(p.Conflicts) > 0, "conflicting"}, {p.Outside, "outside"}, {p.System, "system"}} {
		if s.is {
			out.Status = append(out.Status, s.name)
		}
	}
	for _, c := range p.Candidates {
		out.Candidates = append(out.Candidates, report.Candidate{
			SMTP: c.SMTP, Share: math.Round(c.Share*1000) / 1000, Evidence: evidence(c.Evidence), First: report.Stamp(c.First), Last: report.Stamp(c.Last), Another: c.Stranger,
		})
	}
	return out
}

func evidence(counts [formats.EvidenceClasses]int) (list []report.Evidence) {
	for class, n := range counts {
		if n > 0 {
			list = append(list, report.Evidence{Sort: formats.EvidenceClass(class).String(), Count: n})
		}
	}
	return list
}
