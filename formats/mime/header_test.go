package mime_test

import (
	"bytes"
	stdmime "mime"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"
)

// header returns the header of a mail with one field, unfolded, without the fields of its root.
func header(t testing.TB, f formats.Field) string {
	t.Helper()
	b := encode(t, &formats.Mail{Header: []formats.Field{f}, Root: text("x\r\n")})
	checkStrict(t, b)
	head, _, ok := strings.Cut(string(b), "MIME-Version: 1.0\r\n")
	if !ok {
		t.Fatalf("no MIME-Version in %q", b)
	}
	return head
}

func unfold(s string) string { return strings.ReplaceAll(s, "\r\n", "") }

func TestTextFields(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "S:"},
		{"plain", "S: plain"},
		{"two  blanks", "S: two  blanks"},
		{"ends ", "S: =?utf-8?q?ends_?="},
		{" begins", "S: =?utf-8?q?_begins?="},
		{"injected\r\nBcc: x", "S: injected Bcc: x"},
		{"a\x00b\x1b[1m", "S: ab[1m"},
		{"tab\there", "S: =?utf-8?q?tab=09here?="},
		{"=?utf-8?q?x?=", "S: =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?="},
		{"RE: Größe der Tür", "S: RE: =?utf-8?q?Gr=C3=B6=C3=9Fe_der_T=C3=BCr?="},
		{"\xff", "S: =?utf-8?b?77+9?="},
		{"日本語", "S: =?utf-8?b?5pel5pys6Kqe?="},
	} {
		if got := strings.TrimSuffix(header(t, formats.Field{Name: "S", Text: tt.text}), "\r\n"); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestTextRoundTrip checks that any text reads back the same, in lines that are not too long.
func TestTextRoundTrip(t *testing.T) {
	word := rapid.OneOf(rapid.SampledFrom([]string{"", "", "a", "ü", "longer", "=?x", "日本語日本語", strings.Repeat("x", 80), strings.Repeat("日", 80)}), rapid.String())
	rapid.Check(t, func(r *rapid.T) {
		s := strings.Join(rapid.SliceOfN(word, 0, 30).Draw(r, "words"), " ")
		got := header(t, formats.Field{Name: "Subject", Text: s})
		for _, line := range strings.Split(got, "\r\n") {
			if len(line) > 76 && strings.Contains(line, "?=") {
				r.Fatalf("a line of %d with encoded words: %q", len(line), line)
			}
			if line != "" && strings.TrimSpace(line) == "" {
				r.Fatalf("a line of blanks in %q", got)
			}
		}
		for _, w := range strings.Fields(got) {
			if strings.HasPrefix(w, "=?") {
				if len(w) > 75 {
					r.Fatalf("an encoded word of %d: %q", len(w), w)
				}
				if d, err := new(stdmime.WordDecoder).Decode(w); err != nil || !utf8.ValidString(d) {
					r.Fatalf("%q: %q, %v", w, d, err)
				}
			}
		}
		value := strings.TrimPrefix(unfold(got), "Subject:")
		value = strings.TrimPrefix(value, " ")
		want := visibleText(s)
		if d, err := new(stdmime.WordDecoder).DecodeHeader(value); err != nil || d != want {
			r.Fatalf("WordDecoder: got %q, want %q (%v), written %q", d, want, err, got)
		}
		if d := mime.DecodeWords(value); d != want {
			r.Fatalf("DecodeWords: got %q, want %q, written %q", d, want, got)
		}
	})
}

// visibleText is visible with tabs, which text keeps.
func visibleText(s string) string {
	parts := strings.Split(s, "\t")
	for i := range parts {
		parts[i] = visible(parts[i])
	}
	return strings.Join(parts, "\t")
}

// value returns the value of the only field in a header.
func value(header string) string {
	_, v, _ := strings.Cut(unfold(header), ":")
	return strings.TrimPrefix(v, " ")
}

func TestStructuredFields(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"<a@b> <c@d>", "R: <a@b> <c@d>\r\n"},
		{"", ""},
		{"x\r\nEvil: y", "R: x Evil: y\r\n"},
		{"<http://x/ü>", "R: <http://x/%C3%BC>\r\n"},
	} {
		if got := header(t, formats.Field{Name: "R", Text: tt.text, Structured: true}); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
	long := header(t, formats.Field{Name: "R", Text: "<" + strings.Repeat("x", 5000) + ">", Structured: true})
	if got := strings.ReplaceAll(unfold(long), " ", ""); len(got) != 5004 {
		t.Errorf("%d octets of a word of 5002", len(got))
	}
}

