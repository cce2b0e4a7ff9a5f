package dav_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailmill/formats"
	"mailmill/formats/itemtest"
	"mailmill/load"
	"mailmill/load/dav"
	"mailmill/load/dav/client"
	"mailmill/load/ledger"
	"mailmill/load/servertest"
	"mailmill/load/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// archive is a source of items, in the order of their folders.
type archive struct {
	name  string
	items []*formats.Item
}

func (a *archive) folders() []*formats.Folder {
	var list []*formats.Folder
	for _, it := range a.items {
		if !slices.Contains(list, it.Folder) {
			list = append(list, it.Folder)
		}
	}
	return list
}

func (a *archive) Entries(context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for i, it := range a.items {
			e := it.Entry
			e.Index = uint64(i)
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (a *archive) Read(_ context.Context, e formats.Entry) (*formats.Item, error) {
	it := *a.items[e.Index]
	it.Entry = e
	return &it, nil
}

// in puts an item into a folder of an archive.
func in(f *formats.Folder, it *formats.Item) *formats.Item {
	as := *it
	as.Folder = f
	switch {
	case as.Event != nil:
		as.Kind, as.Identity = formats.KindEvent, as.Event.Identity()
	case as.Task != nil:
		as.Kind, as.Identity = formats.KindTask, as.Task.UID
	case as.Note != nil:
		as.Kind, as.Identity = formats.KindNote, as.Note.UID
	case as.Journal != nil:
		as.Kind, as.Identity = formats.KindJournal, as.Journal.UID
	case as.Contact != nil:
		as.Kind, as.Identity = formats.KindContact, as.Contact.UID
	case as.Group != nil:
		as.Kind, as.Identity = formats.KindGroup, as.Group.UID
	}
	as.Key = formats.Key(as.Kind, as.Identity)
	return &as
}

func folder(class string, path ...string) *formats.Folder {
	return &formats.Folder{Path: path, Class: class}
}

// event is one of people's.
func event(uid, summary string, day int) *formats.Item {
	start := time.Date(2031, 3, day, 9, 0, 0, 0, time.UTC)
	return &formats.Item{Event: &formats.Event{
		Details: formats.Details{UID: uid, Summary: summary, Stamp: start, Created: start},
		Start:   formats.Instant(start), End: formats.Instant(start.Add(time.Hour)),
	}}
}

func contact(n int) *formats.Item {
	uid := fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-%012x", n)
	return &formats.Item{Contact: &formats.Contact{UID: uid, FullName: "Person " + strconv.Itoa(n), Name: formats.PersonName{Given: "Person", Surname: strconv.Itoa(n)}}}
}

// office is an archive with something of everything.
func office(n int) *archive {
	calendar, todo := folder("IPF.Appointment", "Calendar"), folder("IPF.Task", "Tasks")
	notes, people, mail := folder("IPF.StickyNote", "Notes"), folder("IPF.Contact", "Contacts"), folder("IPF.Note", "Größe & mehr")
	a := &archive{name: "alice.pst"}
	var strays []*formats.Item
	for i, it := range itemtest.Examples(n) {
		it.Modified = time.Date(2024, 5, 1, 0, 0, i, 0, time.UTC)
		switch {
		case it.Event != nil:
			a.items = append(a.items, in(calendar, it))
		case it.Task != nil:
			a.items = append(a.items, in(todo, it))
		case it.Note != nil, it.Journal != nil:
			a.items = append(a.items, in(notes, it))
		default:
			a.items = append(a.items, in(people, it))
		}
	}
	strays = append(strays, in(mail, event("stray", "Lost in mail", 3)), in(mail, contact(0xAAAA)))
	a.items = append(a.items, strays...)
	slices.SortStableFunc(a.items, func(x, y *formats.Item) int { return strings.Compare(x.Folder.String(), y.Folder.String()) })
	return a
}

// plain is an archive of events and contacts that all servers keep as they are.
func plain(n int) *archive {
	a := &archive{name: "bob.pst"}
	calendar, people := folder("IPF.Appointment", "Calendar"), folder("IPF.Contact", "Contacts")
	for i := range n {
		a.items = append(a.items, in(calendar, event(fmt.Sprintf("plain-%d@example.org", i), fmt.Sprintf("Event %d", i), 1+i%28)))
	}
	for i := range n {
		a.items = append(a.items, in(people, contact(i)))
	}
	return a
}

// setup is what a run needs.
type setup struct {
	t        *testing.T
	url      string
	user     string
	password string
	contacts bool
	ledger   string
	change   func(*dav.Options)
}

func on(t *testing.T, s *servertest.Server, contacts bool) *setup {
	home := s.Calendars("u1")
	if contacts {
		home = s.Contacts("u1")
	}
	return &setup{t: t, url: home, user: "u1", password: s.Password, contacts: contacts, ledger: filepath.Join(t.TempDir(), "ledger.db")}
}

func (s *setup) resources(server *servertest.Server) []servertest.Resource {
	s.t.Helper()
	return servertest.Resources(s.t, server, s.url, s.user)
}

func (s *setup) options(sources ...*archive) dav.Options {
	s.t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	o := dav.Options{
		Client:   client.Options{URL: u, Insecure: true, Credentials: client.Credentials{User: s.user, Password: s.password}, Timeout: 20 * time.Second},
		Contacts: s.contacts,
		Patience: 5 * time.Second,
	}
	for _, a := range sources {
		o.Sources = append(o.Sources, dav.Source{Name: a.name, Folders: a.folders()})
	}
	if s.change != nil {
		s.change(&o)
	}
	return o
}

func (s *setup) kinds() []formats.Kind {
	if s.contacts {
		return []formats.Kind{formats.KindContact, formats.KindGroup}
	}
	return []formats.Kind{formats.KindEvent, formats.KindTask, formats.KindNote, formats.KindJournal}
}

// tries runs a conversion and returns what became of it.
func (s *setup) tries(ctx context.Context, sources ...*archive) (*load.Result, dav.Report, error) {
	s.t.Helper()
	books, err := ledger.Open(s.ledger)
	if err != nil {
		s.t.Fatal(err)
	}
	defer books.Close()
	o := s.options(sources...)
	if o.Account, err = books.Account(o.AccountName()); err != nil {
		s.t.Fatal(err)
	}
	target, err := dav.Open(ctx, o)
	if err != nil {
		return nil, dav.Report{}, err
	}
	plan := load.Plan{Routes: []load.Route{{Kinds: s.kinds(), Target: target}}, Jobs: 2}
	for _, a := range sources {
		plan.Sources = append(plan.Sources, load.Input{Name: a.name, Source: a})
	}
	result, err := load.Run(ctx, plan)
	return result, target.Report(), err
}

// runs is tries where nothing may go wrong.
func (s *setup) runs(sources ...*archive) (load.Count, *load.Result) {
	s.t.Helper()
	result, _, err := s.tries(s.t.Context(), sources...)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range result.Failures {
		s.t.Errorf("failed: %s %s: %v", f.Entry.Folder, f.Key, f.Err)
	}
	for _, f := range result.Conflicts {
		s.t.Errorf("conflict: %s %s: %v", f.Entry.Folder, f.Key, f.Err)
	}
	return result.Balance.Total(), result
}

// conflicts returns what runs left alone.
func conflicts(r *load.Result) (reasons []string) {
	for _, f := range r.Conflicts {
		reasons = append(reasons, f.Err.Error())
	}
	for _, f := range r.Failures {
		var c *load.Conflict
		if errors.As(f.Err, &c) {
			reasons = append(reasons, c.Reason)
		}
	}
	return reasons
}

// verifies compares the server with the archives, and expects no difference.
func (s *setup) verifies(sources ...*archive) {
	s.t.Helper()
	target, err := dav.Open(s.t.Context(), s.options(sources...))
	if err != nil {
		s.t.Fatal(err)
	}
	check := verify.New(target.Mirror(), verify.Options{})
	plan := load.Plan{Routes: []load.Route{{Kinds: s.kinds(), Target: check}}, Jobs: 2}
	for _, a := range sources {
		plan.Sources = append(plan.Sources, load.Input{Name: a.name, Source: a})
	}
	if _, err := load.Run(s.t.Context(), plan); err != nil {
		s.t.Fatal(err)
	}
	if r := check.Report(); r.Found() > 0 || r.Same == 0 {
		s.t.Errorf("verify: %+v", r)
	}
}
