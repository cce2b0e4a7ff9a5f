package outlook_test

import (
	"testing"

	"mailmill/formats/mapi"
)

// TestKeyOfStrings finds that the key of what has neither identifier nor search key is the same whether its container has
// strings in Unicode, in 8 bits or with a terminator: a PST, a message file of Outlook 2000's, a TNEF stream.
func TestKeyOfStrings(t *testing.T) {
	of := func(class string, body any) string {
		it := convert(t, &msg{props: props{mapi.PidTagMessageClass: class, mapi.PidTagSubject: "Büro", mapi.PidTagMessageCodepage: 1252, mapi.PidTagBody: body}})
		return it.Key
	}
	for _, class := range []string{"IPM.Note", "IPM.Contact", "IPM.Appointment"} {
		want := of(class, "Grüße\r\n")
		for _, same := range []any{"Grüße\r\n\x00", ansi("Gr\xFC\xDFe\r\n"), ansi("Gr\xFC\xDFe\r\n\x00")} {
			if got := of(class, same); got != want {
				t.Errorf("%s: %q has the key %s, not %s", class, same, got, want)
			}
		}
		if of(class, "Gruß") == want {
			t.Error("another text has the same key")
		}
	}
}
