package mapi_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats/mapi"
)

func property(n mapi.Name, t mapi.Type, data ...byte) mapi.Property {
	return mapi.Property{Name: &n, Value: mapi.Value{Type: t, Data: data}}
}

func int32Property(n mapi.Name, x uint32) mapi.Property {
	return property(n, mapi.Integer32, binary.LittleEndian.AppendUint32(nil, x)...)
}

func TestReminder(t *testing.T) {
	start := time.Date(2024, 5, 6, 9, 0, 0, 0, time.UTC)
	task := time.Date(2024, 5, 1, 8, 0, 0, 0, time.UTC)
	set := property(mapi.NameReminderSet, mapi.Boolean, 1)
	for _, c := range []struct {
		what     string
		p        properties
		start    time.Time
		want     string // "" for none
		complain string
	}{
		{"an appointment", properties{set, int32Property(mapi.NameReminderDelta, 30)}, start, "2024-05-06 08:30", ""},
		{"at the beginning", properties{set, int32Property(mapi.NameReminderDelta, 0)}, start, "2024-05-06 09:00", ""},
		{"after the beginning", properties{set, int32Property(mapi.NameReminderDelta, 0xFFFFFFF6)}, start, "2024-05-06 09:10", ""},
		{"the default", properties{set, int32Property(mapi.NameReminderDelta, 0x5AE980E1)}, start, "2024-05-06 08:45", ""},
		{"without a delta", properties{set}, start, "2024-05-06 08:45", ""},
		{"a delta of 4000 years", properties{set, int32Property(mapi.NameReminderDelta, 0x7FFFFFFF)}, start, "2024-05-06 08:45", "2147483647 minutes"},
		{"not set, with what is left over", properties{int32Property(mapi.NameReminderDelta, 30)}, start, "", ""},
		{"nothing", nil, start, "", ""},
		{"a task", properties(mapi.Reminder{Set: true, Time: task, Signal: task.Add(time.Hour)}.Properties()), time.Time{}, "2024-05-01 08:00", ""},
		{"a task with its signal only", properties(mapi.Reminder{Set: true, Signal: task}.Properties()), time.Time{}, "2024-05-01 08:00", ""},
		{"a task that never reminds", properties(mapi.Reminder{Set: true}.Properties()), time.Time{}, "", ""},
	} {
		r, err := mapi.ReadReminder(c.p, 1252)
		if c.complain == "" && err != nil || c.complain != "" && (err == nil || !strings.Contains(err.Error(), c.complain)) {
			t.Errorf("%s: %v", c.what, err)
		}
		at, ok := r.At(c.start)
		if ok != (c.want != "") || ok && at.Format("2006-01-02 15:04") != c.want {
			t.Errorf("%s: it is at %v, %v, want %s", c.what, at, ok, c.want)
		}
	}
}

func TestReminderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		when := rapid.Custom(func(t *rapid.T) time.Time {
			if rapid.Bool().Draw(t, "never") {
				return time.Time{}
			}
			return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "second"), 100*rapid.Int64Range(0, 9999999).Draw(t, "tick")).UTC()
		})
		want := mapi.Reminder{
			Set: rapid.Bool().Draw(t, "set"), HasDelta: rapid.Bool().Draw(t, "has delta"), Time: when.Draw(t, "time"), Signal: when.Draw(t, "signal"),
			Override: rapid.Bool().Draw(t, "override"), Sound: rapid.Bool().Draw(t, "sound"), File: rapid.StringMatching(`[a-zäß🎵\\.]*`).Draw(t, "file"),
		}
		if want.HasDelta {
			if want.DefaultDelta = rapid.Bool().Draw(t, "default"); want.DefaultDelta {
				want.Delta = mapi.ReminderDefaultDelta
			} else {
				want.Delta = time.Duration(rapid.IntRange(-20000, 200000).Draw(t, "delta")) * time.Minute
			}
		}
		got, err := mapi.ReadReminder(properties(want.Properties()), 1252)
		if err != nil || got != want {
			t.Fatalf("%+v comes back as %+v, %v", want, got, err)
		}
	})
}

func FuzzReadReminder(f *testing.F) {
	f.Add(true, uint32(15), uint64(133000000000000000), uint64(0x0CB34557A3DD4000), "ding.wav")
	f.Fuzz(func(t *testing.T, set bool, delta uint32, at, signal uint64, file string) {
		r := mapi.Reminder{Set: set}.Properties()
		r = append(r, int32Property(mapi.NameReminderDelta, delta), property(mapi.NameReminderFileParameter, mapi.String8, []byte(file)...))
		p := append(properties{
			property(mapi.NameReminderTime, mapi.Time, binary.LittleEndian.AppendUint64(nil, at)...),
			property(mapi.NameReminderSignalTime, mapi.Time, binary.LittleEndian.AppendUint64(nil, signal)...),
		}, r...)
		got, _ := mapi.ReadReminder(p, 1252)
		back, err := mapi.ReadReminder(properties(got.Properties()), 1252)
		if err != nil || back != got {
			t.Fatalf("%+v comes back as %+v, %v", got, back, err)
		}
		got.At(time.Time{})
	})
}
