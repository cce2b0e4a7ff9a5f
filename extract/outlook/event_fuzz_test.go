package outlook_test

import (
	"strings"
	"testing"
	"time"

	goical "github.com/emersion/go-ical"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
)

// FuzzEvent converts appointments of which the blobs and times are anything: an event comes of all that has a class, and
// what is written of it can be read.
func FuzzEvent(f *testing.F) {
	r := mondays()
	r.Deleted, r.Modified = []mapi.Minutes{day(2015, 3, 23)}, []mapi.Minutes{day(2015, 3, 24)}
	r.Exceptions = []mapi.Exception{{
		Original: day(2015, 3, 23) + 540, Start: day(2015, 3, 24) + 600, End: day(2015, 3, 24) + 660,
		Overrides: mapi.OverrideSubject | mapi.OverrideReminderDelta | mapi.OverrideAllDay, Subject: "Ä", ReminderDelta: 5,
	}}
	blob, err := r.Encode()
	if err != nil {
		f.Fatal(err)
	}
	id := globalID([4]byte{7, 0xDF, 3, 30}, []byte("vCal-Uid\x01\x00\x00\x00a\x00"))
	nine := mapi.ToFileTime(at(2015, 3, 30, 9, 0))
	for _, z := range windowsZones {
		f.Add(blob, z.definition(f), z.structure(), id, nine, nine+36e9, uint16(0))
		f.Add(blob, z.definition(f), []byte{}, id, nine, nine+36e9, uint16(0xFFFF))
		f.Add([]byte{}, z.definition(f), []byte{}, id, nine, nine-36e9, uint16(5))
	}
	c := outlook.New(outlook.Options{})
	f.Fuzz(func(t *testing.T, blob, definition, structure, id []byte, start, end uint64, flags uint16) {
		bit := func(n int) bool { return flags>>n&1 != 0 }
		m := appointment(props{
			mapi.PidLidAppointmentRecur: blob, mapi.PidLidAppointmentZoneRecur: definition, mapi.PidLidAppointmentZoneStart: definition,
			mapi.PidLidTimeZoneStruct: structure, mapi.PidLidGlobalObjectId: id, mapi.PidLidAppointmentStartWhole: mapi.FileTime(start),
			mapi.PidLidAppointmentEndWhole: mapi.FileTime(end), mapi.PidLidAppointmentSubType: bit(0), mapi.PidLidIsException: bit(1),
			mapi.PidLidRecurring: bit(2), mapi.PidLidAppointmentStateFlags: int(flags >> 8 & 7), mapi.PidLidExceptionReplaceTime: mapi.FileTime(end),
			mapi.NameReminderSet: bit(3), mapi.NameReminderDelta: int(int32(start)),
		})
		if bit(4) {
			m.atts = []*att{
				exception(props{mapi.PidLidExceptionReplaceTime: mapi.FileTime(start), mapi.PidLidAppointmentStartWhole: mapi.FileTime(end)}),
				exception(props{mapi.PidTagBody: "x"}), exception(nil),
			}
		}
		if bit(5) {
			m.props[mapi.PidTagMessageClass] = "IPM.Schedule.Meeting.Request"
		}
		it, err := c.Item(formats.Entry{}, m)
		if err != nil {
			t.Fatal(err)
		}
		if it.Event == nil {
			return
		}
		if it.Event.Start.IsZero() || it.Event.UID == "" || len(it.Event.Overrides) > len(blob)+4 {
			t.Fatalf("%+v", it.Event)
		}
		text := calendarOf(t, it)
		cal, err := goical.NewDecoder(strings.NewReader(text)).Decode()
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, child := range cal.Children {
			for _, list := range child.Props {
				for _, p := range list {
					if id := p.Params.Get("TZID"); id != "" && !strings.Contains(text, "\r\nTZID:"+id+"\r\n") {
						t.Fatalf("the zone %s is not there\n%s", id, text)
					}
				}
			}
		}
		if z := it.Event.Start.Zone; z != nil {
			// A clock that is set to the time that it shows shows it, but for the hours that it leaves out or shows twice.
			at := it.Event.Start.Time(nil)
			if d := z.Clock(at).Sub(it.Event.Start.Clock).Abs(); d > 26*time.Hour {
				t.Fatalf("%v is %v", it.Event.Start, z.Clock(at))
			}
		}
	})
}
