package mime_test

import (
	"bytes"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/mime"
)

// TestReturnPath writes the path that a mail came by, whose address was changed, in its brackets (RFC 5322 3.6.7).
func TestReturnPath(t *testing.T) {
	for _, c := range []struct {
		a    formats.Address
		want string
	}{
		{formats.Address{Stored: "/o=Org/cn=anna", SMTP: "anna@example.org"}, "Return-Path: <anna@example.org>\r\n"},
		{formats.Address{Stored: "anna@example.org", SMTP: "anna@example.org"}, "Return-Path:   <anna@example.org>\r\n"},
		{formats.Address{Stored: "/o=Org/cn=anna", Placeholder: "ex-0@unresolved.invalid"}, "Return-Path: <ex-0@unresolved.invalid>\r\n"},
		{formats.Address{Name: "Anna", Stored: "/o=Org/cn=anna"}, ""},
	} {
		raw := []byte("Return-Path:   <" + c.a.Stored + ">")
		m := &formats.Mail{
			Header: []formats.Field{{Name: "Return-Path", Raw: raw, Addresses: []*formats.Address{&c.a}}},
			Root:   &formats.Part{Type: "text/plain", Content: formats.Bytes("x\r\n")},
		}
		var b bytes.Buffer
		if err := mime.Write(&b, m); err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(b.String(), "MIME-Version"); got != c.want {
			t.Errorf("%+v becomes %q", c.a, got)
		}
	}
}
