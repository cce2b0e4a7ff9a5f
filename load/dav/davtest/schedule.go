package davtest

import (
	"net/http"
	"slices"
	"strings"
)

// schedule notes what a server with automatic scheduling sends when a calendar object is stored or deleted (RFC 6638 3.2).
func (s *Server) schedule(r *http.Request, method string, data []byte) {
	if !s.options.Schedules {
		return
	}
	for name := range s.options.SuppressedBy {
		if r.Header.Get(name) == s.options.SuppressedBy.Get(name) {
			return
		}
	}
	var organizer, attendees []property
	for _, p := range properties(data) {
		switch p.name {
		case "ORGANIZER":
			organizer = append(organizer, p)
		case "ATTENDEE":
			attendees = append(attendees, p)
		}
	}
	if len(organizer) == 0 {
		return
	}
	if own(organizer[0]) {
		for _, a := range attendees {
			if !own(a) && a.serves() {
				s.invitations = append(s.invitations, Invitation{method, uid(data), a.value})
			}
		}
		return
	}
	for _, a := range attendees {
		if own(a) && organizer[0].serves() && (method == "CANCEL" || !strings.Contains(strings.ToUpper(a.params), "NEEDS-ACTION")) {
			s.invitations = append(s.invitations, Invitation{"REPLY", uid(data), organizer[0].value})
		}
	}
}

func own(p property) bool { return strings.EqualFold(p.value, Address) }

// serves reports whether the server may send something to a participant (RFC 6638 7.1).
func (p *property) serves() bool {
	_, agent, ok := strings.Cut(strings.ToUpper(p.params), "SCHEDULE-AGENT=")
	return !ok || strings.HasPrefix(agent, "SERVER")
}

type property struct {
	name, params, value string
}

// properties takes an object apart, well enough for what tests store.
func properties(data []byte) []property {
	text := strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(string(data))
	var list []property
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		quotes, colon, semicolon := false, -1, -1
		for i := range len(line) {
			switch {
			case line[i] == '"':
				quotes = !quotes
			case quotes:
			case line[i] == ';' && semicolon < 0:
				semicolon = i
			case line[i] == ':':
				colon = i
			}
			if colon >= 0 {
				break
			}
		}
		if colon < 0 {
			continue
		}
		p := property{name: line[:colon], value: line[colon+1:]}
		if semicolon >= 0 {
			p.name, p.params = line[:semicolon], line[semicolon+1:colon]
		}
		p.name = strings.ToUpper(p.name)
		list = append(list, p)
	}
	return list
}

func uid(data []byte) string {
	for _, p := range properties(data) {
		if p.name == "UID" {
			return p.value
		}
	}
	return ""
}

// component returns the name of the first component that is no time zone, or part of one.
func component(data []byte) string {
	for _, p := range properties(data) {
		if p.name == "BEGIN" && !slices.Contains([]string{"VCALENDAR", "VTIMEZONE", "STANDARD", "DAYLIGHT"}, p.value) {
			return p.value
		}
	}
	return ""
}
