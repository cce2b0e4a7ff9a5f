package verify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a target in memory.
type server struct {
	places map[string][]object
	// expect changes what is expected of an item.
	expect func(*formats.Item, *verify.Expectation)
	fails  error // of Objects, after the first
	read   int   // objects that were fetched once more
	closed int
}

type object struct {
	verify.Object
	body string
}

type encoded struct{ item *formats.Item }

func (e encoded) Item() *formats.Item { return e.item }
func (encoded) Held() int64           { return 0 }
func (encoded) Size() int64           { return 0 }
func (encoded) Release()              {}

func (s *server) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	return encoded{it}, nil
}

func (s *server) Expect(_ context.Context, e load.Encoded) (verify.Expectation, bool, error) {
	it := e.Item()
	x := verify.Expectation{Place: it.Folder.Path[0], WriteTo: func(w io.Writer) error {
		_, err := io.WriteString(w, it.Subject)
		return err
	}}
	if s.expect != nil {
		s.expect(it, &x)
	}
	return x, it.Class != "not taken", nil
}

func (s *server) Places(context.Context) ([]string, error) {
	var names []string
	for name := range s.places {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (s *server) Objects(_ context.Context, place string) iter.Seq2[*verify.Object, error] {
	return func(yield func(*verify.Object, error) bool) {
		for i, o := range s.places[place] {
			if i > 0 && s.fails != nil {
				yield(nil, s.fails)
				return
			}
			o.Body = strings.NewReader(o.body)
			if !yield(&o.Object, nil) {
				return
			}
		}
	}
}

func (s *server) Fetch(_ context.Context, place, id string) (io.ReadCloser, error) {
	s.read++
	at, err := strconv.Atoi(id)
	if err != nil || at < 1 || at > len(s.places[place]) || s.places[place][at-1].ID != id { // they are in another order
		at = 1 + slices.IndexFunc(s.places[place], func(o object) bool { return o.ID == id })
	}
	if at == 0 {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(s.places[place][at-1].body)), nil
}

func (s *server) Close() error {
	s.closed++
	return nil
}

// put stores a body.
func (s *server) put(place, body string) *object {
	if s.places == nil {
		s.places = make(map[string][]object)
	}
	s.places[place] = append(s.places[place], object{verify.Object{ID: fmt.Sprint(len(s.places[place]) + 1)}, body})
	return &s.places[place][len(s.places[place])-1]
}

// source has items whose subject is what the target should hold of them.
type source []*formats.Item

var inbox, sent = &formats.Folder{Path: []string{"Inbox"}}, &formats.Folder{Path: []string{"Sent"}}

func (s *source) add(f *formats.Folder, body string) *formats.Item {
	id, _, _ := strings.Cut(body, "\n")
	it := &formats.Item{Entry: formats.Entry{Folder: f, Index: uint64(len(*s)), ID: fmt.Sprint("0x", len(*s)), Subject: body}, Key: formats.Key(formats.KindMail, id)}
	*s = append(*s, it)
	return it
}

func (s source) Entries(context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for _, it := range s {
			if !yield(it.Entry, nil) {
				return
			}
		}
	}
}

func (s source) Read(_ context.Context, e formats.Entry) (*formats.Item, error) {
	it := *s[e.Index]
	return &it, nil
}

// run compares sources with a target.
func run(t interface {
	Fatal(...any)
	Context() context.Context
}, m verify.Mirror, sources ...source,
) (*load.Result, *verify.Report) {
	target := verify.New(m, verify.Options{})
	plan := load.Plan{Jobs: 2, Routes: []load.Route{{Target: target}}}
	for i, s := range sources {
		plan.Sources = append(plan.Sources, load.Input{Name: fmt.Sprint("source ", i+1), Source: s})
	}
	result, err := load.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return result, target.Report()
}

func message(id, subject string) string {
	return fmt.Sprintf("Message-ID: <%s>\nSubject: %s\n\nbody\n", id, subject)
}

// summary is a report in few words.
func summary(r *verify.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "same %d", r.Same)
	for i := range r.Differences {
		d := &r.Differences[i]
		fmt.Fprintf(&b, "; %s %s/%s %s", d.What, d.Place, d.ID, d.SourceID)
		for _, f := range d.Fields {
			fmt.Fprintf(&b, " %s:%s>%s", f.Field, f.Want, f.Got)
		}
	}
	return b.String()
}

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name           string
		source, target []string // "id subject"
		want           string
	}{
		{"same", []string{"1 a", "2 b"}, []string{"2 b", "1 a"}, "same 2"},
		{"nothing", nil, nil, "same 0"},
		{"missing", []string{"1 a", "2 b"}, []string{"2 b"}, "same 1; missing Inbox/ 0x0"},
		{"different", []string{"1 a"}, []string{"1 x"}, "same 0; different Inbox/1 0x0 Subject:a>x"},
		{"extra", []string{"1 a"}, []string{"1 a", "3 c"}, "same 1; extra Inbox/2 "},
		{"doubled", []string{"1 a"}, []string{"1 a", "1 a", "1 a"}, "same 1; doubled Inbox/2 ; doubled Inbox/3 "},
		{"copies", []string{"1 a", "1 a"}, []string{"1 a", "1 a"}, "same 2"},
		{"a copy less", []string{"1 a", "1 a"}, []string{"1 a"}, "same 1; missing Inbox/ 0x1"},
		{"another with the key", []string{"1 a"}, []string{"1 a", "1 x"}, "same 1; extra Inbox/2 "},
		{"an equal one comes later", []string{"1 a", "1 b"}, []string{"1 b"}, "same 1; missing Inbox/ 0x0"},
		{"equal ones come later", []string{"1 a", "1 b"}, []string{"1 b", "1 x"}, "same 1; different Inbox/2 0x0 Subject:a>x"},
		{"all differ", []string{"1 a", "1 b"}, []string{"1 x", "1 y"}, "same 0; different Inbox/1 0x0 Subject:a>x; different Inbox/2 0x1 Subject:b>y"},
	} {
		var s source
		m := new(server)
		for _, item := range tt.source {
			id, subject, _ := strings.Cut(item, " ")
			s.add(inbox, message(id, subject))
		}
		for _, item := range tt.target {
			id, subject, _ := strings.Cut(item, " ")
			m.put("Inbox", message(id, subject))
		}
		result, report := run(t, m, s)
		if got := summary(report); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
		c := result.Balance.Total()
		if c.Unchanged != report.Same || c.Failed != report.Missing+report.Different || len(result.Failures) != c.Failed || m.closed != 1 {
			t.Errorf("%s: %+v, %+v, closed %d times", tt.name, c, report, m.closed)
		}
		for _, f := range result.Failures {
			var d *verify.Difference
			if !errors.As(f.Err, &d) || d.SourceID != f.Entry.ID {
				t.Errorf("%s: %v", tt.name, f.Err)
			}
		}
	}
}

