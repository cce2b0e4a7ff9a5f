package address_test

import (
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/transform/address"
)

func TestInvalid(t *testing.T) {
	const dn = "/o=Example/ou=Site/cn=Recipients/cn=alice"
	placeholder := func(stored string) string {
		a := &formats.Address{Name: "Alice", Stored: stored}
		address.Invalid(a)
		return a.Placeholder
	}
	// The digits are those of printf /o=example/ou=site/cn=recipients/cn=alice | sha256sum.
	const want = "ex-9de238dd3166@unresolved.invalid"
	tests := []struct{ name, stored, want string }{
		{"a distinguished name", dn, want},
		{"letter case does not matter", "/O=EXAMPLE/OU=SITE/CN=RECIPIENTS/CN=ALICE", want},
		{"nor does the prefix", "EX:" + dn, want},
		{"nor blanks at the end", dn + " ", want},
		{"encapsulated", "IMCEAEX-_O=EXAMPLE_OU=SITE_CN=RECIPIENTS_CN=ALICE@example.org", want},
		{"a name alone", "", ""},
		{"an earlier placeholder", want, want},
		{"a host without a domain", "root@localhost", "root@localhost"},
	}
	for _, tt := range tests {
		if got := placeholder(tt.stored); got != tt.want {
			t.Errorf("%s: %q becomes %q, want %q", tt.name, tt.stored, got, tt.want)
		}
	}
	if got := placeholder("/o=Example/ou=Site/cn=Recipients/cn=bob"); got == want {
		t.Error("two people share a placeholder")
	}
	for _, odd := range []string{"FAX:+1 555", "a b@c d", "<>", "a@b@c", "x\r\nBcc: y@z"} {
		if got := placeholder(odd); strings.ContainsAny(got, " \r\n<>,;:") {
			t.Errorf("%q becomes %q", odd, got)
		}
	}
}

type book map[string]string

func (b book) Resolve(q *address.Query) (address.Answer, bool) {
	smtp, ok := b[q.Key]
	return address.Answer{SMTP: smtp, Via: formats.ViaLearnt, Confidence: 0.9}, ok
}

func TestResolver(t *testing.T) {
	alice := &formats.Address{Stored: "/o=X/cn=Alice"}
	bob := &formats.Address{Stored: "bob@example.org", SMTP: "bob@example.org", Via: formats.ViaStored}
	carol := &formats.Address{Stored: "/o=X/cn=Carol"}
	it := &formats.Item{Mail: &formats.Mail{From: alice, To: []*formats.Address{bob, carol}}}
	r := &address.Resolver{Rungs: []address.Rung{book{"/o=x/cn=alice": "alice@example.org"}}}
	if keep, err := r.Apply(t.Context(), it); !keep || err != nil {
		t.Fatal(keep, err)
	}
	if alice.Spec() != "alice@example.org" || alice.Via != formats.ViaLearnt {
		t.Errorf("alice: %+v", alice)
	}
	if bob.Via != formats.ViaStored || bob.Placeholder != "" {
		t.Errorf("bob: %+v", bob)
	}
	if carol.SMTP != "" || carol.Via != formats.ViaNone || !strings.HasSuffix(carol.Spec(), "@"+address.Domain) {
		t.Errorf("carol: %+v", carol)
	}
}
