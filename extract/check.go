package extract

import (
	"context"

	"mailmill/formats"
)

// Checker is an Archive that can check its file beyond what its items need of it.
type Checker interface {
	// Check reads every byte of the file that anything refers to and compares it with its checksums, and takes every
	// structure apart. What it finds is told by folder and item; what the items themselves lose by it is known when
	// they are read. progress, which may be nil, is told of the bytes that are done and of those that there are.
	//
	// It returns [errors.ErrUnsupported] where there is nothing to check beside the items, and the cause of ctx's end.
	Check(ctx context.Context, progress func(done, total int64)) (*Check, error)
}

// Check is what a check of an archive's file found.
type Check struct {
	Blocks int   // units that the file is made of
	Bytes  int64 // that were read
	// Faults are in the order of folders and items; those that belong to none come last, by their place in the file.
	Faults []Fault
	More   int // faults that were not kept
	// Warnings are those of the archive's Info that no fault repeats.
	Warnings []string
	// Remarks are what is unusual and no damage.
	Remarks []string
}

// Fault is something in an archive's file that is not as it should be.
type Fault struct {
	// Folder is the one that is hit, or that holds the item that is; nil for none.
	Folder *formats.Folder
	// Entry is the item that is hit; nil for none.
	Entry *formats.Entry
	// ID is the place in the source of what is hit, where it has one: of an item, a folder, a table.
	ID string
	// Part says what is hit: "list of items", "page of the node tree", of an item "recipients". It may be empty.
	Part string
	// Block names the first unit of the file that is not whole, and Offset is its place in it; empty and -1 where the
	// fault is not one of a unit. Blocks is the number of units. Errors about a unit, in the damage of items too, have a
	// method Unit() string that names it the same.
	Block  string
	Offset int64
	Blocks int
	Err    error
	// Harmless says that nothing is lost by it.
	Harmless bool
}
