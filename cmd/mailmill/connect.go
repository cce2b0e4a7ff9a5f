package main

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/load"
	"mailmill/load/dav"
	"mailmill/load/dav/client"
	"mailmill/load/files"
	"mailmill/load/imap"
	"mailmill/load/imap/wire"
	"mailmill/load/ledger"
	"mailmill/load/pace"
	"mailmill/load/report"
	"mailmill/load/verify"
)

// serverTarget is a target that speaks to a server.
type serverTarget interface {
	load.Sender
	// KeepStale says that the run did not see all that the archives hold: nothing is pruned then.
	KeepStale()
	// Mirror returns the target's reading side, for one that was opened to rehearse. Closing it closes the target.
	Mirror() verify.Mirror
}

// openServer logs in to the account of a destination, and prepares to write there or to read what is there.
func (a *app) openServer(c *conversion, p *place, into *opened, log *slog.Logger, compare bool) (verify.Mirror, error) {
	s := p.server
	var books *ledger.Account
	var err error
	if !compare {
		if books, err = into.books(c, s); err != nil {
			return nil, err
		}
	}
	secret, err := a.secretOf(&c.addressing.passwords, s)
	if err != nil {
		return nil, err
	}
	manners := pace.New(pace.Options{ItemsPerSecond: c.remote.itemsPerSecond, BytesPerSecond: c.remote.bytesPerSecond, Connections: c.remote.connections})
	log = log.With("target", p.String())
	var target serverTarget
	if s.sort == files.Mail {
		target, err = a.openMail(c, p, books, secret, manners, log, compare)
	} else {
		target, err = a.openDAV(c, p, books, secret, manners, log, compare)
	}
	if err != nil {
		return nil, err
	}
	if compare {
		return target.Mirror(), nil
	}
	p.target, p.speaks = target, target
	name := s.host
	if slices.ContainsFunc(c.targets.servers(), func(other *account) bool { return other != s && other.host == s.host }) {
		name += " " + optionOf(s.sort)
	}
	p.lane = func() report.Lane {
		l := manners.Lane()
		return report.Lane{
			Name: name, Items: int(l.Items), ItemsPerSecond: l.ItemsPerSecond, BytesPerSecond: l.BytesPerSecond,
			Connections: l.Connections, Retries: l.Retries, Waiting: l.Waiting, Why: l.Why,
		}
	}
	return nil, nil
}

// books opens the ledger of an account. A rehearsal does with what is there, or without.
func (o *opened) books(c *conversion, s *account) (*ledger.Account, error) {
	identity := s.identity(c.remote.actAs)
	file := c.remote.ledger
	if file == "" {
		dir, err := stateFolder()
		if err != nil {
			return nil, err
		}
		file = ledger.Default(dir, identity)
	}
	l := o.ledgers[file]
	if l == nil {
		if c.dryRun && !exists(file) {
			return nil, nil
		}
		var err error
		if l, err = ledger.Open(file); err != nil {
			return nil, err
		}
		if o.ledgers == nil {
			o.ledgers = make(map[string]*ledger.Ledger)
		}
		o.ledgers[file] = l
		o.done = append(o.done, l.Close)
	}
	return l.Account(identity)
}

// secret is what proves to a server who somebody is.
type secret struct {
	password string
	token    func(context.Context) (string, error) // nil where the password is to be used
}

func (a *app) secretOf(p *passwords, s *account) (secret, error) {
	if token := p.token(a, s); token != nil {
		return secret{token: (&tokens{get: token}).fresh}, nil
	}
	if s.user == "" {
		return secret{}, nil
	}
	password, err := p.password(a.ctx, a, s)
	return secret{password: password}, err
}

// tokens keeps a token for as long as logins come together: each connection has its own, and a command may be slow.
type tokens struct {
	get func(context.Context) (string, error)

	mu    sync.Mutex
	token string
	got   time.Time
}

const tokenLasts = 30 * time.Second

func (t *tokens) fresh(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != "" && time.Since(t.got) < tokenLasts {
		return t.token, nil
	}
	token, err := t.get(ctx)
	if err == nil {
		t.token, t.got = token, time.Now()
	}
	return token, err
}

func (a *app) openMail(c *conversion, p *place, books *ledger.Account, secret secret, manners *pace.Pace, log *slog.Logger, compare bool) (serverTarget, error) {
	s := p.server
	insecure := c.addressing.isInsecure(s.host)
	o := imap.Options{
		Wire: wire.Options{
			Address: s.address(), Security: wire.StartTLS, Insecure: insecure, TLS: c.remote.tls(s, insecure),
			Credentials: wire.Credentials{User: s.user, ActAs: c.remote.actAs, Password: secret.password, Renew: secret.token},
			// Within a machine there is nothing to gain by it.
			Compress: !isLoopback(s.host),
			Log:      log,
		},
		Connections: c.remote.connections,
		Prefix:      strings.Trim(s.path+"/"+c.remote.prefix, "/"),
		FolderMap:   c.remote.names,
		Account:     books,
		Pace:        manners,
		Subscribe:   true,
		Prune:       c.remote.prune && !compare,
		Rehearse:    c.dryRun || compare,
		Log:         log,
	}
	if s.secure {
		o.Wire.Security = wire.ImplicitTLS
	}
	if f := c.filters.folders; f != nil {
		o.Wanted = f.Match
	}
	for _, archive := range c.sources.archives {
		o.Sources = append(o.Sources, imap.Source{Name: archive.Info().Path, Folders: archive.Folders()})
	}
	t, err := imap.Open(a.ctx, o)
	if err != nil {
		return nil, err
	}
	p.plan = func() (report.Plan, error) {
		plan := t.Plan()
		would := report.Plan{Target: p.String(), Items: plan.Items, Bytes: plan.Bytes, One: "mailbox", Several: "mailboxes"}
		for _, box := range plan.Mailboxes {
			if !box.Exists && (box.Items > 0 || box.Wanted) {
				would.New = append(would.New, box.Name)
			}
		}
		return would, plan.Full()
	}
	p.remarks = func() []string { return mailRemarks(t.Report()) }
	return t, nil
}