// The failure of an item says what is the matter in a sentence.
func TestReasons(t *testing.T) {
	var s source
	s.add(inbox, message("1", "a"))
	s.add(inbox, "X-A: 1\nX-B: 1\nX-C: 1\nX-D: 1\nX-E: 1\n"+message("2", "b"))
	m := new(server)
	m.put("Inbox", message("2", "b"))
	result, _ := run(t, m, s)
	if len(result.Failures) != 2 || result.Failures[0].Err.Error() != "Inbox does not have it" || result.Failures[1].Err.Error() != "it differs in Inbox: X-A, X-B, X-C and 2 more" {
		t.Errorf("%v", result.Failures)
	}
}

// Flags, keywords and dates are compared as far as the target keeps them.
func TestState(t *testing.T) {
	date := time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)
	m := &server{expect: func(_ *formats.Item, x *verify.Expectation) {
		x.Flags, x.Keywords, x.Date = []string{`\Seen`, `\Answered`}, []string{}, date
	}}
	var s source
	s.add(inbox, message("1", "a"))
	s.add(inbox, message("2", "b"))
	s.add(inbox, message("2", "b"))
	o := m.put("Inbox", message("1", "a"))
	o.Flags, o.Date = []string{`\answered`, `\SEEN`}, date.In(time.FixedZone("", 3600))
	o = m.put("Inbox", message("2", "b"))
	o.Flags, o.Keywords, o.Date = []string{`\Seen`}, []string{"Red"}, date.Add(time.Second)
	o = m.put("Inbox", message("2", "b"))
	o.Flags, o.Date = []string{`\Seen`, `\Answered`}, date
	_, report := run(t, m, s)
	want := `same 2; different Inbox/2 0x2 flags:\answered \seen>\seen keywords:>red internal date:2024-03-01T10:00:00Z>2024-03-01T10:00:01Z`
	if got := summary(report); got != want {
		t.Errorf("%s", got)
	}
	if m.read != 0 {
		t.Errorf("%d objects were read again", m.read)
	}
	m.expect = nil
	m.closed = 0
	if _, report := run(t, m, s); report.Found() != 0 {
		t.Errorf("%s", summary(report))
	}
}

