package report

import (
	"encoding/json"
	"time"

	"mailmill/formats"
	"mailmill/load"
)

// The objects that leave mailmill as JSON. Fields without a value are left out; times are RFC 3339 in UTC.

// place says where in its source an item stands. Its fields come first in every object about an item.
type place struct {
	Type     string   `json:"type"`
	Source   string   `json:"source,omitempty"`
	SourceID string   `json:"source_id,omitempty"`
	Key      string   `json:"key,omitempty"`
	Folder   []string `json:"folder,omitempty"`
}

// content is an item without its place.
type content struct {
	Kind      string    `json:"kind"`
	Class     string    `json:"class,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Date      string    `json:"date,omitempty"`
	Received  string    `json:"received,omitempty"`
	MessageID string    `json:"message_id,omitempty"`
	From      *address  `json:"from,omitempty"`
	Sender    *address  `json:"sender,omitempty"`
	To        []address `json:"to,omitempty"`
	Cc        []address `json:"cc,omitempty"`
	Bcc       []address `json:"bcc,omitempty"`
	Flags     []string  `json:"flags,omitempty"`
	Keywords  []string  `json:"keywords,omitempty"`
	Size      int64     `json:"size,omitempty"`
	groupware
	Attachment []attachment `json:"attachments,omitempty"`
	TextSHA256 string       `json:"text_sha256,omitempty"`
	HTMLSHA256 string       `json:"html_sha256,omitempty"`
}

type address struct {
	Name   string      `json:"name,omitempty"`
	Stored string      `json:"stored,omitempty"`
	SMTP   string      `json:"smtp,omitempty"`
	Via    formats.Via `json:"via,omitempty"`
}

type attachment struct {
	Name     string   `json:"name,omitempty"`
	Type     string   `json:"type,omitempty"`
	Size     int64    `json:"size,omitempty"`
	Inline   bool     `json:"inline,omitempty"`
	SHA256   string   `json:"sha256,omitempty"`
	Embedded *message `json:"embedded,omitempty"`
}

// message is a mail inside a mail: as an item, without what only a place in a mailbox gives.
type message struct {
	Subject    string       `json:"subject,omitempty"`
	Date       string       `json:"date,omitempty"`
	MessageID  string       `json:"message_id,omitempty"`
	From       *address     `json:"from,omitempty"`
	Sender     *address     `json:"sender,omitempty"`
	To         []address    `json:"to,omitempty"`
	Cc         []address    `json:"cc,omitempty"`
	Bcc        []address    `json:"bcc,omitempty"`
	Attachment []attachment `json:"attachments,omitempty"`
	TextSHA256 string       `json:"text_sha256,omitempty"`
	HTMLSHA256 string       `json:"html_sha256,omitempty"`
}

// fault is a failure, a damaged item or a conflict.
type fault struct {
	place
	Kind    string `json:"kind,omitempty"`
	Subject string `json:"subject,omitempty"`
	Date    string `json:"date,omitempty"`
	// Part names what is missing of a damaged item.
	Part   string `json:"part,omitempty"`
	Reason string `json:"reason"`
}

type progress struct {
	Type        string   `json:"type"`
	Source      string   `json:"source,omitempty"`
	Folder      []string `json:"folder,omitempty"`
	Done        int      `json:"done"`
	Found       int      `json:"found"`
	FolderDone  int      `json:"folder_done"`
	FolderFound int      `json:"folder_found"`
	Bytes       int64    `json:"bytes"`
	Elapsed     float64  `json:"elapsed_s"`
	Left        *float64 `json:"left_s,omitempty"`
}

type learning struct {
	Type    string  `json:"type"`
	Done    int     `json:"done"`
	Found   int     `json:"found"`
	Elapsed float64 `json:"elapsed_s"`
}

type balance struct {
	Type  string           `json:"type"`
	Kinds map[string]count `json:"kinds"`
	Total count            `json:"total"`
	// Targets are there where they are servers, or several.
	Targets []tally `json:"targets,omitempty"`
}

// mailboxLine is one of several mailboxes: at its beginning, and in their total with what became of it.
type mailboxLine struct {
	Type    string   `json:"type,omitempty"`
	Line    int      `json:"line"`
	Sources []string `json:"sources"`
	Targets []string `json:"targets"`
	Status  *int     `json:"status,omitempty"`
	Reason  string   `json:"reason,omitempty"`
}

// total is the balance of several mailboxes.
type total struct {
	Type      string           `json:"type"`
	Kinds     map[string]count `json:"kinds"`
	Total     count            `json:"total"`
	Mailboxes []mailboxLine    `json:"mailboxes"`
}

type tally struct {
	Target    string `json:"target"`
	Written   int    `json:"written"`
	Unchanged int    `json:"unchanged"`
	Duplicate int    `json:"duplicate"`
	Failed    int    `json:"failed"`
	Bytes     int64  `json:"bytes"`
}

type count struct {
	Found     int `json:"found"`
	Written   int `json:"written"`
	Unchanged int `json:"unchanged"`
	Filtered  int `json:"filtered"`
	Duplicate int `json:"duplicate"`
	Failed    int `json:"failed"`
	Damaged   int `json:"damaged"`
}

func counted(c load.Count) count {
	return count{c.Found, c.Written, c.Unchanged, c.Filtered, c.Duplicate, c.Failed, c.Damaged}
}

func placeOf(kind string, it *formats.Item) place {
	p := place{Type: kind, Source: it.Source, SourceID: it.ID, Key: it.Key}
	if it.Folder != nil {
		p.Folder = it.Folder.Path
	}
	return p
}

func stamp(t time.Time) string {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// dateOf is when a mail was sent, else delivered, else changed; and when anything else was changed.
func dateOf(it *formats.Item) time.Time {
	order := []time.Time{it.Modified, it.Date}
	if it.Kind == formats.KindMail {
		order = []time.Time{it.Date, it.Received, it.Modified}
	}
	for _, t := range order {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func addressOf(a *formats.Address) *address {
	if a == nil {
		return nil
	}
	return &address{Name: a.Name, Stored: a.Stored, SMTP: a.SMTP, Via: a.Via}
}

func addressesOf(list []*formats.Address) []address {
	var out []address
	for _, a := range list {
		out = append(out, *addressOf(a))
	}
	return out
}

// contentOf describes an item. With digest it reads the bodies and the attachments, and notes what it cannot read as
// damage of the item.
func contentOf(it *formats.Item, digest bool) content {
	c := content{
		Kind:     it.Kind.String(),
		Class:    it.Class,
		Subject:  it.Subject,
		Date:     stamp(dateOf(it)),
		Received: stamp(it.Received),
		Flags:    it.Flags.Names(),
		Keywords: it.Keywords,
		Size:     it.Size,
	}
	r := reader{digest: digest, item: it}
	if it.Mail == nil {
		var parts []*formats.Part
		c.groupware, parts = groupwareOf(it)
		for _, p := range parts {
			p.Leaves(func(p *formats.Part) { c.Attachment = append(c.Attachment, r.part(p, 0)...) })
		}
		return c
	}
	m := r.message(it.Mail, 0)
	c.MessageID, c.From, c.Sender, c.To, c.Cc, c.Bcc = m.MessageID, m.From, m.Sender, m.To, m.Cc, m.Bcc
	c.Attachment, c.TextSHA256, c.HTMLSHA256 = m.Attachment, m.TextSHA256, m.HTMLSHA256
	return c
}

// appendObject appends the objects as one, with their fields in order.
func appendObject(b []byte, parts ...any) []byte {
	start := len(b)
	for _, part := range parts {
		b = append(b, ',')
		b = appendFields(b, part)
	}
	b[start] = '{'
	return append(b, '}')
}

// appendFields appends the fields of an object without its braces.
func appendFields(b []byte, object any) []byte {
	w := sliceWriter{b}
	encoder := json.NewEncoder(&w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		panic(err) // only types without a JSON form fail, and none of this package's is one
	}
	encoded := w.b[len(b) : len(w.b)-1]
	inner := encoded[1 : len(encoded)-1]
	if !needsEscape(inner) {
		n := copy(encoded, inner)
		return w.b[:len(b)+n]
	}
	return appendEscaped(b, append([]byte(nil), inner...))
}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}
