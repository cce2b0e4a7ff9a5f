package outlook_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
)

// TestMemory converts mail between people who share names and addresses, but not what resolves them, with one converter,
// which gives the same as one for each mail does, whatever becomes of the addresses that it gave.
func TestMemory(t *testing.T) {
	names := []any{"", "Anna", "'Bert'", "carl@example.org", ansi("D\xF6rte")}
	stored := []any{"", annaDN, "anna@example.org", annaDN + "x", ansi("carl@example.org"), "+49 30 1234"}
	evidence := []any{nil, "anna@example.org", "bert@example.org", errors.New("it cannot be read")}
	keys := []any{nil, mapi.MakeSearchKey("SMTP", "anna@example.org"), mapi.MakeSearchKey("EX", annaDN), []byte("EX:")}
	fields := []string{"", "From: Anna <anna@example.org>\r\n", "From: \"Anna\" <" + annaDN + ">\r\nTo: Bert, carl@example.org\r\n"}
	c := outlook.New(outlook.Options{})
	rapid.Check(t, func(t *rapid.T) {
		pick := func(what string, of []any) any { return rapid.SampledFrom(of).Draw(t, what) }
		p := props{
			mapi.PidTagMessageCodepage: rapid.SampledFrom([]int{1252, 1251}).Draw(t, "code page"),
			mapi.PidTagSenderName:      pick("name", names), mapi.PidTagSenderEmailAddress: pick("address", stored),
			mapi.PidTagSenderSmtpAddress: pick("SMTP address", evidence), mapi.PidTagSenderSearchKey: pick("key", keys),
		}
		if f := rapid.SampledFrom(fields).Draw(t, "transport headers"); f != "" {
			p[mapi.PidTagTransportMessageHeaders] = f
		}
		m := note(p)
		for range rapid.IntRange(0, 3).Draw(t, "recipients") {
			m.rows = append(m.rows, props{
				mapi.PidTagRecipientType: 1, mapi.PidTagRecipientDisplayName: pick("name", names), mapi.PidTagDisplayName: pick("other name", names),
				mapi.PidTagEmailAddress: pick("address", stored), mapi.PidTagSmtpAddress: pick("SMTP address", evidence), mapi.PidTagSearchKey: pick("key", keys),
			})
		}
		got, err := c.Item(formats.Entry{}, m)
		if err != nil {
			t.Fatal(err)
		}
		want, err := outlook.New(outlook.Options{}).Item(formats.Entry{}, m)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("it became\n%+v, not\n%+v", got.Mail, want.Mail)
		}
		got.Mail.Participants(func(a *formats.Address) { *a = formats.Address{Name: "somebody else"} })
	})
}

// TestMemoryOfNames converts rows that differ in nothing but what stands in for a name that is not there.
func TestMemoryOfNames(t *testing.T) {
	c := outlook.New(outlook.Options{})
	for _, id := range []mapi.ID{mapi.PidTagDisplayName, mapi.PidTagTransmittableDisplayName, mapi.PidTagAddressBookDisplayName} {
		for _, name := range []string{"Anna", "Bert"} {
			m := note(nil)
			m.rows = []props{{mapi.PidTagRecipientType: 1, mapi.PidTagEmailAddress: "a@example.org", id: name}}
			it, err := c.Item(formats.Entry{}, m)
			if err != nil {
				t.Fatal(err)
			}
			if got := it.Mail.To[0].Name; got != name {
				t.Errorf("%v: the name is %q, want %q", id, got, name)
			}
		}
	}
}

// TestMemoryIsBounded converts mail of more people than are remembered.
func TestMemoryIsBounded(t *testing.T) {
	c := outlook.New(outlook.Options{})
	for i := range 6000 {
		addr := fmt.Sprintf("%d@a-domain-with-a-long-name.example.org", i%5000)
		it, err := c.Item(formats.Entry{}, note(nil).from(fmt.Sprint("Anna ", i%5000), addr))
		if err != nil {
			t.Fatal(err)
		}
		if from := it.Mail.From; from.SMTP != addr || from.Name != fmt.Sprint("Anna ", i%5000) {
			t.Fatalf("mail %d is from %+v", i, *from)
		}
	}
}
