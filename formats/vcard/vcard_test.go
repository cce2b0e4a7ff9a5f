package vcard_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	govcard "github.com/emersion/go-vcard"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/vcard"
)

var update = flag.Bool("update", false, "write the golden files anew")

var modified = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

var versions = []vcard.Version{vcard.V4, vcard.V3}

// jane has everything that a contact can have.
func jane() *formats.Item {
	return &formats.Item{
		Entry: formats.Entry{Kind: formats.KindContact}, Modified: modified, Keywords: []string{"Friends, old", "Work"},
		Contact: &formats.Contact{
			UID: "urn:uuid:0b1c7a62-0000-5000-8000-000000000001", FullName: "Dr. Jane, Doe; x", FileAs: "Doe, Jane",
			Name:      formats.PersonName{Prefix: "Dr.", Given: "Jane", Middle: "Mary, Ann", Surname: "Doe;Smith", Suffix: "Jr."},
			Nicknames: []string{"JD", "J, D"}, Initials: "J.D.",
			PhoneticGiven: "ジェーン", PhoneticSurname: "ドウ", PhoneticCompany: "エーシーエムイー",
			Company: "Acme; Inc.", Department: "R, D", Office: "12", Title: "Head", Profession: "Chemist",
			Manager: "Big Boss", Assistant: "Helpful Hand", Spouse: "John Doe", Children: []string{"Ann", "Bob"}, ReferredBy: "Joe",
			Emails: []*formats.Address{
				{Name: "Jane Doe (work)", SMTP: "jane@example.org"},
				{SMTP: "JANE@example.org"},
				{SMTP: "jd@example.com"},
				{Name: "Jane Doe", Stored: "/o=Org/cn=jane", Placeholder: "ex-1@unresolved.invalid"},
				{},
				{Stored: "/o=Org/cn=old", Placeholder: "IMCEAEX-_o=Org_cn=old@example.org"},
			},
			Phones: []formats.Phone{
				{Number: "+1 555 1", Place: formats.PlaceWork, Preferred: true},
				{Number: "+1 555 2", Place: formats.PlaceHome},
				{Number: "+1 555 3", Kind: formats.PhoneMobile},
				{Number: "+1 555 4", Kind: formats.PhoneFax, Place: formats.PlaceWork},
				{Number: "+1 555 5", Kind: formats.PhonePager},
				{Number: "+1 555 6", Kind: formats.PhoneCar},
				{Number: "+1 555 7", Kind: formats.PhoneISDN},
				{Number: "+1 555 8", Kind: formats.PhoneText},
				{Number: "+1 555 9", Kind: formats.PhoneCompany},
				{Number: "+1 555 10", Kind: formats.PhoneTelex},
				{},
			},
			Addresses: []formats.PostalAddress{
				{Place: formats.PlaceWork, POBox: "PO 1", Street: "Main St 1\r\n2nd floor", City: "Springfield, North", State: "IL", Zip: "12345", Country: "USA", Label: "Main St 1, 2nd floor; behind the mill", Preferred: true},
				{Place: formats.PlaceHome, Label: "Side St 2\n\"Cottage\"\nSpringfield"},
				{City: "Elsewhere"},
				{},
			},
			IMs: []string{"sip:jane@example.org", "jane doe"}, Pages: []formats.Page{{URL: "http://example.org/ä?x=1;y,z", Place: formats.PlaceWork}, {URL: "www.example.com"}, {}},
			FreeBusy: "http://example.org/jane.ifb",
			Birthday: formats.PartialDate{Month: 2, Day: 29}, Anniversary: formats.PartialDate{Year: 2001, Month: 9, Day: 8},
			Gender: formats.GenderFemale, Hobbies: []string{"Chess", "Go, igo"}, Note: formats.Bytes("Line one\r\nLine; two, \\ three\r\n"),
			Photo:   &formats.Part{Type: "image/jpeg", Name: "ContactPicture.jpg", Content: formats.Bytes("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 100))},
			Keys:    []*formats.Part{{Content: formats.Bytes("certificate")}, {Type: "application/pgp-keys", Content: formats.Bytes("key")}, {Content: formats.Bytes("")}},
			Class:   formats.ClassPrivate,
			Created: modified.Add(-time.Hour), UserFields: []string{"one", "", "three"},
			Extra: []formats.Property{
				{Name: "X-PST-Account", Value: "4;5"},
				{Name: "VERSION", Value: "2.1"},
				{Name: "X-RAW", Value: "a;b", Structured: true, Params: []formats.Param{{Name: "P", Value: `"`}}},
			},
			Attachments: []*formats.Part{
				{Name: "cv.pdf", Type: "application/pdf", Content: formats.Bytes("pdf")},
				{Type: "message/rfc822", Message: &formats.Mail{MessageID: "<1@x>", Root: &formats.Part{Type: "text/plain", Content: formats.Bytes("Hi\n")}}},
			},
		},
	}
}

func list() *formats.Item {
	return &formats.Item{
		Entry: formats.Entry{Kind: formats.KindGroup}, Modified: modified, Identity: "urn:uuid:0b1c7a62-0000-5000-8000-000000000002", Keywords: []string{"Lists"},
		Group: &formats.Group{
			Name: "The team; all, of it", Note: formats.Bytes("Weekly"),
			Members: []formats.Member{
				{Address: &formats.Address{Name: "Jane Doe", SMTP: "jane@example.org"}, Card: "urn:uuid:0b1c7a62-0000-5000-8000-000000000001"},
				{Address: &formats.Address{Name: `Groß, "J"`, SMTP: "jg?x@example.org"}},
				{Address: &formats.Address{SMTP: "alone@example.org"}},
				{Address: &formats.Address{Name: "Old: Hand", Stored: "/o=Org/cn=old;hand", Placeholder: "ex-1@unresolved.invalid"}},
				{Address: &formats.Address{}},
				{},
			},
		},
	}
}

func encode(t interface{ Fatal(...any) }, opts vcard.Options, it *formats.Item) string {
	var b strings.Builder
	if err := vcard.NewEncoder(opts).Encode(&b, it); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// read has the card read by a program that is not ours.
func read(t interface {
	Helper()
	Fatalf(string, ...any)
}, s string,
) govcard.Card {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\r\n"), "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("line %q", line)
		}
	}
	dec := govcard.NewDecoder(strings.NewReader(s))
	card, err := dec.Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	if _, err := dec.Decode(); err != io.EOF {
		t.Fatalf("after the card: %v\n%s", err, s)
	}
	return card
}

func TestGolden(t *testing.T) {
	for _, v := range versions {
		for name, it := range map[string]*formats.Item{
			"contact": jane(), "list": list(),
			"bare":    {Key: "k", Contact: &formats.Contact{}},
			"company": {Key: "k", Contact: &formats.Contact{Company: "Acme", Birthday: formats.PartialDate{Year: 1980}}},
		} {
			got := encode(t, vcard.Options{Version: v}, it)
			read(t, got)
			file := filepath.Join("testdata", name+"-"+v.String()+".vcf")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
}

func TestDates(t *testing.T) {
	for _, tt := range []struct {
		d      formats.PartialDate
		v4, v3 string
	}{
		{formats.PartialDate{Year: 1980, Month: 2, Day: 29}, "BDAY:19800229", "BDAY:1980-02-29"},
		{formats.PartialDate{Month: 2, Day: 29}, "BDAY:--0229", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29"},
		{formats.PartialDate{Year: 1980}, "BDAY:1980", "X-PST-BDAY:1980"},
		{formats.PartialDate{Year: 1980, Month: 5}, "BDAY:1980-05", "X-PST-BDAY:1980-05"},
		{formats.PartialDate{Month: 5}, "BDAY:--05", ""},
		{formats.PartialDate{Day: 5}, "BDAY:---05", ""},
		{formats.PartialDate{Year: 1980, Month: 13, Day: 1}, "", ""},
		{formats.PartialDate{}, "", ""},
	} {
		it := &formats.Item{Contact: &formats.Contact{Birthday: tt.d}}
		for v, want := range map[vcard.Version]string{vcard.V4: tt.v4, vcard.V3: tt.v3} {
			got := ""
			for line := range strings.SplitSeq(encode(t, vcard.Options{Version: v}, it), "\r\n") {
				if strings.Contains(line, "BDAY") {
					got = line
				}
			}
			if got != want {
				t.Errorf("%+v in %s: %q, want %q", tt.d, v, got, want)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	got := encode(t, vcard.Options{PlainPhones: true, NoPhotos: true}, jane())
	if !strings.Contains(got, "X-MS-TEL;TYPE=COMPANY:+1 555 9\r\nTEL;TYPE=work,voice:+1 555 9\r\n") || strings.Contains(got, "PHOTO") {
		t.Error(got)
	}
}

func TestInvalid(t *testing.T) {
	var b bytes.Buffer
	err := vcard.NewEncoder(vcard.Options{}).Encode(&b, &formats.Item{Entry: formats.Entry{Kind: formats.KindTask}, Task: new(formats.Task)})
	if _, ok := errors.AsType[*vcard.InvalidError](err); !ok || b.Len() > 0 {
		t.Errorf("%v, %q", err, b.String())
	}
	full := errors.New("disk full")
	if err := vcard.NewEncoder(vcard.Options{}).Encode(writerFunc(func([]byte) (int, error) { return 0, full }), jane()); !errors.Is(err, full) {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

type broken struct{ before string }

func (b broken) Open() (io.ReadCloser, error) {
	checksum := errors.New("block 0x4 has a wrong checksum")
	if b.before == "" {
		return nil, checksum
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(b.before), iotest.ErrReader(checksum))), nil
}

// What cannot be read is said in the card, and the rest is whole.
func TestDamage(t *testing.T) {
	for _, v := range versions {
		var b strings.Builder
		err := vcard.NewEncoder(vcard.Options{Version: v}).Encode(&b, &formats.Item{Contact: &formats.Contact{
			FullName: "Jane", Note: broken{"half"}, Photo: &formats.Part{Content: broken{}}, Keys: []*formats.Part{{Content: broken{"half a certificate"}}, {Content: formats.Bytes("whole")}},
		}})
		missing, ok := errors.AsType[*vcard.ContentError](err)
		if !ok || len(missing.Damage) != 3 {
			t.Fatalf("%v", err)
		}
		card := read(t, b.String())
		var notes []string
		for _, f := range card["NOTE"] {
			notes = append(notes, f.Value)
		}
		want := []string{
			"half", "Not complete: note: block 0x4 has a wrong checksum", "Not complete: photo: block 0x4 has a wrong checksum",
			"Not complete: certificate: block 0x4 has a wrong checksum",
		}
		if !slices.Equal(notes, want) || len(card["KEY"]) != 2 || !strings.HasSuffix(card["KEY"][1].Value, base64.StdEncoding.EncodeToString([]byte("whole"))) {
			t.Errorf("%q\n%s", notes, b.String())
		}
	}
}

// normal returns what becomes of a text: one sort of line end, no control characters, UTF-8.
func normal(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && r < ' ' || r >= 0x7F && r < 0xA0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

var anyText = rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("ab,;:\\\"^'n\r\n\t äß€😀\x00\x1b\u2028")), 0, 200, -1))

// split undoes the escapes of a structured value, which go-vcard does before it looks for the parts.
func split(raw string, sep byte) []string {
	out, part := []string{}, []byte{}
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\' && i+1 < len(raw):
			i++
			if raw[i] == 'n' {
				part = append(part, '\n')
			} else {
				part = append(part, raw[i])
			}
		case c == sep:
			out, part = append(out, string(part)), part[:0]
		default:
			part = append(part, c)
		}
	}
	return append(out, string(part))
}

// value returns the raw value of a line.
func value(s, name string) string {
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n ", ""), "\r\n") {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return v
		}
	}
	return ""
}

// Whatever text goes into a contact, programs read it as it was.
func TestTextSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		note, name, street := anyText.Draw(t, "note"), anyText.Draw(t, "name"), anyText.Draw(t, "street")
		surname, keyword := anyText.Draw(t, "surname"), anyText.Draw(t, "keyword")
		photo := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "photo")
		it := &formats.Item{
			Keywords: []string{keyword, "last"},
			Contact: &formats.Contact{
				UID: "urn:uuid:1", FullName: "F" + name, Name: formats.PersonName{Surname: surname, Given: name}, Note: formats.Bytes(note),
				Addresses: []formats.PostalAddress{{Street: street, Country: "c"}}, Photo: &formats.Part{Content: formats.Bytes(photo)},
				Emails: []*formats.Address{{Name: name, SMTP: "a@example.org"}},
				Extra:  []formats.Property{{Name: "X-" + name, Value: note, Params: []formats.Param{{Name: name, Value: note}}}},
			},
		}
		for _, v := range versions {
			s := encode(t, vcard.Options{Version: v}, it)
			card := read(t, s)
			oneLine := func(s string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(normal(s)) }
			// go-vcard leaves semicolons escaped, as 3.0 has them.
			text := func(name string) string {
				if v == vcard.V3 {
					return strings.Join(split(value(s, name), 0), "")
				}
				return card.Value(name)
			}
			if got, want := text("FN"), strings.TrimSpace(oneLine("F"+name)); got != want {
				t.Fatalf("FN is %q, want %q\n%s", got, want, s)
			}
			if got := text("NOTE"); got != normal(note) {
				t.Fatalf("NOTE is %q, want %q\n%s", got, normal(note), s)
			}
			if got, want := split(value(s, "N"), ';'), []string{oneLine(surname), oneLine(name), "", "", ""}; surname+name != "" && !slices.Equal(got, want) {
				t.Fatalf("N is %q, want %q\n%s", got, want, s)
			}
			if got, want := split(value(s, "ADR"), ';'), []string{"", "", normal(street), "", "", "", "c"}; !slices.Equal(got, want) {
				t.Fatalf("ADR is %q, want %q\n%s", got, want, s)
			}
			want := []string{"last"}
			if k := strings.TrimSpace(oneLine(keyword)); k != "" {
				want = []string{k, "last"}
			}
			if got := split(value(s, "CATEGORIES"), ','); !slices.Equal(got, want) {
				t.Fatalf("CATEGORIES is %q, want %q\n%s", got, want, s)
			}
			got := card.Value("PHOTO")
			if i := strings.LastIndexByte(got, ','); i >= 0 {
				got = got[i+1:]
			}
			if data, err := base64.StdEncoding.DecodeString(got); err != nil || !bytes.Equal(data, photo) {
				t.Fatalf("PHOTO is %x, %v\n%s", data, err, s)
			}
		}
	})
}

