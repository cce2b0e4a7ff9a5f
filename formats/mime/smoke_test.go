package mime

import (
	"os"
	"testing"
	"strings"

	"mailmill/formats"
)

func TestSmoke(t *testing.T) {
	a := &formats.Address{Name: "Jürgen \"x\" Groß\r\nBcc: evil@x", Stored: "/o=x", SMTP: "j@münchen.de"}
	m := &formats.Mail{MessageID: "<a@b>", Header: []formats.Field{
		{Name: "Date", Text: "Mon, 02 Jan 2006 15:04:05 +0000", Structured: true},
		{Name: "To", Addresses: []*formats.Address{a, {Name: "Only Name"}, {Group: "undisclosed"}, {Name: "G1", SMTP: "a b@c.de", Group: "grp"}}},
		{Name: "Subject", Text: " Hello  wörld this is " + strings.Repeat("lang und länger ", 10)},
		{Name: "Raw", Raw: []byte("Raw: x\r\n y")},
	}, Root: &formats.Part{Type: "multipart/mixed", Parts: []*formats.Part{
		{Type: "multipart/alternative", Parts: []*formats.Part{
			{Type: "text/plain", Content: formats.Bytes("hi\nFrom x\n=ä \n")}, {Type: "text/html", Content: formats.Bytes("<p>")}}},
		{Type: "application/pdf", Disposition: "attachment", Name: strings.Repeat("ä", 40) + ".pdf", Content: formats.Bytes(strings.Repeat("x", 100))},
		{Type: "message/rfc822", Message: &formats.Mail{Header: []formats.Field{{Name: "Subject", Text: "in"}}}},
	}}}
	if err := Write(os.Stdout, m); err != nil {
		t.Fatal(err)
	}
	for _, x := range ParseAddressList(`"Doe, J" <j@x>, Doe, Ann <ann@y>; grp: a@b (Bob), c@d;, undisclosed-recipients:;, X </O=a b/ou=(F)/cn=x>, "a b"@c, =?utf-8?q?J=C3=BC?= <"/o=q/cn=r">, a@b c@d`) {
		t.Logf("%+v", *x)
	}
	for _, f := range ParseTransport([]byte("Microsoft Mail Internet Headers Version 2.0\nReceived: from x\n\tby y\nSubject: h\xe4llo\nTo: J\xfcrgen <j@x.de>\n\nContent-Type: no"), 1252) {
		t.Logf("%q", f.Raw)
	}
}
