package address_test

import (
	"bytes"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/transform/address"
)

// knows answers for one distinguished name.
type knows struct{ key, smtp string }

func (k knows) Resolve(q *address.Query) (address.Answer, bool) {
	return address.Answer{SMTP: k.smtp, Via: formats.ViaLearnt, Confidence: 0.9}, q.Key == k.key
}

// Of mail that came in bytes only fields change in which somebody is found. Who stays unknown stays as it came, and so do
// those in messages within.
func TestOriginalsKeepTheirFields(t *testing.T) {
	const dn = "/o=Org/ou=Site/cn=Recipients/cn="
	in := "Sender:  jane@example.org\r\nFrom: \"Jane Doe\"\r\n <" + dn + "jane>\r\nTo:  Nobody <" + dn + "nobody> ,root\r\nCc: <mailto:jane@example.org>,\r\n\tJane <" + dn + "JANE>\r\n" +
		"Content-Type: message/rfc822\r\n\r\nFrom: <" + dn + "jane>\r\n\r\nText\r\n"
	want := "Sender:  jane@example.org\r\nFrom: Jane Doe <jane@example.org>\r\nTo:  Nobody <" + dn + "nobody> ,root\r\nCc: jane@example.org, Jane <jane@example.org>\r\n" +
		in[strings.Index(in, "Content-Type"):]
	for _, parsed := range []bool{false, true} {
		m, err := mime.Read(formats.Bytes(in), int64(len(in)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if parsed {
			if err := m.Parse(); err != nil {
				t.Fatal(err)
			}
		}
		becomes(t, m, knows{address.Key(dn + "jane"), "jane@example.org"}, want)
		if m.From.SMTP != "jane@example.org" || m.Sender != nil || m.To[0].SMTP != "" || m.To[1].Name != "root" {
			t.Errorf("from %+v, sender %+v, to %+v", m.From, m.Sender, m.To)
		}
	}
}

// Nobody is lost from a field that is made anew, however an Exchange name is written there.
func TestOriginalsLoseNobody(t *testing.T) {
	const dn = "/o=Org/ou=Site (X1)/cn=Recipients/cn="
	in := "To: EX:" + dn + "jane, mailto:" + dn + "jane, \"" + dn + "jane\", Jane <" + dn + "jane>\r\n\r\n"
	const want = "To: jane@example.org, jane@example.org, jane@example.org, Jane\r\n <jane@example.org>\r\n\r\n"
	m, err := mime.Read(formats.Bytes(in), int64(len(in)), 0)
	if err != nil {
		t.Fatal(err)
	}
	becomes(t, m, knows{address.Key(dn + "jane"), "jane@example.org"}, want)
}

// becomes fails the test unless a mail is written as wanted when somebody is known.
func becomes(t *testing.T, m *formats.Mail, known knows, want string) {
	t.Helper()
	r := &address.Resolver{Rungs: []address.Rung{known}}
	if _, err := r.Apply(t.Context(), &formats.Item{Mail: m}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := mime.Write(&out, m); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("wrote\n%s\nand not\n%s", out.String(), want)
	}
}
