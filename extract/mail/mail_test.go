package mail_test

import (
	"bytes"
	"testing"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/formats"
	"mailmill/formats/mime"
)

func TestPassesThrough(t *testing.T) {
	const in = "From: \"John\" </o=Org/ou=Site/cn=Recipients/cn=john>\r\nTo: a@example.org,\r\n b@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nKeywords: Red, \"Big, blue\"\r\n\r\nHello\r\n"
	it, err := mail.New(formats.Entry{}, formats.Bytes(in), int64(len(in)), mail.State{}, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := mime.Write(&out, it.Mail); err != nil {
		t.Fatal(err)
	}
	if out.String() != in {
		t.Errorf("wrote %q", out.String())
	}
	if it.Subject != "Grüße" || len(it.Mail.To) != 2 || len(it.Keywords) != 2 {
		t.Errorf("item %+v", it)
	}
	it.Mail.From.SMTP, it.Mail.From.Via = "john@example.org", formats.ViaLearnt
	out.Reset()
	if err := mime.Write(&out, it.Mail); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
}
