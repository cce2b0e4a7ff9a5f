package pst

import (
	"iter"

	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// node is an entry of the file's node tree.
type node struct {
	id, parent pst.NID
}

// row is a row of a table: the node that it is about, and the columns, which are good until the next row.
type row struct {
	id   pst.NID
	cols mapi.Properties
	// recovered says that the table has lost the row and only the file's index has the node. It has no columns then.
	recovered bool
}

// facts are what an archive takes from the file itself.
type facts struct {
	format   string
	ansi     bool
	size     int64
	password bool
	// incomplete says that the file or its index has lost parts, and which.
	incomplete string
}

// store is what an archive needs of a data file. All of it may be called by several goroutines at once.
type store interface {
	Facts() facts
	// Warnings returns what was found wrong so far.
	Warnings() []string
	// Properties returns the properties of the message store.
	Properties() (mapi.Properties, error)
	// Folder returns the properties of a folder.
	Folder(pst.NID) (mapi.Properties, error)
	// Subfolders, Contents and Associated yield the rows of a folder's tables. An error without a row says that rows are
	// lost; what precedes and follows it is whole.
	Subfolders(pst.NID) iter.Seq2[row, error]
	Contents(pst.NID) iter.Seq2[row, error]
	Associated(pst.NID) iter.Seq2[row, error]
	// ReceiveFolders yields the rows of the receive folder table.
	ReceiveFolders() iter.Seq2[row, error]
	// Nodes returns all nodes in order of their identifiers.
	Nodes() []node
	// Message opens a message.
	Message(pst.NID) (mapi.Message, error)
	// Visit calls use with a message, of which nothing is good any more when use returns.
	Visit(id pst.NID, use func(mapi.Message)) error
	Close() error
}
