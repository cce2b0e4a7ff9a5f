package mail_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/extract/outlook"
	"mailmill/extract/pst"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"

	"os"
)

var _ = outlook.New

// eachMail calls visit for every mail of an Outlook data file, and the bytes that are written of it.
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
		if err != nil {
			t.Logf("%s: %v", e.ID, err)
			continue
		}
		var out bytes.Buffer
		if err := mime.Write(&out, it.Mail); err != nil {
			continue // damaged
		}
		visit(it, out.Bytes())
	}
}

// says describes an item as a list shows it.
func says(t testing.TB, it *formats.Item) string {
	var b strings.Builder
	m := it.Mail
	fmt.Fprintf(&b, "key %s\nsubject %q\ndate %v\nkeywords %q\n", it.Key, it.Subject, it.Date.UTC().Format(time.DateTime), it.Keywords)
	body := func(name string, p *formats.Part) {
		if p != nil && p.Content != nil {
			fmt.Fprintf(&b, "%s %s\n", name, digest(t, p, true))
		}
	}
	if m.StoredText {
		body("text", m.Text)
	}
	body("html", m.HTML)
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

// A mail that was written of an Outlook data file is the same mail when it is read again.
func TestReadsWhatWasWritten(t *testing.T) {
	dir := corpustest.Dir(t)
	files, _ := filepath.Glob(filepath.Join(dir, "pst", "*.pst"))
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, path := range files {
		n, bad := 0, 0
		eachMail(t, path, func(it *formats.Item, eml []byte) {
			n++
			for _, form := range [][]byte{eml, bytes.ReplaceAll(eml, []byte("\r\n"), []byte("\n"))} {
				again, err := mail.New(formats.Entry{}, formats.Bytes(form), int64(len(form)), mail.State{}, extract.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if err := again.Mail.Parse(); err != nil {
					t.Fatal(err)
				}
				again.Mail.StoredText = it.Mail.StoredText
				want, got := says(t, it), says(t, again)
				if want != got {
					if bad++; bad < 6 {
						t.Errorf("%s %s:\nwant\n%s\ngot\n%s", filepath.Base(path), it.ID, want, got)
						os.WriteFile("/tmp/m8-bad-"+it.ID+".eml", form, 0o600)
					}
				}
				var out bytes.Buffer
				if err := mime.Write(&out, again.Mail); err != nil || !bytes.Equal(out.Bytes(), eml) {
					t.Errorf("%s %s: %v", path, it.ID, err)
				}
			}
		})
		t.Log(filepath.Base(path), n, bad)
	}
	_ = slices.Sort[[]string]
}