// What a server puts on top of a message is no difference; what it leaves out is.
func TestTraces(t *testing.T) {
	var s source
	s.add(inbox, "Received: by a\n"+message("1", "a"))
	s.add(inbox, "Received: by a\n"+message("2", "b"))
	m := new(server)
	m.put("Inbox", "Received: by b\nReceived: by a\n"+message("1", "a"))
	m.put("Inbox", "Received: by b\n"+message("2", "b"))
	_, report := run(t, m, s)
	if got := summary(report); got != "same 1; different Inbox/2 0x1 Received:by a>by b" {
		t.Errorf("%s", got)
	}
}

// An item that another source has as well is stored once by a server, and twice by a file.
func TestSeveralSources(t *testing.T) {
	var a, b source
	for _, s := range []*source{&a, &b} {
		s.add(inbox, message("1", "a"))
		s.add(inbox, message("2", "b"))
		s.add(inbox, message("2", "b"))
	}
	b.add(inbox, message("1", "other"))
	m := &server{expect: func(_ *formats.Item, x *verify.Expectation) { x.Once = true }}
	for _, body := range []string{message("1", "a"), message("2", "b"), message("2", "b"), message("1", "other")} {
		m.put("Inbox", body)
	}
	result, report := run(t, m, a, b)
	if c := result.Balance.Total(); c.Unchanged != 4 || c.Duplicate != 3 || report.Found() != 0 {
		t.Errorf("%+v, %s", c, summary(report))
	}
	m.expect = nil
	result, report = run(t, m, a, b)
	if c := result.Balance.Total(); c.Unchanged != 4 || c.Failed != 3 || report.Missing != 3 {
		t.Errorf("%+v, %s", c, summary(report))
	}
}

// Places to which the run writes nothing hold what is extra.
func TestOtherPlaces(t *testing.T) {
	var s source
	s.add(inbox, message("1", "a"))
	s.add(sent, message("2", "b")).Class = "not taken"
	m := new(server)
	m.put("Inbox", message("1", "a"))
	m.put("Drafts", message("3", "c")).Ours = true
	result, report := run(t, m, s)
	if c := result.Balance.Total(); c.Unchanged != 1 || c.Filtered != 1 || summary(report) != "same 1; extra Drafts/1 " {
		t.Errorf("%+v, %s", c, summary(report))
	}
	d := report.Differences[0]
	if !d.Ours || d.Subject != "c" || d.Identity != "<3>" || report.Places != 2 || report.Objects != 2 || report.Bytes == 0 {
		t.Errorf("%+v, %+v", d, report)
	}
}

