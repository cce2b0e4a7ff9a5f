package mail_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/extract/pst"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"
)

// eachMail calls visit for every mail of an Outlook data file that is whole, with the bytes that are written of it.
func eachMail(t testing.TB, path string, visit func(it *formats.Item, eml []byte)) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := pst.Open(path, f, info.Size(), time.Time{}, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for e, err := range archive.Entries(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != formats.KindMail {
			continue
		}
		it, err := archive.Read(ctx, e)
		if err != nil || len(it.Damage) > 0 {
			continue
		}
		var out bytes.Buffer
		if err := mime.Write(&out, it.Mail); err == nil {
			visit(it, out.Bytes())
		}
	}
}

// says describes an item as a list shows it.
func says(t testing.TB, it *formats.Item) string {
	var b strings.Builder
	m := it.Mail
	// A header is folded with tabs, and an archive has kept some of those.
	subject := strings.ReplaceAll(it.Subject, "\t", " ")
	fmt.Fprintf(&b, "key %s\nclass %s\nsubject %q\ndate %s\nkeywords %q\n", it.Key, it.Class, subject, it.Date.Format(time.DateTime), it.Keywords)
	if m.StoredText && m.Text != nil {
		fmt.Fprintf(&b, "text %s\n", digest(t, m.Text, true))
	}
	if m.HTML != nil {
		fmt.Fprintf(&b, "html %s\n", digest(t, m.HTML, true))
	}
	attachments(t, &b, m, "")
	return b.String()
}

func attachments(t testing.TB, b *strings.Builder, m *formats.Mail, indent string) {
	m.Root.Leaves(func(p *formats.Part) {
		switch {
		case p == m.Text || p == m.HTML:
		case p.Message != nil:
			fmt.Fprintf(b, "%smessage\n", indent)
			attachments(t, b, p.Message, indent+"  ")
		default:
			fmt.Fprintf(b, "%sattachment %q %s inline %t %s\n", indent, p.Name, p.Type, p.Inline, digest(t, p, false))
		}
	})
}

func digest(t testing.TB, p *formats.Part, text bool) string {
	if p.Content == nil {
		return "nothing"
	}
	r, err := p.Content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if text {
		data = mime.AppendCanonical(nil, data)
	}
	return fmt.Sprintf("%d %x", len(data), sha256.Sum256(data))
}

// A mail that was written of an Outlook data file is the same mail when it is read again, with either line ends: it has the
// same key, says the same, and holds the same files.
func TestReadsWhatWasWritten(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpustest.Dir(t), "pst", "*.pst"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no archives: %v", err)
	}
	for _, path := range files {
		eachMail(t, path, func(it *formats.Item, eml []byte) {
			for _, form := range [][]byte{eml, bytes.ReplaceAll(eml, []byte("\r\n"), []byte("\n"))} {
				again := read(t, formats.Bytes(form), len(form), mail.State{})
				if err := again.Mail.Parse(); err != nil {
					t.Fatal(err)
				}
				again.Mail.StoredText = it.Mail.StoredText // a text that was made of HTML stands there as any other
				if want, got := says(t, it), says(t, again); want != got {
					t.Errorf("%s %s: it was\n%s\nand is now\n%s", filepath.Base(path), it.ID, want, got)
				}
				if got := written(t, again.Mail); got != string(eml) {
					t.Errorf("%s %s: it was\n%.1000s\nand is now\n%.1000s", filepath.Base(path), it.ID, eml, got)
				}
			}
		})
	}
}
