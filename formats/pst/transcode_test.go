package pst

import (
	"cmp"
	"crypto/sha256"
	"io"
	"slices"
	"sync"
	"testing"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
	"mailmill/formats/pst/psttest"
)

// The other formats that the sample is written in: there are hardly any real files of them with lists of blocks and of
// sub-nodes.
var (
	ansi       = psttest.Variant{Format: psttest.ANSI, Crypt: 1}
	plain      = psttest.Variant{Format: psttest.Unicode4K, Crypt: 1, Plain: true}
	compressed = psttest.Variant{Format: psttest.Unicode4K, Crypt: 1}
)

// built are the files that transcoded has made.
var built sync.Map // psttest.Variant to func() (image, error)

// transcoded returns the sample in another form. What is in the blocks stays the same. The bytes are not to be changed.
func transcoded(t testing.TB, v psttest.Variant) image {
	t.Helper()
	build, _ := built.LoadOrStore(v, sync.OnceValues(func() (image, error) {
		f, err := psttest.Read(sample(t))
		if err != nil {
			return nil, err
		}
		a, err := f.All()
		if err != nil {
			return nil, err
		}
		return a.Build(v), nil
	}))
	im, err := build.(func() (image, error))()
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// TestCase37Transcoded reads the sample, with all its lists of blocks and sub-nodes, from the other formats.
func TestCase37Transcoded(t *testing.T) {
	t.Parallel()
	im := sample(t)
	t.Run("ANSI", func(t *testing.T) {
		t.Parallel()
		out := transcoded(t, ansi)
		if f := out.open(t).Info().Format; f != ANSI {
			t.Fatalf("format %v", f)
		}
		checkEqualAndSound(t, out, digest(t, im.open(t)))
	})
	for _, v := range []psttest.Variant{plain, compressed} {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			out := transcoded(t, v)
			got, want := out.open(t), im.open(t)
			if f := got.Info().Format; f != Unicode4K {
				t.Fatalf("format %v", f)
			}
			// Identifiers of heap items are divided otherwise in this format: only in heaps of one block are they the same.
			messages := slices.DeleteFunc(im.nodes(), func(n nodeEntry) bool {
				return n.nid&0x1F != ndb.TypeMessage || n.data&2 != 0
			})
			slices.SortFunc(messages, func(a, b nodeEntry) int { return cmp.Compare(a.nid, b.nid) })
			if len(messages) < 200 {
				t.Fatalf("only %d messages to compare", len(messages))
			}
			for _, n := range messages {
				if digestNode(t, got, NID(n.nid)) != digestNode(t, want, NID(n.nid)) {
					t.Errorf("message %#x reads otherwise", n.nid)
				}
			}
			if list, _ := got.Warnings(); len(list) > 0 {
				t.Errorf("warnings %v", list)
			}
		})
	}
}

// digestNode returns a digest of one message, without the tables and embedded messages whose heaps have several blocks.
func digestNode(t *testing.T, f *File, nid NID) [sha256.Size]byte {
	t.Helper()
	m, err := f.Message(nid)
	if err != nil {
		t.Fatalf("message %v: %v", nid, err)
	}
	h := sha256.New()
	digestProperties(t, h, m)
	attachments, _ := m.Attachments()
	for _, a := range attachments {
		if v, _ := a.Lookup(mapi.ID(0x3705)); v.Int() != 1 {
			continue
		}
		if r, err := a.Open(); err == nil {
			if _, err := io.Copy(h, r); err != nil {
				t.Errorf("message %v: %v", nid, err)
			}
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
