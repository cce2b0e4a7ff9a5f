// Package winzone tells which zone of the IANA database a time zone of Windows is.
//
// Windows names its zones by keys of its registry ("W. Europe Standard Time"), which are the same in every language; the
// names that people see are translated. [Name] knows the keys. A zone of which only the rules are known, and perhaps a
// name that people see, [Guess] finds among those that have a key.
//
// The rules of the IANA zones come from the zone database of the machine or, where it has none, from that of the Go
// release that built the program. The zone in which the machine is plays no part.
package winzone

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // Windows has no zone database of its own
)

// preferred are the zones that are tried first where the rules alone do not tell zones apart: those with most people.
var preferred = [...]string{
	"Europe/Berlin", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Europe/London",
	"Europe/Bucharest", "Europe/Moscow", "Europe/Istanbul", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Asia/Dubai",
	"Asia/Karachi", "Asia/Dhaka", "Asia/Bangkok", "Australia/Sydney", "Pacific/Auckland", "America/Sao_Paulo", "UTC",
}

// Name returns the IANA name of a zone that Windows has by the key. Letter case does not count.
//
// QUIRK: programs write IANA names where a key should be, and Exchange "tzone://Microsoft/Utc".
func Name(key string) (string, bool) {
	key = strings.TrimSpace(key)
	folded := strings.ToLower(key)
	if name, ok := names[folded]; ok {
		return name, true
	}
	if folded == "tzone://microsoft/utc" {
		return "UTC", true
	}
	if strings.IndexByte(key, '/') > 0 {
		if loc, err := Location(key); err == nil {
			return loc.String(), true
		}
	}
	return "", false
}

// Location returns the rules of an IANA zone. It knows neither the zone of the machine nor one without a name.
func Location(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone that is known: %w", name, err)
	}
	return loc, nil
}

// zone is a zone that Windows has, with the name of its city.
type zone struct {
	name, city string
	loc        *time.Location
}

// all are the zones that Windows has, those that [Guess] prefers first.
var all = sync.OnceValue(func() []zone {
	list := slices.Clone(preferred[:])
	for _, name := range slices.Sorted(maps.Values(names)) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	zones := make([]zone, 0, len(list))
	for _, name := range list {
		if loc, err := Location(name); err == nil {
			city := strings.ReplaceAll(name[strings.LastIndexByte(name, '/')+1:], "_", " ")
			zones = append(zones, zone{name, strings.ToLower(city), loc})
		}
	}
	return zones
})

// Guess returns a zone whose clock shows the same as another's in a year: offset says what that one is ahead of UTC at an
// instant. Of several it is the one whose city a text has in it, such as the name that people see of the zone, and else
// the one where most people live.
func Guess(year int, offset func(time.Time) time.Duration, text string) (string, bool) {
	first := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	const hours = 366 * 24
	var want [hours / 6]int
	for i := range want {
		want[i] = int(offset(first.Add(time.Duration(i)*6*time.Hour)) / time.Second)
	}
	text = strings.ToLower(text)
	found := ""
	for _, z := range all() {
		if found != "" && (text == "" || !strings.Contains(text, z.city)) {
			continue
		}
		same := true
		for i := 0; i < len(want) && same; i++ {
			_, got := first.Add(time.Duration(i) * 6 * time.Hour).In(z.loc).Zone()
			same = got == want[i]
		}
		if same && strings.Contains(text, z.city) {
			return z.name, true
		}
		if same && found == "" {
			found = z.name
		}
	}
	return found, found != ""
}

// Named returns the zone of which a text has the city in it, such as the name that people see of the zone, and whose
// standard time is as far ahead of UTC in a year.
func Named(year int, ahead time.Duration, text string) (string, bool) {
	text = strings.ToLower(text)
	for _, z := range all() {
		if !strings.Contains(text, z.city) {
			continue
		}
		_, winter := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).In(z.loc).Zone()
		_, summer := time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC).In(z.loc).Zone()
		if min(winter, summer) == int(ahead/time.Second) {
			return z.name, true
		}
	}
	return "", false
}
