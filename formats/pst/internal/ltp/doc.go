// Package ltp is the middle layer of a PST file (MS-PST 2.3): lists, tables and properties, kept in the data of nodes.
//
// A [Heap] divides a node's data into items. On it lie B-trees ([MS-PST] 2.3.2), and on those the two things that
// all of a mailbox is made of: property contexts ([PC]), the properties of one object, and table contexts ([TC]), a
// table with a row for each of many objects. Values too large for the heap are in sub-nodes.
//
// Values are slices of the blocks they were read from; they are not to be changed.
//
// [MS-PST]: https://learn.microsoft.com/en-us/openspecs/office_file_formats/ms-pst/
package ltp
