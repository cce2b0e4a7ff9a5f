package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/pst/psttest"
)

// withDeleted returns the archive without a message, but with what Outlook leaves of it in the file until the space is
// needed: its blocks and, if oldPage is set, the page of the node tree that had it.
func withDeleted(t *testing.T, im *pstImage, victim uint32, oldPage bool) []byte {
	t.Helper()
	f, err := psttest.Read(im.data)
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Keep(func(nid uint32, _ int) bool { return nid != victim })
	if err != nil {
		t.Fatal(err)
	}
	b := a.Build(psttest.Variant{Format: psttest.Unicode, Crypt: f.Crypt})
	bids := map[extent]uint64{}
	for bid, x := range im.blocks {
		bids[x] = bid
	}
	align := func(n int) { b = append(b, make([]byte, (n-len(b)%n)%n)...) }
	n := im.nodes[victim]
	for _, x := range im.extents(n) {
		align(64)
		at := len(b)
		b = append(b, im.data[x.from:x.to]...)
		le.PutUint16(b[len(b)-14:], signature(uint64(at), bids[x]))
	}
	align(512)
	if oldPage {
		at := len(b)
		page := make([]byte, 512)
		le.PutUint32(page, victim)
		le.PutUint64(page[8:], n.data)
		le.PutUint64(page[16:], n.sub)
		le.PutUint32(page[24:], n.parent)
		page[488], page[489], page[490] = 1, 15, 32
		page[496], page[497] = 0x81, 0x81
		le.PutUint16(page[498:], signature(uint64(at), 8))
		le.PutUint32(page[500:], checksum(page[:496]))
		le.PutUint64(page[504:], 8)
		b = append(b, page...)
	}
	return b
}

// A message that was deleted and is still whole in the file comes back with --recover, and only then; it is told apart
// from what is still there.
func TestDeletedMailComesBack(t *testing.T) {
	t.Parallel()
	o := newOriginal(t, corpustest.Sample())
	im := newImage(o.data)
	tried := 0
	for id := range o.ids {
		if tried++; tried > 6 {
			break
		}
		oldPage := tried%2 == 0
		archive := filepath.Join(t.TempDir(), "deleted.pst")
		if err := os.WriteFile(archive, withDeleted(t, im, id, oldPage), 0o600); err != nil {
			t.Fatal(err)
		}
		plain := o.recover(t, archive)
		o.compare(t, plain)
		if plain.status != 0 || len(plain.mails) != o.number-1 {
			t.Errorf("without %#x: %d mails of %d, exit status %d", id, len(plain.mails), o.number-1, plain.status)
		}
		rec := o.recover(t, archive, "--recover")
		o.compare(t, rec)
		if len(rec.mails) != o.number {
			t.Errorf("%#x (old page: %v): %d mails of %d", id, oldPage, len(rec.mails), o.number)
		}
		var back []string
		for path := range rec.mails {
			if strings.HasPrefix(path, "Recovered items") {
				back = append(back, path)
			}
		}
		if len(back) != 1 {
			t.Errorf("%#x (old page: %v): recovered are %q", id, oldPage, back)
		}
		if oldPage && (rec.status != 0 || len(rec.damaged) > 0) {
			t.Errorf("%#x: exit status %d, damaged %v", id, rec.status, rec.damaged)
		}
	}

	t.Run("nothing deleted", func(t *testing.T) {
		rec := o.recover(t, corpustest.Sample(), "--recover")
		o.compare(t, rec)
		if rec.status != 0 || len(rec.mails) != o.number {
			t.Errorf("%d mails of %d, exit status %d", len(rec.mails), o.number, rec.status)
		}
	})
}
