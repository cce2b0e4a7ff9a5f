package outlook_test

import (
	"bytes"
	"sync"
	"testing"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"
	"mailmill/formats/pst"
)

// TestManyAtOnce converts one archive by several goroutines with one converter, which gives the same as one after the
// other.
func TestManyAtOnce(t *testing.T) {
	f, err := pst.Open(corpustest.File(t, "synthetic/tiny.pst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := outlook.New(outlook.Options{})
	all := func() map[pst.NID][]byte {
		out := make(map[pst.NID][]byte)
		for id := range f.Nodes() {
			if pst.KindOf(id) != pst.KindMessage {
				continue
			}
			m, err := f.Message(id)
			if err != nil {
				t.Error(err)
				continue
			}
			it, err := c.Item(formats.Entry{}, m)
			if err != nil {
				t.Error(err)
				continue
			}
			if it.Mail == nil {
				continue
			}
			var b bytes.Buffer
			if err := mime.Write(&b, it.Mail); err != nil {
				t.Error(err)
			}
			out[id] = b.Bytes()
		}
		return out
	}
	want := all()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got := all()
			for id, b := range want {
				if !bytes.Equal(got[id], b) {
					t.Errorf("%v is not the same", id)
				}
			}
		})
	}
	wg.Wait()
}
