package check_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/load/check"
)

var (
	errSum  = errors.New("wrong checksum")
	errGone = errors.New("not in the index")
)

// blockError is an error about a unit of the file.
type blockError struct{ block string }

func (e blockError) Error() string { return "block " + e.block + ": wrong checksum" }
func (e blockError) Unit() string  { return e.block }

// archive is one in memory: mails, contacts and what programs keep, the subject of each telling what happens when it is read.
type archive struct {
	folders []*formats.Folder
	entries []formats.Entry
	faults  []extract.Fault
	err     error // of the check of the file
}

func (a *archive) Info() extract.Info {
	return extract.Info{Path: "a.pst", Warnings: []string{"a table"}}
}
func (a *archive) Folders() []*formats.Folder   { return a.folders }
func (a *archive) Close() error                 { return nil }
func (a *archive) add(e formats.Entry) *archive { a.entries = append(a.entries, e); return a }

func (a *archive) Entries(context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for _, e := range a.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// broken is content that cannot be read to its end.
type broken struct{}

func (broken) Open() (io.ReadCloser, error) { return nil, blockError{"0x8"} }

func (a *archive) Read(_ context.Context, e formats.Entry) (*formats.Item, error) {
	it := &formats.Item{Entry: e, Source: "a.pst"}
	if e.Kind == formats.KindMail {
		it.Mail = &formats.Mail{Root: &formats.Part{Type: "text/plain", Content: formats.Bytes("x")}}
	}
	if e.Kind == formats.KindContact {
		it.Contact = &formats.Contact{FullName: "Alice"}
	}
	switch e.Subject {
	case "damaged":
		it.Damage = []formats.Damage{{Part: "subject", Err: fmt.Errorf("a property: %w", blockError{"0x4"})}}
	case "gone":
		it.Damage = []formats.Damage{{Part: "subject", Err: errGone}}
	case "attachment":
		it.Mail.Root = &formats.Part{Type: "application/pdf", Name: "a.pdf", Content: broken{}}
	case "note":
		it.Contact.Note = broken{}
	case "failed":
		return nil, errGone
	}
	return it, nil
}

func (a *archive) Check(_ context.Context, progress func(done, total int64)) (*extract.Check, error) {
	if a.err != nil {
		return nil, a.err
	}
	if progress != nil {
		progress(1, 1)
	}
	return &extract.Check{Blocks: 7, Bytes: 700, Faults: a.faults, More: 2, Remarks: []string{"odd"}}, nil
}

// Every fault is told once: as damage of its item, or beside the items where it costs none a part.
func TestItems(t *testing.T) {
	inbox, sent := &formats.Folder{Path: []string{"Inbox"}}, &formats.Folder{Path: []string{"Sent"}}
	a := &archive{folders: []*formats.Folder{inbox, sent}}
	for i, subject := range []string{"sound", "damaged", "attachment", "failed"} {
		a.add(formats.Entry{Folder: inbox, ID: fmt.Sprintf("m%d", i), Index: uint64(i), Kind: formats.KindMail, Subject: subject})
	}
	for i, subject := range []string{"sound", "damaged", "gone", "sound"} {
		a.add(formats.Entry{Folder: sent, ID: fmt.Sprintf("e%d", i), Index: uint64(10 + i), Kind: formats.KindOther, Subject: subject})
	}
	for i, subject := range []string{"sound", "note"} {
		a.add(formats.Entry{Folder: sent, ID: fmt.Sprintf("c%d", i), Index: uint64(20 + i), Kind: formats.KindContact, Subject: subject})
	}
	other := func(n int, part, block string, err error) extract.Fault {
		return extract.Fault{Folder: sent, Entry: &a.entries[4+n], ID: a.entries[4+n].ID, Part: part, Block: block, Offset: 0x40, Err: err}
	}
	hidden := &formats.Entry{Folder: sent, ID: "h", Kind: formats.KindOther}
	harmless := other(3, "trailer", "0x20", errGone)
	harmless.Harmless = true
	a.faults = []extract.Fault{
		{Folder: inbox, Entry: &a.entries[0], ID: "m0", Part: "search keys", Offset: -1, Err: errSum}, // costs the mail nothing
		{Folder: inbox, Entry: &a.entries[1], ID: "m1", Part: "properties", Block: "0x4", Err: errSum},
		{Folder: inbox, Entry: &a.entries[3], ID: "m3", Part: "properties", Block: "0x6", Err: errSum},
		other(0, "recipients", "0xc", errSum),  // not read, as nobody writes it
		other(1, "properties", "0x4", errSum),  // told when it was read
		other(1, "attachment", "0x10", errSum), // not
		other(2, "properties", "", errGone),    // told
		{Folder: sent, Entry: &a.entries[8], ID: "c0", Part: "search keys", Offset: -1, Err: errSum}, // costs the contact nothing
		{Folder: sent, Entry: hidden, ID: "h", Part: "properties", Block: "0x14", Offset: -1, Err: errSum},
		harmless,
		{Folder: inbox, Part: "list of items", Offset: -1, Err: errGone},
	}
	file, err := check.File(t.Context(), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := check.Items(t.Context(), a, file, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range c.Damaged {
		for _, part := range d.Damage {
			got = append(got, d.Entry.ID+" lacks "+part.String())
		}
	}
	for _, f := range c.Failures {
		got = append(got, f.Entry.ID+" failed: "+f.Err.Error())
	}
	for _, f := range c.Faults {
		got = append(got, strings.TrimSpace(f.ID+" has "+f.Part))
	}
	want := []string{
		"m1 lacks subject: a property: block 0x4: wrong checksum",
		`m2 lacks attachment "a.pdf": block 0x8: wrong checksum`,
		"e1 lacks subject: a property: block 0x4: wrong checksum",
		"e1 lacks attachment: block 0x10 at 0x40: wrong checksum",
		"e2 lacks subject: not in the index",
		"c1 lacks note: block 0x8: wrong checksum",
		"e0 lacks recipients: block 0xc at 0x40: wrong checksum",
		"m3 failed: not in the index",
		"m0 has search keys", "c0 has search keys", "h has properties", "e3 has trailer", "has list of items",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if c.Items != 10 || c.Blocks != 7 || c.Bytes != 700 || c.More != 2 || len(c.Remarks) != 1 {
		t.Errorf("%+v", c)
	}
}

// Where an archive's kind has nothing to check but items, its warnings are kept, and the items are read.
func TestFileUnsupported(t *testing.T) {
	a := &archive{err: errors.ErrUnsupported}
	file, err := check.File(t.Context(), a, nil)
	if err != nil || len(file.Warnings) != 1 || file.Blocks != 0 {
		t.Errorf("%+v, %v", file, err)
	}
	a.err = errGone
	if _, err := check.File(t.Context(), a, nil); !errors.Is(err, errGone) {
		t.Errorf("error %v", err)
	}
}
