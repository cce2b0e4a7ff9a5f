// Package address gives participants the mail addresses they lack.
//
// Exchange knows people by distinguished names, "/o=Org/ou=Site/cn=Recipients/cn=user", and an archive may hold nothing
// else for them. A [Resolver] is a step of a run that visits every participant of an item and climbs a ladder: its
// rungs are asked one after the other, surest first, and the first that knows an address gives it. For those who stay
// unresolved a [Policy] decides what is written in their stead, as a distinguished name can stand in no address field.
package address

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// Rung is one way to find the address of a participant.
type Rung interface {
	// Resolve returns the SMTP address of a participant who has none, and how it is known; false where the rung does
	// not know. It is called by several goroutines at once.
	Resolve(*formats.Address) (smtp string, via formats.Via, ok bool)
}

// Policy says what is written for a participant whose address nobody knows. The participant's Placeholder is set, or
// left empty where there is no address to stand for. It is called by several goroutines at once.
type Policy func(*formats.Address)

// Resolver is a step that resolves participants.
type Resolver struct {
	Rungs []Rung
	// Unresolved is the policy for those whom no rung knows; nil is [Invalid].
	Unresolved Policy
}

// Apply implements load.Step. It keeps every item.
func (r *Resolver) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	it.Participants(r.resolve)
	return true, nil
}

func (r *Resolver) resolve(a *formats.Address) {
	if a.SMTP != "" {
		return
	}
	for _, rung := range r.Rungs {
		if smtp, via, ok := rung.Resolve(a); ok {
			a.SMTP, a.Via, a.Placeholder = smtp, via, ""
			return
		}
	}
	a.Via = formats.ViaNone
	if r.Unresolved != nil {
		r.Unresolved(a)
	} else {
		Invalid(a)
	}
}

// Domain is that of the addresses that [Invalid] makes. Nothing is ever delivered there (RFC 2606 2).
const Domain = "unresolved.invalid"

// Invalid is the policy that writes "ex-<12 hex digits>@unresolved.invalid" for a participant with an address that is
// not one for mail: the digits are a hash of it, so that one person stays one person over all archives. A participant
// who is a name alone gets nothing.
func Invalid(a *formats.Address) {
	stored := mapi.CleanAddress(a.Stored)
	switch {
	case stored == "":
		a.Placeholder = ""
	case isAddrSpec(stored):
		// A host without a domain, or an address of this kind from an archive that was converted before.
		a.Placeholder = stored
	default:
		sum := sha256.Sum256([]byte(Key(stored)))
		a.Placeholder = "ex-" + hex.EncodeToString(sum[:6]) + "@" + Domain
	}
}

// Key returns what two stored addresses that are not for mail have in common where they mean the same: a distinguished
// name folded, also where it is encapsulated.
func Key(stored string) string {
	if mapi.IsIMCEA(stored) {
		if _, inner, _, ok := mapi.DecodeIMCEA(stored); ok {
			stored = inner
		}
	}
	return mapi.DNKey(stored)
}

// isAddrSpec reports whether an address is an addr-spec of two dot-atoms (RFC 5322 3.4.1), whatever its domain, and
// stands for itself.
func isAddrSpec(addr string) bool {
	local, domain, found := strings.Cut(addr, "@")
	return found && isDotAtom(local) && isDotAtom(domain) && !mapi.IsIMCEA(addr) && !mapi.IsDN(addr)
}

// isDotAtom implements dot-atom-text (RFC 5322 3.2.3).
func isDotAtom(s string) bool {
	for _, atom := range strings.Split(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			c := atom[i]
			if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}
