package olm

import (
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// number reads a number, which may be written as "2.7E1".
func number(s string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	const most = 1 << 53
	if err != nil || f != f || f > most || f < -most {
		return 0, false
	}
	return f, true
}

// integer is number without what is behind the point, 0 for what is none.
func integer(s string) int {
	f, _ := number(s)
	return int(f)
}

// truth reads a Boolean: "1", "1E0", "0", "true".
func truth(s string) bool { return integer(s) != 0 || strings.EqualFold(strings.TrimSpace(s), "true") }

// moment reads a time, which is in UTC: "2018-06-21T00:44:11". It is zero for what is none.
func moment(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range [...]string{"2006-01-02T15:04:05", time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			if y := t.Year(); y < 1601 || y > 4000 {
				return time.Time{}
			}
			return t.UTC()
		}
	}
	return time.Time{}
}

// address makes a participant of what is stored.
func address(name, stored string) *formats.Address {
	stored = strings.TrimSpace(stored)
	a := &formats.Address{Name: mime.OneLine(name), Stored: stored, Via: formats.ViaNone}
	if clean := mapi.CleanAddress(stored); mapi.IsSMTP(clean) {
		a.SMTP, a.Via = clean, formats.ViaStored
	}
	if strings.EqualFold(a.Name, stored) {
		a.Name = ""
	}
	return a
}

// addresses returns the participants of a list of addresses.
func addresses(n *node) (list []*formats.Address) {
	if n == nil {
		return nil
	}
	for _, name := range [...]string{"emailAddress", "contactEmailAddress"} {
		n.all(name, func(k *node) {
			name, stored := k.attr("OPFContactEmailAddressName"), k.attr("OPFContactEmailAddressAddress")
			if name != "" || stored != "" {
				list = append(list, address(name, stored))
			}
		})
	}
	if len(list) == 0 {
		// QUIRK: older programs write the addresses themselves.
		for _, a := range mime.ParseAddressList(n.text) {
			list = append(list, address(a.Name, a.Stored))
		}
	}
	return list
}

// categories returns the names in a list of categories.
func categories(n *node) (list []string) {
	n.all("category", func(k *node) {
		name := k.attr("OPFCategoryCopyName")
		if name == "" {
			name = strings.TrimSpace(k.text)
		}
		if name != "" {
			list = append(list, name)
		}
	})
	return list
}
