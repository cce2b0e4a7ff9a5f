package conformance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
	"unicode"
)

// mail is a mail in the form in which it is compared: as the truth has it, as list shows it, or as somebody else's
// parser read it from EML or mbox. What a way of reading cannot tell is left out of the comparison, see [view].
type mail struct {
	Place       string       `json:"place"`  // where the mail was read, for people
	Folder      []string     `json:"folder"` // of files: the components of the path
	Subject     string       `json:"subject"`
	MessageID   string       `json:"message_id"`
	Date        string       `json:"date"` // RFC 3339
	Received    string       `json:"received"`
	From        []address    `json:"from"`
	Sender      []address    `json:"sender"`
	To          []address    `json:"to"`
	Cc          []address    `json:"cc"`
	Bcc         []address    `json:"bcc"`
	Keywords    []string     `json:"keywords"`
	Importance  string       `json:"importance"`  // low, high or nothing
	Sensitivity string       `json:"sensitivity"` // lower case
	Text        string       `json:"text_sha256"`
	HTML        string       `json:"html_sha256"`
	Entity      string       `json:"entity_sha256"` // of a whole multipart/signed entity, its header included
	Attachments []attachment `json:"attachments"`
	Flags       map[string]bool
	FlagNames   []string `json:"flags"`
	Defects     []string `json:"defects"` // what the parser complained about
	SHA256      string   `json:"sha256"`  // of the whole message, normalised, without status fields
}

type address struct {
	Name   string `json:"name"`
	Stored string `json:"stored"`
	SMTP   string `json:"smtp"`
	Via    string `json:"via"`

	maybe string // in a truth: the address, where it cannot be known from what was given, but may come to light
}

type attachment struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
	Inline   bool   `json:"inline"`
	Embedded *mail  `json:"embedded"`
}

// view says what a way of reading mail can tell.
type view struct {
	stored   bool // participants as stored, and how they were resolved
	flags    bool
	received bool // the time of delivery
	fields   bool // importance and sensitivity
	madeText bool // there is a text even where none was stored
	entity   bool // signed content as a whole
	embedded bool // the content of embedded messages
}

// tally counts right and wrong by topic.
type tally struct {
	right, wrong map[string]int
	examples     map[string][]string
}

func newTally() *tally {
	return &tally{map[string]int{}, map[string]int{}, map[string][]string{}}
}

// check counts one comparison. Values are compared as they print.
func (c *tally) check(topic, who string, want, got any) {
	w, g := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)
	if w == g {
		c.right[topic]++
		return
	}
	c.wrong[topic]++
	if len(c.examples[topic]) < 5 {
		c.examples[topic] = append(c.examples[topic], fmt.Sprintf("%s: want %.300s, got %.300s", who, w, g))
	}
}

// report prints the table and fails the test where anything is wrong.
func (c *tally) report(t *testing.T) {
	t.Helper()
	topics := slices.Collect(maps.Keys(c.right))
	for k := range c.wrong {
		if c.right[k] == 0 {
			topics = append(topics, k)
		}
	}
	sort.Strings(topics)
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %7s %7s\n", "topic", "right", "wrong")
	bad := 0
	for _, k := range topics {
		fmt.Fprintf(&b, "%-24s %7d %7d\n", k, c.right[k], c.wrong[k])
		for _, e := range c.examples[k] {
			fmt.Fprintf(&b, "    %s\n", e)
		}
		bad += c.wrong[k]
	}
	t.Log(b.String())
	if bad > 0 {
		t.Errorf("%d comparisons are wrong", bad)
	}
	if len(topics) == 0 {
		t.Error("nothing was compared")
	}
}

// compare counts the topics of one mail, and of the mails embedded in it.
func (c *tally) compare(it *truthItem, want, got *mail, v view, who string) {
	c.check("subject", who, want.Subject, got.Subject)
	if want.MessageID != "" {
		c.check("message id", who, want.MessageID, got.MessageID)
	}
	if want.Date != "" {
		c.check("date sent", who, want.Date, seconds(got.Date))
	}
	if v.received && want.Received != "" {
		c.check("date received", who, want.Received, seconds(got.Received))
	}
	if !senderLeftOver(it, got) {
		c.addresses("from", who, want.From, got.From, v)
	}
	c.addresses("sender", who, want.Sender, got.Sender, v)
	c.addresses("to", who, want.To, got.To, v)
	c.addresses("cc", who, want.Cc, got.Cc, v)
	c.addresses("bcc", who, want.Bcc, got.Bcc, v)
	c.check("keywords", who, quoted(want.Keywords), quoted(got.Keywords))
	if v.fields {
		c.check("importance", who, want.Importance, strings.TrimPrefix(strings.ToLower(got.Importance), "normal"))
		c.check("sensitivity", who, want.Sensitivity, strings.ToLower(got.Sensitivity))
	}
	if v.flags {
		for _, f := range []string{"seen", "flagged", "draft"} {
			c.check("flag "+f, who, want.Flags[f], slices.Contains(got.FlagNames, f))
		}
	}
	if it.Kind == "smime" {
		// The signed entity is the mail's content; the stored text is a copy of what is in it.
		if v.entity {
			c.check("signed entity", who, want.Attachments[0].SHA256, got.Entity)
		} else {
			c.check("text", who, want.Text, got.Text)
		}
		return
	}
	switch {
	case want.Text != "":
		c.check("text", who, want.Text, got.Text)
	case !v.madeText:
		c.check("text", who, "", got.Text)
	}
	switch {
	case want.HTML != "" && it.HTML != "":
		c.check("html", who, want.HTML, got.HTML)
	case want.HTML != "":
		c.check("html inside rtf", who, want.HTML, got.HTML)
	case it.BodyKind == "plain":
		c.check("html where there is none", who, "", got.HTML)
	}
	c.attachments(it, want, got, v, who)
}

