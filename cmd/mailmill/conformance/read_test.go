package conformance

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
)

// listed is an item as list shows it.
type listed struct {
	Source      string             `json:"source"`
	SourceID    string             `json:"source_id"`
	Key         string             `json:"key"`
	Folder      []string           `json:"folder"`
	Kind        string             `json:"kind"`
	Class       string             `json:"class"`
	Subject     string             `json:"subject"`
	Date        string             `json:"date"`
	Received    string             `json:"received"`
	MessageID   string             `json:"message_id"`
	From        *address           `json:"from"`
	Sender      *address           `json:"sender"`
	To          []address          `json:"to"`
	Cc          []address          `json:"cc"`
	Bcc         []address          `json:"bcc"`
	Flags       []string           `json:"flags"`
	Keywords    []string           `json:"keywords"`
	Text        string             `json:"text_sha256"`
	HTML        string             `json:"html_sha256"`
	Attachments []listedAttachment `json:"attachments"`
}

type listedAttachment struct {
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Size     int64   `json:"size"`
	SHA256   string  `json:"sha256"`
	Inline   bool    `json:"inline"`
	Embedded *listed `json:"embedded"` // the message inside, as far as it has what an item has
}

// list runs list --json with the arguments given and returns its items.
func list(t testing.TB, args ...string) []listed {
	t.Helper()
	r := mailmill(t, append([]string{"list", "--json"}, args...)...).want(t, 0)
	var items []listed
	objects(t, r.stdout, func(kind string, line []byte) {
		if kind != "item" {
			return
		}
		var it listed
		if err := json.Unmarshal(line, &it); err != nil {
			t.Fatalf("%s: %v\n%s", r, err, line)
		}
		items = append(items, it)
	})
	return items
}

// objects calls each with every object of a JSON answer and its type.
func objects(t testing.TB, answer []byte, each func(kind string, line []byte)) {
	t.Helper()
	for line := range bytes.Lines(answer) {
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(line, &head); err != nil || head.Type == "" {
			t.Fatalf("not an object with a type: %v\n%.300s", err, line)
		}
		each(head.Type, line)
	}
}

func (l *listed) mail() *mail {
	m := &mail{
		Place: l.SourceID, Folder: l.Folder, Subject: l.Subject, MessageID: l.MessageID, Date: l.Date,
		Received: l.Received, To: l.To, Cc: l.Cc, Bcc: l.Bcc, Keywords: l.Keywords, Text: l.Text, HTML: l.HTML,
		FlagNames: l.Flags,
	}
	if l.From != nil {
		m.From = []address{*l.From}
	}
	if l.Sender != nil {
		m.Sender = []address{*l.Sender}
	}
	for _, a := range l.Attachments {
		b := attachment{Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256, Inline: a.Inline}
		if a.Embedded != nil {
			b.Embedded = a.Embedded.mail()
		}
		m.Attachments = append(m.Attachments, b)
	}
	return m
}

// python runs a script of testdata with Python's standard library alone.
func python(t testing.TB, script string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(corpustest.Program(t, "python3"), append([]string{"-I", "-B", filepath.Join("testdata", script)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", script, strings.Join(args, " "), err, tail(stderr.String(), 3000))
	}
	return out
}

// readBack lets Python read what convert wrote: form is "eml" or "mbox".
func readBack(t testing.TB, form, dir string) []*mail {
	t.Helper()
	var mails []*mail
	for line := range bytes.Lines(python(t, "read.py", form, dir)) {
		m := new(mail)
		if err := json.Unmarshal(line, m); err != nil {
			t.Fatalf("%v\n%.300s", err, line)
		}
		mails = append(mails, m)
	}
	return mails
}

// convert writes the mail of an archive into a new folder in the form given and returns it. Status 3 is an answer too:
// real archives hold damaged items.
func convert(t testing.TB, form string, sources ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), form)
	args := append([]string{"convert", "--only", "mail", "--format", form}, sources...)
	mailmill(t, append(args, out)...).want(t, 0, 3)
	return out
}
