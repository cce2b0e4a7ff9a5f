package client

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// mostResponses bounds how many resources one listing may have.
const mostResponses = 5_000_000

// response is one DAV:response (RFC 4918 14.24).
type response struct {
	href   string
	status int                // of the resource as a whole; 0 where its properties have one each
	props  map[xml.Name]*node // those with status 200
	failed map[xml.Name]int   // the status of the others
	err    *node              // DAV:error
	words  string             // DAV:responsedescription
}

func (r *response) prop(space, local string) *node {
	return r.props[xml.Name{Space: space, Local: local}]
}

// multistatus reads a DAV:multistatus, or the like of it that MKCALENDAR and MKCOL answer with, and calls each for each
// response. Where each returns false reading ends early.
func multistatus(r io.Reader, l limits, each func(*response) (bool, error)) error {
	d := newDecoder(r, l)
	root, err := d.nextStart()
	if err != nil {
		return fmt.Errorf("it is no XML: %w", unexpected(err))
	}
	switch root.Name {
	case xml.Name{Space: nsDAV, Local: "multistatus"}:
	case xml.Name{Space: nsCal, Local: "mkcalendar-response"}, xml.Name{Space: nsDAV, Local: "mkcol-response"}:
		// RFC 4791 5.3.1 and RFC 5689 5.2: propstats without a response around them.
		n, err := d.tree(root)
		if err != nil {
			return err
		}
		res, err := readResponse(n)
		if err != nil {
			return err
		}
		_, err = each(res)
		return err
	default:
		return fmt.Errorf("it is a %s, not a multistatus", cut(root.Name.Local, mostName))
	}
	for n := 0; ; {
		start, err := d.nextStart()
		switch {
		case err == io.EOF:
			return nil // the end of the root: one that is missing is a syntax error
		case err != nil:
			return err
		case start.Name != xml.Name{Space: nsDAV, Local: "response"}:
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		if n++; n > mostResponses {
			return fmt.Errorf("it lists more than %d resources", mostResponses)
		}
		tree, err := d.tree(start)
		if err != nil {
			return err
		}
		res, err := readResponse(tree)
		if err != nil {
			return err
		}
		if more, err := each(res); err != nil || !more {
			return err
		}
	}
}

func readResponse(n *node) (*response, error) {
	res := &response{props: make(map[xml.Name]*node)}
	for _, c := range n.Children {
		if c.Name.Space != nsDAV {
			continue
		}
		var err error
		switch c.Name.Local {
		case "href":
			// RFC 4918 14.24 allows several with one status; none of the servers known does that where it matters.
			if res.href == "" {
				res.href = c.text()
			}
		case "status":
			res.status, err = statusLine(c.text())
		case "propstat":
			err = res.propstat(c)
		case "error":
			res.err = c
		case "responsedescription":
			res.words = words(c.text())
		}
		if err != nil {
			return nil, err
		}
	}
	return res, nil
}

func (r *response) propstat(n *node) error {
	status, err := statusLine(n.child(nsDAV, "status").text())
	if err != nil {
		return err
	}
	if e := n.child(nsDAV, "error"); e != nil && r.err == nil {
		r.err = e
	}
	if d := n.child(nsDAV, "responsedescription"); d != nil && r.words == "" {
		r.words = words(d.text())
	}
	prop := n.child(nsDAV, "prop")
	if prop == nil {
		return nil
	}
	for _, p := range prop.Children {
		switch {
		case status >= 200 && status < 300:
			r.props[p.Name] = p
		default:
			if r.failed == nil {
				r.failed = make(map[xml.Name]int)
			}
			r.failed[p.Name] = status
		}
	}
	return nil
}

// statusLine reads "HTTP/1.1 404 Not Found".
func statusLine(s string) (int, error) {
	f := strings.Fields(s)
	if len(f) < 2 || !strings.HasPrefix(f[0], "HTTP/") {
		return 0, fmt.Errorf("%q is no status", cut(words(s), mostName))
	}
	n, err := strconv.Atoi(f[1])
	if err != nil || n < 100 || n > 999 {
		return 0, fmt.Errorf("%q is no status", cut(words(s), mostName))
	}
	return n, nil
}

// refusal returns the first failure in a response as an error.
func (r *response) refusal(method, href string) *Error {
	e := &Error{Method: method, Href: href, Status: r.status, Text: r.words}
	if e.Status < 300 {
		e.Status = 0
		for _, status := range r.failed {
			// 424 is what becomes of the others when one fails (RFC 4918 11.4).
			if e.Status == 0 || e.Status == 424 || status != 424 && status < e.Status {
				e.Status = status
			}
		}
	}
	if e.Status == 0 {
		return nil
	}
	if r.err != nil {
		e.condition(r.err)
	}
	return e
}
