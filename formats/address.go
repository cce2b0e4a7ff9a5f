package formats

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Via says how an address became known.
type Via string

// The ways, surest first; see the ladder of package transform/address.
const (
	ViaStored    Via = "stored"    // it stood there as an SMTP address
	ViaItem      Via = "item"      // an SMTP property, a one-off entry id or an SMTP search key of the same role
	ViaHeaders   Via = "headers"   // the item's own transport headers
	ViaLearnt    Via = "learnt"    // elsewhere in the archives
	ViaDirectory Via = "directory" // a directory that the user gave
	ViaRule      Via = "rule"      // a rule that the user gave
	ViaGuess     Via = "guess"     // a guess that the user allowed
	ViaNone      Via = "none"      // not at all
)

// Address is a participant: somebody, or some group or room, that an item names.
type Address struct {
	// Name is the display name, cleaned of quotes and of a repeated address. It is any text; it may be empty.
	Name string
	// Stored is the address as the archive has it, byte for byte: an SMTP address, an Exchange distinguished name
	// ("/o=Org/ou=…/cn=user"), an IMCEA address, or whatever else stood there. It may be empty.
	Stored string
	// SMTP is the address to use, or empty where it is not known.
	SMTP string
	Via  Via
	// Placeholder is the address to write where SMTP is empty, given by the policy for unresolved participants.
	Placeholder string
	// Group is the name of the RFC 5322 group the participant stands in. An address that has nothing but a group is
	// the empty group, as in "undisclosed-recipients:;".
	Group string
}

// Spec returns the address to write: SMTP, else the placeholder; empty where a name is all there is.
func (a *Address) Spec() string {
	if a.SMTP != "" {
		return a.SMTP
	}
	return a.Placeholder
}

// NameKey folds a display name so that two ways to write one name are equal: letter case, quotes and blanks do not
// count, and "Last, First" is "First Last". It is a key, never a name to show.
func NameKey(name string) string {
	name = strings.Trim(name, "'\" \t")
	last, first, swapped := strings.Cut(name, ",")
	if swapped = swapped && strings.IndexByte(first, ',') < 0 && strings.TrimSpace(first) != ""; !swapped {
		last, first = "", name
	}
	b := make([]byte, 0, len(name)+1)
	for _, part := range [...]string{first, last} {
		for _, r := range part {
			switch {
			case r == '"' || r == '\'':
			case unicode.IsSpace(r):
				if len(b) > 0 && b[len(b)-1] != ' ' {
					b = append(b, ' ')
				}
			default:
				b = utf8.AppendRune(b, unicode.ToLower(r))
			}
		}
		if len(b) > 0 && b[len(b)-1] != ' ' {
			b = append(b, ' ')
		}
	}
	return strings.TrimSuffix(string(b), " ")
}
