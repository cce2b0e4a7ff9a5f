package wire

import (
	"slices"
	"strconv"
	"strings"
)

// Caps are what a server says it can do.
type Caps struct {
	names map[string]struct{} // in upper case
}

// implied is what a server of IMAP4rev2 need not announce (RFC 9051 appendix E).
var implied = []string{
	"NAMESPACE", "UNSELECT", "UIDPLUS", "ESEARCH", "SEARCHRES", "ENABLE", "IDLE", "SASL-IR", "LIST-EXTENDED",
	"LIST-STATUS", "MOVE", "LITERAL-", "SPECIAL-USE", "STATUS=SIZE",
}

// parseCaps reads the names behind CAPABILITY. Their number is bounded by that of the bytes in a line. What is no atom
// is no name.
func parseCaps(list string) Caps {
	names := make(map[string]struct{})
	for name := range strings.FieldsSeq(list) {
		if atom(name) {
			names[strings.ToUpper(name)] = struct{}{}
		}
	}
	caps := Caps{names}
	// A server of both versions speaks IMAP4rev1 until it is told otherwise.
	if caps.Has("IMAP4REV2") && !caps.Has("IMAP4REV1") {
		for _, name := range implied {
			names[name] = struct{}{}
		}
	}
	return caps
}

// Has reports whether the server announces a capability: "LITERAL+", "AUTH=PLAIN". Case does not matter.
func (c Caps) Has(name string) bool {
	_, ok := c.names[strings.ToUpper(name)]
	return ok
}

// AppendLimit returns the largest message that the server takes, in bytes (RFC 7889 2). It reports false where the
// server announces none, or one that differs from mailbox to mailbox.
func (c Caps) AppendLimit() (int64, bool) {
	for name := range c.names {
		if value, ok := strings.CutPrefix(name, "APPENDLIMIT="); ok {
			n, err := strconv.ParseInt(value, 10, 64)
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}

// List returns the names in upper case, sorted.
func (c Caps) List() []string {
	list := make([]string, 0, len(c.names))
	for name := range c.names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