func TestRawFields(t *testing.T) {
	same := &formats.Address{Stored: "a@b", SMTP: "a@b"}
	other := &formats.Address{Name: "A", Stored: "/o=x", SMTP: "a@b"}
	for _, tt := range []struct {
		name  string
		field formats.Field
		want  string
	}{
		{"kept", formats.Field{Name: "To", Raw: []byte("to:  <a@b>\r\n (x)"), Addresses: []*formats.Address{same}}, "to:  <a@b>\r\n (x)\r\n"},
		{"changed", formats.Field{Name: "To", Raw: []byte("To: </o=x>"), Addresses: []*formats.Address{other}}, "To: A <a@b>\r\n"},
		{"injection", formats.Field{Name: "X", Raw: []byte("X: a\r\nEvil: b\r\n\r\nbody")}, "X: a Evil: b  body\r\n"},
		{"8-bit", formats.Field{Name: "X", Raw: []byte("X: ü")}, "X: =?utf-8?q?=C3=BC?=\r\n"},
		{"line of blanks", formats.Field{Name: "X", Raw: []byte("X: a\r\n \r\n b")}, "X: a  b\r\n"},
		{"name", formats.Field{Name: "X y:\r\nEvil", Text: "z"}, "XyEvil: z\r\n"},
		{"boundary", formats.Field{Name: "--=_1", Text: "z"}, "=_1: z\r\n"},
		{"no name", formats.Field{Name: "\r\n", Text: "z"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := header(t, tt.field); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestCase10Names checks that no display name harms the header or gets lost.
func TestCase10Names(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"Bob\r\nBcc: evil@example.org", `"Bob Bcc: evil@example.org" <a@example.org>`},
		{"<evil@example.org>", `"<evil@example.org>" <a@example.org>`},
		{`Say "hi" \o/`, `"Say \"hi\" \\o/" <a@example.org>`},
		{"a, b; c: d", `"a, b; c: d" <a@example.org>`},
		{"\u202eevil", "=?utf-8?q?=E2=80=AEevil?= <a@example.org>"},
		{"😀", "=?utf-8?q?=F0=9F=98=80?= <a@example.org>"},
		{"=?utf-8?q?x?=", "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?= <a@example.org>"},
		{"\x00\x07", "a@example.org"},
		{"J. R. Doe", `"J. R. Doe" <a@example.org>`},
		{"double  blank", `"double  blank" <a@example.org>`},
	} {
		got := unfold(header(t, formats.Field{Name: "To", Addresses: []*formats.Address{{Name: tt.name, SMTP: "a@example.org"}}}))
		if got != "To: "+tt.want {
			t.Errorf("%q: got %q, want %q", tt.name, got, tt.want)
		}
	}
	long := strings.Repeat("Sehr lange ", 30)
	list, err := mail.ParseAddressList(value(header(t, formats.Field{Name: "To", Addresses: []*formats.Address{{Name: long, SMTP: "a@example.org"}}})))
	if err != nil || list[0].Name != strings.TrimSpace(long) {
		t.Errorf("a name of %d octets: %v, %v", len(long), list, err)
	}
}

func TestAddressFields(t *testing.T) {
	for _, tt := range []struct {
		name string
		list []*formats.Address
		want string
	}{
		{"placeholder", []*formats.Address{{Name: "A", Stored: "/o=x", Placeholder: "a@x.invalid"}}, "A <a@x.invalid>"},
		{"IDN", []*formats.Address{{SMTP: "a@Bücher.example"}}, "a@xn--bcher-kva.example"},
		{"local part not ASCII", []*formats.Address{{Name: "J", SMTP: "jürgen@example.org"}}, "=?utf-8?q?J_=3Cj=C3=BCrgen=40example=2Eorg=3E?=:;"},
		{"local part quoted", []*formats.Address{{SMTP: "a b@example.org"}, {SMTP: `"c d"@example.org`}, {SMTP: "a..b@example.org"}}, `"a b"@example.org, "c d"@example.org, "a..b"@example.org`},
		{"no domain", []*formats.Address{{SMTP: "postmaster"}}, "postmaster:;"},
		{"injection", []*formats.Address{{SMTP: "a@b>\r\nBcc: c@d"}}, `"a@b> Bcc: c@d":;`},
		{"name only", []*formats.Address{{Name: "Doe, J"}, {SMTP: "a@b"}}, `"Doe, J":;, a@b`},
		{"groups", []*formats.Address{{Name: "A", SMTP: "a@b", Group: "G"}, {Name: "N", Group: "G"}, {SMTP: "c@d", Group: "G"}, {Group: "undisclosed recipients"}, {SMTP: "e@f"}}, "G: A <a@b>, c@d;, N:;, undisclosed recipients:;, e@f"},
		{"domain literal", []*formats.Address{{SMTP: "a@[192.0.2.1]"}}, "a@[192.0.2.1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := unfold(header(t, formats.Field{Name: "To", Addresses: tt.list})); got != "To: "+tt.want {
				t.Errorf("got %q, want %q", got, "To: "+tt.want)
			}
		})
	}
	if got := header(t, formats.Field{Name: "To"}); got != "" {
		t.Errorf("a list without addresses gives %q", got)
	}
}

