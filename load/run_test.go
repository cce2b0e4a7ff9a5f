package load_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is an archive in memory. What happens at an entry is told by its subject.
type source struct {
	entries []formats.Entry
	fail    error // after the entries
	read    func(formats.Entry) (*formats.Item, error)
}

func (s *source) Entries(context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for _, e := range s.entries {
			if !yield(e, nil) {
				return
			}
		}
		if s.fail != nil {
			yield(formats.Entry{}, s.fail)
		}
	}
}

var errLost = errors.New("block 0x1f2c4 has a wrong checksum")

func (s *source) Read(_ context.Context, e formats.Entry) (*formats.Item, error) {
	if s.read != nil {
		return s.read(e)
	}
	it := &formats.Item{Entry: e, Identity: e.ID, Key: formats.Key(e.Kind, e.ID)}
	if e.Kind == formats.KindMail {
		it.Mail = new(formats.Mail)
	}
	switch e.Subject {
	case "unreadable":
		return nil, errLost
	case "read panics":
		panic("index out of range")
	case "damaged":
		it.Damage = []formats.Damage{{Part: "message body", Err: errLost}}
	case "nothing":
		return nil, nil
	}
	return it, nil
}

// add adds an entry to the archive.
func (s *source) add(f *formats.Folder, kind formats.Kind, subject string) *formats.Entry {
	n := len(s.entries)
	s.entries = append(s.entries, formats.Entry{Folder: f, ID: fmt.Sprintf("%#x", n), Index: uint64(n), Kind: kind, Subject: subject})
	return &s.entries[n]
}

// target keeps the order in which it got items.
type target struct {
	got      []string // folder, id, key
	released atomic.Int32
	encoded  atomic.Int32
	delay    func(*formats.Item)
	onWrite  func(*formats.Item)
	finished bool
	aborted  bool
	keeps    bool
	finish   error
}

type paper struct {
	t    *target
	item *formats.Item
	held int64
}

func (p *paper) Item() *formats.Item { return p.item }
func (p *paper) Held() int64         { return p.held }
func (p *paper) Size() int64         { return 100 }
func (p *paper) Release()            { p.t.released.Add(1) }

func (t *target) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	if t.delay != nil {
		t.delay(it)
	}
	switch it.Subject {
	case "not encodable":
		return nil, errors.New("it has no form")
	case "encode panics":
		panic("nil map")
	}
	t.encoded.Add(1)
	return &paper{t: t, item: it, held: it.Size}, nil
}

func (t *target) Write(_ context.Context, enc load.Encoded) (load.Outcome, error) {
	it := enc.Item()
	if t.onWrite != nil {
		t.onWrite(it)
	}
	switch it.Subject {
	case "write panics":
		panic("nil pointer")
	case "refused":
		return load.Failed, errors.New("over quota")
	case "fatal":
		return load.Failed, &load.Fatal{Err: errors.New("the disk is full")}
	case "duplicate":
		return load.Duplicate, nil
	case "unchanged":
		return load.Unchanged, nil
	}
	t.got = append(t.got, it.Source+":"+it.Folder.String()+":"+it.ID+":"+it.Key[min(32, len(it.Key)):])
	return load.Written, nil
}

func (t *target) Finish(context.Context) error {
	if t.finish == nil {
		t.finished = true
	}
	return t.finish
}

func (t *target) Abort() (bool, error) {
	t.aborted = true
	return !t.keeps, nil
}

func plan(t *target, sources ...*source) load.Plan {
	p := load.Plan{Jobs: 4, Routes: []load.Route{{Target: t}}}
	for i, s := range sources {
		p.Sources = append(p.Sources, load.Input{Name: fmt.Sprintf("%c.pst", 'a'+i), Source: s})
	}
	return p
}

func TestEveryOutcome(t *testing.T) {
	inbox, calendar := &formats.Folder{Path: []string{"Inbox"}}, &formats.Folder{Path: []string{"Calendar"}}
	s := new(source)
	for _, subject := range []string{"fine", "unreadable", "damaged", "duplicate", "unchanged", "refused", "not encodable", "read panics", "encode panics", "write panics", "nothing", "unwanted"} {
		s.add(inbox, formats.KindMail, subject)
	}
	s.add(inbox, formats.KindMail, "lost").Err = errors.New("its node is outside the file")
	s.add(calendar, formats.KindEvent, "meeting")
	s.add(calendar, formats.KindJournal, "unwanted")

	out := new(target)
	p := plan(out, s)
	var log bytes.Buffer
	p.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.Filters = []load.Filter{wanted(func(e *formats.Entry) bool { return e.Kind != formats.KindJournal })}
	p.Steps = []load.Step{step(func(it *formats.Item) (bool, error) { return it.Subject != "unwanted", nil })}
	result, err := load.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	want := load.Count{Found: 13, Written: 2, Unchanged: 1, Filtered: 1, Duplicate: 1, Failed: 8, Damaged: 1}
	if got := *result.Balance[formats.KindMail]; got != want {
		t.Errorf("mail: %+v, want %+v", got, want)
	}
	if got := *result.Balance[formats.KindJournal]; got != (load.Count{Found: 1, Filtered: 1}) {
		t.Errorf("journal: %+v", got)
	}
	var failures []string
	for _, f := range result.Failures {
		failures = append(failures, fmt.Sprintf("%s %s %s: %v", f.Source, f.Entry.Folder, f.Entry.Subject, f.Err))
	}
	wantFailures := []string{
		"a.pst Inbox unreadable: block 0x1f2c4 has a wrong checksum",
		"a.pst Inbox refused: over quota",
		"a.pst Inbox not encodable: it has no form",
		"a.pst Inbox read panics: internal error: index out of range",
		"a.pst Inbox encode panics: internal error: nil map",
		"a.pst Inbox write panics: internal error: nil pointer",
		"a.pst Inbox nothing: the source returned nothing",
		"a.pst Inbox lost: its node is outside the file",
	}
	if !slices.Equal(failures, wantFailures) {
		t.Errorf("failures:\n%s", strings.Join(failures, "\n"))
	}
	if len(result.Damaged) != 1 || result.Damaged[0].Damage[0].String() != "message body: block 0x1f2c4 has a wrong checksum" {
		t.Errorf("damaged: %+v", result.Damaged)
	}
	if result.Bytes != 300 || !out.finished || out.aborted || out.encoded.Load() != out.released.Load() {
		t.Errorf("%d bytes, finished %v, aborted %v, %d encoded, %d released", result.Bytes, out.finished, out.aborted, out.encoded.Load(), out.released.Load())
	}
	if strings.Count(log.String(), "run_test.go") == 0 {
		t.Error("the debug log has no stack")
	}
}

type wanted func(*formats.Entry) bool

func (w wanted) Wanted(e *formats.Entry) bool { return w(e) }

type step func(*formats.Item) (bool, error)

func (s step) Apply(_ context.Context, it *formats.Item) (bool, error) { return s(it) }

// The order of what is written is that of the archive, folder by folder, however long single items take.
func TestOrder(t *testing.T) {
	inbox, sent := &formats.Folder{Path: []string{"Inbox"}}, &formats.Folder{Path: []string{"Sent"}}
	s := new(source)
	var want []string
	for i := range 500 {
		s.add(inbox, formats.KindMail, "")
		want = append(want, fmt.Sprintf("a.pst:Inbox:%#x:", i*2))
		s.add(sent, formats.KindMail, "")
	}
	for i := range 500 {
		want = append(want, fmt.Sprintf("a.pst:Sent:%#x:", i*2+1))
	}
	for _, jobs := range []int{1, 2, 8} {
		out := &target{delay: func(it *formats.Item) {
			if it.Index%97 == 0 {
				time.Sleep(2 * time.Millisecond)
			}
		}}
		p := plan(out, s)
		p.Jobs = jobs
		if _, err := load.Run(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out.got, want) {
			t.Errorf("with %d jobs the order is wrong", jobs)
		}
	}
}

// Equal keys of one folder are numbered in the archive's order, and what options filter has its number too.
func TestEqualKeys(t *testing.T) {
	inbox, sent := &formats.Folder{Path: []string{"Inbox"}}, &formats.Folder{Path: []string{"Sent"}}
	s := new(source)
	for _, subject := range []string{"", "unwanted", "not encodable", "unreadable", ""} {
		s.add(inbox, formats.KindMail, subject)
	}
	s.add(sent, formats.KindMail, "")
	for i := range s.entries {
		s.entries[i].ID = "same"
	}
	out := new(target)
	p := plan(out, s)
	p.Steps = []load.Step{step(func(it *formats.Item) (bool, error) { return it.Subject != "unwanted", nil })}
	if _, err := load.Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	// The unreadable one has no key.
	if want := []string{"a.pst:Inbox:same:", "a.pst:Inbox:same:-4", "a.pst:Sent:same:"}; !slices.Equal(out.got, want) {
		t.Errorf("%q, want %q", out.got, want)
	}
}

func TestSourceCutShort(t *testing.T) {
	a := &source{fail: errors.New("the file is cut short")}
	a.add(nil, formats.KindMail, "")
	b := new(source)
	b.add(nil, formats.KindMail, "")
	out := new(target)
	result, err := load.Run(t.Context(), plan(out, a, b))
	if err != nil {
		t.Fatal(err)
	}
	if result.Balance.Total().Written != 2 || len(result.Sources) != 1 || result.Sources[0].Source != "a.pst" || result.Sources[0].Err != a.fail {
		t.Errorf("%+v, %v", result.Balance.Total(), result.Sources)
	}
}

func TestRoutes(t *testing.T) {
	s := new(source)
	s.add(nil, formats.KindMail, "")
	s.add(nil, formats.KindEvent, "")
	out := new(target)
	p := plan(out, s)
	p.Routes[0].Kinds = []formats.Kind{formats.KindMail}
	result, err := load.Run(t.Context(), p)
	if err != nil || *result.Balance[formats.KindEvent] != (load.Count{Found: 1, Filtered: 1}) {
		t.Errorf("%+v, %v", result.Balance[formats.KindEvent], err)
	}
}

// Sources side by side may have a target each.
func TestRoutesOfSources(t *testing.T) {
	one, two := new(source), new(source)
	one.add(nil, formats.KindMail, "")
	two.add(nil, formats.KindMail, "")
	two.add(nil, formats.KindMail, "")
	first, second := new(target), new(target)
	p := plan(first, one, two)
	p.Routes = []load.Route{{Source: p.Sources[1].Name, Target: second}, {Target: first}}
	if _, err := load.Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if len(first.got) != 1 || len(second.got) != 2 {
		t.Errorf("%v and %v", first.got, second.got)
	}
}

// What an interrupted run has in flight is finished; what it did not reach counts as failed, and so does what the target
// drops.
func TestInterrupt(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		s := new(source)
		for range 5000 {
			s.add(nil, formats.KindMail, "")
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		interrupted := errors.New("interrupted")
		out := &target{keeps: keeps, onWrite: func(it *formats.Item) {
			switch {
			case it.Index == 700:
				cancel(interrupted)
			case it.Index > 700:
				time.Sleep(100 * time.Microsecond) // the workers hear of it in a while, and must not be done by then
			}
		}}
		result, err := load.Run(ctx, plan(out, s))
		if !errors.Is(err, interrupted) || !out.aborted || out.finished {
			t.Fatalf("error %v, aborted %v", err, out.aborted)
		}
		c := result.Balance[formats.KindMail]
		done := len(out.got)
		if done <= 700 || done == 5000 || result.Left != 5000-done || out.encoded.Load() != out.released.Load() || int(out.encoded.Load()) != done {
			t.Errorf("%d written, %d left, %d encoded", done, result.Left, out.encoded.Load())
		}
		written, dropped := done, 0
		if !keeps {
			written, dropped = 0, done
		}
		if c.Found != 5000 || c.Written != written || c.Failed != 5000-written || result.Dropped != dropped || len(result.Failures) != 0 {
			t.Errorf("%+v, %d dropped", c, result.Dropped)
		}
	}
}

