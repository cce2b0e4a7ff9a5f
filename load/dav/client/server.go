package client

import (
	"net/http"
	"slices"
	"strings"
)

// Server is what is known of a server and its user.
type Server struct {
	// Software is what the server calls itself, printable; it may be empty.
	Software string
	Product  Product
	// Features are the tokens of its DAV header (RFC 4918 10.1) in lower case; none where it answers no OPTIONS.
	Features []string
	// Principal is the href of the user; empty where it is not known.
	Principal string
	// Addresses are the user's own calendar addresses, such as mailto:alice@example.org.
	Addresses []string
	// Outbox says that the user has an outbox for scheduling messages.
	Outbox bool
}

// Product is software whose ways with invitations are known.
type Product int

const (
	OtherProduct Product = iota
	Sabre                // sabre/dav: Baïkal, ownCloud
	Nextcloud
	Cyrus
	SOGo
	Google
	ICloud
)

// Has reports whether the server announces a feature.
func (s Server) Has(feature string) bool { return slices.Contains(s.Features, feature) }

// Scheduling is what it takes to store a meeting without telling its participants.
type Scheduling int

const (
	// Silent: the server does no scheduling.
	Silent Scheduling = iota + 1
	// ByHeader: it schedules, and the headers that every write has stop it.
	ByHeader
	// ByProperty: it schedules, or may, and SCHEDULE-AGENT=CLIENT (RFC 6638 7.1) is needed on ORGANIZER and every ATTENDEE.
	ByProperty
	// Unstoppable: it does as it likes; only an object without ORGANIZER and ATTENDEE is safe.
	Unstoppable
)

// Scheduling returns what it takes to store, change and delete a meeting without telling its participants. Where that is
// not known for certain it says ByProperty.
func (s Server) Scheduling() Scheduling {
	switch {
	case s.Product == Google:
		// No header or property stops it.
		return Unstoppable
	case !s.Has("calendar-auto-schedule") && !s.Has("calendar-schedule") && !s.Outbox && s.Has("calendar-access"):
		return Silent
	case s.Product == Sabre, s.Product == Nextcloud:
		return ByHeader
	}
	// Cyrus 3 obeys Scheduling-Enabled, but its later versions drop such headers of their own.
	return ByProperty
}

// quiet sets the headers that stop scheduling on the servers which know one; others ignore them. Values are compared as
// they are written here. They are on every request that changes a resource, also on DELETE: clearing up after a failure
// must not send cancellations either.
func quiet(h http.Header) {
	h.Set("Schedule-Reply", "F")      // RFC 6638 8.1; sabre/dav obeys it for every change, not only for an attendee's DELETE
	h.Set("Scheduling-Enabled", "F")  // QUIRK: Cyrus
	h.Set("X-Nc-Scheduling", "false") // QUIRK: Nextcloud 31 and later
}

// learn reads the headers of an answer to OPTIONS.
func (s *Server) learn(h http.Header) {
	s.Software = words(h.Get("Server"))
	for _, line := range h.Values("DAV") {
		for _, f := range strings.Split(line, ",") {
			if f = strings.ToLower(strings.TrimSpace(f)); f != "" && len(s.Features) < 200 {
				s.Features = append(s.Features, cut(words(f), mostName))
			}
		}
	}
	software := strings.ToLower(s.Software)
	switch {
	case slices.ContainsFunc(s.Features, func(f string) bool { return strings.HasPrefix(f, "nextcloud-") || strings.HasPrefix(f, "nc-") }):
		s.Product = Nextcloud
	case h.Get("X-Sabre-Version") != "", s.Has("oc-resource-sharing"), s.Has("calendarserver-subscribed") && s.Has("calendarserver-sharing") && s.Has("resource-sharing"):
		s.Product = Sabre
	case strings.Contains(software, "cyrus"):
		s.Product = Cyrus
	case strings.Contains(software, "sogo"):
		s.Product = SOGo
	case software == "gse", strings.Contains(software, "google"):
		s.Product = Google
	case strings.Contains(software, "applehttpserver"):
		s.Product = ICloud
	}
}
