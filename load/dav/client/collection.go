package client

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Collection is a calendar or an address book. In [Client.Make] it is what is wanted, else what the server says: a field
// that it does not know or tell is the zero value.
type Collection struct {
	Href        string // ends with a slash
	Kind        Kind
	Name        string // for people
	Description string
	Color       string // #RRGGBB or #RRGGBBAA
	// Components are what a calendar takes (RFC 4791 5.2.3): VEVENT, VTODO, VJOURNAL. None: everything, or it is not told.
	Components []string
	// TimeZone is an iCalendar object with one VTIMEZONE (RFC 4791 5.2.2), for Make only.
	TimeZone string
	// AddressData are the forms that an address book takes (RFC 6352 6.2.2). None: vCard 3.0, or it is not told.
	AddressData []MediaType
	// MaxSize is the size of the largest resource in octets, MaxAttendees the number of the most attendees of one
	// (RFC 4791 5.2.5, 5.2.9); 0: no limit, or it is not told.
	MaxSize      int64
	MaxAttendees int
	// MinDate and MaxDate are the earliest and the latest date that is taken, as the server writes them
	// (19000101T000000Z); empty: not told.
	MinDate, MaxDate string
	// Privileges are the user's, without their namespace (RFC 3744 5.5): read, write, all, bind, … None: not told.
	Privileges []string
	// CTag or SyncToken change whenever something in the collection does.
	CTag, SyncToken string
	// Available and Used are what RFC 4331 tells in octets; -1: not told.
	Available, Used int64
}

// MediaType is one of [Collection.AddressData].
type MediaType struct {
	Type    string // text/vcard
	Version string // 3.0, 4.0
}

// Writable reports whether resources can be made here, as far as it is told.
func (c *Collection) Writable() bool {
	return len(c.Privileges) == 0 || slices.ContainsFunc(c.Privileges, func(p string) bool {
		return p == "all" || p == "write" || p == "bind" || p == "write-content"
	})
}

// Takes reports whether a calendar takes a component, as far as it is told.
func (c *Collection) Takes(component string) bool {
	return len(c.Components) == 0 || slices.ContainsFunc(c.Components, func(s string) bool { return strings.EqualFold(s, component) })
}

// What is asked of collections and principals.
var (
	collectionProps = []xml.Name{
		{Space: nsDAV, Local: "resourcetype"},
		{Space: nsDAV, Local: "displayname"},
		{Space: nsDAV, Local: "current-user-privilege-set"},
		{Space: nsDAV, Local: "sync-token"},
		{Space: nsDAV, Local: "quota-available-bytes"},
		{Space: nsDAV, Local: "quota-used-bytes"},
		{Space: nsCS, Local: "getctag"},
		{Space: nsApple, Local: "calendar-color"},
		{Space: nsCal, Local: "calendar-description"},
		{Space: nsCal, Local: "supported-calendar-component-set"},
		{Space: nsCal, Local: "max-resource-size"},
		{Space: nsCal, Local: "max-attendees-per-instance"},
		{Space: nsCal, Local: "min-date-time"},
		{Space: nsCal, Local: "max-date-time"},
		{Space: nsCard, Local: "addressbook-description"},
		{Space: nsCard, Local: "supported-address-data"},
		{Space: nsCard, Local: "max-resource-size"},
	}
	principalProps = []xml.Name{
		{Space: nsDAV, Local: "current-user-principal"},
		{Space: nsCal, Local: "calendar-home-set"},
		{Space: nsCal, Local: "calendar-user-address-set"},
		{Space: nsCal, Local: "schedule-outbox-URL"},
		{Space: nsCard, Local: "addressbook-home-set"},
	}
)

// prefixes are those of requests.
var prefixes = map[string]string{nsDAV: "D", nsCal: "C", nsCard: "A", nsCS: "S", nsApple: "I"}

const (
	prolog     = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
	namespaces = ` xmlns:D="` + nsDAV + `" xmlns:C="` + nsCal + `" xmlns:A="` + nsCard + `" xmlns:S="` + nsCS + `" xmlns:I="` + nsApple + `"`
)

// propfind asks for properties and returns the URL that answered. Each is called with what is found and where it is.
func (c *Client) propfind(ctx context.Context, r request, depth string, props []xml.Name, each func(*response, *url.URL) (bool, error)) (*url.URL, error) {
	var b strings.Builder
	b.WriteString(prolog + "<D:propfind" + namespaces + "><D:prop>")
	for _, p := range props {
		fmt.Fprintf(&b, "<%s:%s/>", prefixes[p.Space], p.Local)
	}
	b.WriteString("</D:prop></D:propfind>")
	r.method = "PROPFIND"
	r.header = http.Header{"Depth": {depth}}
	return c.query(ctx, r, b.String(), limits{}, each)
}

// query sends a request in XML whose answer is a multistatus.
func (c *Client) query(ctx context.Context, r request, body string, l limits, each func(*response, *url.URL) (bool, error)) (*url.URL, error) {
	r.setXML(body)
	if r.limit == 0 {
		r.limit = defaultBody
	}
	l.body = r.limit
	if l.text == 0 {
		l.text = 1 << 20
	}
	a, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusMultiStatus {
		return nil, c.nonsense(r.method, c.href(r.url), fmt.Errorf("its status is %s instead of 207", cut(words(a.Status), mostName)))
	}
	var own error
	err = multistatus(a.Body, l, func(res *response) (bool, error) {
		u, err := c.found(res.href, a.url)
		if err != nil {
			return false, err
		}
		more, err := each(res, u)
		own = err
		return more, err
	})
	switch {
	case err == nil:
		return a.url, nil
	case own != nil:
		return nil, own
	}
	if d, ok := a.Body.(*download); ok && d.failed != nil {
		return nil, &LostError{Method: r.method, Href: c.href(r.url), Sent: true, Err: d.failed}
	}
	return nil, c.nonsense(r.method, c.href(r.url), err)
}