func TestInterruptBeforeTheStart(t *testing.T) {
	s := new(source)
	s.add(nil, formats.KindMail, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := new(target)
	if result, err := load.Run(ctx, plan(out, s)); !errors.Is(err, context.Canceled) || !out.aborted || result == nil {
		t.Errorf("error %v, aborted %v", err, out.aborted)
	}
}

func TestFatal(t *testing.T) {
	s := new(source)
	for i := range 3000 {
		subject := ""
		if i == 1000 {
			subject = "fatal"
		}
		s.add(nil, formats.KindMail, subject)
		s.add(nil, formats.KindEvent, "")
	}
	out := &target{keeps: true}
	p := plan(out, s)
	p.Routes[0].Kinds = []formats.Kind{formats.KindMail}
	result, err := load.Run(t.Context(), p)
	var fatal *load.Fatal
	if !errors.As(err, &fatal) || err.Error() != "the disk is full" || !out.aborted {
		t.Fatalf("error %v, aborted %v", err, out.aborted)
	}
	if c := result.Balance[formats.KindMail]; c.Written != 1000 || c.Failed != 2000 || result.Left != 2000 || len(out.got) != 1000 {
		t.Errorf("%+v", c)
	}
	if c := *result.Balance[formats.KindEvent]; c != (load.Count{Found: 3000, Filtered: 3000}) {
		t.Errorf("of what was not asked for: %+v", c)
	}
	if out.encoded.Load() != out.released.Load() {
		t.Errorf("%d encoded, %d released", out.encoded.Load(), out.released.Load())
	}
}

func TestFinishFails(t *testing.T) {
	s := new(source)
	s.add(nil, formats.KindMail, "")
	out := &target{finish: errors.New("the disk is full")}
	result, err := load.Run(t.Context(), plan(out, s))
	if err == nil || !out.aborted || *result.Balance[formats.KindMail] != (load.Count{Found: 1, Failed: 1}) || result.Dropped != 1 {
		t.Errorf("%v, %+v", err, result.Balance[formats.KindMail])
	}
}

// The memory of what is in flight is bounded by the sizes that tables tell, and by what targets hold.
func TestMemory(t *testing.T) {
	const limit, size = 1 << 20, 100_000
	for _, told := range []bool{true, false} {
		s := new(source)
		for range 400 {
			s.add(nil, formats.KindMail, "").Size = size
		}
		if !told {
			for i := range s.entries {
				s.entries[i].Size = 0
			}
			s.read = func(e formats.Entry) (*formats.Item, error) {
				e.Size = size // as the target holds it
				return &formats.Item{Entry: e, Mail: new(formats.Mail)}, nil
			}
		}
		var inFlight, most atomic.Int64
		out := new(target)
		out.delay = func(*formats.Item) {
			n := inFlight.Add(size)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
		}
		out.onWrite = func(it *formats.Item) {
			if it.Index == 0 {
				time.Sleep(20 * time.Millisecond) // let the others run ahead
			}
			inFlight.Add(-size)
		}
		p := plan(out, s)
		p.Memory = limit
		if _, err := load.Run(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		// Where the tables do not tell, what the workers are at comes on top.
		if bound := int64(limit + p.Jobs*size*2); most.Load() > bound {
			t.Errorf("sizes told: %v: %d bytes in flight", told, most.Load())
		}
	}
}

// An item larger than all of the memory passes, alone.
func TestHuge(t *testing.T) {
	s := new(source)
	for range 20 {
		s.add(nil, formats.KindMail, "").Size = 1 << 40
	}
	p := plan(new(target), s)
	p.Memory = 1
	if result, err := load.Run(t.Context(), p); err != nil || result.Balance.Total().Written != 20 {
		t.Error(result.Balance.Total(), err)
	}
}

type observer struct {
	items []string
	last  load.Progress
	bad   int
}

func (o *observer) Item(it *formats.Item, outcome load.Outcome, err error) {
	o.items = append(o.items, fmt.Sprintf("%s %s %v %v", it.Source, it.ID, outcome, err))
}

func (o *observer) Progress(p load.Progress) {
	if p.Done != o.last.Done+1 || p.FolderDone > p.FolderFound {
		o.bad++
	}
	o.last = p
}

// The books balance whatever happens, and what is seen does not depend on the number of jobs.
func TestBalance(t *testing.T) {
	subjects := []string{"", "", "", "unreadable", "damaged", "duplicate", "unchanged", "refused", "not encodable", "read panics", "encode panics", "write panics", "unwanted"}
	rapid.Check(t, func(t *rapid.T) {
		folders := make([]*formats.Folder, rapid.IntRange(1, 4).Draw(t, "folders"))
		for i := range folders {
			folders[i] = &formats.Folder{Path: []string{fmt.Sprint(i)}}
		}
		var sources []*source
		found := 0
		for range rapid.IntRange(0, 3).Draw(t, "sources") {
			s := new(source)
			if rapid.IntRange(0, 4).Draw(t, "cut short") == 0 {
				s.fail = errLost
			}
			for range rapid.IntRange(0, 300).Draw(t, "entries") {
				e := s.add(rapid.SampledFrom(folders).Draw(t, "folder"), formats.Kind(rapid.IntRange(0, 8).Draw(t, "kind")), rapid.SampledFrom(subjects).Draw(t, "subject"))
				e.Size = rapid.Int64Range(0, 1<<20).Draw(t, "size")
				e.Date = time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "date"), 5)
				if rapid.IntRange(0, 20).Draw(t, "lost") == 0 {
					e.Err = errLost
				}
			}
			found += len(s.entries)
			sources = append(sources, s)
		}
		var first *observer
		for _, jobs := range []int{1, 5} {
			seen := new(observer)
			p := plan(new(target), sources...)
			p.Jobs, p.Observer, p.Memory = jobs, seen, 1<<20
			p.Steps = []load.Step{step(func(it *formats.Item) (bool, error) { return it.Subject != "unwanted", nil })}
			result, err := load.Run(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			if total := result.Balance.Total(); total.Found != found || seen.last.Done != found || len(seen.items) != found || seen.bad > 0 || result.Balance.Check() != nil || total.Failed != len(result.Failures) || total.Damaged != len(result.Damaged) {
				t.Fatalf("%+v of %d, progress %+v, %d seen", total, found, seen.last, len(seen.items))
			}
			if first == nil {
				first = seen
			} else if !slices.Equal(first.items, seen.items) {
				t.Fatal("what is seen depends on the number of jobs")
			}
		}
	})
}

// Entries reach Read as they were enumerated.
func TestEntriesStayAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &formats.Folder{Path: []string{"f"}}
		s := new(source)
		for range rapid.IntRange(0, 50).Draw(t, "n") {
			s.entries = append(s.entries, formats.Entry{
				Folder: f, ID: rapid.String().Draw(t, "id"), Index: rapid.Uint64().Draw(t, "index"),
				Kind: formats.Kind(rapid.IntRange(0, 7).Draw(t, "kind")), Class: rapid.StringN(0, 3, 5).Draw(t, "class"),
				Size: rapid.Int64().Draw(t, "size"), Subject: strings.Repeat("x", rapid.IntRange(0, 70_000).Draw(t, "length")),
				Hidden: rapid.Bool().Draw(t, "hidden"), Recovered: rapid.Bool().Draw(t, "recovered"),
				Date: time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "date"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			})
		}
		var got []formats.Entry
		s.read = func(e formats.Entry) (*formats.Item, error) {
			got = append(got, e)
			return nil, io.EOF
		}
		p := plan(new(target), s)
		p.Jobs = 1
		if _, err := load.Run(context.Background(), p); err != nil || !slices.Equal(got, s.entries) {
			t.Fatalf("%v: %+v, want %+v", err, got, s.entries)
		}
	})
}

// BenchmarkRun shows what the run itself costs an item.
func BenchmarkRun(b *testing.B) {
	s := new(source)
	f := &formats.Folder{Path: []string{"Inbox"}}
	for range 60_000 {
		e := s.add(f, formats.KindMail, "Re: the offer of last week")
		e.Class, e.Size, e.Date = "IPM.Note", 30_000, time.Unix(1e9, 0)
	}
	item := &formats.Item{Mail: new(formats.Mail)}
	s.read = func(e formats.Entry) (*formats.Item, error) {
		it := *item
		it.Entry = e
		return &it, nil
	}
	b.ReportAllocs()
	for b.Loop() {
		out := new(target)
		p := plan(out, s)
		p.Jobs = runtime.GOMAXPROCS(0)
		if _, err := load.Run(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/60_000, "ns/item")
}