// TestAddressRoundTrip checks that every recipient is there, however many and whatever their names, for our parser and
// for the standard library's.
func TestAddressRoundTrip(t *testing.T) {
	name := rapid.Map(anyName, func(s string) string { return strings.TrimSpace(visible(s)) })
	spec := rapid.SampledFrom([]string{"a@example.org", "b.c@x.example", strings.Repeat("l", 200) + "@example.org", `"q r"@example.org`, "+x=y@example.org"})
	one := rapid.Custom(func(t *rapid.T) *formats.Address {
		return &formats.Address{Name: name.Draw(t, "name"), SMTP: spec.Draw(t, "spec")}
	})
	rapid.Check(t, func(r *rapid.T) {
		list := rapid.SliceOfN(one, 1, 40).Draw(r, "list")
		written := header(t, formats.Field{Name: "To", Addresses: list})
		value := value(written)
		std, err := mail.ParseAddressList(value)
		if err != nil {
			r.Fatalf("%v in %q", err, written)
		}
		ours := mime.ParseAddressList(value)
		if len(std) != len(list) || len(ours) != len(list) {
			r.Fatalf("%d recipients, ours %d, standard library %d: %q", len(list), len(ours), len(std), written)
		}
		for i, a := range list {
			if std[i].Name != a.Name || strings.ReplaceAll(std[i].Address, `"`, "") != strings.ReplaceAll(a.SMTP, `"`, "") {
				r.Fatalf("standard library: %q for %+v in %q", std[i], *a, written)
			}
			if ours[i].Name != a.Name || ours[i].Stored != a.SMTP {
				r.Fatalf("ours: %+v for %+v in %q", *ours[i], *a, written)
			}
		}
	})
}

func TestManyRecipients(t *testing.T) {
	list := make([]*formats.Address, 3000)
	for i := range list {
		list[i] = addr("Recipient", "r@example.org")
	}
	if got := mime.ParseAddressList(header(t, formats.Field{Name: "Bcc", Addresses: list})[4:]); len(got) != len(list) {
		t.Errorf("%d of %d recipients", len(got), len(list))
	}
}

