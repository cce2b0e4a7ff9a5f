package address_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"mailmill/extract"
	"mailmill/extract/archives"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/load"
	"mailmill/transform/address"
	"mailmill/transform/address/directory"
)

// truth is what the generator says of an item.
type truth struct {
	Kind, NID, Subject string
	From, Sender       *truePerson
	Recipients         []truePerson
	Members            []truePerson
	Contact            *struct{ Emails []truePerson }
	Attachments        []struct{ Embedded *truth }
}

type truePerson struct {
	Role, Name, Type, Stored, SMTP string
	KnownBy                        string `json:"known_by"`
}

var mailKinds = map[string]bool{"mail": true, "smime": true, "ndr": true, "post": true, "meeting-request": true, "meeting-cancel": true, "meeting-response": true, "task-request": true}

// learn learns from archives, in the order given.
func learn(t testing.TB, jobs int, names ...string) *address.Book {
	t.Helper()
	book := address.NewBook()
	var sources []load.Input
	for _, name := range names {
		a, err := archives.Open(t.Context(), name, extract.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		sources = append(sources, load.Input{Name: name, Source: a})
	}
	learned, err := load.Learn(t.Context(), load.Lessons{Sources: sources, Pupil: book, Jobs: jobs})
	if err != nil || learned.Unreadable > 0 {
		t.Fatal(learned, err)
	}
	return book
}

// generated is an archive, its truth and its directories.
type generated struct{ pst, truth, csv, ldif string }

func (g generated) use(t testing.TB, b *address.Book, files ...string) *address.Book {
	t.Helper()
	for _, name := range files {
		d, err := address.ReadDirectory(t.Context(), name, directory.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b.Use(d)
	}
	return b
}

func (g generated) items(t testing.TB) (list []truth) {
	t.Helper()
	in, err := os.Open(g.truth)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var w truth
		if err := json.Unmarshal(sc.Bytes(), &w); err != nil {
			t.Fatal(err)
		}
		list = append(list, w)
	}
	return list
}

func corpusArchive(t testing.TB, name string) generated {
	t.Helper()
	at := func(ext string) string { return corpustest.File(t, "synthetic/"+name+ext) }
	return generated{at(".pst"), at(".jsonl"), at(".csv"), at(".ldif")}
}

func generate(t testing.TB, args ...string) generated {
	t.Helper()
	dir := t.TempDir()
	g := generated{dir + "/g.pst", dir + "/g.jsonl", dir + "/g.csv", dir + "/g.ldif"}
	corpustest.Pstgen(t, append(args, "-o", g.pst, "-truth", g.truth, "-directory", g.csv, "-ldif", g.ldif)...)
	return g
}

// TestTruth resolves synthetic archives whose every address is known, without and with directories: what can be known
// is right, nothing is wrong, and who stays unknown is reported once.
func TestTruth(t *testing.T) {
	for _, name := range []string{"tiny", "small"} {
		t.Run(name, func(t *testing.T) { checkTruth(t, corpusArchive(t, name)) })
	}
	// In that of the second one somebody occurs nowhere but as the sender of one mail, by an old name; in the third people
	// of one name have each other's address on some items.
	for _, seed := range []string{"4711", "1788", "21547"} {
		t.Run("seed "+seed, func(t *testing.T) {
			if testing.Short() {
				t.Skip("it generates an archive")
			}
			checkTruth(t, generate(t, "-preset", "tiny", "-seed", seed))
		})
	}
}

func checkTruth(t *testing.T, g generated) {
	items := g.items(t)
	for _, c := range []struct {
		what  string
		files []string
	}{
		{"no directory", nil}, {"CSV", []string{g.csv}}, {"LDIF", []string{g.ldif}}, {"CSV and LDIF", []string{g.csv, g.ldif}},
	} {
		t.Run(c.what, func(t *testing.T) {
			ladder := g.use(t, learn(t, 4, g.pst), c.files...).Ladder(address.Options{})
			s := &truthScore{t: t, ladder: ladder, directory: len(c.files) > 0, count: make(map[string]int), open: make(map[string]bool)}
			archive, err := archives.Open(t.Context(), g.pst, extract.Options{Hidden: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer archive.Close()
			resolver := ladder.Resolver()
			byID := make(map[string]*formats.Item)
			for e, err := range archive.Entries(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				it, err := archive.Read(t.Context(), e)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := resolver.Apply(t.Context(), it); err != nil {
					t.Fatal(err)
				}
				byID[strings.ToLower(e.ID)] = it
			}
			for i := range items {
				w := &items[i]
				if it := byID[strings.ToLower(w.NID)]; it != nil {
					s.item(w, it.Mail)
				} else {
					t.Errorf("%s is missing", w.NID)
				}
			}
			s.report()
		})
	}
}

// truthScore counts what is right, what is wrong and what nobody can know.
type truthScore struct {
	t         *testing.T
	ladder    *address.Ladder
	directory bool
	count     map[string]int
	open      map[string]bool // keys of those whom nobody can know
}

func (s *truthScore) item(w *truth, m *formats.Mail) {
	where := w.NID + " " + w.Kind + " " + w.Subject
	if w.Contact != nil {
		for i := range w.Contact.Emails {
			s.stored(where, &w.Contact.Emails[i])
		}
	}
	for i := range w.Members {
		s.stored(where, &w.Members[i])
	}
	if m == nil || !mailKinds[w.Kind] {
		for i := range w.Recipients {
			s.stored(where, &w.Recipients[i])
		}
		return
	}
	switch {
	case w.From == nil:
	case strings.Contains(w.Subject, "old DN "):
		// The generator leaves the address of whom it first meant to be the sender beside the name of the one it chose.
		s.stored(where, w.From)
	default:
		s.address(where+" from", m.From, w.From)
		sender := m.Sender
		if sender == nil {
			sender = m.From
		}
		if w.Sender != nil && (m.Sender != nil || w.Sender.Stored == w.From.Stored) {
			s.address(where+" sender", sender, w.Sender)
		}
	}
	lists := map[string][]*formats.Address{"to": m.To, "cc": m.Cc, "bcc": m.Bcc}
	for i := range w.Recipients {
		r := &w.Recipients[i]
		role := map[string]string{"required": "to", "optional": "cc", "resource": "bcc", "organizer": "to", "to": "to", "cc": "cc", "bcc": "bcc"}[r.Role]
		if len(lists[role]) == 0 {
			s.t.Errorf("%s: %s is missing", where, r.Stored)
			continue
		}
		s.address(where+" "+r.Role, lists[role][0], r)
		lists[role] = lists[role][1:]
	}
	var embedded []*truth
	for _, a := range w.Attachments {
		if a.Embedded != nil {
			embedded = append(embedded, a.Embedded)
		}
	}
	m.Root.Leaves(func(p *formats.Part) {
		if p.Message != nil && len(embedded) > 0 {
			s.item(embedded[0], p.Message)
			embedded = embedded[1:]
		}
	})
}

// stored checks a participant of an item that has no model yet: what the ladder answers for the stored address.
func (s *truthScore) stored(where string, want *truePerson) {
	a := &formats.Address{Name: want.Name, Stored: want.Stored, Via: formats.ViaNone}
	if mapi.ShapeOf(mapi.CleanAddress(want.Stored)) == mapi.ShapeSMTP {
		return
	}
	it := &formats.Item{Mail: &formats.Mail{To: []*formats.Address{a}}}
	if _, err := s.ladder.Resolver().Apply(s.t.Context(), it); err != nil {
		s.t.Fatal(err)
	}
	s.address(where, a, want)
}

func (s *truthScore) address(where string, got *formats.Address, want *truePerson) {
	if got == nil {
		s.t.Errorf("%s: nobody, want %s", where, want.Stored)
		return
	}
	knowable := want.KnownBy != "none" && (want.KnownBy != "directory" || s.directory)
	if !knowable && want.KnownBy == "none" {
		s.open[address.Key(want.Stored)] = true
	}
	right := mapi.SMTPKey(got.SMTP) == mapi.SMTPKey(want.SMTP)
	switch {
	case got.SMTP == "" && !knowable:
		s.count["cannot be known: "+want.KnownBy]++
		if want.KnownBy == "directory" {
			s.open[address.Key(want.Stored)] = true
		}
	case got.SMTP == "":
		s.wrong(where, got, want)
	case right:
		s.count["right: "+want.KnownBy]++
		if got.Via != "" {
			s.count["via "+string(got.Via)]++
		}
	default:
		s.wrong(where, got, want)
	}
	if spec := strings.ToLower(got.Spec()); strings.Contains(spec, "/o=") || strings.HasPrefix(spec, "imceaex") {
		s.t.Errorf("%s: %s is written", where, got.Spec())
	}
}

func (s *truthScore) wrong(where string, got *formats.Address, want *truePerson) {
	if s.count["WRONG"]++; s.count["WRONG"] <= 10 {
		s.t.Errorf("%s: %s is %q (%s), want %q as known by %s", where, want.Stored, got.SMTP, got.Via, want.SMTP, want.KnownBy)
	}
}

// report checks that exactly those whom nobody can know are reported, and prints the counts.
func (s *truthScore) report() {
	report := s.ladder.Report()
	var got []string
	for _, p := range report.Unresolved() {
		got = append(got, p.Key)
		if p.Items == 0 || len(p.Names) == 0 || p.Via != formats.ViaNone {
			s.t.Errorf("reported as %+v", p)
		}
	}
	want := slices.Sorted(maps.Keys(s.open))
	if !slices.Equal(got, want) {
		s.t.Errorf("reported as unresolved:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, k := range slices.Sorted(maps.Keys(s.count)) {
		s.t.Logf("%-30s %6d", k, s.count[k])
	}
	s.t.Logf("%v", report.Summary())
}
