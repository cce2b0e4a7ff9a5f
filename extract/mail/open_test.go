package mail_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/formats"
)

func open(t testing.TB, data string) *mail.Archive {
	t.Helper()
	a, err := mail.Open("folder/1.eml", strings.NewReader(data), int64(len(data)), time.Unix(1, 0), extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// only returns the item of a file, with its entry.
func only(t testing.TB, a *mail.Archive) (formats.Entry, *formats.Item) {
	t.Helper()
	var list []formats.Entry
	for e, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	if len(list) != 1 || len(a.Folders()) != 1 || list[0].Folder != a.Folders()[0] {
		t.Fatalf("entries: %v", list)
	}
	it, err := a.Read(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	return list[0], it
}

const letter = "From: a@example.org\nSubject: Hello\nDate: Sat, 21 Nov 2026 21:14:05 +0000\nMessage-ID: <1@x>\n\nText\n"

func TestOpen(t *testing.T) {
	a := open(t, letter)
	e, it := only(t, a)
	if e.ID != "1.eml" || e.Subject != "Hello" || e.Date.Format(time.DateTime) != "2026-11-21 21:14:05" || e.Size != int64(len(letter)) || e.Kind != formats.KindMail {
		t.Errorf("the entry is %+v", e)
	}
	if got := written(t, it.Mail); got != canonical(letter) || it.Source != "folder/1.eml" {
		t.Errorf("it is written as %q, from %s", got, it.Source)
	}
	for e, err := range a.Places(t.Context()) {
		var lesson formats.Lesson
		if err != nil || a.Learn(t.Context(), e, &lesson) != nil || len(lesson.Evidence) != 1 || lesson.Evidence[0].SMTP != "a@example.org" {
			t.Errorf("learnt %+v: %v", lesson, err)
		}
	}
	_, err := mail.Open("x", strings.NewReader(""), 0, time.Time{}, extract.Options{})
	var source *extract.SourceError
	if !errors.As(err, &source) || !errors.Is(err, extract.ErrEmpty) {
		t.Errorf("an empty file: %v", err)
	}
}

const plist = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>date-received</key>
	<integer>1577934245</integer>
	<key>nested</key>
	<dict><key>flags</key><integer>1</integer></dict>
	<key>flags</key>
	<integer>8590195733</integer>
</dict>
</plist>
`

func TestAppleMail(t *testing.T) {
	apple := func(length int, rest string) string { return fmt.Sprintf("%-10d\n%s%s", length, letter, rest) }
	for _, test := range []struct {
		name, in, message string
		state             bool
		damage            string
	}{
		{"whole", apple(len(letter), plist), letter, true, ""},
		{"blank after the message", apple(len(letter), "\n"+plist), letter, true, ""},
		{"no list", apple(len(letter), ""), letter, false, ""},
		{"wrong length", apple(len(letter)-5, plist), letter, true, ""},
		{"length of another", apple(1_000_000, plist), letter, true, ""},
		{"cut short", apple(len(letter)+100, ""), letter, false, "message body: the file is cut short: the message has 97 bytes of 197"},
		{"something else after it", apple(len(letter), "more\n"), letter + "more\n", false, ""},
		{"negative", "-5\n" + letter, "-5\n" + letter, false, ""},
		{"a broken list", apple(len(letter), plist[:len(plist)-60]), letter, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, it := only(t, open(t, test.in))
			if got := written(t, it.Mail); got != canonical(test.message) {
				t.Errorf("the message is %q", got)
			}
			if e.Size != int64(len(test.message)) {
				t.Errorf("the size is %d", e.Size)
			}
			flags, received := formats.Flags(0), time.Time{}
			if test.state {
				flags, received = formats.FlagSeen|formats.FlagAnswered|formats.FlagFlagged, time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
				if test.name == "a broken list" {
					flags = 0
				}
			}
			if it.Flags != flags || !it.Received.Equal(received) {
				t.Errorf("flags %q, received %v", it.Flags.Names(), it.Received)
			}
			damage := ""
			for _, d := range it.Damage {
				damage += d.String()
			}
			if damage != test.damage {
				t.Errorf("damage: %s", damage)
			}
		})
	}
}

// Apple Mail takes files out of messages. What is not there is said, and the rest is there.
func TestPartialAppleMail(t *testing.T) {
	message := "Message-ID: <1@x>\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nText\n--b\nContent-Type: application/pdf; name=\"a.pdf\"\nX-Apple-Content-Length: 12345\n\n\n--b\n" +
		"Content-Type: application/pdf; name=\"b.pdf\"\nX-Apple-Content-Length: 3\n\nPDF\n--b--\n"
	_, it := only(t, open(t, fmt.Sprintf("%d\n%s%s", len(message), message, plist)))
	if len(it.Damage) != 1 || !strings.Contains(it.Damage[0].String(), `attachment "a.pdf": its content is not in the file`) || !strings.Contains(it.Damage[0].String(), "12345 bytes") {
		t.Errorf("damage: %v", it.Damage)
	}
	if got := written(t, it.Mail); got != canonical(message) {
		t.Errorf("wrote %q", got)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(letter)
	f.Add(fmt.Sprintf("%d\n%s%s", len(letter), letter, plist))
	f.Add("3\nabc<plist><dict><key>flags</key><integer>")
	f.Fuzz(func(t *testing.T, in string) {
		a, err := mail.Open("x", strings.NewReader(in), int64(len(in)), time.Time{}, extract.Options{})
		if err != nil {
			return
		}
		_, it := only(t, a)
		if got := written(t, it.Mail); !strings.Contains(canonical(in), got) {
			t.Errorf("%q became %q", in, got)
		}
	})
}
