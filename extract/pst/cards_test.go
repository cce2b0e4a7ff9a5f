package pst

import (
	"context"
	"encoding/binary"
	"testing"

	"mailmill/extract"
	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// A member's contact is found where it is in this file and a person sees it.
func TestCard(t *testing.T) {
	s := standard()
	key := []byte("the message file")
	s.props.with(mapi.PidTagRecordKey, mapi.Value{Type: mapi.Binary, Data: key})
	s.mail(0x8082, 0x200024, "listed")
	s.mail(0x8042, 0x200044, "outside the tree")
	s.nodes[0x200064], s.mails[0x200064] = 0x8082, props{mapi.PidTagSubject: str("deleted")}
	s.mail(0x8082, 0x200084, "gone")
	delete(s.nodes, 0x200084)
	entry := func(store []byte, id pst.NID) []byte {
		return binary.LittleEndian.AppendUint32(append(make([]byte, 4), store...), uint32(id))
	}
	a := s.open(extract.Options{})
	for what, tt := range map[string]struct {
		entry          []byte
		found, written bool
	}{
		"listed":                  {entry(key, 0x200024), true, true},
		"of another file":         {entry([]byte("another one file"), 0x200024), false, false},
		"outside what is seen":    {entry(key, 0x200044), true, false},
		"deleted":                 {entry(key, 0x200064), true, false},
		"not in the file":         {entry(key, 0x200084), false, false},
		"a folder":                {entry(key, 0x8082), false, false},
		"somebody who is in none": {mapi.MakeOneOff("Anna", "SMTP", "anna@example.org"), false, false},
		"nothing":                 {nil, false, false},
	} {
		if m, written := a.card(tt.entry); m != nil != tt.found || written != tt.written {
			t.Errorf("%s: found %v, written %v", what, m != nil, written)
		}
	}
	if _, written := s.open(extract.Options{Hidden: true}).card(entry(key, 0x200044)); !written {
		t.Error("what is hidden is said not to be written where it is")
	}
}

// Every card that a list refers to is that of a contact of the same archive.
func TestCardsOfLists(t *testing.T) {
	for name, want := range map[string]int{"pst/dist-list.pst": 1, "pst/passworded.pst": 1, "synthetic/small.pst": 4} {
		t.Run(name, func(t *testing.T) {
			a := open(t, corpustest.File(t, name), extract.Options{})
			ctx := context.Background()
			cards := make(map[string]string)
			var members []string
			for e, err := range a.Entries(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				it, err := a.Read(ctx, e)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case it.Contact != nil:
					cards[it.Contact.UID] = it.Contact.FullName
				case it.Group != nil:
					cards[it.Group.UID] = it.Group.Name
					for _, m := range it.Group.Members {
						if m.Card != "" {
							members = append(members, m.Card)
						}
					}
				}
			}
			if len(members) < want {
				t.Errorf("%d members have a card, want %d", len(members), want)
			}
			for _, m := range members {
				if cards[m] == "" {
					t.Errorf("nobody has the card %s", m)
				}
			}
		})
	}
}
