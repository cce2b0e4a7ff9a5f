package vcard_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"testing"

	govcard "github.com/emersion/go-vcard"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/itemtest"
	"mailmill/formats/vcard"
)

// Whatever a contact or a list has, a program that is not ours reads it without complaint, and finds what the model says.
func TestJudges(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				it := rapid.OneOf(itemtest.Contact(), itemtest.Contact(), itemtest.Group()).Draw(t, "item")
				s := encode(t, vcard.Options{Version: v}, it)
				card := read(t, s)
				equal := func(name, want, got string) {
					t.Helper()
					if got != want {
						t.Fatalf("%s is %q, want %q\n%s", name, got, want, s)
					}
				}
				// go-vcard leaves semicolons escaped, as 3.0 has them.
				text := func(name string) string {
					if v == vcard.V3 {
						return strings.Join(split(value(s, name), 0), "")
					}
					return card.Value(name)
				}
				list := func(name string, want []string) {
					t.Helper()
					if got := split(value(s, name), ','); !slices.Equal(got, want) && len(want) > 0 {
						t.Fatalf("%s is %q, want %q\n%s", name, got, want, s)
					}
				}
				list("CATEGORIES", it.Keywords)
				if g := it.Group; g != nil {
					equal("UID", g.UID, card.Value("UID"))
					equal("FN", g.Name, text("FN"))
					equal("NOTE", contentOf(t, g.Note), text("NOTE"))
					judgeMembers(t, v, g, card)
					return
				}
				c := it.Contact
				equal("UID", c.UID, card.Value("UID"))
				if c.FullName != "" {
					equal("FN", c.FullName, text("FN"))
				}
				equal("TITLE", c.Title, text("TITLE"))
				equal("ROLE", c.Profession, text("ROLE"))
				equal("NOTE", contentOf(t, c.Note), text("NOTE"))
				if got := len(card["NICKNAME"]); got != len(c.Nicknames) {
					t.Fatalf("%d nicknames, want %d\n%s", got, len(c.Nicknames), s)
				}
				var mails, phones int
				for _, a := range c.Emails {
					if a.SMTP != "" && !slices.ContainsFunc(card["EMAIL"], func(f *govcard.Field) bool { return strings.EqualFold(f.Value, a.SMTP) }) {
						t.Fatalf("there is no %s\n%s", a.SMTP, s)
					}
					if a.SMTP != "" {
						mails++
					}
				}
				for _, p := range c.Phones {
					number := strings.TrimSpace(p.Number)
					if number != "" {
						phones++
					}
					if !slices.ContainsFunc(slices.Concat(card["TEL"], card["X-MS-TEL"]), func(f *govcard.Field) bool { return strings.ReplaceAll(f.Value, `\;`, ";") == number }) {
						t.Fatalf("there is no %s\n%s", p.Number, s)
					}
				}
				if got := len(card["TEL"]) + len(card["X-MS-TEL"]); got != phones || len(card["EMAIL"]) > mails {
					t.Fatalf("%d numbers, want %d; %d addresses, want %d\n%s", got, phones, len(card["EMAIL"]), mails, s)
				}
				if got := len(card["ADR"]) + len(card["LABEL"]); got != len(c.Addresses) {
					t.Fatalf("%d addresses, want %d\n%s", got, len(c.Addresses), s)
				}
				if c.Photo != nil {
					got := card.Value("PHOTO")
					data, err := base64.StdEncoding.DecodeString(got[strings.LastIndexByte(got, ',')+1:])
					if err != nil || string(data) != contentOf(t, c.Photo.Content) {
						t.Fatalf("PHOTO is %x, %v\n%s", data, err, s)
					}
				}
				if n := len(card["X-PST-ATTACHMENT"]); n != len(c.Attachments) {
					t.Fatalf("%d attachments, want %d\n%s", n, len(c.Attachments), s)
				}
			})
		})
	}
}

func judgeMembers(t *rapid.T, v vcard.Version, g *formats.Group, card govcard.Card) {
	name := "MEMBER"
	if v == vcard.V3 {
		name = "X-ADDRESSBOOKSERVER-MEMBER"
	}
	var want []string
	rest := 0
	for _, m := range g.Members {
		switch {
		case m.Card != "":
			want = append(want, m.Card)
		case m.Address.SMTP != "":
			want = append(want, "mailto:"+m.Address.SMTP)
		default:
			rest++
		}
	}
	var got []string
	for _, f := range card[name] {
		got = append(got, f.Value)
	}
	if !slices.Equal(got, want) || len(card["X-PST-MEMBER"]) != rest {
		t.Fatalf("members are %q and %d more, want %q and %d", got, len(card["X-PST-MEMBER"]), want, rest)
	}
}

// A file of many cards is read as many.
func TestJudgesOfFiles(t *testing.T) {
	for _, v := range versions {
		var b bytes.Buffer
		n := 0
		enc := vcard.NewEncoder(vcard.Options{Version: v})
		for _, it := range itemtest.Examples(20) {
			if it.Contact == nil && it.Group == nil {
				continue
			}
			if err := enc.Encode(&b, it); err != nil {
				t.Fatal(err)
			}
			n++
		}
		for dec := govcard.NewDecoder(&b); ; n-- {
			if _, err := dec.Decode(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if n != 0 {
			t.Errorf("%s: %d cards are missing", v, n)
		}
	}
}

func contentOf(t *rapid.T, c formats.Content) string {
	if c == nil {
		return ""
	}
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
