package outlook_test

import (
	"bytes"
	"errors"
	"testing"

	"mailmill/formats/mapi"
)

// One broken block that held many properties of an attachment is one line of damage, which names the attachment.
func TestDamageOfAnAttachmentIsToldOnce(t *testing.T) {
	broken := errors.New("block 0x1f2c4: wrong checksum")
	m := note(nil).from("Jane", "jane@example.org")
	m.atts = []*att{{data: []byte("drawing"), props: props{
		mapi.PidTagAttachMethod: 1, mapi.PidTagAttachLongFilename: "plan.dwg",
		mapi.PidTagAttachMimeTag: broken, mapi.PidTagAttachContentId: broken, mapi.PidTagAttachContentLocation: broken,
	}}}
	it := convert(t, m)
	if len(it.Damage) != 1 {
		t.Fatalf("damage %v, want one line", it.Damage)
	}
	equal(t, "what is damaged", it.Damage[0].String(), `attachment "plan.dwg": block 0x1f2c4: wrong checksum`)
}

// A content id in quotes may have blanks. It is shown inline, under an id that can be written.
func TestContentIDWithBlanks(t *testing.T) {
	m := note(props{mapi.PidTagHtml: []byte(`<p><img src="cid:my picture"></p>`)}).from("Jane", "jane@example.org")
	m.atts = []*att{picture("p.png", "my picture", "PNG")}
	it := convert(t, m)
	equal(t, "the root", it.Mail.Root.Type, "multipart/related")
	p := it.Mail.Root.Parts[1]
	equal(t, "inline", p.Inline, true)
	if b := written(t, it); p.ContentID == "my picture" || !contains(b, "<"+p.ContentID+">") || !contains(b, "cid:"+p.ContentID) {
		t.Errorf("the picture is %q, and the message\n%s", p.ContentID, b)
	}
}

func contains(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }
