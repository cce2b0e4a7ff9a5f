package outlook_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	goical "github.com/emersion/go-ical"
	govcard "github.com/emersion/go-vcard"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mapi"
	"mailmill/formats/vcard"
)

// fuzzKeys are the properties of all that Outlook shows, in an order that is always the same.
func fuzzKeys() []any {
	set := make(map[any]bool)
	for _, k := range shownKinds() {
		m := &msg{props: props{}}
		if k.rest != nil {
			k.rest(m)
		}
		for _, r := range append(k.rows, shownThing{p: m.props}) {
			for key := range r.p {
				set[key] = true
			}
		}
	}
	for _, key := range []any{
		mapi.PidTagBirthday, mapi.PidTagWeddingAnniversary, mapi.PidLidTaskAssigners, mapi.PidLidTaskGlobalId, mapi.PidLidDistributionListStream, mapi.PidLidDistributionListOneOffMembers,
		mapi.PidTagSearchKey, mapi.PidLidCommonStart, mapi.PidLidCommonEnd, mapi.PidTagRtfCompressed, mapi.PidLidEmail1OriginalEntryId, mapi.PidTagEmailAddress,
	} {
		set[key] = true
	}
	keys := make([]any, 0, len(set))
	for key := range set {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return keys
}

// FuzzCardsAndTasks converts items of random properties: nothing breaks, every participant is there, and what is written
// can be read.
func FuzzCardsAndTasks(f *testing.F) {
	keys := fuzzKeys()
	classes := []string{"IPM.Contact", "IPM.DistList", "IPM.Task", "IPM.StickyNote", "IPM.Activity", "IPM.Note"}
	for i, k := range shownKinds() {
		// The seeds are the messages that have everything.
		var seed []byte
		for _, r := range k.rows {
			for key, x := range r.p {
				v, err := value(x)
				at := slices.Index(keys, key)
				data := v.Data
				if v.Type.IsMulti() && len(v.Elems) > 0 {
					data = v.Elems[0]
				}
				if err != nil || at < 0 || len(data) > 255 {
					continue
				}
				seed = append(seed, byte(at), byte(at>>8), byte(v.Type), byte(v.Type>>8), byte(len(data)))
				seed = append(seed, data...)
			}
		}
		f.Add(uint8(i), seed)
	}
	c := outlook.New(outlook.Options{FollowUps: true, Card: func(entry []byte) (mapi.Message, bool) {
		return of("IPM.Contact", props{mapi.PidTagDisplayName: "Card"}), len(entry)%2 == 0
	}})
	f.Fuzz(func(t *testing.T, class uint8, b []byte) {
		p := props{}
		for len(b) >= 5 {
			key := keys[int(binary.LittleEndian.Uint16(b))%len(keys)]
			typ, n := mapi.Type(binary.LittleEndian.Uint16(b[2:])), int(b[4])
			b = b[5:]
			data := b[:min(n, len(b))]
			b = b[len(data):]
			v := mapi.Value{Type: typ, Data: data}
			if typ.IsMulti() {
				v = mapi.Value{Type: typ, Elems: [][]byte{data, data[len(data)/2:]}}
			}
			p[key] = v
		}
		m := of(classes[int(class)%len(classes)], p)
		m.atts = []*att{file("a", "image/png", []byte("x"))}
		m.rows = []props{p}
		it, err := c.Item(formats.Entry{}, m)
		if err != nil {
			t.Fatal(err)
		}
		it.Participants(func(a *formats.Address) {
			if a == nil {
				t.Fatal("nobody takes part")
			}
		})
		var out bytes.Buffer
		switch {
		case it.Contact != nil, it.Group != nil:
			err := vcard.NewEncoder(vcard.Options{}).Encode(&out, it)
			if err != nil {
				t.Fatal(err)
			}
			dec := govcard.NewDecoder(&out)
			if _, err := dec.Decode(); err != nil {
				t.Fatal(err)
			}
			if _, err := dec.Decode(); err != io.EOF {
				t.Fatalf("after the card: %v", err)
			}
		case it.Mail == nil:
			enc := ical.NewEncoder(ical.Options{})
			enc.Begin(&out)
			var invalid *ical.InvalidError
			if err := enc.Item(it); err != nil && !errors.As(err, &invalid) {
				t.Fatal(err)
			} else if err != nil {
				return
			}
			if err := enc.End(); err != nil {
				t.Fatal(err)
			}
			if _, err := goical.NewDecoder(&out).Decode(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