func (a *app) openDAV(c *conversion, p *place, books *ledger.Account, secret secret, manners *pace.Pace, log *slog.Logger, compare bool) (serverTarget, error) {
	s := p.server
	at, err := url.Parse(s.URL())
	if err != nil {
		return nil, usage("%s: the URL has a path that cannot be: it is written %s", p.role(), exampleOf(s.sort))
	}
	insecure := c.addressing.isInsecure(s.host)
	o := dav.Options{
		Client: client.Options{
			URL: at, TLS: c.remote.tls(s, insecure), Insecure: insecure, Connections: c.remote.connections,
			Credentials: client.Credentials{User: s.user, Password: secret.password, Renew: secret.token},
			Pace:        manners, Log: log,
		},
		Contacts:    s.sort == files.Cards,
		Calendar:    ical.Options{NoAlarms: c.look.noAlarms, JournalAsEvents: c.look.journalAsEvents},
		CardVersion: c.flags.Changed("vcard"),
		Prefix:      c.remote.prefix,
		FolderMap:   c.remote.names,
		Zone:        c.sources.options.Zone,
		Account:     books,
		Prune:       c.remote.prune && !compare,
		Rehearse:    c.dryRun || compare,
		Log:         log,
	}
	o.Cards.Version = c.look.version
	if secret.token != nil {
		if o.Client.Token, err = secret.token(a.ctx); err != nil {
			return nil, err
		}
	}
	for _, archive := range c.sources.archives {
		o.Sources = append(o.Sources, dav.Source{Name: archive.Info().Path, Folders: archive.Folders()})
	}
	t, err := dav.Open(a.ctx, o)
	if err != nil {
		return nil, err
	}
	p.plan = func() (report.Plan, error) {
		plan := t.Plan()
		would := report.Plan{Target: p.String(), Items: plan.Items, Bytes: plan.Bytes, One: "calendar", Several: "calendars"}
		if o.Contacts {
			would.One, would.Several = "address book", "address books"
		}
		for _, collection := range plan.Collections {
			if !collection.Exists {
				would.New = append(would.New, collection.Name)
			}
		}
		return would, plan.Full()
	}
	p.remarks = func() []string { return davRemarks(t.Report()) }
	return t, nil
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// mailRemarks say of a run into a mail server what the balance does not.
func mailRemarks(r imap.Report) (lines []string) {
	say := func(n int, one, several string) {
		switch {
		case n == 1:
			lines = append(lines, "1 "+one)
		case n > 1:
			lines = append(lines, report.Count(n)+" "+several)
		}
	}
	say(r.Undated, "mail has no time and stands at the beginning of all", "mails have no time and stand at the beginning of all")
	say(r.Clamped, "mail has a time that servers cannot hold; its header has it", "mails have times that servers cannot hold; their headers have them")
	keywords := 0
	for _, n := range r.Keywords {
		keywords += n
	}
	say(keywords, "category was not set as a keyword, as the server takes no more; the header has it", "categories were not set as keywords, as the server takes no more; the headers have them")
	say(len(r.Crowded), "mailbox has more than 26 keywords, and some servers forget those beyond; the headers have all categories", "mailboxes have more than 26 keywords, and some servers forget those beyond; the headers have all categories")
	say(r.Marked, "mail is marked as deleted, as the server cannot remove it alone", "mails are marked as deleted, as the server cannot remove them alone")
	pruned(r.Pruned, r.Kept, say)
	return lines
}

// davRemarks say of a run into calendars or address books what the balance does not.
func davRemarks(r dav.Report) (lines []string) {
	say := func(n int, one, several string) {
		switch {
		case n == 1:
			lines = append(lines, "1 "+one)
		case n > 1:
			lines = append(lines, report.Count(n)+" "+several)
		}
	}
	say(r.Renamed, "item got another UID, as the account has its own in another collection", "items got another UID, as the account has theirs in another collection")
	pruned(r.Pruned, r.Kept, say)
	return lines
}

func pruned(n, kept int, say func(n int, one, several string)) {
	say(n, "item was deleted that the archives no longer have (--prune)", "items were deleted that the archives no longer have (--prune)")
	say(kept, "item that the archives no longer have was left, as it was changed on the server", "items that the archives no longer have were left, as they were changed on the server")
}

// checkPrune refuses to delete what a run does not look for.
func (c *conversion) checkPrune() error {
	if !c.remote.prune {
		return nil
	}
	if name := c.filters.given(); name != "" {
		return usage("--prune deletes what the archives no longer have, and --%s has a run look at a part of them: leave one of the two out", name)
	}
	for _, d := range c.targets.list {
		if d.server == nil {
			continue
		}
		for _, kind := range formats.Kinds() {
			if sort, ok := files.SortOf(kind); ok && sort == d.server.sort && !slices.Contains(d.kinds, kind) {
				return usage("--prune deletes what the archives no longer have, and --only has a run look at a part of what goes to %s: leave one of the two out", d)
			}
		}
	}
	return nil
}
