package ldif_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"mailmill/formats/ldif"
)

// read renders a file entry by entry, to be compared with what is written by hand.
func read(t testing.TB, text string, keep func(string) bool) (string, error) {
	t.Helper()
	r := ldif.NewReader(strings.NewReader(text))
	r.Keep = keep
	var out strings.Builder
	for {
		e, err := r.Next()
		if err == io.EOF {
			return out.String(), nil
		}
		if err != nil {
			return out.String(), err
		}
		fmt.Fprintf(&out, "%d %q %s\n", e.Line, e.DN, e.Change)
		for _, a := range e.Attributes {
			fmt.Fprintf(&out, "  %d %s", a.Line, a.Name)
			if a.Options != "" {
				fmt.Fprintf(&out, ";%s", a.Options)
			}
			fmt.Fprintf(&out, "=%q\n", a.Value)
		}
	}
}

func TestNext(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{
			"as RFC 2849's first example",
			"version: 1\ndn: cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com\nobjectclass: top\ncn: Barbara Jensen\ncn: Barbara J Jensen\ndescription: A big sailing fan.\n\ndn: cn=Bjorn Jensen, dc=airius, dc=com\nsn: Jensen\n",
			"2 \"cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com\" \n  3 objectclass=\"top\"\n  4 cn=\"Barbara Jensen\"\n  5 cn=\"Barbara J Jensen\"\n  6 description=\"A big sailing fan.\"\n8 \"cn=Bjorn Jensen, dc=airius, dc=com\" \n  9 sn=\"Jensen\"\n",
		},
		{
			"folded, base64, CRLF, no line end at the end",
			"dn:: Y249TcO8bGxlcixkYz\r\n 1leGFtcGxl\r\nlegacyExchangeDN: /o=Org/ou=Exchange Administrative Group (FYDIBOHF23SP\r\n DLT)/cn=Recipients/cn=x\r\ncn;lang-DE:: TcO8bGxlcg==\r\nempty:\r\nlast:  two blanks",
			"1 \"cn=Müller,dc=example\" \n  3 legacyexchangedn=\"/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=x\"\n  5 cn;lang-de=\"Müller\"\n  6 empty=\"\"\n  7 last=\"two blanks\"\n",
		},
		{
			"ldapsearch: comments, folded too, references and the result",
			"# extended LDIF\n#\n# base <dc=x> with scope sub\n\n# a, x\ndn: cn=a,dc=x\nmail: a@x.example\n\n# search reference\nref: ldap://other.example/dc=o\n\n# search result\nsearch: 2\nresult: 4 Size limit exceeded\n\n# numResponses: 2\n# a comment that\n  goes on\n",
			"6 \"cn=a,dc=x\" \n  7 mail=\"a@x.example\"\n10 \"\" \n  10 ref=\"ldap://other.example/dc=o\"\n13 \"\" \n  13 search=\"2\"\n  14 result=\"4 Size limit exceeded\"\n",
		},
		{
			"changes",
			"dn: cn=a\nchangetype: add\nmail: a@x\n\ndn: cn=b\nchangetype: Modify\nadd: mail\nmail: b@x\n-\nreplace: sn\n-\n\ndn: cn=c\ncontrol: 1.2.3 true\nchangetype: delete\n\ndn: cn=d\nchangetype: modrdn\nnewrdn: cn=e\ndeleteoldrdn: 1\n",
			"1 \"cn=a\" add\n  3 mail=\"a@x\"\n5 \"cn=b\" modify\n  7 add=\"mail\"\n  8 mail=\"b@x\"\n  9 -=\"\"\n  10 replace=\"sn\"\n  11 -=\"\"\n13 \"cn=c\" delete\n  14 control=\"1.2.3 true\"\n17 \"cn=d\" modrdn\n  19 newrdn=\"cn=e\"\n  20 deleteoldrdn=\"1\"\n",
		},
		{"many blank lines, a root without a name", "\n\r\n\ndn:\na: b\n\n\n\n", "4 \"\" \n  5 a=\"b\"\n"},
		{"two files put together", "version: 1\ndn: cn=a\nversion: 3\n\nversion: 1\n\ndn: cn=b\n", "2 \"cn=a\" \n  3 version=\"3\"\n7 \"cn=b\" \n"},
		{"nothing", "", ""},
		{"only comments", "# nothing\n", ""},
		{"a range of values", "dn: cn=a\nproxyAddresses;range=0-1499: smtp:a@x\n", "1 \"cn=a\" \n  2 proxyaddresses;range=0-1499=\"smtp:a@x\"\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := read(t, test.in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name, in string
		line     string
		says     string
	}{
		{"a value from a file", "dn: cn=a\njpegPhoto:< file:///etc/passwd\n", "line 2", "refused"},
		{"a dn from a file", "dn:< file:///etc/passwd\n", "line 1", "refused"},
		{"a value from a file of an attribute that nobody asked for", "dn: cn=a\nmail: x\nother:<file:///etc/passwd\n", "line 3", "refused"},
		{"an option does not hide it", "dn: cn=a\njpegPhoto;binary:< file:///etc/passwd\n", "line 2", "refused"},
		{"bad base64", "dn: cn=a\nmail:: %%%\n", "line 2", "base64"},
		{"no colon", "dn: cn=a\nwhatever\n", "line 2", "not an attribute"},
		{"no dn", "mail: a@x\n", "line 1", "begins with its dn"},
		{"another version", "version: 2\ndn: cn=a\n", "line 1", "version"},
		{"a value without end", "dn: cn=a\nmail: " + strings.Repeat("x", ldif.MaxValue+1), "line 2", "16 MB"},
		{"a name without end", "dn: cn=a\n" + strings.Repeat("x", 1<<20), "line 2", "not an attribute"},
		{"a dash outside of a change", "dn: cn=a\n-\n", "line 2", "not an attribute"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := read(t, test.in, func(name string) bool { return name == "mail" })
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.line) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "passwd") {
				t.Errorf("%v: not %s … %s", err, test.line, test.says)
			}
		})
	}
}