func TestParseAddressList(t *testing.T) {
	type a = formats.Address
	for _, tt := range []struct {
		value string
		want  []a
	}{
		{"", nil},
		{" , ;; ,", nil},
		{"a@b", []a{{Stored: "a@b"}}},
		{"Alice <a@b>", []a{{Name: "Alice", Stored: "a@b"}}},
		{`"Doe, John" <j@x>, "O\"K" <o@k>`, []a{{Name: "Doe, John", Stored: "j@x"}, {Name: `O"K`, Stored: "o@k"}}},
		{"a@b (Alice (the first))", []a{{Name: "Alice (the first)", Stored: "a@b"}}},
		{"Alice (HR) <a@b>", []a{{Name: "Alice", Stored: "a@b"}}},
		{"Team: a@b, C <c@d>; e@f", []a{{Stored: "a@b", Group: "Team"}, {Name: "C", Stored: "c@d", Group: "Team"}, {Stored: "e@f"}}},
		{"undisclosed-recipients:;", []a{{Group: "undisclosed-recipients"}}},
		{"Undisclosed recipients:", []a{{Group: "Undisclosed recipients"}}},
		{"<@relay,@other:a@b>", []a{{Stored: "a@b"}}},
		{"=?utf-8?q?J=C3=BCrgen?= =?utf-8?q?_Gro=C3=9F?= <j@x>", []a{{Name: "Jürgen Groß", Stored: "j@x"}}},
		{`"=?utf-8?q?J=C3=BCrgen?=" <j@x>`, []a{{Name: "Jürgen", Stored: "j@x"}}},
		{`Bob <"/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=bob">`, []a{{Name: "Bob", Stored: "/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=bob"}}},
		{"Bob </O=ORG/OU=FIRST SITE (X)/CN=BOB>, c@d", []a{{Name: "Bob", Stored: "/O=ORG/OU=FIRST SITE (X)/CN=BOB"}, {Stored: "c@d"}}},
		{"/o=Org/ou=A Group (X)/cn=bob; c@d", []a{{Stored: "/o=Org/ou=A Group (X)/cn=bob"}, {Stored: "c@d"}}},
		{"X <IMCEAEX-_O=ORG_OU=A+20\r\n B+28C+29_CN=X@org.example>", []a{{Name: "X", Stored: "IMCEAEX-_O=ORG_OU=A+20B+28C+29_CN=X@org.example"}}},
		{"X <IMCEAEX-" + strings.Repeat("_CN=X+20", 40) + "@x>", []a{{Name: "X", Stored: "IMCEAEX-" + strings.Repeat("_CN=X+20", 40) + "@x"}}},
		{"A <a@b> C <c@d> e@f", []a{{Name: "A", Stored: "a@b"}, {Name: "C", Stored: "c@d"}, {Stored: "e@f"}}},
		{"a@b c@d", []a{{Stored: "a@b"}, {Stored: "c@d"}}},
		{"A <a@b>; C <c@d>;", []a{{Name: "A", Stored: "a@b"}, {Name: "C", Stored: "c@d"}}},
		{"Doe, John <j@x>, b@c", []a{{Name: "Doe, John", Stored: "j@x"}, {Stored: "b@c"}}},
		{`"Foo <a@b>, "Bar" <c@d>`, []a{{Name: "Foo", Stored: "a@b"}, {Name: "Bar", Stored: "c@d"}}},
		{`"Foo <a@b>`, []a{{Name: "Foo", Stored: "a@b"}}},
		{`"john doe"@x.org`, []a{{Stored: `"john doe"@x.org`}}},
		{"john @ x.org", []a{{Stored: "john@x.org"}}},
		{"<<a@b>>", []a{{Stored: "a@b"}}},
		{"A <a@b, c@d", []a{{Name: "A", Stored: "a@b"}, {Stored: "c@d"}}},
		{"'a@b' <a@b>", []a{{Name: "'a@b'", Stored: "a@b"}}},
		{"mailto:a@b", []a{{Stored: "mailto:a@b"}}},
		{"John Doe", []a{{Name: "John Doe"}}},
		{"MAILER-DAEMON", []a{{Name: "MAILER-DAEMON"}}},
		{"John Doe a@b", []a{{Name: "John Doe", Stored: "a@b"}}},
		{"(", []a{{Name: "("}}},
		{"<>", nil},
		{"A <>", []a{{Name: "A"}}},
		{"john.\r\n doe@x (J)", []a{{Name: "john.", Stored: "doe@x"}}},
		{"J. R. \"Bob\" Dobbs <b@x>", []a{{Name: "J. R. Bob Dobbs", Stored: "b@x"}}},
		{`<Doe>,"John" </O=ORG/CN=JDOE>,<Smith>,"Al F." </O=ORG/CN=AS>`, []a{{Name: "Doe, John", Stored: "/O=ORG/CN=JDOE"}, {Name: "Smith, Al F.", Stored: "/O=ORG/CN=AS"}}},
		{`<root>, "John" <j@x>`, []a{{Stored: "root"}, {Name: "John", Stored: "j@x"}}},
		{"A: B <b@x>", []a{{Name: "B", Stored: "b@x", Group: "A"}}},
	} {
		var got []a
		for _, p := range mime.ParseAddressList(tt.value) {
			got = append(got, *p)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", tt.value, diff)
		}
	}
}