// senderLeftOver reports whether the sender is one that the truth does not know: the generator makes the mails "old DN"
// from the owner, puts another sender in their place and forgets the owner's SMTP address in PR_SENDER_SMTP_ADDRESS. Who
// reads the item alone has to believe it. Their first recipient is the owner.
func senderLeftOver(it *truthItem, got *mail) bool {
	return strings.HasPrefix(it.Subject, "old DN ") && len(got.From) == 1 && len(it.Recipients) > 0 &&
		strings.EqualFold(got.From[0].SMTP, it.Recipients[0].SMTP)
}

func (c *tally) addresses(role, who string, want, got []address, v view) {
	c.check(role+" count", who, len(want), len(got))
	if len(want) != len(got) {
		return
	}
	for i, w := range want {
		g := got[i]
		if w.SMTP == "" && w.maybe != "" && strings.EqualFold(w.maybe, g.SMTP) {
			w.SMTP, w.Via = g.SMTP, g.Via
		}
		if w.Via == "learnt" && strings.EqualFold(w.SMTP, g.SMTP) {
			g.SMTP = w.SMTP // the archive may spell it otherwise elsewhere
		}
		// A name that only repeats the address is no name.
		if strings.EqualFold(w.Name, w.SMTP) {
			w.Name = ""
		}
		if strings.EqualFold(g.Name, g.SMTP) {
			g.Name = ""
		}
		c.check(role+" name", who, w.Name, g.Name)
		if v.stored {
			c.check(role+" stored", who, w.Stored, g.Stored)
			if w.Via == "headers" && g.Via == "learnt" {
				g.Via = "headers" // another role of the same name told it first
			}
			c.check(role+" via", who, w.Via+" "+w.Stored, g.Via+" "+w.Stored)
			c.check(role+" address", who, w.SMTP, g.SMTP)
			continue
		}
		if w.SMTP == "" && placeholder.MatchString(g.SMTP) {
			g.SMTP = ""
		}
		c.check(role+" address", who, w.SMTP, g.SMTP)
	}
}

// placeholder is what stands in an address field for who cannot be resolved.
var placeholder = regexp.MustCompile(`^ex-[0-9a-f]{12}@unresolved\.invalid$`)

// attachments compares what is attached, in any order: parts that the HTML shows stand before the others in MIME.
func (c *tally) attachments(it *truthItem, want, got *mail, v view, who string) {
	var have []attachment
	for _, a := range got.Attachments {
		if !machinePart(it.Kind, a.Type) {
			have = append(have, a)
		}
	}
	c.check("attachment count", who, len(want.Attachments), len(have))
	if len(want.Attachments) != len(have) {
		return
	}
	wanted := slices.Clone(want.Attachments)
	slices.SortStableFunc(wanted, byContent)
	slices.SortStableFunc(have, byContent)
	for i, w := range wanted {
		g := have[i]
		c.check("attachment embedded", who, w.Embedded != nil, g.Embedded != nil)
		if w.Embedded != nil {
			continue
		}
		c.check("attachment bytes", who, w.SHA256, g.SHA256)
		c.check("attachment size", who, w.Size, g.Size)
		c.check("attachment inline", who, w.Inline, g.Inline)
		if w.Name != "" { // what has no name is given one
			c.check("attachment name", who, printable(w.Name), printable(g.Name))
		}
	}
	if !v.embedded {
		return
	}
	// Embedded messages keep their order.
	var inside []*mail
	for _, a := range got.Attachments {
		if a.Embedded != nil {
			inside = append(inside, a.Embedded)
		}
	}
	for i, j := 0, 0; i < len(it.Attachments) && j < len(inside); i++ {
		e := it.Attachments[i].Embedded
		if e == nil {
			continue
		}
		deeper := v
		deeper.flags, deeper.received = false, false
		if e.Kind == "mail" {
			c.compare(e, e.mail(), inside[j], deeper, who+" > embedded")
		} else {
			c.check("embedded "+e.Kind, who, e.Subject, inside[j].Subject)
		}
		j++
	}
}

// machinePart reports whether a part is what a report or a meeting tells programs: it is in no attachment table.
func machinePart(kind, mediaType string) bool {
	switch kind {
	case "ndr":
		return mediaType == "message/delivery-status" || mediaType == "text/rfc822-headers"
	case "meeting-request", "meeting-cancel", "meeting-response", "task-request":
		return mediaType == "text/calendar"
	}
	return false
}

func byContent(a, b attachment) int {
	if (a.Embedded != nil) != (b.Embedded != nil) {
		if a.Embedded != nil {
			return 1
		}
		return -1
	}
	return strings.Compare(a.SHA256+"\x00"+printable(a.Name), b.SHA256+"\x00"+printable(b.Name))
}

// printable drops what no header field may hold, and white space at the ends, which no field keeps; a tab is a blank.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		} else if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
}

// quoted makes lists that are nil or empty the same, and items that hold separators distinct.
func quoted(list []string) string { return fmt.Sprintf("%q", append([]string{}, list...)) }

// seconds cuts the fraction off a time and turns it to UTC.
func seconds(s string) string {
	when, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return s
	}
	return when.UTC().Truncate(time.Second).Format(time.RFC3339)
}
