// Package extract is where items come from.
//
// [Archive] is what every source looks like from outside: it tells what it is, lists its folders, enumerates its
// entries cheaply and reads one of them when asked. The packages below implement it, one for each container: pst for
// Outlook's data files, mbox, maildir, and so on. Package outlook, which several of them use, knows what Outlook's
// properties mean, and package mail what messages in bytes do; package archives tells which of them reads a file.
//
// The number of entries that an archive enumerates is a promise: each of them will be accounted for, whether it can be
// read or not.
package extract

import (
	"context"
	"iter"
	"time"

	"mailmill/formats"
)

// Archive is an opened source. Everything but Close may be called by several goroutines at once.
type Archive interface {
	// Info tells what the archive is; it costs no more than was read when it was opened.
	Info() Info
	// Folders returns the folders in the order of the tree, a parent before its children. It reads tables, never
	// messages. A folder that cannot be read is listed with what is known of it, and an error is among Info's
	// warnings.
	Folders() []*formats.Folder
	// Entries enumerates the items, folder by folder, in a stable order. It reads tables, never messages. An item
	// that is known to exist and cannot be reached is an entry with an Err. An error ends the enumeration.
	Entries(context.Context) iter.Seq2[formats.Entry, error]
	// Read reads an item. Where parts of it are lost it returns what is whole, with the item's Damage; an error says
	// that nothing is left of it. The item may read from the archive until it is dropped.
	Read(context.Context, formats.Entry) (*formats.Item, error)
	Close() error
}

// Info describes an archive to people.
type Info struct {
	// Path is the archive's name as the user gave it.
	Path string
	// Format describes the container: "Outlook data file, Unicode".
	Format string
	Size   int64
	// Modified is the file's time of last change; it identifies the archive together with its size.
	Modified time.Time
	// Owner is the person whose mailbox it is, as far as the archive says so without reading items; may be nil.
	Owner *formats.Address
	// CodePage is the code page taken for 8-bit strings that do not say theirs, and CodePageReason why.
	CodePage       int
	CodePageReason string
	// Notes are facts worth telling a careful reader: a password that protects nothing.
	Notes []string
	// Warnings are faults that cost nothing so far, or a folder's worth: wrong checksums, a broken table.
	Warnings []string
	// Incomplete says why the archive may have lost items that cannot be counted; empty where it has not.
	Incomplete string
	// Doubt says why names of folders, and places and flags of items, may not be what they were, though the items are
	// there; empty where they are.
	Doubt string
}

// Options say how an archive is read.
type Options struct {
	// Hidden includes associated items, folders outside the visible tree and folders that programs keep for themselves.
	Hidden bool
	// Recover includes deleted items that are still whole and items that no folder's table lists.
	Recover bool
	// CodePage is taken for 8-bit strings that do not say theirs; 0 lets the archive choose.
	CodePage int
	// Zone is the time zone of what does not say its own; nil lets the archive choose: the one that most of its events are
	// in, else UTC. The zone of the machine plays no part.
	Zone *formats.Zone
	// KeepEX keeps stored Exchange addresses in X-PST-EX-Address fields.
	KeepEX bool
	// FollowUps has items carry the tasks that their owner's flags made of them.
	FollowUps bool
	// Spool has what comes from a pipe copied to a temporary file also where it could be read in one pass: it can then be
	// learnt from, and its items are counted before they are read.
	Spool bool
	// Except are files and folders that are passed over where they lie in a folder that is read: those that a run writes to.
	Except []string
}
