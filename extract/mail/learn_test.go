package mail_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailmill/extract/mail"
	"mailmill/formats"
)

func TestLearn(t *testing.T) {
	const dn = "/o=Org/ou=Site/cn=Recipients/cn="
	head := "Date: Sat, 21 Nov 2026 21:14:05 +0100\nFrom: \"'Jane Doe'\" <jane@example.org>\nTo: John <" + dn + "john>, Group: x@example.org, root;\n" +
		"Cc: \"Ann\" <IMCEAEX-_o=Org_ou=Site_cn=Recipients_cn=ann@example.org>, Bob <bob@example.org>, Bob <bob2@example.org>\n" +
		"X-PST-EX-Address: from; Jane Doe; " + dn + "jane\nX-PST-EX-Address: cc; Bob; " + dn + "bob\nX-PST-EX-Address: nonsense\n" +
		"Reply-To: jane@example.org (Jane Doe)\n\nTo: body@example.org\n"
	var lesson formats.Lesson
	mail.Learn([]byte(head), &lesson)
	if want := time.Date(2026, 11, 21, 20, 14, 5, 0, time.UTC); !lesson.Date.Equal(want) {
		t.Errorf("the date is %v", lesson.Date)
	}
	want := []formats.Evidence{
		{SMTP: "jane@example.org", Name: "Jane Doe"},
		{DN: dn + "john", Name: "John"},
		{SMTP: "x@example.org"},
		{DN: dn + "ann", Name: "Ann", Domain: "example.org"},
		{SMTP: "bob@example.org", Name: "Bob"},
		{SMTP: "bob2@example.org", Name: "Bob"},
		{Class: formats.EvidenceHeader, DN: dn + "jane", SMTP: "jane@example.org", Name: "Jane Doe"}, // two are called Bob
		{SMTP: "jane@example.org", Name: "Jane Doe"},
	}
	if diff := cmp.Diff(want, lesson.Evidence); diff != "" {
		t.Error(diff)
	}
}
