package mail_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // the judge reads them all
	messagemail "github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"

	"mailmill/extract/mail"
	"mailmill/formats"
	"mailmill/formats/corpustest"
)

// judged is what other programs find in a message, and we.
type judged struct {
	Subject      string
	From, To, Cc []string // addresses
	Leaves       []string // type, name, and hash of what is decoded
}

// judgedMails returns the mails of the corpus as they are written: those of the large archive only in part.
func judgedMails(t testing.TB) (list [][]byte) {
	for _, name := range []string{"enron", "aspose-outlook-1", "attachment-and-inline", "message-in-message", "flags", "support"} {
		n := 0
		eachMail(t, corpustest.File(t, "pst/"+name+".pst"), func(_ *formats.Item, eml []byte) {
			if n++; n%8 == 0 || n < 100 {
				list = append(list, bytes.Clone(eml))
			}
		})
	}
	return list
}

// ours is what we find in a message.
func ours(t testing.TB, eml []byte) judged {
	it := read(t, formats.Bytes(eml), len(eml), mail.State{})
	if err := it.Mail.Parse(); err != nil {
		t.Fatal(err)
	}
	m := it.Mail
	j := judged{Subject: words(it.Subject)}
	specs := func(list []*formats.Address) (out []string) {
		for _, a := range list {
			if a.SMTP != "" {
				out = append(out, a.SMTP)
			}
		}
		return out
	}
	if m.From != nil {
		j.From = specs([]*formats.Address{m.From})
	}
	j.To, j.Cc = specs(m.To), specs(m.Cc)
	var leaves func(m *formats.Mail)
	leaves = func(m *formats.Mail) {
		m.Root.Leaves(func(p *formats.Part) {
			if p.Message != nil {
				leaves(p.Message)
				return
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
			j.Leaves = append(j.Leaves, leafLine(p.Type, p.Name, data))
		})
	}
	leaves(m)
	return j
}

func leafLine(typ, name string, data []byte) string {
	if typ == "text/plain" || typ == "text/html" {
		data = bytes.TrimRight(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), "\n")
	}
	return fmt.Sprintf("%s %q %x", typ, name, sha256.Sum256(data))
}

// words are those of a text, as programs differ over the blanks between them.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestGoMessageAgrees(t *testing.T) {
	for _, eml := range judgedMails(t) {
		e, err := message.Read(bytes.NewReader(eml))
		if err != nil {
			t.Errorf("go-message reads it not: %v\n%.600s", err, eml)
			continue
		}
		h := messagemail.Header{Header: e.Header}
		subject, err := h.Subject()
		if err != nil {
			t.Error(err)
		}
		want := judged{Subject: words(subject)}
		list := func(name string) (out []string) {
			addresses, err := h.AddressList(name)
			if err != nil {
				t.Logf("%s: %v", name, err)
			}
			for _, a := range addresses {
				out = append(out, a.Address)
			}
			return out
		}
		want.From, want.To, want.Cc = list("From"), list("To"), list("Cc")
		if err := walkEntity(e, &want); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, ours(t, eml)); diff != "" {
			t.Errorf("%s\n%.1000s", diff, eml)
		}
	}
}

func walkEntity(e *message.Entity, j *judged) error {
	typ, params, _ := e.Header.ContentType()
	if parts := e.MultipartReader(); parts != nil {
		for {
			p, err := parts.NextPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := walkEntity(p, j); err != nil {
				return err
			}
		}
	}
	if typ == "message/rfc822" {
		inner, err := message.Read(e.Body)
		if err != nil {
			return err
		}
		return walkEntity(inner, j)
	}
	name, _ := (&messagemail.AttachmentHeader{Header: e.Header}).Filename()
	if name == "" {
		name = params["name"]
	}
	data, err := io.ReadAll(e.Body)
	if err != nil {
		return err
	}
	j.Leaves = append(j.Leaves, leafLine(typ, name, data))
	return nil
}

// pythonJudge prints what Python's email finds in each file of a folder: a JSON object a line.
const pythonJudge = `
import email, email.policy, hashlib, json, os, sys

def leaves(part, out):
    if part.is_multipart():
        for p in part.iter_parts() if part.get_content_maintype() == "multipart" else part.get_payload():
            leaves(p, out)
        return
    typ = part.get_content_type()
    data = part.get_payload(decode=True) or b""
    if typ in ("text/plain", "text/html"):
        if not part.get_filename() and part.get_content_disposition() != "attachment":
            data = data.decode(part.get_content_charset() or "utf-8", "replace").encode()
        data = data.replace(b"\r\n", b"\n").rstrip(b"\n")
    out.append([typ, part.get_filename() or "", hashlib.sha256(data).hexdigest()])

def specs(msg, name):
    return [a.addr_spec for f in msg.get_all(name, []) for a in f.addresses if a.addr_spec]

for name in sorted(os.listdir(sys.argv[1])):
    with open(os.path.join(sys.argv[1], name), "rb") as f:
        msg = email.message_from_binary_file(f, policy=email.policy.default)
    out = []
    leaves(msg, out)
    print(json.dumps({"Subject": msg["subject"] or "", "From": specs(msg, "from")[:1], "To": specs(msg, "to"), "Cc": specs(msg, "cc"), "Leaves": out}))
`

func TestPythonAgrees(t *testing.T) {
	python := corpustest.Program(t, "python3")
	mails := judgedMails(t)
	dir := t.TempDir()
	for i, eml := range mails {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d.eml", i)), eml, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "-c", pythonJudge, dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(mails) {
		t.Fatalf("it judged %d of %d mails", len(lines), len(mails))
	}
	for i, line := range lines {
		var found struct {
			Subject      string
			From, To, Cc []string
			Leaves       [][3]string
		}
		if err := json.Unmarshal(line, &found); err != nil {
			t.Fatal(err)
		}
		want := judged{Subject: words(found.Subject), From: found.From, To: found.To, Cc: found.Cc}
		for _, l := range found.Leaves {
			want.Leaves = append(want.Leaves, fmt.Sprintf("%s %q %s", l[0], l[1], l[2]))
		}
		if diff := cmp.Diff(want, ours(t, mails[i]), cmpEmpty); diff != "" {
			t.Errorf("%s\n%.1000s", diff, mails[i])
		}
	}
}

// cmpEmpty takes an empty list for none.
var cmpEmpty = cmp.FilterValues(func(a, b []string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
