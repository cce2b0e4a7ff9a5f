package davtest

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// answer does what a request asks for.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if service, ok := strings.CutPrefix(path, "/.well-known/"); ok {
		if s.options.NoWellKnown || service != "caldav" && service != "carddav" {
			http.NotFound(w, r)
			return
		}
		http.Redirect(w, r, Root, http.StatusMovedPermanently)
		return
	}
	software := s.options.Software
	if software == "" {
		software = "davtest"
	}
	w.Header().Set("Server", software)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodOptions:
		features := append([]string{"1", "3", "calendar-access", "addressbook", "extended-mkcol"}, s.options.Features...)
		if s.options.Schedules {
			features = append(features, "calendar-auto-schedule")
		}
		w.Header().Set("DAV", strings.Join(features, ", "))
	case "PROPFIND":
		s.propfind(w, r, path)
	case "REPORT":
		s.report(w, r)
	case "MKCALENDAR", "MKCOL":
		s.mkcol(w, r, path)
	case "PROPPATCH":
		s.proppatch(w, r, path)
	case http.MethodGet, http.MethodHead:
		if o := s.object(path); o != nil {
			w.Header().Set("ETag", o.ETag)
			w.Header().Set("Content-Type", "text/plain")
			w.Write(o.Data) //nolint:errcheck // a recorder does not fail
			return
		}
		http.NotFound(w, r)
	case http.MethodPut:
		s.put(w, r, path)
	case http.MethodDelete:
		s.remove(w, r, path)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (s *Server) object(path string) *Object {
	dir, name := split(path)
	if c := s.collections[dir]; c != nil {
		return c.objects[name]
	}
	return nil
}

