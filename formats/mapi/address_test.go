package mapi_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailmill/formats/mapi"
)

func TestShapeOf(t *testing.T) {
	for addr, want := range map[string]mapi.Shape{
		"":                                  mapi.ShapeNone,
		"anna@example.org":                  mapi.ShapeSMTP,
		"anna@müller.example":               mapi.ShapeSMTP,
		`"anna b"@example.org`:              mapi.ShapeSMTP,
		"anna@[192.0.2.1]":                  mapi.ShapeSMTP,
		"anna@localhost":                    mapi.ShapeNone,
		"anna@x.invalid":                    mapi.ShapeNone,
		"anna@@example.org":                 mapi.ShapeNone,
		"anna b@example.org":                mapi.ShapeNone,
		"Anna":                              mapi.ShapeNone,
		"+49 40 1234":                       mapi.ShapeNone,
		"/o=Org/ou=Site/cn=Recipients/cn=a": mapi.ShapeDN,
		"/O=ORG/OU=SITE":                    mapi.ShapeDN,
		"o=Org":                             mapi.ShapeDN,
		"/guid=0123":                        mapi.ShapeDN,
		"/cn=Configuration/cn=Servers":      mapi.ShapeDN,
		"IMCEAEX-_o=Org@example.org":        mapi.ShapeIMCEA,
		"imceaSMTP-a+40b+2Ec@example.org":   mapi.ShapeIMCEA,
		"imceatoolongtype-x@example.org":    mapi.ShapeSMTP,
	} {
		if got := mapi.ShapeOf(addr); got != want {
			t.Errorf("the shape of %q is %v, want %v", addr, got, want)
		}
	}
}

func TestCleanAddress(t *testing.T) {
	for in, want := range map[string]string{
		" <anna@example.org> ": "anna@example.org", "'anna@example.org'": "anna@example.org", `"anna@example.org"`: "anna@example.org",
		"mailto:anna@example.org": "anna@example.org", "SMTP:anna@example.org": "anna@example.org", "X500:/o=Org": "/o=Org", "ex:/o=Org": "/o=Org",
		"\u00a0anna@example.org\x00": "anna@example.org", `"a b"@example.org`: `"a b"@example.org`, "<'mailto:a@b.c'>": "a@b.c", "": "",
	} {
		if got := mapi.CleanAddress(in); got != want {
			t.Errorf("%q is cleaned to %q, want %q", in, got, want)
		}
	}
}

func TestDNKey(t *testing.T) {
	want := mapi.DNKey("/o=Org/ou=First Site/cn=Recipients/cn=jürgen")
	for _, dn := range []string{"/O=ORG/OU=FIRST SITE/CN=RECIPIENTS/CN=JÜRGEN", "/o=Org/ou=First  Site/cn=Recipients/cn=jürgen/ ", "X500:/o=org/ou=first site/cn=recipients/cn=Jürgen"} {
		if got := mapi.DNKey(dn); got != want {
			t.Errorf("the key of %q is %q, want %q", dn, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		dn := "/o=" + rapid.String().Draw(t, "dn")
		key := mapi.DNKey(dn)
		if again := mapi.DNKey(key); again != key {
			t.Fatalf("the key of %q is %q, whose key is %q", dn, key, again)
		}
		upper := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r - 'a' + 'A'
			}
			return r
		}, dn)
		if got := mapi.DNKey(upper); got != key {
			t.Fatalf("the keys of %q and %q differ: %q and %q", dn, upper, key, got)
		}
	})
}

func TestSMTPKey(t *testing.T) {
	for in, want := range map[string]string{"Anna@Example.ORG": "anna@example.org", "a@Müller.example": "a@xn--mller-kva.example", "<a@b.c>": "a@b.c"} {
		if got := mapi.SMTPKey(in); got != want {
			t.Errorf("the key of %q is %q, want %q", in, got, want)
		}
	}
}

