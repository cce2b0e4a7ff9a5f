package davtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// propfind answers with all that there is to tell, asked for or not; servers may.
func (s *Server) propfind(w http.ResponseWriter, r *http.Request, path string) {
	var b strings.Builder
	add := func(path, props string) {
		fmt.Fprintf(&b, "<D:response><D:href>%s</D:href><D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>", (&url.URL{Path: path}).EscapedPath(), props)
	}
	deep := r.Header.Get("Depth") == "1"
	principal := "<D:current-user-principal><D:href>" + Principal + "</D:href></D:current-user-principal>"
	folder := "<D:resourcetype><D:collection/></D:resourcetype>" + principal
	if slash := path + "/"; slash == Principal || slash == CalendarHome || slash == ContactsHome {
		w.Header().Set("Location", slash)
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	switch {
	case path == Root:
		add(path, folder)
	case path == Principal:
		add(path, "<D:resourcetype><D:principal/></D:resourcetype>"+principal+
			"<C:calendar-home-set><D:href>"+CalendarHome+"</D:href></C:calendar-home-set>"+
			"<A:addressbook-home-set><D:href>"+ContactsHome+"</D:href></A:addressbook-home-set>"+
			"<C:calendar-user-address-set><D:href>"+Address+"</D:href></C:calendar-user-address-set>")
	case path == CalendarHome || path == ContactsHome:
		add(path, folder)
		if deep {
			for _, p := range slices.Sorted(maps.Keys(s.collections)) {
				if dir, _ := split(strings.TrimSuffix(p, "/")); dir == path {
					add(p, s.describe(s.collections[p])+principal)
				}
			}
		}
	case s.collections[strings.TrimSuffix(path, "/")+"/"] != nil:
		path = strings.TrimSuffix(path, "/") + "/"
		c := s.collections[path]
		add(path, s.describe(c)+principal)
		if deep {
			for _, name := range slices.Sorted(maps.Keys(c.objects)) {
				add(path+name, described(c.objects[name]))
			}
		}
	case s.object(path) != nil:
		add(path, described(s.object(path)))
	default:
		http.NotFound(w, r)
		return
	}
	multistatus(w, b.String())
}

func described(o *Object) string {
	return fmt.Sprintf("<D:resourcetype/><D:getetag>%s</D:getetag><D:getcontentlength>%d</D:getcontentlength>", escape(o.ETag), len(o.Data))
}

func (s *Server) describe(c *collection) string {
	var b strings.Builder
	kind, size := "<A:addressbook/>", "<A:max-resource-size>%d</A:max-resource-size>"
	if c.calendar {
		kind, size = "<C:calendar/>", "<C:max-resource-size>%d</C:max-resource-size>"
	}
	fmt.Fprintf(&b, "<D:resourcetype><D:collection/>%s</D:resourcetype><D:displayname>%s</D:displayname><S:getctag>%d</S:getctag>", kind, escape(c.name), c.changes)
	if c.color != "" {
		fmt.Fprintf(&b, "<I:calendar-color>%s</I:calendar-color>", escape(c.color))
	}
	if c.calendar {
		b.WriteString("<C:supported-calendar-component-set>")
		for _, name := range c.components {
			fmt.Fprintf(&b, `<C:comp name="%s"/>`, escape(name))
		}
		b.WriteString("</C:supported-calendar-component-set>")
	}
	if s.options.MaxSize > 0 && !s.options.QuietLimits {
		fmt.Fprintf(&b, size, s.options.MaxSize)
	}
	if s.options.MaxAttendees > 0 && !s.options.QuietLimits && c.calendar {
		fmt.Fprintf(&b, "<C:max-attendees-per-instance>%d</C:max-attendees-per-instance>", s.options.MaxAttendees)
	}
	if s.options.Quota > 0 && !s.options.QuietLimits {
		fmt.Fprintf(&b, "<D:quota-available-bytes>%d</D:quota-available-bytes><D:quota-used-bytes>%d</D:quota-used-bytes>", max(s.options.Quota-s.used(), 0), s.used())
	}
	return b.String()
}

// report answers a multiget, whatever else is asked for.
func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	if s.options.NoMultiget {
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	e, err := parse(r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	name := "C:calendar-data"
	switch e.XMLName.Local {
	case "calendar-multiget":
	case "addressbook-multiget":
		name = "A:address-data"
	default:
		refuse(w, http.StatusForbidden, "supported-report", "", e.XMLName.Local)
		return
	}
	var b strings.Builder
	for _, c := range e.Children {
		if c.XMLName.Local != "href" {
			continue
		}
		path, err := url.PathUnescape(c.Text)
		o := s.object(path)
		if err != nil || o == nil {
			fmt.Fprintf(&b, "<D:response><D:href>%s</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>", escape(c.Text))
			continue
		}
		fmt.Fprintf(&b, "<D:response><D:href>%s</D:href><D:propstat><D:prop><D:getetag>%s</D:getetag><%s>%s</%s></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>",
			escape(c.Text), escape(o.ETag), name, escape(string(o.Data)), name)
	}
	multistatus(w, b.String())
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;").Replace(s)
}