// FuzzText looks for texts that end a line, a property or a card.
func FuzzText(f *testing.F) {
	for _, s := range []string{"a\r\nEND:VCARD", "\xe2\x80", "^n\"", "a\\", strings.Repeat("ä", 80), "\u0085x\u2028", "begin"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := &formats.Part{Name: s, Type: s, Content: formats.Bytes(s)}
		extra := []formats.Property{{Name: s, Value: s, Structured: true, Params: []formats.Param{{Name: s, Value: s}}}}
		for _, it := range []*formats.Item{
			{Keywords: []string{s}, Contact: &formats.Contact{
				UID: s, FullName: s, FileAs: s, Name: formats.PersonName{Surname: s}, Nicknames: []string{s}, PhoneticSurname: s, PhoneticGiven: s,
				Company: s, Department: s, Manager: s, Children: []string{s}, Emails: []*formats.Address{{Name: s, SMTP: s}, {Name: s, Stored: s}},
				Phones: []formats.Phone{{Number: s}, {Number: s, Kind: formats.PhoneTelex}}, Addresses: []formats.PostalAddress{{Street: s}, {Label: s}},
				IMs: []string{s}, Pages: []formats.Page{{URL: s}}, Hobbies: []string{s}, Note: formats.Bytes(s), Photo: p, Keys: []*formats.Part{p},
				UserFields: []string{s}, Extra: extra, Attachments: []*formats.Part{p},
			}},
			{Keywords: []string{s}, Group: &formats.Group{
				UID: s, Name: s, FileAs: s, Note: formats.Bytes(s), Extra: extra,
				Members: []formats.Member{{Card: s}, {Address: &formats.Address{Name: s, SMTP: s}}, {Address: &formats.Address{Name: s, Stored: s}}},
			}},
		} {
			for _, v := range versions {
				read(t, encode(t, vcard.Options{Version: v}, it))
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	it := jane()
	enc := vcard.NewEncoder(vcard.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if err := enc.Encode(io.Discard, it); err != nil {
			b.Fatal(err)
		}
	}
}
