package report

import (
	"errors"
	"testing"

	"mailmill/formats"
	"mailmill/load"
)

// The verdict says no more than is known: what may be lost is not said to be, and what is whole but in doubt neither.
func TestVerdict(t *testing.T) {
	mended := load.Damaged{Damage: []formats.Damage{{Part: "body", Err: errors.New("the one byte that seems to be wrong was put right")}}}
	for _, c := range []struct {
		check Check
		want  string
	}{
		{Check{}, "no damage: every block and every item is whole"},
		{Check{Incomplete: "cut short"}, "damaged: items may be lost that cannot be counted"},
		{Check{Doubt: "a list is damaged"}, "damaged: names, places or flags may be wrong"},
		{Check{Damaged: []load.Damaged{mended}}, "damaged: 1 item is damaged"},
		{
			Check{Damaged: make([]load.Damaged, 2), Failures: make([]load.Failure, 1), Faults: make([]Fault, 1), More: 2},
			"damaged: 2 items are damaged, 1 item cannot be read, 3 faults beside the items",
		},
	} {
		if got := c.check.Verdict(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if c.check.Sound() != (c.want[:2] == "no") {
			t.Errorf("%q: sound %v", c.want, c.check.Sound())
		}
	}
}
