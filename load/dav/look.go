package dav

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"mailmill/load/compare"
	"mailmill/load/dav/client"
	"mailmill/load/resource"
)

// finding is what is on the server under a name.
type finding struct {
	there bool
	tag   string
	uid   string
	ours  bool // it says that mailmill made it
	facts compare.Facts
	diff  []compare.Difference // what says found
	read  func(io.Reader) (compare.Facts, error)
}

// find reads a resource.
func (t *Target) find(job *task, name string) (finding, error) {
	var f finding
	err := t.patiently(job.ctx, func() error {
		f = finding{read: t.read()}
		body, got, err := t.client.Get(t.ctx, client.Join(job.place.Href, name), 0)
		if client.Gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		defer body.Close()
		head := &beginning{}
		facts, err := f.read(io.TeeReader(body, head))
		if err != nil {
			return err
		}
		f.there, f.tag, f.uid, f.facts = true, got.ETag, uidIn(facts), facts
		f.ours = bytes.Contains(head.b, ourProduct)
		return nil
	})
	if err != nil {
		return f, t.explain(job, fmt.Errorf("looking at what is there: %w", err))
	}
	return f, nil
}

// uidIn returns the UID of a resource. Where it has several components, the facts of each have a name before theirs.
func uidIn(facts compare.Facts) string {
	for i := range facts {
		if f := facts[i].Field; f == "UID" || strings.HasSuffix(f, " UID") && !strings.Contains(f, "VALARM") {
			return facts[i].Value
		}
	}
	return ""
}

// read returns what reads resources by what they say.
func (t *Target) read() func(io.Reader) (compare.Facts, error) {
	if t.opts.Contacts {
		return compare.Card
	}
	return compare.Calendar
}

// says reports whether the server has what is to be there.
func (f *finding) says(b *body) bool {
	r := b.open()
	defer r.Close()
	want, err := f.read(r)
	if err != nil {
		return false
	}
	f.diff = compare.Diff(want, f.facts)
	return len(f.diff) == 0
}

// differs names the fields in which what is there differs, for people.
func (f *finding) differs() string {
	var fields []string
	for _, d := range f.diff {
		if !slices.Contains(fields, d.Field) && len(fields) < mostFields {
			fields = append(fields, d.Field)
		}
	}
	return strings.Join(fields, ", ")
}

// mostFields is how many fields a sentence names.
const mostFields = 5

// is reports whether what is there is the task's item, in whatever version.
func (f *finding) is(job *task) bool { return f.uid == resource.UID(job.form) }

// beginning keeps the first bytes that are written to it.
type beginning struct{ b []byte }

func (b *beginning) Write(p []byte) (int, error) {
	if room := 1024 - len(b.b); room > 0 {
		b.b = append(b.b, p[:min(room, len(p))]...)
	}
	return len(p), nil
}
