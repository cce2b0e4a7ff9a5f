// Package pst reads Outlook data files: PST, and the OST files in which Outlook caches a mailbox.
//
// A file is opened with [Open], and holds a tree of folders:
//
//	f, err := pst.Open("archive.pst")
//	…
//	defer f.Close()
//	top, err := f.Top()
//	folders, err := top.Children()
//
// A [Folder] lists what it holds with [Folder.Contents]. An [Entry] is a row of the folder's table: it knows the class,
// the subject, the times and the flags of a message without that message being read. [File.Message] reads it.
//
// Everything in a file is a set of properties: the file itself ([File.Store]), folders, entries, messages, recipients
// and attachments. They are looked up by identifier or by name as package [mapi] has it, and what they mean is defined
// in MS-OXPROPS. Strings are returned as they are stored; in ANSI files that is in a code page which the message's
// properties tell.
//
//	subject, err := message.Lookup(0x0037)
//	fmt.Println(subject.Text(1252))
//
// # Damaged files
//
// A file is opened if it is an Outlook data file at all. What of it cannot be read is told where it is missed: an error
// beside a list says that the list is not complete, an error beside a property that its value is not whole. Where only
// a checksum is wrong, the value is returned with an error that wraps [ErrChecksum]. What was found wrong and did not
// matter is in [File.Warnings].
//
// Where a tree of the file's index has lost pages, or a block is not where the index has it, the file is scanned once
// for pages and blocks that are whole; [File.Lost] tells which parts were lost and how much of each was found. Messages
// whose entries are lost for good are put together from blocks that nothing leads to. [Properties.Damage] of a message
// tells whether it is certain to be what it was. A file that is whole is never scanned. [File.Recover] adds messages that
// were deleted and are still there.
//
// No input makes the package panic, read without end or take more memory than the file's size explains.
//
// # Formats
//
// All variants are read: ANSI (Outlook 97 to 2002), Unicode, and Unicode with pages of 4096 bytes (OST of Outlook 2013
// and later), with any of the encodings. Passwords of PST files are no encryption: such files open like any other, and
// [Info] tells of it.
//
// The format is specified in [MS-PST]. Its lower layers are in packages of their own: the node database (2.2) and
// lists, tables and properties (2.3). This package is the messaging layer (2.4).
//
// [MS-PST]: https://learn.microsoft.com/en-us/openspecs/office_file_formats/ms-pst/
package pst
