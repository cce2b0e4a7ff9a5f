package pst

import (
	"crypto/sha256"
	"errors"
	"testing"

	"mailmill/formats/corpustest"
)

// TestVisit checks that messages whose memory serves for the next are the same as those that have their own, also where
// several goroutines visit.
func TestVisit(t *testing.T) {
	for _, name := range []string{"synthetic/small.pst", "pst/ansi-32-bit.pst", "pst/4k-page.ost"} {
		t.Run(name, func(t *testing.T) {
			f := open(t, corpustest.File(t, name))
			for range 2 {
				t.Run("goroutine", func(t *testing.T) {
					t.Parallel()
					walk(t, f, func(_ *Folder, e *Entry) {
						m, err := f.Message(e.NID)
						if err != nil {
							t.Fatal(err)
						}
						var own, visited [sha256.Size]byte
						h := sha256.New()
						digestMessage(t, h, m)
						h.Sum(own[:0])
						h.Reset()
						if err := f.Visit(e.NID, func(m *Message) { digestMessage(t, h, m) }); err != nil {
							t.Fatal(err)
						}
						if h.Sum(visited[:0]); own != visited {
							t.Errorf("%v is another message when it is visited", e.NID)
						}
					})
				})
			}
		})
	}
	f := open(t, corpustest.File(t, "synthetic/small.pst"))
	err := f.Visit(0x7FFFFFE4, func(*Message) { t.Error("a message that is not there was visited") })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
