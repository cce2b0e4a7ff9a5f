package pst

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// digest returns a line for each message of a file, which tells all its properties, recipients and attachments.
func digest(t testing.TB, f *File) []string {
	t.Helper()
	var lines []string
	walk(t, f, func(d *Folder, e *Entry) {
		m, err := f.Message(e.NID)
		if err != nil {
			t.Error(err)
			return
		}
		h := sha256.New()
		digestMessage(t, h, m)
		lines = append(lines, fmt.Sprintf("%v %s %v %x", d.NID, d.Name(), e.NID, h.Sum(nil)))
	})
	slices.Sort(lines)
	return lines
}

func digestProperties(t testing.TB, h hash.Hash, p mapi.Properties) {
	for property, err := range p.All() {
		if err != nil {
			t.Error(err)
		}
		digestProperty(h, property)
	}
}

// digestProperty adds all that there is to a property.
func digestProperty(h hash.Hash, p mapi.Property) {
	fmt.Fprintln(h, p.ID, p.Name != nil, p.Value.Type, len(p.Value.Data), len(p.Value.Elems))
	h.Write(p.Value.Data)
	for _, e := range p.Value.Elems {
		fmt.Fprintln(h, len(e))
		h.Write(e)
	}
}

func digestMessage(t testing.TB, h hash.Hash, m mapi.Message) {
	digestProperties(t, h, m)
	recipients, err := m.Recipients()
	if err != nil {
		t.Error(err)
	}
	for _, r := range recipients {
		digestProperties(t, h, r)
	}
	attachments, err := m.Attachments()
	if err != nil {
		t.Error(err)
	}
	for _, a := range attachments {
		digestProperties(t, h, a)
		if r, err := a.Open(); err == nil {
			if _, err := io.Copy(h, r); err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, mapi.ErrNoData) {
			t.Error(err)
		}
		if embedded, err := a.Embedded(); err == nil {
			digestMessage(t, h, embedded)
		} else if !errors.Is(err, mapi.ErrNoData) {
			t.Error(err)
		}
	}
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Fatal("nothing to compare with")
	}
	if !slices.Equal(got, want) {
		t.Errorf("reads %d messages otherwise than %d", len(got), len(want))
	}
}

// TestCase37Variants reads files of all variants.
func TestCase37Variants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		format     Format
		encoding   string
		messages   int // associated ones included
		password   bool
	}{
		{"Unicode", "enron.pst", Unicode, "permute", 2178, false},
		{"ANSI", "ansi-32-bit.pst", ANSI, "permute", 1, false},
		{"4K", "4k-page.ost", Unicode4K, "none", 162 + 17, false},
		{"password", "passworded.pst", Unicode, "permute", 3 + 13, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.messages > 1000 && testing.Short() {
				t.Skip("it is large")
			}
			f := open(t, corpustest.File(t, "pst/"+c.file))
			info := f.Info()
			if info.Format != c.format || info.Encoding != c.encoding || info.Password != c.password || info.Truncated() {
				t.Errorf("info %+v", info)
			}
			if n := len(digest(t, f)); n != c.messages {
				t.Errorf("%d messages, want %d", n, c.messages)
			}
			if list, _ := f.Warnings(); len(list) > 0 {
				t.Errorf("warnings %v", list)
			}
		})
	}

	want := digest(t, sample(t).open(t))
	t.Run("none", func(t *testing.T) {
		im := sample(t)
		recode(im, func(_ uint64, b []byte) {})
		im[513] = 0
		im.sealHeader()
		checkEqualAndSound(t, im, want)
	})
	t.Run("cyclic", func(t *testing.T) {
		im := sample(t)
		recode(im, func(bid uint64, b []byte) { ndb.Decode(ndb.CryptCyclic, ndb.BID(bid), b, b) })
		im[513] = 2
		im.sealHeader()
		checkEqualAndSound(t, im, want)
	})
	for _, c := range []struct {
		name   string
		change func(image)
		warns  string
	}{
		{"repaired", func(im image) { im[14], im[15] = 2, 2 }, "platform"},
		{"version 21", func(im image) { im[10] = 21 }, ""},
		{"version unknown", func(im image) { im[10] = 25 }, "unknown format version 25"},
		{"client version", func(im image) { im[12] = 99 }, "client version 99"},
		{"reserved fields", func(im image) { copy(im[16:24], "reserved") }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			im := sample(t)
			c.change(im)
			im.sealHeader()
			f := im.open(t)
			equal(t, digest(t, f), want)
			list, _ := f.Warnings()
			if c.warns == "" && len(list) > 0 || c.warns != "" && (len(list) != 1 || !strings.Contains(list[0].String(), c.warns)) {
				t.Errorf("warnings %v, want one with %q", list, c.warns)
			}
		})
	}
}

func checkEqualAndSound(t *testing.T, im image, want []string) {
	t.Helper()
	f := im.open(t)
	equal(t, digest(t, f), want)
	if list, _ := f.Warnings(); len(list) > 0 {
		t.Errorf("warnings %v", list)
	}
}

// recode decodes all data blocks, which the sample has with permuted bytes, and encodes them anew.
func recode(im image, encode func(bid uint64, b []byte)) {
	for bid, b := range im.blocks() {
		if bid&2 == 0 {
			data := im[b.offset():][:b.size()]
			ndb.Decode(ndb.CryptPermute, 0, data, data)
			encode(bid, data)
			im.sealBlock(b)
		}
	}
}

func TestNotAnArchive(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":  nil,
		"short":  []byte("!BDN"),
		"text":   bytes.Repeat([]byte("Dear all,\r\n"), 100),
		"zeros":  make([]byte, 1<<16),
		"header": sample(t)[:520],
	} {
		if _, err := NewReader(bytes.NewReader(b), int64(len(b)), Options{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	im := sample(t)
	im[513] = 0x10
	if _, err := NewReader(bytes.NewReader(im), int64(len(im)), Options{}); !errors.Is(err, ErrEncrypted) {
		t.Errorf("encrypted: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.pst")); err == nil {
		t.Error("a file that is not there opens")
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrFormat) {
		t.Errorf("a folder: %v", err)
	}
}

func TestEntryIDs(t *testing.T) {
	f := sample(t).open(t)
	store, err := f.Store()
	if err != nil {
		t.Fatal(err)
	}
	id, err := store.Lookup(0x35E0)
	if err != nil {
		t.Fatal(err)
	}
	top, err := f.Top()
	if err != nil {
		t.Fatal(err)
	}
	if nid, ok := f.NIDFromEntryID(id.Bytes()); !ok || nid != top.NID {
		t.Errorf("%v %v, want %v", nid, ok, top.NID)
	}
	absent := slices.Clone(id.Bytes())
	binary.LittleEndian.PutUint32(absent[20:], 0x7FFFFFE2)
	for _, b := range [][]byte{nil, absent, absent[:23]} {
		if nid, ok := f.NIDFromEntryID(b); ok {
			t.Errorf("%x is %v", b, nid)
		}
	}
}
