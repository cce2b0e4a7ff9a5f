package extract

import "mailmill/formats"

// Stream is an Archive that is read once, from front to back: mail that comes from a pipe. How many entries it has is
// known at its end, and nothing is learnt from it before.
//
// Entries may be ranged over once, by one goroutine. It yields entries in the order in which they come, so that a folder
// may end and begin again, and Folders returns those that have been met so far. What an entry is read from stays in
// memory, or in a temporary file where it is large, from the time when the entry is yielded until Done is called for it:
// Read is valid until then, for any goroutine. Done must be called once for every entry that was yielded, also for those
// that nobody reads; Entries does not wait for it, so that who ranges bounds what is in flight.
type Stream interface {
	Archive
	// Done gives back what an entry was read from. An item that Read returned for it must not be used any more.
	Done(formats.Entry)
}
