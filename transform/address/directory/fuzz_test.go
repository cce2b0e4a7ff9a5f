package directory_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"mailmill/formats/mapi"
	"mailmill/formats/oab/oabtest"
	"mailmill/transform/address/directory"
)

// check reads anything and expects of the objects what those who take them rely on.
func check(t *testing.T, content []byte) {
	objects, err := directory.ReadContent(bytes.NewReader(content), directory.Options{})
	if err != nil && err.Error() == "" {
		t.Fatal("an error without words")
	}
	for _, obj := range objects {
		if obj.SMTP != "" && mapi.ShapeOf(obj.SMTP) != mapi.ShapeSMTP {
			t.Fatalf("%q is no mail address", obj.SMTP)
		}
		for _, addr := range obj.Other {
			if mapi.ShapeOf(addr) != mapi.ShapeSMTP {
				t.Fatalf("%q is no mail address", addr)
			}
		}
		for _, dn := range append(obj.X500, obj.LegacyDN) {
			if dn != "" && (dn[0] != '/' && !mapi.IsDN(dn) || !utf8.ValidString(dn)) {
				t.Fatalf("%q is no distinguished name", dn)
			}
		}
		if obj.Fixed && (obj.SMTP == "" || obj.LegacyDN == "" && len(obj.Other) == 0 && len(obj.Names) == 0) {
			t.Fatalf("an answer to nothing, or none: %+v", obj)
		}
		if obj.GUID != "" && (len(obj.GUID) != 36 || obj.GUID != strings.ToLower(obj.GUID)) {
			t.Fatalf("GUID %q", obj.GUID)
		}
		if obj.SMTP == "" && obj.LegacyDN == "" && len(obj.X500) == 0 {
			t.Fatalf("nothing to be found by: %+v", obj)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"#TYPE System.Object\r\n\"DisplayName\",\"LegacyExchangeDN\",\"EmailAddresses\"\r\n\"Ann\",\"/o=a/cn=b\",\"SMTP:a@b.example,X500:/o=c;d/cn=e f;GWISE:x\"\r\n",
		"sep=;\nName;Guid;ProxyAddresses\nx;X'00112233445566778899aabbccddeeff';{smtp:a@b.example, X500:/o=c}\n",
		"dn\taddress\tname\n/o=a/cn=b\ta@b.example\t'=x\nold@x.example\t'-a@b.example\t\n",
		"/o=a, b/cn=c,a@b.example\n\"Wolf, Paul\",p@b.example\n",
		"DN,objectClass,objectGUID,proxyAddresses,msExchRecipientDisplayType\n\"CN=a\",top;group,{3F2504E0-4F89-11D3-9A0C-0305E82C3301},x500:/o=a\\;b;smtp:IMCEAEX-_O=A_CN=B@x.example,-2147481850\n",
		"LegacyExchangeDN,EmailAddresses\n/o=a,Microsoft.Exchange.Data.ProxyAddressCollection\n", "a\"b,\"c\n", "\xFF\xFEM\x00a\x00i\x00l\x00\n\x00a\x00@\x00b\x00.\x00c\x00",
		"mail\n\"a@b.example\"x\"y\n", "Mail,\xE4\nx@y.example,\xFC\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(check)
}

func FuzzLDIF(f *testing.F) {
	for _, s := range []string{
		"version: 1\ndn: cn=a\nmail: a@b.example\nproxyAddresses;range=0-1: X500:/o=a\ncn;lang-de:: TcO8\nobjectGUID:: 4AQlP4lP0xGaDAMF6CwzAQ==\n",
		"dn: cn=a\nchangetype: add\nlegacyExchangeDN:: LwBvAD0AYQA=\ndisplayName:: TQD8AGwA\n\ndn: x\nchangetype: delete\n",
		"# x\nsearch: 2\nresult: 0 Success\n", "dn: a\nmail:< file:///x\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(check)
}

func FuzzOAB(f *testing.F) {
	f.Add(oabtest.Details(oabtest.Record{
		0x3001001F: "Ann", 0x3003001E: "/o=a/cn=b", 0x39FE001F: "a@b.example", 0x800F101F: []string{"SMTP:a@b.example", "X500:/o=c"},
		0x39050003: uint32(0x80000706), 0x8C6D0102: make([]byte, 16), 0x68051003: []uint32{0x800F101F},
	}))
	f.Add([]byte("\x03\x00\x00\x00\x01\x00\x00\x00\x00\x80\x00\x00"))
	f.Fuzz(check)
}

func FuzzVCard(f *testing.F) {
	for _, s := range []string{
		"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Wolf\\, Paul\r\nN:Wolf;Paul;;;\r\nEMAIL;TYPE=INTERNET,PREF:a@b.example\r\nX-EX-ADDRESS:/o=a/cn=\r\n b\r\nEND:VCARD\r\n",
		"BEGIN:VCARD\nN;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:M=FC=\nl;x\nEMAIL;PREF;INTERNET:a@b.example\nAGENT:\nBEGIN:VCARD\nEND:VCARD\nEND:VCARD\n",
		"begin:vcard\na.EMAIL;PREF=1;X=\"a;b:c\":a@b.example\nend:vcard\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(check)
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"type":"x","dn":"/o=a/cn=b","address":"a@b.example","name":"'=Ann","names":["a"]}` + "\n" + `{"stored":"x","smtp":"a@b.example"}`,
		`[{"LegacyExchangeDN":"/o=a","EmailAddresses":["SMTP:a@b.example",{"ProxyAddressString":"X500:/o=c"}],"RecipientTypeDetails":128}]`,
		`{"/o=a/cn=b":"a@b.example","Ann Lee":""}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(check)
}
