package pst

import (
	"testing"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/corpustest"
)

// TestHabits shows what an archive tells of its owner without being asked to: who received its mail, and which zone most
// of the events are in.
func TestHabits(t *testing.T) {
	a := open(t, corpustest.File(t, "synthetic/tiny.pst"), extract.Options{})
	if o := a.owner(); o == nil || o.Name != "Wolf, Paul" {
		t.Errorf("the owner is %+v", o)
	}
	if z := a.zone(); z == nil || z.ID != "Europe/Berlin" {
		t.Errorf("the zone is %+v", z)
	}
	told := &formats.Zone{ID: "Asia/Tokyo", Onsets: []formats.Onset{{After: 9 * 3600, Before: 9 * 3600}}}
	a.opt.Zone = told
	if z := a.zone(); z != told {
		t.Errorf("the zone is %+v, although another was told", z)
	}

	// An archive without events and mail tells nothing.
	empty := standard().open(extract.Options{})
	if o, z := empty.owner(), empty.zone(); o != nil || z != nil {
		t.Errorf("nobody's archive is of %+v, in %+v", o, z)
	}
}