func (r *request) setXML(body string) {
	if r.header == nil {
		r.header = make(http.Header)
	}
	r.header.Set("Content-Type", "application/xml; charset=utf-8")
	r.size = int64(len(body))
	r.body = inMemory(body)
}

// is reports whether a response tells of a collection of a kind.
func (r *response) is(k Kind) bool {
	t := r.prop(nsDAV, "resourcetype")
	if k == AddressBooks {
		return t.child(nsCard, "addressbook") != nil
	}
	return t.child(nsCal, "calendar") != nil
}

func (r *response) isCollection() bool {
	return r.prop(nsDAV, "resourcetype").child(nsDAV, "collection") != nil
}

// collection reads what a response says of a collection.
func (c *Client) collection(r *response, at *url.URL) Collection {
	href := c.href(at)
	if !strings.HasSuffix(href, "/") {
		href += "/"
	}
	text := func(space, local string, most int) string { return cut(words(r.prop(space, local).text()), most) }
	col := Collection{
		Href:      href,
		Name:      text(nsDAV, "displayname", mostWords),
		Color:     text(nsApple, "calendar-color", mostName),
		CTag:      text(nsCS, "getctag", mostHref),
		SyncToken: text(nsDAV, "sync-token", mostHref),
		MinDate:   text(nsCal, "min-date-time", mostName),
		MaxDate:   text(nsCal, "max-date-time", mostName),
		Available: -1,
		Used:      -1,
	}
	own := nsCal
	switch {
	case r.is(Calendars):
		col.Kind = Calendars
		col.Description = text(nsCal, "calendar-description", mostWords)
	case r.is(AddressBooks):
		col.Kind = AddressBooks
		col.Description = text(nsCard, "addressbook-description", mostWords)
		own = nsCard
	}
	if n := number(r.prop(own, "max-resource-size")); n > 0 {
		col.MaxSize = n
	}
	if n := number(r.prop(nsCal, "max-attendees-per-instance")); n > 0 && n < 1<<30 {
		col.MaxAttendees = int(n)
	}
	col.Available, col.Used = number(r.prop(nsDAV, "quota-available-bytes")), number(r.prop(nsDAV, "quota-used-bytes"))
	if col.Available == 0 && col.Used == 0 {
		col.Available, col.Used = -1, -1 // QUIRK: Cyrus says so where there is no quota.
	}
	if set := r.prop(nsCal, "supported-calendar-component-set"); set != nil {
		for _, comp := range set.Children {
			if name := strings.ToUpper(cut(words(comp.attr("name")), mostName)); name != "" {
				col.Components = append(col.Components, name)
			}
		}
	}
	if set := r.prop(nsCard, "supported-address-data"); set != nil {
		for _, t := range set.Children {
			col.AddressData = append(col.AddressData, MediaType{cut(words(t.attr("content-type")), mostName), cut(words(t.attr("version")), mostName)})
		}
	}
	if set := r.prop(nsDAV, "current-user-privilege-set"); set != nil {
		for _, p := range set.Children {
			for _, q := range p.Children {
				col.Privileges = append(col.Privileges, cut(q.Name.Local, mostName))
			}
		}
	}
	return col
}

// number reads a property that is a number; -1 is none.
func number(n *node) int64 {
	v, err := strconv.ParseInt(n.text(), 10, 64)
	if err != nil || v < 0 {
		return -1
	}
	return v
}

// mostCollections bounds how many collections an account has.
const mostCollections = 10_000

// Collections lists the collections of the client's kind in the account's homes, or the one that was dialled.
func (c *Client) Collections(ctx context.Context) ([]Collection, error) {
	if c.direct != nil {
		col, err := c.Lookup(ctx, c.direct.Href)
		if err != nil {
			return nil, err
		}
		return []Collection{col}, nil
	}
	var list []Collection
	for _, home := range c.homes {
		_, err := c.propfind(ctx, request{url: home}, "1", collectionProps, func(r *response, at *url.URL) (bool, error) {
			if r.is(c.kind) && len(list) < mostCollections {
				list = append(list, c.collection(r, at))
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Lookup returns what is at an href. A [Gone] error says that there is nothing; a Collection of Kind 0 is something else
// than a calendar or an address book.
func (c *Client) Lookup(ctx context.Context, href string) (Collection, error) {
	u, err := c.locate(href)
	if err != nil {
		return Collection{}, err
	}
	var col *Collection
	var refused *Error
	_, err = c.propfind(ctx, request{url: u}, "0", collectionProps, func(r *response, at *url.URL) (bool, error) {
		if r.status >= 300 {
			refused = r.refusal("PROPFIND", href)
			return false, nil
		}
		found := c.collection(r, at)
		col = &found
		return false, nil
	})
	switch {
	case err != nil:
		return Collection{}, err
	case refused != nil:
		return Collection{}, refused
	case col == nil:
		return Collection{}, c.nonsense("PROPFIND", href, errors.New("it says nothing of what was asked for"))
	}
	return *col, nil
}

// Quota returns how many octets are free and used where a collection is (RFC 4331); -1 is what the server does not tell.
func (c *Client) Quota(ctx context.Context, href string) (available, used int64, err error) {
	col, err := c.Lookup(ctx, href)
	return col.Available, col.Used, err
}
