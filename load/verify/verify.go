// Package verify compares what a target holds with what the sources of a run say, item by item and by content.
//
// [Target] stands in a run where the real target would: it gets the same items, has them encoded as the target would,
// and looks for each of them on the target instead of writing it. The target is seen through a [Mirror]. A place there (a
// mailbox, a collection, a folder) is read once, when the first item for it comes: of each object a few dozen bytes are
// kept, its key and a hash of what it says (see package compare). An object is read again only to tell what differs.
//
// An item that is on the target is Unchanged in the balance; one that is missing there or differs is Failed, with a reason. So
// the balance of a verification adds up as every other: nothing is ever written. What the target has beyond that is
// known at the end of the run and stands in the [Report] alone, which has all differences.
package verify
