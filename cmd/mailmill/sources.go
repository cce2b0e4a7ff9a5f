package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"mailmill/extract"
	"mailmill/extract/archives"
	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/winzone"
	"mailmill/load"
	"mailmill/load/report"
	"mailmill/transform/tnef"
)

// sources are the archives that a command line names.
type sources struct {
	listFile string
	nul      bool
	codePage string
	timeZone string
	options  extract.Options
	keepTNEF bool
	targets  []string // the places to write to; no sources even where they lie in one

	archives   []extract.Archive
	opened     []*archives.Archive // the same, as they know of their files
	unreadable int                 // sources that were named and cannot be read, beside others that can
}

func (s *sources) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&s.options.Hidden, "with-hidden", false, "also what programs keep for themselves: associated items, folders outside the visible tree")
	flags.BoolVar(&s.options.Recover, "recover", false, "also deleted items that are still whole, and items that no folder lists")
	flags.StringVar(&s.codePage, "codepage", "", "the code page `NAME` of 8-bit text that does not say its own (windows-1252, …)")
	flags.StringVar(&s.timeZone, "timezone", "", "the `ZONE` of times that do not say theirs (Europe/Berlin; default: that of most of the archive, else UTC)")
	flags.StringVar(&s.listFile, "files-from", "", "read more source names from `FILE`, one a line; - is standard input")
	flags.BoolVar(&s.keepTNEF, "keep-tnef", false, "leave winmail.dat in mail as it is; else what is in it takes its place")
	flags.BoolVar(&s.options.Spool, "spool", false, "copy what comes through a pipe to a temporary file also where one pass would do: to learn from it, and to count it before")
	flags.BoolVarP(&s.nul, "null", "0", false, "names in --files-from end with a zero byte, as find -print0 writes them")
}

// open opens the sources. One of args that is not there stops everything, as it is a typing mistake more often than
// not; any other that cannot be read is named and left out while there are others. Those of --files-from are the finds
// of a program, which may have met what is no file, or is gone by now.
func (s *sources) open(a *app, args []string, log *slog.Logger) error {
	if s.codePage != "" {
		cp, ok := codepage.ByLabel(s.codePage)
		if !ok {
			return usage("--codepage: %q is no code page that mailmill knows; windows-1252 is one, shift_jis another", s.codePage)
		}
		s.options.CodePage = cp
	}
	if err := s.zone(); err != nil {
		return err
	}
	if err := a.checkStdin(s, args); err != nil {
		return err
	}
	listed, err := s.names(a.ctx, a.stdin)
	if err != nil {
		return err
	}
	if err := a.checkStdin(s, append(slices.Clone(args), listed...)); err != nil {
		return err
	}
	if len(args)+len(listed) == 0 {
		if s.listFile != "" {
			return &exit{status: exitSource, sentence: "--files-from: " + s.listFile + " names no archive"}
		}
		return usage("name at least one archive to read, or a folder of them")
	}
	files, refused := find(a.ctx, append(slices.Clone(args), listed...), s.targets)
	for _, err := range refused {
		var source *extract.SourceError
		if errors.Is(err, fs.ErrNotExist) && errors.As(err, &source) && slices.Contains(args, source.Path) {
			return &exit{exitSource, err.Error(), err}
		}
	}
	if err := a.checkOutput(files); err != nil {
		return err
	}
	s.options.Except = s.targets
	for _, file := range files {
		if a.ctx.Err() != nil {
			break
		}
		archive, err := archives.Open(a.ctx, file, s.options, func(err error) { a.cancel(lostSource(err)) })
		if err != nil {
			refused = append(refused, err)
			continue
		}
		s.archives = append(s.archives, archive)
		s.opened = append(s.opened, archive)
		for _, note := range archive.Info().Notes {
			log.Info(report.Printable(note), "source", report.Printable(file))
		}
	}
	if a.ctx.Err() != nil {
		return a.interrupted()
	}
	for _, err := range refused {
		if errors.Is(err, archives.ErrNoRoom) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			return lostSource(err)
		}
	}
	if len(s.archives) == 0 && len(refused) == 1 {
		return &exit{exitSource, refused[0].Error(), refused[0]}
	}
	for _, err := range refused {
		fmt.Fprintln(a.stderr, "mailmill: "+report.Printable(err.Error()))
	}
	if len(s.archives) == 0 {
		return &exit{status: exitSource, sentence: "none of the sources can be read"}
	}
	s.unreadable = len(refused)
	return nil
}

