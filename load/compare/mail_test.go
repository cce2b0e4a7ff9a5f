package compare_test

import (
	"strings"
	"testing"

	"mailmill/load/compare"
)

func mail(t testing.TB, s string) compare.Facts {
	t.Helper()
	f, err := compare.Mail(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func lines(s ...string) string { return strings.Join(s, "\r\n") + "\r\n" }

func TestX(t *testing.T) {
	f := mail(t, lines("Subject: =?utf-8?q?a_=C3=A4?= b", "From: \"Doe, J\" <J@Example.ORG>", "Date: Fri, 01 Mar 2024 10:00:00 +0100",
		"Content-Type: multipart/mixed; boundary=x", "", "pre", "--x", "", "hello", "--x", "Content-Type: message/rfc822", "", "Subject: in", "Content-Type: multipart/signed; boundary=y", "", "--y", "", "a", "--y", "Content-Type: application/pgp", "Content-Transfer-Encoding: base64", "", "AAAA", "--y--", "--x--"))
	for _, x := range f {
		t.Log(x)
	}
}
