// Package ndb is the node database, the lowest of the three layers of a PST file (MS-PST 2.2).
//
// A file holds blocks, each found by its [BID] in the block B-tree, and nodes, each found by its [NID] in the node
// B-tree. A node has data, a sequence of blocks ([Data]), and possibly sub-nodes ([SubNodes]), which have the same in
// turn. What the bytes of a node mean is a matter of the layers above.
//
// Three formats differ in the width of their fields and in the size of their pages; see [Format]. All are read here
// into the same types, and nothing above knows which one it was but for the heap's identifiers.
//
// Both trees are read once, when the file is opened, into sorted slices: 24 bytes a block and a node. Blocks are read
// when asked for, from windows of 64 KB which a bounded cache holds, because the blocks of one message lie together.
//
// A file may be damaged or made to do damage. One wrong byte in a page is put right, where the checksum tells which it
// is; in a block it is too, but remains an error that wraps [ErrChecksum]. A page that cannot be read costs the entries
// below it, and a block what it held, unless a scan of the file finds them elsewhere: every page and block has a trailer
// that tells what it is, where it belongs and whether it is whole. The file is scanned once, when the first thing is
// missed: nodes when it is opened, blocks when they are read. Of several pages that have a node the newest is right, and
// what lies within a block is its content, a data file that somebody has attached to a message included.
//
// What was lost is told by [File.Lost], by [File.Doubt] and by the errors of reads. [File.Loose] has what nothing leads to.
// Sizes are checked against the file's before memory is taken for them.
package ndb
