package conformance

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// truthAddr is a participant as the generator wrote it.
type truthAddr struct {
	Role    string `json:"role"`
	Name    string `json:"name"`
	Stored  string `json:"stored"`
	SMTP    string `json:"smtp"`
	KnownBy string `json:"known_by"`
}

// truthAttachment is an attachment as the generator wrote it.
type truthAttachment struct {
	Name     string     `json:"name"`
	Method   int        `json:"method"`
	Size     int64      `json:"size"`
	SHA256   string     `json:"sha256"`
	Inline   bool       `json:"inline"`
	Embedded *truthItem `json:"embedded"`
}

// truthItem is what the generator says about an item. Times are RFC 3339 in UTC, hashes hexadecimal SHA-256.
type truthItem struct {
	Kind        string            `json:"kind"`
	Folder      []string          `json:"folder_path"`
	NID         string            `json:"nid"`
	Class       string            `json:"class"`
	Subject     string            `json:"subject"`
	MessageID   string            `json:"message_id"`
	Sent        string            `json:"sent"`
	Received    string            `json:"received"`
	Headers     bool              `json:"has_headers"`
	BodyKind    string            `json:"body_kind"`
	Text        string            `json:"body_sha256"`
	HTML        string            `json:"html_sha256"`
	RTFHTML     string            `json:"rtf_html_sha256"`
	From        *truthAddr        `json:"from"`
	Sender      *truthAddr        `json:"sender"`
	Recipients  []truthAddr       `json:"recipients"`
	Attachments []truthAttachment `json:"attachments"`
	Read        bool              `json:"read"`
	Flag        string            `json:"flag"`
	Importance  int               `json:"importance"`
	Sensitivity int               `json:"sensitivity"`
	Categories  []string          `json:"categories"`
}

// mailKinds are the generator's kinds that a person would call mail.
var mailKinds = map[string]bool{
	"mail": true, "smime": true, "ndr": true, "post": true, "task-request": true,
	"meeting-request": true, "meeting-cancel": true, "meeting-response": true,
}

// otherKinds are its kinds that are not, with the names that mailmill gives them. Associated items have none: they are
// not to be seen.
var otherKinds = map[string]string{
	"appointment": "event", "task": "task", "contact": "contact", "pdl": "group", "note": "note", "journal": "journal",
	"fai": "",
}

// readTruth returns the items of a truth file by their node id in lower case.
func readTruth(t testing.TB, path string) map[string]*truthItem {
	t.Helper()
	items := map[string]*truthItem{}
	readLines(t, path, func(line []byte) {
		it := new(truthItem)
		if err := json.Unmarshal(line, it); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if !mailKinds[it.Kind] {
			if _, known := otherKinds[it.Kind]; !known {
				t.Fatalf("%s: no kind %q is known here", path, it.Kind)
			}
		}
		items[strings.ToLower(it.NID)] = it
	})
	return items
}

func readLines(t testing.TB, path string, each func([]byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		each(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// mail returns the item in the form in which it is compared.
func (it *truthItem) mail() *mail {
	m := &mail{
		Folder: it.Folder, Subject: it.Subject, MessageID: it.MessageID, Date: it.Sent, Received: it.Received,
		Keywords: it.Categories, Importance: importance(it.Importance), Sensitivity: sensitivity(it.Sensitivity),
		Text: it.Text, HTML: it.HTML, Flags: map[string]bool{},
	}
	if m.HTML == "" {
		m.HTML = it.RTFHTML
	}
	if it.Read {
		m.Flags["seen"] = true
	}
	if it.Flag == "flagged" {
		m.Flags["flagged"] = true
	}
	if it.Sent == "" && it.Received == "" {
		m.Flags["draft"] = true
	}
	known := it.knownPairs()
	if it.From != nil {
		m.From = []address{it.From.address(known)}
		if it.Sender != nil && !samePerson(m.From[0], it.Sender.address(known)) {
			m.Sender = []address{it.Sender.address(known)}
		}
	}
	for i := range it.Recipients {
		r := &it.Recipients[i]
		switch r.Role {
		case "cc", "optional":
			m.Cc = append(m.Cc, r.address(known))
		case "bcc", "resource":
			m.Bcc = append(m.Bcc, r.address(known))
		default: // to, organizer, required
			m.To = append(m.To, r.address(known))
		}
	}
	for _, a := range it.Attachments {
		b := attachment{Name: a.Name, Size: a.Size, SHA256: a.SHA256, Inline: a.Inline}
		if a.Embedded != nil {
			b = attachment{Name: a.Name, Embedded: a.Embedded.mail()}
		}
		m.Attachments = append(m.Attachments, b)
	}
	return m
}

// knownPairs returns the addresses that the item itself gives for Exchange names: who occurs in several roles is known
// in all of them.
func (it *truthItem) knownPairs() map[string]string {
	pairs := map[string]string{}
	note := func(a *truthAddr) {
		if a.KnownBy == "item" || a.KnownBy == "headers" {
			pairs[strings.ToLower(a.Stored)] = a.SMTP
		}
	}
	for i := range it.Recipients {
		note(&it.Recipients[i])
	}
	for _, a := range []*truthAddr{it.From, it.Sender} {
		if a != nil {
			note(a)
		}
	}
	return pairs
}

// address returns the participant as far as the archive tells of it.
func (a *truthAddr) address(known map[string]string) address {
	b := address{Name: a.Name, Stored: a.Stored, Via: "none", maybe: a.SMTP}
	switch a.KnownBy {
	case "stored", "item", "headers":
		b.SMTP, b.Via = a.SMTP, a.KnownBy
	case "file":
		b.SMTP, b.Via = a.SMTP, "learnt"
	default: // what only a directory tells is not known from the archive
		if smtp := known[strings.ToLower(a.Stored)]; smtp != "" {
			b.SMTP, b.Via = smtp, "learnt"
		}
	}
	return b
}

// samePerson reports whether two participants are one for who can see the archive alone.
func samePerson(a, b address) bool {
	return strings.EqualFold(a.Stored, b.Stored) || a.SMTP != "" && strings.EqualFold(a.SMTP, b.SMTP)
}

func importance(n int) string { return [...]string{"low", "", "high"}[n] }

func sensitivity(n int) string {
	return [...]string{"", "personal", "private", "company-confidential"}[n]
}
