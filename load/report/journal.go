package report

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/verify"
)

// progressEvery is the least time between two progress objects of a run.
const progressEvery = 100 * time.Millisecond

// Lines writes JSON objects, one a line, and puts the schema into the first. Several writers of a run share one.
// It belongs to one goroutine at a time.
type Lines struct {
	w     io.Writer
	begun bool
	buf   []byte
	err   error
}

// Err returns the first error of a write. Nothing is written after it.
func (l *Lines) Err() error { return l.err }

// NewLines returns a writer of objects to w. Each object is one call of its Write.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

func (l *Lines) put(parts ...any) error {
	l.buf = appendObject(l.buf[:0], parts...)
	return l.write(l.buf)
}

// write writes an encoded object. Its first field is "type", whose values hold no comma.
func (l *Lines) write(object []byte) error {
	if l.err != nil {
		return l.err
	}
	line := object
	if !l.begun {
		l.begun = true
		name, rest, _ := bytes.Cut(object, []byte(","))
		line = append([]byte(nil), name...)
		line = append(line, `,"schema":1,`...)
		line = append(line, rest...)
	}
	_, l.err = l.w.Write(append(line, '\n'))
	return l.err
}

// Journal writes what happens in a run as JSON objects: failures and damaged items always, the rest if asked for. It
// implements [load.Observer]. Whether all could be written is known from its lines' Err.
type Journal struct {
	lines *Lines
	// Items says that each item that reached its target is written, too.
	Items bool
	// Steps says that the run's progress is written, too.
	Steps bool

	last, learnt time.Duration
	speed        speeds
}

// NewJournal returns a journal that writes to lines.
func NewJournal(lines *Lines) *Journal {
	return &Journal{lines: lines, last: -progressEvery, learnt: -progressEvery}
}

// Progress implements [load.Observer]: it writes at most ten objects a second, and the last one of the run.
func (j *Journal) Progress(p load.Progress) {
	j.speed.add(&p)
	if !j.Steps || p.Elapsed-j.last < progressEvery && (p.Open || p.Done < p.Found) {
		return
	}
	j.last = p.Elapsed
	out := progress{
		Type: "progress", Source: p.Source,
		Done: p.Done, Found: p.Found, FolderDone: p.FolderDone, FolderFound: p.FolderFound,
		Bytes: p.Bytes, Elapsed: seconds(p.Elapsed),
	}
	if p.Folder != nil {
		out.Folder = p.Folder.Path
	}
	if left, ok := j.speed.left(&p); ok {
		s := seconds(left)
		out.Left = &s
	}
	j.lines.put(out) //nolint:errcheck // see Lines.Err
}

// Learning writes how far the first pass of a run is: as often as its progress, and when it has ended.
func (j *Journal) Learning(done, total int, elapsed time.Duration) {
	if !j.Steps || elapsed-j.learnt < progressEvery && done < total {
		return
	}
	j.learnt = elapsed
	j.lines.put(learning{Type: "learning", Done: done, Found: total, Elapsed: seconds(elapsed)}) //nolint:errcheck // see Lines.Err
}

// People writes the numbers of people, known and unknown.
func (j *Journal) People(p People) { p.WriteJSON(j.lines) } //nolint:errcheck // see Lines.Err

// Person writes somebody whose address nobody knows.
func (j *Journal) Person(p *Person) { p.WriteJSON(j.lines) } //nolint:errcheck // see Lines.Err

// seconds rounds to milliseconds: more digits would be noise.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// Item implements [load.Observer].
func (j *Journal) Item(it *formats.Item, outcome load.Outcome, err error) {
	switch outcome {
	case load.Failed:
		if different := (*verify.Difference)(nil); errors.As(err, &different) {
			return // see Verified
		}
		f := faultOf("failure", it)
		f.Reason = reason(err)
		j.lines.put(f) //nolint:errcheck // see Lines.Err
		return
	case load.Filtered:
		return
	}
	if j.Items {
		j.lines.put(placeOf("item", it), contentOf(it, false)) //nolint:errcheck // see Lines.Err
	}
	if conflict := (*load.Conflict)(nil); errors.As(err, &conflict) {
		f := faultOf("conflict", it)
		f.Reason = reason(conflict)
		j.lines.put(f) //nolint:errcheck // see Lines.Err
	}
	for _, d := range it.Damage {
		f := faultOf("damaged", it)
		f.Part, f.Reason = d.Part, reason(d.Err)
		j.lines.put(f) //nolint:errcheck // see Lines.Err
	}
}

func faultOf(kind string, it *formats.Item) fault {
	return fault{place: placeOf(kind, it), Kind: it.Kind.String(), Subject: it.Subject, Date: stamp(dateOf(it))}
}

func reason(err error) string {
	if err == nil {
		return "no reason is known"
	}
	// Several errors in one stand on lines of their own.
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// Balance writes the balance of a run, which ends its journal, and what became of it by target where that is of
// interest.
func (j *Journal) Balance(b load.Balance, targets ...Tally) {
	out := balance{Type: "balance", Kinds: make(map[string]count), Total: counted(b.Total())}
	for i := range targets {
		t := &targets[i]
		out.Targets = append(out.Targets, tally{t.Target, t.Written, t.Unchanged, t.Duplicate, t.Failed, t.Bytes})
	}
	for kind, c := range b {
		out.Kinds[kind.String()] = counted(*c)
	}
	j.lines.put(out) //nolint:errcheck // see Lines.Err
}

// MailboxResult is what became of one of several mailboxes.
type MailboxResult struct {
	Line             int
	Sources, Targets []string
	Status           int // the exit status that a run for it alone would have
	Reason           string
}

// Mailbox begins one of several mailboxes, on a line of a map.
func (j *Journal) Mailbox(line int, sources, targets []string) {
	j.speed, j.last = speeds{}, -progressEvery
	j.lines.put(mailboxLine{Type: "mailbox", Line: line, Sources: sources, Targets: targets}) //nolint:errcheck // see Lines.Err
}

// Total writes the balance of several mailboxes, and what became of each. It ends their journal.
func (j *Journal) Total(b load.Balance, mailboxes []MailboxResult) {
	out := total{Type: "total", Kinds: make(map[string]count), Total: counted(b.Total())}
	for kind, c := range b {
		out.Kinds[kind.String()] = counted(*c)
	}
	for _, m := range mailboxes {
		status := m.Status
		out.Mailboxes = append(out.Mailboxes, mailboxLine{Line: m.Line, Sources: m.Sources, Targets: m.Targets, Status: &status, Reason: m.Reason})
	}
	j.lines.put(out) //nolint:errcheck // see Lines.Err
}