// Components are compared one by one, wherever they stand.
func TestCalendar(t *testing.T) {
	event := func(at, summary string) string {
		id := ""
		if at != "" {
			id = "RECURRENCE-ID:" + at + "\n"
		}
		return "BEGIN:VEVENT\nUID:weekly\n" + id + "DTSTART:20240301T100000Z\nSUMMARY:" + summary + "\nEND:VEVENT\n"
	}
	asCalendar := func(_ *formats.Item, x *verify.Expectation) { x.Form = verify.Calendar }
	var s source
	s.add(inbox, event("", "all")+event("20240308T100000Z", "later"))
	s.add(inbox, event("20240315T100000Z", "alone"))
	m := &server{expect: asCalendar}
	m.put("Inbox", "BEGIN:VCALENDAR\n"+event("20240315T100000Z", "alone")+event("", "all")+event("20240308T100000Z", "later")+"END:VCALENDAR\n").Form = verify.Calendar
	if _, report := run(t, m, s); summary(report) != "same 2" {
		t.Errorf("%s", summary(report))
	}
	m = &server{expect: asCalendar}
	m.put("Inbox", "BEGIN:VCALENDAR\n"+event("", "all")+"END:VCALENDAR\n").Form = verify.Calendar
	_, report := run(t, m, s)
	want := "same 0; different Inbox/ 0x0 weekly 2024-03-08T10:00:00Z: component:there>; missing Inbox/ 0x1"
	if got := summary(report); got != want {
		t.Errorf("%s", got)
	}
	// A resource that nobody stands for is one, and a file of many components is read again once.
	m.put("Inbox", strings.ReplaceAll("BEGIN:VCALENDAR\n"+event("", "x")+event("20240308T100000Z", "y")+"END:VCALENDAR\n", "weekly", "other")).Form = verify.Calendar
	if _, report := run(t, m, s[:1]); summary(report) != want[:strings.LastIndex(want, ";")]+"; extra Inbox/2 " {
		t.Errorf("%s", summary(report))
	}
	m = &server{expect: asCalendar}
	m.put("Inbox", event("", "x")+event("20240308T100000Z", "y")+event("20240315T100000Z", "z")+event("20240322T100000Z", "z")).Form = verify.Calendar
	if _, report := run(t, m, s); report.Different != 2 || report.Extra != 1 || m.read != 1 {
		t.Errorf("%s, %d read again", summary(report), m.read)
	}
	// An occurrence may be an event of its own.
	m = &server{expect: func(it *formats.Item, x *verify.Expectation) {
		x.Form = verify.Calendar
		x.Or = append(x.Or, func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Replace(it.Subject, "UID:weekly", "UID:alone", 1))
			return err
		})
	}}
	m.put("Inbox", strings.Replace(event("20240315T100000Z", "alone"), "UID:weekly", "UID:alone", 1)).Form = verify.Calendar
	var lone source
	lone.add(inbox, event("20240315T100000Z", "alone"))
	if _, report := run(t, m, lone); summary(report) != "same 1" {
		t.Errorf("%s", summary(report))
	}
}

// A target that holds nothing, or all in another form, is told of in bounded memory.
func TestManyDifferences(t *testing.T) {
	const many = verify.MostListed + 500
	var s source
	m := new(server)
	for i := range many {
		s.add(inbox, message(fmt.Sprint(i), "a"))
		s.add(sent, message(fmt.Sprint(i), "a"))
		m.put("Inbox", message(fmt.Sprint(i), "b"))
	}
	_, r := run(t, m, s)
	if r.Different != many || r.Missing != many || len(r.Differences) != verify.MostListed || r.Unlisted != 2*many-verify.MostListed || m.read > verify.MostListed {
		t.Errorf("%d different, %d missing, %d listed, %d unlisted, %d read again", r.Different, r.Missing, len(r.Differences), r.Unlisted, m.read)
	}
}

