package pst

import (
	"slices"
	"testing"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// TestPlaces shows what is learnt from: everything that knows people, also where people do not look.
func TestPlaces(t *testing.T) {
	s := standard()
	s.folder(top, 0x80A2, "Recipient Cache").class("IPF.Contact.RecipientCache")
	s.mail(0x8082, 0x200024, "shown")
	s.mail(0x80A2, 0x200044, "cached")
	s.nodes[0x200064], s.mails[0x200064] = 0x8082, props{mapi.PidTagSubject: str("deleted")}
	s.nodes[0x200088], s.mails[0x200088] = 0x8082, props{mapi.PidTagSubject: str("associated")}
	s.nodes[0x2000A4], s.mails[0x2000A4] = 0x9999*0x20+2, props{mapi.PidTagSubject: str("lost")}
	a := s.open(extract.Options{})
	var got []string
	for e, err := range a.Places(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		name := e.ID + " " + e.Folder.String()
		if e.Hidden {
			name += " (hidden)"
		}
		got = append(got, name)
		lesson := &formats.Lesson{}
		if err := a.Learn(t.Context(), e, lesson); err != nil {
			t.Errorf("%s: %v", e.ID, err)
		}
	}
	want := []string{"0x21  (hidden)", "0x200024 Inbox", "0x200044 Recipient Cache (hidden)", "0x200064 Inbox", "0x200088 Inbox (hidden)", "0x2000a4 "}
	if !slices.Equal(got, want) {
		t.Errorf("the places are %q", got)
	}
	if err := a.Learn(t.Context(), formats.Entry{Index: 0x200FF4}, new(formats.Lesson)); err == nil {
		t.Error("there is something to learn where nothing is")
	}
}

// TestLearnOwnerOfStore learns from what the store says of its owner.
func TestLearnOwnerOfStore(t *testing.T) {
	s := standard()
	entry := append([]byte{0, 0, 0, 0, 0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82, 1, 0, 0, 0, 0, 0, 0, 0}, "/o=Org/cn=anna\x00"...)
	s.props[idOwnerEntry] = mapi.Value{Type: mapi.Binary, Data: entry}
	s.props[idOwnerName] = str("Anna Groß")
	lesson := &formats.Lesson{}
	if err := s.open(extract.Options{}).Learn(t.Context(), formats.Entry{Index: uint64(pst.NIDStore)}, lesson); err != nil {
		t.Fatal(err)
	}
	want := []formats.Evidence{
		{Class: formats.EvidenceSeen, DN: "/o=Org/cn=anna", Name: "Anna Groß"},
		{Class: formats.EvidenceOwner, DN: "/o=Org/cn=anna"},
	}
	if !slices.Equal(lesson.Evidence, want) {
		t.Errorf("the evidence is %+v", lesson.Evidence)
	}
}