// checkStdin refuses to read standard input twice, or from a keyboard.
func (a *app) checkStdin(s *sources, args []string) error {
	archive, list := slices.Contains(args, "-"), s.listFile == "-"
	switch {
	case archive && list:
		return usage("standard input cannot be an archive and the list of --files-from at once")
	case archive && slices.Contains(args[slices.Index(args, "-")+1:], "-"):
		return usage("standard input is named twice, and can be read but once: leave one - out")
	case archive && a.stdinTerminal:
		return usage("- reads an archive from standard input, which is the keyboard here: mailmill … - <alice.pst")
	}
	return nil
}

// checkOutput refuses an archive that standard output or standard error would be written into: the shell has opened
// it by then, and after >> it is whole.
func (a *app) checkOutput(files []string) error {
	for i, output := range []*output{a.stdout, a.stderr} {
		to, ok := output.w.(*os.File)
		if !ok {
			continue
		}
		there, err := to.Stat()
		if err != nil || !there.Mode().IsRegular() {
			continue
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if in, ok := a.stdin.(*os.File); ok && file == "-" {
				info, err = in.Stat()
			}
			if err == nil && os.SameFile(info, there) {
				output.w = io.Discard // not even why
				return usage("%s is read, and standard %s would be written into it; send that to another file",
					file, []string{"output", "error"}[i])
			}
		}
	}
	return nil
}

// lostSource is the error of a run whose source cannot be read to its end for now.
func lostSource(err error) error { return &exit{exitTemporary, err.Error(), err} }

// changed returns an error if an archive is not what it was when it was opened.
func (s *sources) changed() error {
	for _, archive := range s.opened {
		if err := archive.Changed(); err != nil {
			return lostSource(err)
		}
	}
	return nil
}

// zone reads --timezone. The machine's own zone is none: what is written is not to depend on where.
func (s *sources) zone() error {
	if s.timeZone == "" {
		return nil
	}
	name, ok := winzone.Name(s.timeZone)
	if !ok {
		name = s.timeZone
	}
	loc, err := winzone.Location(name)
	if err != nil {
		return usage("--timezone: %q is no time zone that mailmill knows; Europe/Berlin is one, UTC another", s.timeZone)
	}
	s.options.Zone = formats.ZoneOf(loc, time.Time{}, lastZoneYear)
	return nil
}

// lastZoneYear is when the rules of a zone have been what they are for long enough to go on.
var lastZoneYear = time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC)

// names reads the file that --files-from names.
func (s *sources) names(ctx context.Context, stdin io.Reader) ([]string, error) {
	if s.listFile == "" {
		if s.nul {
			return nil, usage("-0 says how the names in --files-from end; it does nothing alone")
		}
		return nil, nil
	}
	if s.listFile == "-" {
		type result struct {
			names []string
			err   error
		}
		read := make(chan result, 1)
		go func() {
			names, err := s.readNames(stdin)
			read <- result{names, err}
		}()
		select {
		case r := <-read:
			return r.names, r.err
		case <-ctx.Done(): // what standard input waits for may never come
			return nil, context.Cause(ctx)
		}
	}
	f, err := os.Open(s.listFile)
	if err != nil {
		return nil, usage("--files-from: %s: %s", s.listFile, reasonOf(err))
	}
	defer f.Close()
	return s.readNames(f)
}

func (s *sources) readNames(in io.Reader) ([]string, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	if s.nul {
		lines.Split(untilNUL)
	}
	var names []string
	for lines.Scan() {
		if name := lines.Text(); name != "" {
			names = append(names, name)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, usage("--files-from: %s holds no list of names: a line of it has more than %d characters", s.listFile, 1<<20)
	case err != nil:
		return nil, usage("--files-from: %s: %s", s.listFile, reasonOf(err))
	}
	return names, nil
}

// untilNUL splits at zero bytes.
func untilNUL(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// outermost returns the names without those of what lies in a folder that is named, too, and is read with it. Where the run
// writes to, a folder is not read.
func outermost(names, targets []string) []string {
	folders := make(map[string]bool)
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			folders[resolve(name)] = true
		}
	}
	if len(folders) == 0 || len(names) == 1 {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		if name == "-" || !exists(name) || slices.ContainsFunc(targets, func(target string) bool { return within(name, target) }) {
			return false
		}
		for at := resolve(name); filepath.Dir(at) != at; {
			if at = filepath.Dir(at); folders[at] {
				return true
			}
		}
		return false
	})
}

// find returns the files that names stand for, each once, and why others are left out.
func find(ctx context.Context, names, except []string) (files []string, refused []error) {
	var seen []fs.FileInfo
	names = outermost(names, except)
	first := ""
	if len(except) > 0 {
		first, except = except[0], except[1:]
	}
	for _, name := range names {
		found, skipped, err := archives.Find(ctx, name, first)
		refused = append(refused, skipped...)
		if err != nil {
			refused = append(refused, err)
		}
		for _, file := range found {
			if slices.ContainsFunc(except, func(target string) bool { return file != name && (within(file, target) || samePlace(file, target)) }) {
				continue
			}
			info, err := os.Stat(file)
			if err == nil && slices.ContainsFunc(seen, func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
				continue
			}
			if err == nil {
				seen = append(seen, info)
			}
			files = append(files, file)
		}
	}
	return files, refused
}

// warn tells what was found wrong with the archives themselves, as far as it is known when they have been read. What
// it cost is told item by item; so a line for each archive is enough, unless everything is asked for.
func (s *sources) warn(a *app, log *slog.Logger) {
	for _, archive := range s.archives {
		info := archive.Info()
		name := report.Printable(info.Path)
		for _, warning := range info.Warnings {
			log.Info(report.Printable(warning), "source", name)
		}
		if n := len(info.Warnings); n > 0 && !a.quiet && !a.verbose {
			fmt.Fprintf(a.stderr, "%s in the structure of %s; -v names them.\n", report.Plural(n, "fault"), name)
		}
	}
}

// incomplete tells which archives may have lost what cannot be counted, or have names and flags that may be wrong, and
// whether there are any.
func (s *sources) incomplete(w io.Writer) bool {
	lost := false
	for _, archive := range s.archives {
		if info := archive.Info(); info.Incomplete != "" {
			lost = true
			fmt.Fprintf(w, "%s may have lost items that cannot be counted: %s\n", report.Printable(info.Path), report.Printable(info.Incomplete))
		} else if info.Doubt != "" {
			lost = true
			fmt.Fprintf(w, "Names, places or flags may be wrong in %s: %s\n", report.Printable(info.Path), report.Printable(info.Doubt))
		}
	}
	return lost
}

// steps are what happens to every item that is read, before anybody looks at it.
func (s *sources) steps() []load.Step {
	if s.keepTNEF {
		return nil
	}
	o := s.options
	convert := outlook.New(outlook.Options{CodePage: o.CodePage, KeepEX: o.KeepEX, Zone: func() *formats.Zone { return o.Zone }})
	return []load.Step{tnef.New(convert.Item)}
}

// once reports whether an archive is read in one pass, as it comes through a pipe.
func (s *sources) once() bool { return slices.ContainsFunc(s.opened, (*archives.Archive).Once) }

// lost reports whether archives may hold more than can be read of them.
func (s *sources) lost() bool {
	return s.unreadable > 0 || slices.ContainsFunc(s.archives, func(archive extract.Archive) bool { return archive.Info().Incomplete != "" })
}

// close closes the archives and lets go of them: cobra keeps options that have completions, and what these lie in, for
// as long as the process lives.
func (s *sources) close() {
	for _, archive := range s.archives {
		archive.Close()
	}
	s.archives, s.opened = nil, nil
}
