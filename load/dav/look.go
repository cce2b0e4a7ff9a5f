package dav

import (
	"bytes"
	"context"
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
	parts []compare.Part
	diff  []compare.Difference // what says found
	read  func(io.Reader, func(compare.Part) bool) error
}

// mostParts bounds what is held of a resource, in facts.
const mostParts = 200_000

// find reads a resource.
func (t *Target) find(ctx context.Context, collection, name string) (finding, error) {
	f := finding{read: compare.Components}
	if t.opts.Contacts {
		f.read = compare.Cards
	}
	err := t.patiently(ctx, func(ctx context.Context) error {
		f.parts, f.there = nil, false
		body, got, err := t.client.Get(ctx, client.Join(collection, name), 0)
		if client.Gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		defer body.Close()
		head := &beginning{}
		if f.parts, err = f.partsOf(io.TeeReader(body, head)); err != nil {
			return err
		}
		f.there, f.tag, f.uid = true, got.ETag, ""
		if len(f.parts) > 0 {
			f.uid = f.parts[0].Facts.Get("UID")
		}
		f.ours = bytes.Contains(head.b, ourProduct)
		return nil
	})
	if err != nil {
		return f, fmt.Errorf("looking at what is there: %w", err)
	}
	return f, nil
}

// partsOf reads the components of a resource.
func (f *finding) partsOf(r io.Reader) (parts []compare.Part, err error) {
	facts := 0
	err = f.read(r, func(p compare.Part) bool {
		parts = append(parts, p)
		facts += len(p.Facts)
		return facts < mostParts
	})
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return parts, err
}

// says reports whether the server has what is to be there, and nothing else. With others, there may be occurrences of the
// series besides.
func (f *finding) says(b *body, others bool) bool {
	r := b.open()
	defer r.Close()
	want, err := f.partsOf(r)
	if err != nil {
		return false
	}
	f.diff = nil
	for _, w := range want {
		i := slices.IndexFunc(f.parts, func(p compare.Part) bool { return p.Key == w.Key })
		if i < 0 {
			i = slices.IndexFunc(f.parts, func(p compare.Part) bool { return len(want) == 1 && len(f.parts) == 1 })
		}
		var got compare.Facts
		if i >= 0 {
			got = f.parts[i].Facts
		}
		f.diff = append(f.diff, compare.Diff(w.Facts, got)...)
	}
	if len(want) != len(f.parts) && !(others && len(want) < len(f.parts)) && len(f.diff) == 0 {
		f.diff = []compare.Difference{{Field: "occurrences", Want: fmt.Sprint(len(want)), Got: fmt.Sprint(len(f.parts))}}
	}
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
