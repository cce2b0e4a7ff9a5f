package formats

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