func refuse(w http.ResponseWriter, status int, condition, inside, words string) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	space := "D"
	switch condition {
	case "no-uid-conflict", "valid-calendar-data", "max-resource-size", "max-attendees-per-instance", "supported-calendar-component":
		space = "C"
	}
	w.WriteHeader(status)
	element := ""
	if condition != "" {
		element = fmt.Sprintf("<%s:%s>%s</%s:%s>", space, condition, inside, space, condition)
	}
	fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><D:error xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:s="http://sabredav.org/ns">%s<s:message>%s</s:message></D:error>`, element, words)
}

// put stores a resource (RFC 4791 5.3.2, RFC 6352 6.3.2).
func (s *Server) put(w http.ResponseWriter, r *http.Request, path string) {
	dir, name := split(path)
	c := s.collections[dir]
	data, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c == nil {
		refuse(w, http.StatusConflict, "calendar-collection-location-ok", "", "there is no such collection")
		return
	}
	old := c.objects[name]
	if r.Header.Get("If-None-Match") == "*" && old != nil {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && (old == nil || old.ETag != match) {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	if s.options.MaxSize > 0 && int64(len(data)) > s.options.MaxSize {
		refuse(w, http.StatusRequestEntityTooLarge, "max-resource-size", "", "that is too large")
		return
	}
	if s.options.MaxAttendees > 0 && strings.Count(string(data), "\nATTENDEE") > s.options.MaxAttendees {
		refuse(w, http.StatusForbidden, "max-attendees-per-instance", "", "too many take part")
		return
	}
	if s.options.Quota > 0 && s.used()+int64(len(data)) > s.options.Quota {
		refuse(w, http.StatusInsufficientStorage, "quota-not-exceeded", "", "there is no room")
		return
	}
	begin := "BEGIN:VCARD"
	if c.calendar {
		begin = "BEGIN:VCALENDAR"
	}
	if !strings.HasPrefix(string(data), begin) || uid(data) == "" {
		refuse(w, http.StatusForbidden, "valid-calendar-data", "", "that is nonsense")
		return
	}
	if comp := component(data); c.calendar && !slices.Contains(c.components, comp) {
		refuse(w, http.StatusForbidden, "supported-calendar-component", "", comp+" does not belong here")
		return
	}
	if other := s.hasUID(dir, name, uid(data)); other != nil {
		s.uidConflict(w, path, other)
		return
	}
	changed := data
	if s.options.Rewrite != nil {
		changed = s.options.Rewrite(data)
	}
	o := s.store(c, path, name, r.Header.Get("Content-Type"), changed)
	s.schedule(r, "REQUEST", data)
	if s.options.Rewrite == nil && !s.options.NoETag {
		w.Header().Set("ETag", o.ETag)
	}
	if old == nil {
		w.WriteHeader(http.StatusCreated)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// hasUID returns another resource with a UID where it may be only once.
func (s *Server) hasUID(dir, name, uid string) *Object {
	if s.options.UIDs == Anywhere {
		return nil
	}
	for path, c := range s.collections {
		if path != dir && (s.options.UIDs != PerHome || c.calendar != s.collections[dir].calendar) {
			continue
		}
		for _, o := range c.objects {
			if o.UID == uid && (path != dir || o.Name != name) {
				return o
			}
		}
	}
	return nil
}

func (s *Server) uidConflict(w http.ResponseWriter, path string, other *Object) {
	href := ""
	if s.options.ConflictHref {
		href = "<D:href>" + other.Path + "</D:href>"
	}
	switch s.options.ConflictStatus {
	case 0:
		refuse(w, http.StatusConflict, "no-uid-conflict", href, "")
	case http.StatusMultiStatus:
		multistatus(w, "<D:response><D:href>"+path+"</D:href><D:status>HTTP/1.1 412 Precondition Failed</D:status><D:error><C:no-uid-conflict>"+href+"</C:no-uid-conflict></D:error><D:responsedescription>UID already in use.</D:responsedescription></D:response>")
	default:
		refuse(w, s.options.ConflictStatus, "no-uid-conflict", href, "")
	}
}

func (s *Server) used() (n int64) {
	for _, c := range s.collections {
		for _, o := range c.objects {
			n += int64(len(o.Data))
		}
	}
	return n
}

// remove deletes a resource or a collection.
func (s *Server) remove(w http.ResponseWriter, r *http.Request, path string) {
	if s.collections[path] != nil {
		delete(s.collections, path)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	o := s.object(path)
	if o == nil {
		http.NotFound(w, r)
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && o.ETag != match {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	dir, name := split(path)
	s.collections[dir].changes++
	delete(s.collections[dir].objects, name)
	s.schedule(r, "CANCEL", o.Data)
	w.WriteHeader(http.StatusNoContent)
}

// element is any XML.
type element struct {
	XMLName  xml.Name
	Attr     []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e *element) find(local string) *element {
	if e.XMLName.Local == local {
		return e
	}
	for i := range e.Children {
		if f := e.Children[i].find(local); f != nil {
			return f
		}
	}
	return nil
}

func parse(r *http.Request) (*element, error) {
	var e element
	err := xml.NewDecoder(r.Body).Decode(&e)
	if err == io.EOF {
		err = nil // nothing is asked for
	}
	return &e, err
}

// mkcol makes a collection (RFC 4791 5.3.1, RFC 5689).
func (s *Server) mkcol(w http.ResponseWriter, r *http.Request, path string) {
	path = strings.TrimSuffix(path, "/") + "/"
	e, err := parse(r)
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	case s.collections[path] != nil:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case !strings.HasPrefix(path, CalendarHome) && !strings.HasPrefix(path, ContactsHome):
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if s.options.RefusesProperties {
		for _, name := range []string{"calendar-color", "calendar-description", "calendar-timezone", "addressbook-description"} {
			if e.find(name) != nil {
				refuse(w, http.StatusForbidden, "cannot-modify-protected-property", "", name)
				return
			}
		}
	}
	c := &collection{calendar: r.Method == "MKCALENDAR" || e.find("calendar") != nil, objects: make(map[string]*Object)}
	if r.Method == "MKCOL" && !c.calendar && e.find("addressbook") == nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	c.set(e)
	if set := e.find("supported-calendar-component-set"); set != nil && !s.options.IgnoresComponents {
		for _, comp := range set.Children {
			for _, a := range comp.Attr {
				c.components = append(c.components, a.Value)
			}
		}
	}
	if len(c.components) == 0 {
		c.components = s.components()
	}
	s.collections[path] = c
	w.WriteHeader(http.StatusCreated)
}

func (c *collection) set(e *element) {
	if name := e.find("displayname"); name != nil {
		c.name = name.Text
	}
	if color := e.find("calendar-color"); color != nil {
		c.color = color.Text
	}
}

func (s *Server) proppatch(w http.ResponseWriter, r *http.Request, path string) {
	e, err := parse(r)
	c := s.collections[path]
	if err != nil || c == nil {
		http.NotFound(w, r)
		return
	}
	if s.options.RefusesProperties && e.find("displayname") == nil {
		multistatus(w, "<D:response><D:href>"+path+"</D:href><D:propstat><D:prop><I:calendar-color/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status></D:propstat></D:response>")
		return
	}
	c.set(e)
	multistatus(w, "<D:response><D:href>"+path+"</D:href><D:propstat><D:prop><D:displayname/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>")
}

func multistatus(w http.ResponseWriter, responses string) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusMultiStatus)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="urn:ietf:params:xml:ns:carddav" xmlns:S="http://calendarserver.org/ns/" xmlns:I="http://apple.com/ns/ical/">%s</D:multistatus>`, responses)
}
