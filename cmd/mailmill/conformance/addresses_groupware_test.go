package conformance

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	goical "github.com/emersion/go-ical"
	govcard "github.com/emersion/go-vcard"

	"mailmill/formats/corpustest"
)

// In calendars and cards nobody can be written to by an Exchange name either: what is stored stands in parameters and
// properties made for it.
func TestNoExchangeNameIsAnAddressInCalendarsAndCards(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, name := range archives(t) {
		out := filepath.Join(t.TempDir(), "out")
		r := mailmill(t, "convert", "-q", "--keep-ex", "--only", "calendar,contacts", corpustest.File(t, name), out).want(t, 0, 3, 4)
		if r.status == 4 {
			continue
		}
		err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var found []string
			switch filepath.Ext(path) {
			case ".ics":
				found, err = calendarAddresses(data)
			case ".vcf":
				found, err = cardAddresses(data)
			}
			checked += len(found)
			for _, a := range found {
				if exchangeOnly.MatchString(a) {
					t.Errorf("%s: %s has %s for an address", name, path, a)
				}
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Logf("%d addresses", checked)
	if checked < 200 {
		t.Error("there are too few addresses to tell")
	}
}

// calendarAddresses returns who is named by address in a calendar.
func calendarAddresses(data []byte) (found []string, err error) {
	cal, err := goical.NewDecoder(bytes.NewReader(data)).Decode()
	if err != nil {
		return nil, err
	}
	people := []string{goical.PropOrganizer, goical.PropAttendee, "X-PST-OWNER", "X-PST-ASSIGNER"}
	for _, c := range cal.Children {
		for name, props := range c.Props {
			for _, p := range props {
				if slices.Contains(people, name) {
					found = append(found, p.Value)
				}
				found = append(found, p.Params[goical.ParamSentBy]...)
			}
		}
	}
	return found, nil
}

// cardAddresses returns who can be written to by cards.
func cardAddresses(data []byte) (found []string, err error) {
	for dec := govcard.NewDecoder(bytes.NewReader(data)); ; {
		card, err := dec.Decode()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		for _, name := range []string{govcard.FieldEmail, govcard.FieldMember, govcard.FieldIMPP, "X-ADDRESSBOOKSERVER-MEMBER"} {
			for _, field := range card[name] {
				found = append(append(found, field.Value), field.Params["X-EMAIL"]...)
			}
		}
	}
}
