package rtf_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/richardlehane/mscfb"

	"mailmill/formats/corpustest"
	"mailmill/formats/rtf"
)

// The RTF of every .msg file of the corpus can be read without damage.
func TestMessagesOfOutlook(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(corpustest.Dir(t), "msg", "*"))
	if err != nil {
		t.Fatal(err)
	}
	n := map[rtf.Kind]int{}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		compound, err := mscfb.New(file)
		if err != nil {
			continue // the corpus has other files among them
		}
		for entry, err := compound.Next(); err == nil; entry, err = compound.Next() {
			// The storage of named properties has streams of the same names for hashes.
			if entry.Name != "__substg1.0_10090102" || slices.Contains(entry.Path, "__nameid_version1.0") {
				continue
			}
			name := filepath.Base(path)
			value, err := io.ReadAll(entry)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			raw, err := rtf.Decompress(value, 1<<26)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			doc, err := rtf.Parse(raw)
			if err != nil {
				t.Errorf("%s: %v: %.40q", name, err, raw)
				continue
			}
			n[doc.Kind]++
			html, text := doc.HTML(), doc.Text()
			if html.Replaced+text.Replaced > 0 || html.Unbalanced || !utf8.ValidString(html.Text+text.Text) {
				t.Errorf("%s: %v, %d and %d replaced, unbalanced %v", name, doc.Kind, html.Replaced, text.Replaced, html.Unbalanced)
			}
			if i := strings.IndexByte(html.Text, '<'); doc.Kind == rtf.FromHTML && i != 0 && strings.TrimSpace(html.Text) != "" {
				t.Errorf("%s: does not begin as HTML: %.80q", name, html.Text)
			}
			if again, err := rtf.Decompress(rtf.Compress(raw), 0); err != nil || string(again) != string(raw) {
				t.Errorf("%s: compressed anew it is not the same: %v", name, err)
			}
			if testing.Verbose() {
				t.Logf("%s: %v, %d bytes, text %.200q", name, doc.Kind, len(raw), text.Text)
			}
		}
	}
	if n[rtf.FromHTML] == 0 || n[rtf.FromText] == 0 || n[rtf.Native] == 0 {
		t.Errorf("not every kind was there: %v", n)
	}
}