func TestSearchKeys(t *testing.T) {
	for _, c := range []struct{ key, typ, addr string }{
		{"SMTP:ANNA@EXAMPLE.ORG\x00", "SMTP", "anna@example.org"},
		{"EX:/O=ORG/CN=ANNA\x00", "EX", "/O=ORG/CN=ANNA"},
		{"SMTP:\x00", "", ""},
		{"0123456789abcdef", "", ""},
		{"", "", ""},
	} {
		typ, addr, ok := mapi.SearchKeyAddress([]byte(c.key))
		if typ != c.typ || addr != c.addr || ok != (c.typ != "") {
			t.Errorf("%q is %q, %q, %v", c.key, typ, addr, ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		addr := rapid.StringMatching(`[a-z]{1,8}@[a-z]{1,8}\.[a-z]{2}`).Draw(t, "address")
		if typ, got, ok := mapi.SearchKeyAddress(mapi.MakeSearchKey("smtp", addr)); !ok || typ != "SMTP" || got != addr {
			t.Fatalf("%q comes back as %q %q", addr, typ, got)
		}
	})
}

func TestDecodeIMCEA(t *testing.T) {
	long := "/o=" + strings.Repeat("x", 200)
	for _, c := range []struct{ addr, typ, inner, domain string }{
		{"IMCEAEX-_o=Org_ou=Site+20+28A+29_cn=Recipients_cn=a@example.org", "EX", "/o=Org/ou=Site (A)/cn=Recipients/cn=a", "example.org"},
		{"imceaex-_o=Org_cn=a+5Fb@example.org", "EX", "/o=Org/cn=a_b", "example.org"},
		{"IMCEAEX-_o=Org_cn=a+2Bb@example.org", "EX", "/o=Org/cn=a+b", "example.org"},
		{"IMCEAEX-_o%3DOrg_cn=3Da@example.org", "EX", "/o=Org/cn=a", "example.org"},
		{`"IMCEAEX-_o=Org_cn=a"@example.org`, "EX", "/o=Org/cn=a", "example.org"},
		{"IMCEASMTP-anna+40example+2Eorg@gateway.example", "SMTP", "anna@example.org", "gateway.example"},
		{"IMCEAEX+2D_o=Org@example.org", "EX", "/o=Org", "example.org"},
		{"IMCEAEX-_o=J+FCrgen@example.org", "EX", "/o=Jürgen", "example.org"},
		{"IMCEAEX-_o=J+C3+BCrgen@example.org", "EX", "/o=Jürgen", "example.org"},
		{"IMCEAEX-" + strings.ReplaceAll(long, "/", "_") + "@example.org", "EX", long, "example.org"},
		{"IMCEAEX-_o=Org", "EX", "/o=Org", ""},
		{"=?utf-8?q?IMCEAEX-=5Fo=3DOrg=5Fcn=3Da?=@example.org", "EX", "/o=Org/cn=a", "example.org"},
		{"=?us-ascii?Q?IMCEAEX-=5Fo=3DOrg?==?us-ascii?Q?=5Fcn=3Da?=@example.org", "EX", "/o=Org/cn=a", "example.org"},
		{"IMCEAFAX-Anna+40+2B49+20+2840+29@example.org", "FAX", "Anna@+49 (40)", "example.org"},
		{"IMCEAX400-c=DE+3Ba=+20+3Bs=Anna@example.org", "X400", "c=DE;a= ;s=Anna", "example.org"},
	} {
		typ, inner, domain, ok := mapi.DecodeIMCEA(c.addr)
		if !ok || typ != c.typ || inner != c.inner || domain != c.domain {
			t.Errorf("%q is %q, %q, %q, %v", c.addr, typ, inner, domain, ok)
		}
	}
	for _, addr := range []string{"", "IMCEA", "IMCEA-x@y", "anna@example.org", "IMCEAEX", "IMCEATOOLONGTYPE-x@y"} {
		if mapi.IsIMCEA(addr) {
			t.Errorf("%q is taken for an encapsulated address", addr)
		}
	}
}

func TestIMCEARoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.StringMatching(`[A-Z0-9]{1,8}`).Draw(t, "type")
		inner := rapid.String().Draw(t, "inner")
		addr := mapi.EncodeIMCEA(typ, inner, "example.org")
		gotType, got, domain, ok := mapi.DecodeIMCEA(addr)
		if !ok || gotType != typ || got != inner || domain != "example.org" {
			t.Fatalf("%q becomes %q and comes back as %q", inner, addr, got)
		}
	})
}

func FuzzDecodeIMCEA(f *testing.F) {
	f.Add("IMCEAEX-_o=Org_cn=a+5Fb@example.org")
	f.Add(`"IMCEASMTP-a+40b%3D@x"`)
	f.Fuzz(func(t *testing.T, addr string) {
		_, inner, _, ok := mapi.DecodeIMCEA(addr)
		if ok != mapi.IsIMCEA(addr) {
			t.Fatal("DecodeIMCEA and IsIMCEA disagree")
		}
		if len(inner) > 3*len(addr) {
			t.Fatal("it grew")
		}
	})
}

func FuzzAddress(f *testing.F) {
	f.Add("<'mailto:anna@example.org'>")
	f.Add("/o=Org/ou=Site  x/")
	f.Fuzz(func(t *testing.T, s string) {
		clean := mapi.CleanAddress(s)
		if again := mapi.CleanAddress(clean); again != clean {
			t.Fatalf("cleaning %q gives %q, then %q", s, clean, again)
		}
		mapi.ShapeOf(clean)
		mapi.SMTPKey(s)
		if key := mapi.DNKey(s); mapi.DNKey(key) != key {
			t.Fatalf("the key %q of %q is not its own key", key, s)
		}
	})
}

func BenchmarkDNKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mapi.DNKey("/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=0dcd7d6d03657414a8476f43b5e1ee63-user0026")
	}
}
