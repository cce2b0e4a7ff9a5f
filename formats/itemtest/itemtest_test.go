package itemtest_test

import (
	"testing"

	"mailmill/formats"
	"mailmill/formats/itemtest"
)

// Examples are of all kinds, and have what makes kinds hard.
func TestExamples(t *testing.T) {
	found := map[string]int{}
	for _, it := range itemtest.Examples(60) {
		found[it.Kind.String()]++
		it.Participants(func(a *formats.Address) { found["people"]++ })
		if ev := it.Event; ev != nil {
			found[[]string{"", "instant", "zoned", "floating", "date"}[ev.Start.Form]]++
			if ev.Series != nil {
				found["series"]++
				found["deleted"] += len(ev.Series.Except)
				found["also"] += len(ev.Series.Also)
			}
			found["exceptions"] += len(ev.Overrides)
		}
	}
	for _, want := range []string{"event", "task", "journal", "note", "contact", "group", "people", "instant", "zoned", "floating", "date", "series", "deleted", "also", "exceptions"} {
		if found[want] == 0 {
			t.Errorf("there is nothing of %s", want)
		}
	}
	t.Log(found)
}