// What is not kept costs nothing, however long it is.
func TestKeep(t *testing.T) {
	photo := "jpegPhoto:: " + strings.Repeat("AAAA\n ", 6<<20) + "AAAA\n"
	got, err := read(t, "dn: cn=a\n"+photo+"Mail: a@x\n", func(name string) bool { return name == "mail" })
	if err != nil {
		t.Fatal(err)
	}
	if want := "1 \"cn=a\" \n  6291459 mail=\"a@x\"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"version: 1\ndn: cn=a,dc=x\nmail: a@x\n\n",
		"dn:: Y249YQ==\nchangetype: modify\nadd: mail\nmail:: YUB4\n-\n",
		"# c\n d\nsearch: 2\nresult: 0 Success\n",
		"dn: a\nb:< file:///x\n", "dn:\r\n\r\n", "dn: a\n\rb: c\n", "\r", "dn: a\nb:: \nc: d\n  e",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := ldif.NewReader(strings.NewReader(string(data)))
		last := 0
		for {
			e, err := r.Next()
			if err != nil {
				return
			}
			if e.Line <= last {
				t.Fatalf("an entry on line %d after one on %d", e.Line, last)
			}
			last = e.Line
			for _, a := range e.Attributes {
				if len(a.Value) > len(data) || a.Line < e.Line {
					t.Fatalf("%+v", a)
				}
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	entry := "dn: CN=Wolf\\, Paul,OU=Users,DC=nordwind,DC=example\nchangetype: add\nobjectClass: top\nobjectClass: user\ncn: Wolf, Paul\nlegacyExchangeDN: /o=Nordwind/ou=Exchange Administrative Group (FYDIBOHF23SP\n DLT)/cn=Recipients/cn=cf7b1ce73506c3d5039170e05be44843-pwolf0\nmail: pwolf0@nordwind.example\nproxyAddresses: SMTP:pwolf0@nordwind.example\n\n"
	text := strings.Repeat(entry, 10_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := ldif.NewReader(strings.NewReader(text))
		n := 0
		for {
			if _, err := r.Next(); err != nil {
				break
			}
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}
