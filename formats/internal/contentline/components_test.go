package contentline_test

import (
	"strings"
	"testing"

	"mailmill/formats/internal/contentline"
)

// A byte order mark may stand anywhere, also where files were joined, and a component has the name that is written of it.
func TestScan(t *testing.T) {
	for in, want := range map[string]string{
		"BEGIN:VEVENT\nUID:1\nEND:VEVENT\nX:y\n\uFEFF":                "VEVENT",
		"BEGIN:VEVENT\nUID:1\n\uFEFF":                                 "VEVENT",
		"\uFEFFBEGIN:VCARD\nEND:VCARD\n\uFEFFBEGIN:VCARD\nX:\uFEFF":   "VCARD VCARD",
		"BE\x1AGIN:VEV\x01ENT\nUID:1\nBEG\n IN:VTODO\nEND: vevent \n": "VEVENT VTODO",
		"BEGIN:VEV\x01ENT\nUID:1\nEND: vevent \n":                     "VEVENT",
		"BEGIN:VEVENT\rUID:1\r\n\r \x00X\rEND:VEVENT\rBEGIN:VTODO\r":  "VEVENT VTODO",
		"BEGIN:VEVEN\rT\nUID:1\n":                                     "VEVEN",
	} {
		var got []string
		_, _, err := contentline.Scan(strings.NewReader(in), nil, func(c contentline.Component) error {
			got = append(got, c.Name)
			return nil
		})
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v, want %s", in, got, err, want)
		}
	}
}

// Zones are found however their parameter is written, and nowhere but among parameters.
func TestScanZones(t *testing.T) {
	for line, want := range map[string]string{
		"DTSTART;TZID=A:1":               "A",
		"DTSTART;VALUE=DATE-TIME;TzId=A": "A",
		"DTSTART;X=1;tzid=\"A:B;C\":1":   "A:B;C",
		"DTSTART;TZI:1;TZID=A:2":         "",
		"SUMMARY:x;TZID=A":               "",
		"X;\xff;TZID":                    "",
	} {
		got := ""
		_, _, err := contentline.Scan(strings.NewReader("BEGIN:VEVENT\n"+line+"\nEND:VEVENT\n"), nil, func(c contentline.Component) error {
			got = strings.Join(c.Zones, " ")
			return nil
		})
		if err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
}