func TestDecodeWords(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain", "plain"},
		{"=?utf-8?q?a_=C3=BC?=", "a ü"},
		{"=?UTF-8?B?w7w?=", "ü"},
		{"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"},
		{"=?utf-8?b?w7w=?=\r\n =?utf-8?b?w7w=?= x =?utf-8?q?y?=", "üü x y"},
		{"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
		{"=?koi8-r?q?=D4?=", "т"},
		{"=?windows-1252*de?q?=FC?=", "ü"},
		{"=?utf-8?q?with blank?=", "with blank"},
		{"=?utf-8?q?Why??=", "Why?"},
		{"=?nonsense?q?x?=", "=?nonsense?q?x?="},
		{"=?utf-8?x?x?=", "=?utf-8?x?x?="},
		{"=?utf-8?b?%%?=", "=?utf-8?b?%%?="},
		{"=?utf-8?q?open", "=?utf-8?q?open"},
		{"=? =?utf-8?q?x?=", "=? x"},
		{"a=?utf-8?q?x?=b", "axb"},
		{"=?utf-8?q?=ZZ=4?=", "=ZZ=4"},
		{"=?", "=?"},
	} {
		if got := mime.DecodeWords(tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParseParams(t *testing.T) {
	type p = []formats.Param
	for _, tt := range []struct {
		in, value string
		params    p
	}{
		{"Text/Plain; charset=\"utf-8\"; Format=flowed", "text/plain", p{{Name: "charset", Value: "utf-8"}, {Name: "format", Value: "flowed"}}},
		{"attachment; filename*=UTF-8''a%20%C3%BC.txt; filename=\"a.txt\"", "attachment", p{{Name: "filename", Value: "a ü.txt"}}},
		{"attachment; filename*1*=%BC; filename*0*=utf-8''%C3; filename*2=\"; x\"", "attachment", p{{Name: "filename", Value: "ü; x"}}},
		{"attachment; filename*0=\"a%20\"; filename*1=b", "attachment", p{{Name: "filename", Value: "a%20b"}}},
		{`attachment; filename="=?utf-8?q?=C3=BC?="`, "attachment", p{{Name: "filename", Value: "ü"}}},
		{`attachment; filename="C:\Temp\"x\".txt`, "attachment", p{{Name: "filename", Value: `C:\Temp"x".txt`}}},
		{"x/y;;; = ; a; b=", "x/y", p{{Name: "b", Value: ""}}},
		{"", "", nil},
	} {
		value, params := mime.ParseParams(tt.in)
		if value != tt.value {
			t.Errorf("%q: %q, want %q", tt.in, value, tt.value)
		}
		if diff := cmp.Diff(tt.params, params); diff != "" {
			t.Errorf("%q:\n%s", tt.in, diff)
		}
	}
}

// TestCase18TransportHeaders checks what is made of the headers that Outlook keeps.
func TestCase18TransportHeaders(t *testing.T) {
	in := "Microsoft Mail Internet Headers Version 2.0\r\n" +
		"Received: from a\n\tby b\n" +
		"not a field\n" +
		"Subject: gr\xfc\xdfe =?utf-8?q?x?=\r" +
		"From: J\xfcrgen Gro\xdf <j@example.org>\n" +
		"X-UTF8: ü\n" +
		"X-Control: a\x00b\x07\n" +
		"X-Long: " + strings.Repeat("x", 2000) + "\n" +
		"To: " + strings.Repeat("someone@example.org,", 200) + "\n" +
		" \n" +
		"X-Fold: a\n \n b\n" +
		"Received: second\n" +
		"\n" +
		"Content-Type: text/plain\n"
	fields := mime.AppendTransport(nil, []byte(in), 1252)
	var got []string
	for i := range fields {
		f := &fields[i]
		if !bytes.HasPrefix(f.Raw, []byte(f.Name+":")) {
			t.Errorf("%s is %q", f.Name, f.Raw)
		}
		if want := string(f.Raw) + "\r\n"; header(t, *f) != want {
			t.Errorf("%q is not written as it is", want)
		}
		if f.Name != "X-Long" && f.Name != "To" {
			got = append(got, string(f.Raw))
		}
		if f.Name == "To" {
			if n := len(mime.ParseAddressList(mime.Value(f))); n != 200 {
				t.Errorf("%d of 200 recipients in %s", n, f.Raw)
			}
		}
		if f.Name == "X-Long" && strings.Count(mime.DecodeWords(mime.Value(f)), "x") != 2000 {
			t.Errorf("the long field is %q", f.Raw)
		}
	}
	want := []string{"Received: from a\r\n\tby b", "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= x", "From: =?utf-8?q?J=C3=BCrgen_Gro=C3=9F?= <j@example.org>", "X-UTF8: =?utf-8?q?=C3=BC?=", "X-Control: ab", "X-Fold: a\r\n b", "Received: second"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzAppendTransport(f *testing.F) {
	f.Add([]byte("Microsoft Mail Internet Headers Version 2.0\nSubject: \xfc\n x\n\nbody"), 1252)
	f.Add([]byte("To: a@b\r\rX:\r\n\ty"), 65001)
	f.Add([]byte("From: \xfc <a@b>, \"x\" <c@d>\nX : y"), 932)
	f.Fuzz(func(t *testing.T, b []byte, cp int) {
		for _, field := range mime.AppendTransport(nil, b, cp) {
			if got := header(t, field); got != string(field.Raw)+"\r\n" {
				switch strings.ToLower(field.Name) {
				case "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id":
				default:
					t.Fatalf("%q is written as %q", field.Raw, got)
				}
			}
		}
	})
}

func FuzzParseAddressList(f *testing.F) {
	for _, s := range []string{`"Doe, J" <a@b>; G: c@d (x);`, "</o=x/cn=(y)>", `"a <b@c>, "d" <e@f>`, "=?utf-8?q?x?= <@a:b@c>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := mime.ParseAddressList(s)
		if len(list) > len(s) {
			t.Fatalf("%d addresses in %d bytes", len(list), len(s))
		}
		for _, a := range list {
			if a.Name == "" && a.Stored == "" && a.Group == "" {
				t.Log("an empty group name")
			}
			a.SMTP = a.Stored
		}
		if len(list) > 0 {
			header(t, formats.Field{Name: "To", Addresses: list})
		}
	})
}

func FuzzDecodeWords(f *testing.F) {
	for _, s := range []string{"=?utf-8?q?x?= =?utf-8?b?w7w=?=", "=?iso-2022-jp?b?GyRC?=", "=?a*b?q?=4?="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		mime.DecodeWords(s)
		mime.ParseParams(s)
	})
}

// TestHostileLengths checks that no long input takes longer than a moment.
func TestHostileLengths(t *testing.T) {
	for _, unit := range []string{"(", "<", "<,", "\"", "\\\"", "a:", "a@(", "=?", "=?utf-8?q?x", "=?utf-8?q?x?=", "<\"", "@ ", ",", ";a", "\r", " ", "\"<@\"x", "a=b;", "a*0=b;", "/o=", ">", "=?utf-8?b?"} {
		s := strings.Repeat(unit, 1<<18/len(unit))
		start := corpustest.CPU()
		mime.ParseAddressList(s)
		mime.DecodeWords(s)
		mime.ParseParams(s)
		mime.AppendTransport(nil, []byte("To: "+s+"\r\nX: "+s+"\xff"), 1252)
		header(t, formats.Field{Name: "X", Text: s})
		if d := corpustest.CPU() - start; d > 5*time.Second {
			t.Errorf("%q: %v", unit, d)
		} else if d > time.Second {
			t.Logf("%q: %v", unit, d)
		}
	}
}
