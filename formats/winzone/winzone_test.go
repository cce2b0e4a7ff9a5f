package winzone_test

import (
	"testing"
	"time"

	"mailmill/formats/winzone"
)

func TestName(t *testing.T) {
	for key, want := range map[string]string{
		"W. Europe Standard Time": "Europe/Berlin", "w. europe standard time ": "Europe/Berlin", "Pacific Standard Time": "America/Los_Angeles",
		"UTC": "UTC", "UTC+12": "Etc/GMT-12", "tzone://Microsoft/Utc": "UTC", "Europe/Zurich": "Europe/Zurich", "India Standard Time": "Asia/Kolkata",
		"Armenian Standard Time": "Asia/Yerevan",
		"":                       "", "tzone://Microsoft/Custom": "", "Customized Time Zone": "", "Mitteleuropäische Zeit": "", "../etc/passwd": "", "Local": "",
	} {
		if got, ok := winzone.Name(key); got != want || ok != (want != "") {
			t.Errorf("Name(%q) = %q, %t, want %q", key, got, ok, want)
		}
	}
}

// TestNames reads the rules of every zone that is in the table.
func TestNames(t *testing.T) {
	for _, key := range winzone.Keys() {
		name, _ := winzone.Name(key)
		if _, err := winzone.Location(name); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestGuess(t *testing.T) {
	like := func(name string) func(time.Time) time.Duration {
		loc, err := winzone.Location(name)
		if err != nil {
			t.Fatal(err)
		}
		return func(at time.Time) time.Duration {
			_, offset := at.In(loc).Zone()
			return time.Duration(offset) * time.Second
		}
	}
	for _, test := range []struct {
		rules string
		year  int
		text  string
		want  string
	}{
		{"Europe/Vienna", 2015, "", "Europe/Berlin"},
		{"Europe/Vienna", 2015, "(GMT+01:00) Bruselas, Madrid, París / Paris", "Europe/Paris"},
		{"Europe/Vienna", 2015, "(GMT+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien", "Europe/Berlin"},
		{"Europe/Vienna", 2015, "(UTC-05:00) New York", "Europe/Berlin"},
		{"America/New_York", 2005, "", "America/New_York"},
		{"America/Toronto", 2009, "", "America/New_York"},
		{"Australia/Melbourne", 2012, "", "Australia/Sydney"},
		{"Australia/Brisbane", 2012, "", "Asia/Vladivostok"},
		{"Asia/Kathmandu", 2012, "", "Asia/Kathmandu"},
	} {
		got, ok := winzone.Guess(test.year, like(test.rules), test.text)
		if test.rules == "Australia/Brisbane" { // many have that offset
			if !ok {
				t.Error("no zone is ten hours ahead")
			}
			continue
		}
		if got != test.want || !ok {
			t.Errorf("the rules of %s in %d with %q are those of %q, want %q", test.rules, test.year, test.text, got, test.want)
		}
	}
	if got, ok := winzone.Guess(2015, func(time.Time) time.Duration { return 17 * time.Minute }, ""); ok {
		t.Errorf("a zone 17 minutes ahead is %s", got)
	}
}

func TestNamed(t *testing.T) {
	for text, want := range map[string]string{
		"(GMT+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien": "Europe/Berlin",
		"(UTC+10:00) Canberra, Melbourne, Sydney":                   "Australia/Sydney",
		"(UTC-05:00) Eastern Time (US & Canada)":                    "",
		"Berlin":                                                    "Europe/Berlin",
	} {
		ahead := map[string]time.Duration{"Australia/Sydney": 10 * time.Hour}[want]
		if ahead == 0 {
			ahead = time.Hour
		}
		if got, ok := winzone.Named(2015, ahead, text); got != want || ok != (want != "") {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
	if got, ok := winzone.Named(2015, 5*time.Hour, "Berlin"); ok {
		t.Errorf("Berlin five hours ahead is %s", got)
	}
}
