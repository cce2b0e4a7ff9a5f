package outlook_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"
	"mailmill/formats/pst"
)

// TestCorpus converts every message of the real archives and writes those that are mail: none fails, every one parses,
// and no address field holds an Exchange address.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpustest.Dir(t), "pst", "*.?st"))
	if err != nil || len(files) == 0 {
		corpustest.Missing(t, "the corpus has no archives: %v", err)
	}
	enc := mime.NewEncoder()
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if info, err := os.Stat(path); testing.Short() && err == nil && info.Size() > 4<<20 {
				t.Skip("it is large")
			}
			f, err := pst.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c := outlook.New(outlook.Options{})
			mails, others, damaged := 0, 0, 0
			for id := range f.Nodes() {
				if k := pst.KindOf(id); k != pst.KindMessage && k != pst.KindAssociated {
					continue
				}
				m, err := f.Message(id)
				if err != nil {
					t.Errorf("%v: %v", id, err)
					continue
				}
				it, err := c.Item(formats.Entry{}, m)
				if err != nil {
					t.Errorf("%v: %v", id, err)
					continue
				}
				if len(it.Damage) > 0 {
					damaged++
					t.Logf("%v %q: %v", id, it.Subject, it.Damage)
				}
				if it.Mail == nil {
					others++
					continue
				}
				mails++
				var b bytes.Buffer
				var lost *mime.ContentError
				if err := enc.Encode(&b, it.Mail); err != nil && !errors.As(err, &lost) {
					t.Fatal(err)
				} else if err != nil {
					t.Logf("%v %q: %v", id, it.Subject, err)
				}
				p := parse(t, b.Bytes())
				for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc"} {
					if v := strings.ToLower(p.header.Get(name)); strings.Contains(v, "/o=") || strings.Contains(v, "imceaex") {
						t.Errorf("%v: %s is %q", id, name, v)
					}
				}
			}
			t.Logf("%d mails, %d others, %d damaged", mails, others, damaged)
		})
	}
}