// What goes with an item is part of it.
func TestAlso(t *testing.T) {
	m := &server{expect: func(_ *formats.Item, x *verify.Expectation) {
		x.Also = []verify.Expectation{{Place: "files", Form: verify.File, Name: "plan", WriteTo: func(w io.Writer) error {
			_, err := io.WriteString(w, "a\r\n")
			return err
		}}}
	}}
	var s source
	s.add(inbox, message("1", "a"))
	m.put("Inbox", message("1", "a"))
	o := m.put("files", "a\r\n")
	o.ID, o.Form = "plan", verify.File
	if _, report := run(t, m, s); summary(report) != "same 1" {
		t.Errorf("%s", summary(report))
	}
	m.places["files"][0].body = "a\n"
	_, report := run(t, m, s)
	if report.Different != 1 || !strings.HasPrefix(report.Differences[0].Fields[0].Field, "plan: content") {
		t.Errorf("%s", summary(report))
	}
}

// A target that cannot be read ends the run, and does not look like one that holds nothing.
func TestUnreadable(t *testing.T) {
	gone := errors.New("the server is gone")
	var s source
	s.add(inbox, message("1", "a"))
	m := &server{fails: gone}
	m.put("Inbox", message("2", "b"))
	m.put("Inbox", message("1", "a"))
	target := verify.New(m, verify.Options{})
	result, err := load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "a", Source: s}}, Routes: []load.Route{{Target: target}}})
	if !errors.Is(err, gone) || result.Balance.Total().Failed != 1 || target.Report().Missing != 0 || m.closed != 1 {
		t.Errorf("%v, %+v, %s, closed %d times", err, result.Balance.Total(), summary(target.Report()), m.closed)
	}
}

// An item that cannot be encoded is one failure.
func TestNotEncoded(t *testing.T) {
	m := &server{expect: func(it *formats.Item, x *verify.Expectation) {
		switch it.ID {
		case "0x0":
			x.WriteTo = func(io.Writer) error { return errors.New("no start") }
		case "0x1":
			x.WriteTo = func(io.Writer) error { panic("a fault of ours") }
		}
	}}
	var s source
	for i := range 3 {
		s.add(inbox, message(fmt.Sprint(i), "a"))
	}
	m.put("Inbox", message("2", "a"))
	result, report := run(t, m, s)
	if c := result.Balance.Total(); c.Failed != 2 || c.Unchanged != 1 || report.Found() != 0 || result.Failures[0].Err.Error() != "no start" {
		t.Errorf("%+v, %v, %s", c, result.Failures, summary(report))
	}
}

// Whatever is lost, added, doubled or changed on the way is told, and nothing else.
func TestMutations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s source
		m := new(server)
		var want [4]int // missing, doubled, different, extra
		for i := range rapid.IntRange(0, 30).Draw(t, "items") {
			body := message(fmt.Sprint(i), "a")
			s.add(inbox, body)
			switch rapid.IntRange(0, 7).Draw(t, "fate") {
			case 0:
				want[0]++
			case 1:
				want[1]++
				m.put("Inbox", body)
				m.put("Inbox", body)
			case 2:
				want[2]++
				m.put("Inbox", message(fmt.Sprint(i), "b"))
			case 3:
				want[3]++
				m.put("Inbox", body)
				m.put("Inbox", message(fmt.Sprint("x", i), "a"))
			default:
				m.put("Inbox", body)
			}
		}
		objects := rapid.Permutation(m.places["Inbox"]).Draw(t, "order")
		m.places = map[string][]object{"Inbox": objects}
		_, r := run(t, m, s)
		if got := [4]int{r.Missing, r.Doubled, r.Different, r.Extra}; got != want || r.Same != len(s)-want[0]-want[2] || r.Found() != len(r.Differences) {
			t.Fatalf("%v, want %v: %s", got, want, summary(r))
		}
	})
}
