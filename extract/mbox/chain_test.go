package mbox_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailmill/extract"
	"mailmill/extract/archives"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/maildir"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/load/files"
)

// mailOf is what must stay of a mail, whatever it is kept in.
type mailOf struct {
	Folder, Key, Bytes string
	Flags, Keywords    []string
	Received           time.Time
}

// mails returns the mails of an archive, in the order of their folders.
func mails(t *testing.T, a extract.Archive) (all []mailOf) {
	t.Helper()
	for e, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != formats.KindMail {
			continue
		}
		it, err := a.Read(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := mime.Write(&b, it.Mail); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b.Bytes())
		m := mailOf{safe(e.Folder.Path), it.Key, hex.EncodeToString(sum[:8]), it.Flags.Names(), atoms(it.Keywords), time.Time{}}
		for _, at := range []time.Time{it.Received, it.Date, it.Modified} {
			if !at.IsZero() {
				m.Received = at.UTC().Truncate(time.Second)
				break
			}
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(a, b mailOf) int {
		return strings.Compare(a.Folder+"\x00"+a.Key+a.Bytes, b.Folder+"\x00"+b.Key+b.Bytes)
	})
	return all
}

// convert writes the mails of one place into another.
func convert(t *testing.T, from, to string, format files.Format) extract.Archive {
	t.Helper()
	a, err := archives.Open(t.Context(), from, extract.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	o := files.Options{Format: format, Kinds: []formats.Kind{formats.KindMail}, Sources: []files.Source{{Name: from, Folders: a.Folders()}}}
	target, err := files.Open(to, io.Discard, o)
	if err != nil {
		t.Fatal(err)
	}
	result, err := load.Run(t.Context(), load.Plan{
		Sources: []load.Input{{Name: from, Source: a}}, Routes: []load.Route{{Kinds: o.Kinds, Target: target}},
	})
	if err != nil || len(result.Failures) > 0 || len(result.Sources) > 0 {
		t.Fatalf("%s to %s: %v, %+v, %+v", from, to, err, result.Failures, result.Sources)
	}
	if c := result.Balance[formats.KindMail]; c.Written == 0 || c.Written+c.Duplicate != c.Found {
		t.Fatalf("%s to %s: %+v", from, to, c)
	}
	return a
}

// What mailmill writes it reads again: from one form to the next the same mails, byte for byte, with the same keys, flags,
// keywords and dates, in the same folders.
//
// The flags end where mails are files of their own.
func TestChain(t *testing.T) {
	dir := t.TempDir()
	place := func(name string) string { return filepath.Join(dir, name) }
	source := corpustest.Sample()
	want := mails(t, convert(t, source, place("one"), files.MBOX))
	if len(want) < 50 {
		t.Fatalf("%d mails", len(want))
	}
	for _, step := range []struct {
		from, to string
		format   files.Format
	}{
		{"one", "two", files.Maildir},
		{"two", "three", files.EML},
		{"three", "four.tar.zst", files.MBOX},
		{"four.tar.zst", "five", files.MBOX},
		{"five", "six", files.MBOX},
	} {
		got := mails(t, convert(t, place(step.from), place(step.to), step.format))
		if step.from == "three" {
			// What files of single mails have no place for is gone from here on.
			for i := range min(len(got), len(want)) {
				want[i].Flags = got[i].Flags
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -archive +file\n%s", step.from, diff)
		}
	}
}

// safe returns what is left of the name of a folder in all file systems and on all servers.
func safe(path []string) string {
	return strings.Join(strings.FieldsFunc(strings.NewReplacer("/", "_", ".", "_").Replace(strings.Join(path, "|")), func(r rune) bool { return r == '|' }), "/")
}

// atoms returns what is left of keywords where they are flags of IMAP.
func atoms(keywords []string) (atoms []string) {
	for _, k := range keywords {
		atoms = append(atoms, maildir.Keyword(k))
	}
	slices.Sort(atoms)
	return atoms
}
