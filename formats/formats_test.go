package formats_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"mailmill/formats"
)

// Options and JSON name kinds, so each name leads back to its kind.
func TestKindNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, kind := range formats.Kinds() {
		name := kind.String()
		if got, ok := formats.ParseKind(name); !ok || got != kind || seen[name] {
			t.Errorf("%d is called %q, which is %v, %v", kind, name, got, ok)
		}
		seen[name] = true
	}
	if _, ok := formats.ParseKind("mails"); ok {
		t.Error("mails is a kind")
	}
	if got := formats.Kind(200).String(); got != "other" {
		t.Errorf("a kind that is none is called %q", got)
	}
}

func TestFlagNames(t *testing.T) {
	got := (formats.FlagDeleted | formats.FlagSeen | formats.FlagForwarded).Names()
	if want := []string{"seen", "forwarded", "deleted"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := formats.Flags(0).Names(); got != nil {
		t.Errorf("no flags are %q", got)
	}
}

// Ledgers and scripts keep keys for years: they never change.
func TestKeyIsForEver(t *testing.T) {
	for _, tt := range []struct {
		kind     formats.Kind
		identity string
		want     string
	}{
		{formats.KindMail, "<1@example.org>", "60090117a9b7b8708c6d4b0e408cc357"},
		{formats.KindEvent, "<1@example.org>", "168b8ea997def182e647d027cc3363a1"},
		{formats.KindMail, "", "06559b59e28b4a3a9122ad14a113f0c3"},
	} {
		if got := formats.Key(tt.kind, tt.identity); got != tt.want {
			t.Errorf("key of %s %q: %s, want %s", tt.kind, tt.identity, got, tt.want)
		}
	}
}

// Whoever resolves addresses meets every participant once, however deep it stands.
func TestParticipants(t *testing.T) {
	person := func(name string) *formats.Address { return &formats.Address{Name: name} }
	inner := &formats.Mail{From: person("inner from"), Bcc: []*formats.Address{person("inner bcc")}}
	it := &formats.Item{Mail: &formats.Mail{
		From: person("from"), Sender: person("sender"), ReplyTo: []*formats.Address{person("reply-to")},
		To: []*formats.Address{person("to")}, Cc: []*formats.Address{person("cc")}, Bcc: []*formats.Address{person("bcc")},
		Header: []formats.Field{{Name: "Resent-To", Addresses: []*formats.Address{person("resent")}}, {Name: "Subject"}},
		Root: &formats.Part{Type: "multipart/mixed", Parts: []*formats.Part{
			{Type: "text/plain"},
			{Type: "multipart/mixed", Parts: []*formats.Part{{Type: "message/rfc822", Message: inner}}},
		}},
	}}
	var names []string
	it.Participants(func(a *formats.Address) { names = append(names, a.Name) })
	slices.Sort(names)
	if got, want := strings.Join(names, ", "), "bcc, cc, from, inner bcc, inner from, reply-to, resent, sender, to"; got != want {
		t.Errorf("visited %s, want %s", got, want)
	}
	new(formats.Item).Participants(func(*formats.Address) { t.Error("a note has participants") })
}

// A mail inside a mail is one leaf; what is in it belongs to it alone.
func TestLeaves(t *testing.T) {
	inner := &formats.Mail{Root: &formats.Part{Type: "text/plain", Name: "inner"}}
	root := &formats.Part{Type: "multipart/mixed", Parts: []*formats.Part{
		{Type: "multipart/alternative", Parts: []*formats.Part{{Name: "text"}, {Name: "html"}}},
		{Type: "message/rfc822", Name: "mail", Message: inner},
		{Name: "plan.dwg"},
	}}
	var names []string
	root.Leaves(func(p *formats.Part) { names = append(names, p.Name) })
	if want := []string{"text", "html", "mail", "plan.dwg"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}

// A part that cannot be read is met by whoever looks at it, and lost once.
func TestLose(t *testing.T) {
	it := new(formats.Item)
	checksum := func() error { return errors.New("block 0x4 has a wrong checksum") }
	for range 2 {
		it.Lose(formats.Damage{Part: "message body", Err: checksum()})
		it.Lose(formats.Damage{Part: `attachment "a"`, Err: checksum()})
		it.Lose(formats.Damage{Part: "message body", Err: errors.New("it is cut short")})
	}
	if len(it.Damage) != 3 {
		t.Errorf("%v", it.Damage)
	}
	// What has several parts on one line has each of them.
	it = &formats.Item{Damage: []formats.Damage{{Part: `recipients, attachment "a"`, Err: checksum()}}}
	it.Lose(formats.Damage{Part: `attachment "a"`, Err: checksum()})
	it.Lose(formats.Damage{Part: `attachment "b"`, Err: checksum()})
	if len(it.Damage) != 2 {
		t.Errorf("%v", it.Damage)
	}
}

func TestSpec(t *testing.T) {
	for _, tt := range []struct {
		a    formats.Address
		want string
	}{
		{formats.Address{SMTP: "a@example.org", Placeholder: "ex-1@unresolved.invalid"}, "a@example.org"},
		{formats.Address{Stored: "/o=X/cn=a", Placeholder: "ex-1@unresolved.invalid"}, "ex-1@unresolved.invalid"},
		{formats.Address{Name: "A", Stored: "/o=X/cn=a"}, ""},
	} {
		if got := tt.a.Spec(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.a, got, tt.want)
		}
	}
}

// Content may be opened again, and at the same time.
func TestBytes(t *testing.T) {
	content := formats.Bytes("plan")
	one, err := content.Open()
	if err != nil {
		t.Fatal(err)
	}
	two, err := content.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []io.ReadCloser{one, two} {
		if got, err := io.ReadAll(r); err != nil || string(got) != "plan" {
			t.Errorf("%q, %v", got, err)
		}
		r.Close()
	}
}
