package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailmill/load/compare"
	"mailmill/load/verify"
)

var someDifferences = verify.Report{
	Same: 2000, Missing: 2, Different: 1, Extra: 1, Places: 3, Objects: 2002, Bytes: 12345,
	Differences: []verify.Difference{
		{What: verify.Missing, Place: "INBOX", Source: "a.pst", SourceID: "0x24", Subject: "Offer\x1b[2J", Folder: []string{"Inbox"}, Kind: "mail"},
		{What: verify.Missing, Place: "Sent", Source: "a.pst", SourceID: "0x44", Kind: "mail"},
		{What: verify.Different, Place: "Sent", ID: "17", Source: "a.pst", SourceID: "0x64", Subject: "Re: Offer", Kind: "mail", Fields: []compare.Difference{
			{Field: "Subject", Want: "Re: Offer", Got: "RE: offer"}, {Field: "part 2: content", Want: "12 bytes"}, {Field: `\Seen`, Got: "set"},
		}},
		{What: verify.Extra, Place: "", ID: "4", Subject: "Hello", Identity: "<a@b>", Ours: true},
	},
}

func TestWriteVerified(t *testing.T) {
	var out bytes.Buffer
	WriteVerified(&out, "imaps://alice@mail.example.org/", &someDifferences, 1)
	want := `
imaps://alice@mail.example.org/: 2,000 items as they should be.
2 items are missing:
  INBOX
    "Offer�[2J" (0x24)
  … and 1 more; --report FILE has them
1 item differs:
  Sent
    "Re: Offer" (0x64) as 17
      Subject: "RE: offer" instead of "Re: Offer"
      part 2: content: "12 bytes" is not there
      \Seen: "set" is there and should not be
1 object is there that no item stands for:
  (all of it)
    "Hello" <a@b> as 4, written by mailmill
`[1:]
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	out.Reset()
	WriteVerified(&out, "out", &verify.Report{Same: 1}, 0)
	if want := "out holds what the archives say: 1 item compared, no difference.\n"; out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}

func TestJournalHasAllDifferences(t *testing.T) {
	var out bytes.Buffer
	j := NewJournal(NewLines(&out))
	j.Verified("out", &someDifferences)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines:\n%s", len(lines), &out)
	}
	first := `{"type":"difference","schema":1,"target":"out","what":"missing","place":"INBOX","source":"a.pst","folder":["Inbox"],"source_id":"0x24","kind":"mail","subject":"Offer\u001b[2J"}`
	last := `{"type":"verified","target":"out","same":2000,"missing":2,"doubled":0,"different":1,"extra":1,"places":3,"objects":2002,"bytes":12345}`
	if diff := cmp.Diff([]string{first, last}, []string{lines[0], lines[4]}); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
