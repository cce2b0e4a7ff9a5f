package pst

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ltp"
	"mailmill/formats/pst/internal/ndb"
)

// BlockID identifies a block of the file.
type BlockID = ndb.BID

// BlockFault is a block that is not what the file's index, its own trailer or the block that names it says it is.
type BlockFault = ndb.Fault

// BlockReport is what [File.CheckBlocks] found.
type BlockReport = ndb.BlockReport

// CheckBlocks reads every block of the file once, from front to back and on all processors: whether it is where the
// index has it, its checksum, its signature, its size, and whether the blocks that it names exist. Where the index has
// lost blocks, those that a scan of the file finds are read, too. progress, which may be nil, is told of the bytes that
// are done and of those that there are. Only the end of ctx is an error.
func (f *File) CheckBlocks(ctx context.Context, progress func(done, total int64)) (*BlockReport, error) {
	return f.db.CheckBlocks(ctx, progress)
}

// NodeFault is a part of a node that is not as it should be.
type NodeFault struct {
	Part string // in words: "properties", "recipients", "attachment 2"
	Err  error
}

// CheckNode takes a node of the file's index apart: heaps, tables, properties, sub-nodes, and of messages the recipients,
// the attachments and the messages in those. The data of large values is not read, only found; [File.CheckBlocks]
// reads it. It returns at most one fault for each part.
func (f *File) CheckNode(id NID) []NodeFault {
	c := nodeCheck{f: f}
	n, ok := f.db.Node(id)
	if !ok {
		c.fail("node", ErrNotFound)
		return c.faults
	}
	switch KindOf(id) {
	case KindFolder, KindSearchFolder:
		c.object(n.Data, n.Sub)
		return c.faults
	case KindMessage, KindAssociated:
		c.message(n.Data, n.Sub, 0)
		return c.faults
	}
	// QUIRK: what search folders found is a table as a rule, but Outlook keeps a heap of another kind under 0x730.
	switch id.Type() {
	case ndb.TypeHierarchyTable, ndb.TypeContentsTable, ndb.TypeAssociatedTable, ndb.TypeAttachmentTable, ndb.TypeRecipientTable:
		c.table(n.Data, n.Sub)
	case ndb.TypeInternal:
		if id == NIDStore || id == NIDNames {
			c.object(n.Data, n.Sub)
		}
	}
	return c.faults
}

// BlockOf returns the block that an error is about.
func BlockOf(err error) (BlockID, bool) {
	var block *ndb.BlockError
	if !errors.As(err, &block) {
		return 0, false
	}
	return block.BID, true
}

// AllNodes calls use with every node of the file's index, tables and what else is no message and no folder included,
// and with the folder that it belongs to as the index has it, until use returns false.
func (f *File) AllNodes(use func(id, parent NID) bool) {
	for _, n := range f.db.Nodes() {
		if !use(n.NID, n.Parent) {
			return
		}
	}
}

// TableOf returns in words what a table of a folder lists, empty for a node that is no such table.
func TableOf(id NID) string {
	switch id.Type() {
	case ndb.TypeHierarchyTable:
		return "list of folders"
	case ndb.TypeContentsTable:
		return "list of items"
	case ndb.TypeAssociatedTable:
		return "list of associated items"
	case ndb.TypeSearchContents:
		return "list of items found"
	}
	return ""
}

// FolderList returns the table of the folders in a folder.
func FolderList(folder NID) NID { return folder.WithType(ndb.TypeHierarchyTable) }

// ItemList returns the table of the messages in a folder, for a search folder that of what it found.
func ItemList(folder NID) NID {
	if folder.Type() == ndb.TypeSearchFolder {
		return folder.WithType(ndb.TypeSearchContents)
	}
	return folder.WithType(ndb.TypeContentsTable)
}

// AssociatedList returns the table of the messages that belong to a folder's configuration.
func AssociatedList(folder NID) NID { return folder.WithType(ndb.TypeAssociatedTable) }

// FolderOf returns the folder that a table belongs to; a search folder for a list of what it found.
func FolderOf(table NID) NID {
	if table.Type() == ndb.TypeSearchContents {
		return table.WithType(ndb.TypeSearchFolder)
	}
	return table.WithType(ndb.TypeFolder)
}

// nodeCheck is the check of one node.
type nodeCheck struct {
	f        *File
	within   string // the attachment that is looked at
	messages int
	faults   []NodeFault
}

// fail notes the first fault of a part.
func (c *nodeCheck) fail(part string, err error) {
	if c.within != "" {
		part = within(c.within, part)
	}
	for _, known := range c.faults {
		if known.Part == part {
			return
		}
	}
	c.faults = append(c.faults, NodeFault{part, err})
}

// object checks a property context, and returns it where there is one.
func (c *nodeCheck) object(data, sub ndb.BID) *ltp.PC {
	n := ltp.Open(c.f.db, data, sub)
	if n.SubsErr != nil {
		c.fail("sub-nodes", n.SubsErr)
	}
	pc, err := ltp.OpenPC(n)
	if err != nil {
		c.fail("properties", err)
		return nil
	}
	if err := pc.Err(); err != nil {
		c.fail("properties", err)
	}
	for i := range pc.Count() {
		if err := c.value(pc, i); err != nil {
			c.fail(fmt.Sprintf("property 0x%04x", uint16(pc.Tag(i).ID())), err)
		}
	}
	return pc
}

// value checks that a property's value can be found.
func (c *nodeCheck) value(pc *ltp.PC, i int) error {
	t := pc.Tag(i).Type()
	if w := t.Width(); !t.IsMulti() && (w > 0 && w <= 4 || t == mapi.Null || t == mapi.Unspecified) {
		return nil
	}
	_, data, err := pc.Stream(i)
	switch {
	case err != nil:
		return err
	case data == nil && t != mapi.Object:
		_, err = pc.Value(i)
		return err
	case data != nil:
		return data.Err()
	}
	return nil
}

// table checks a table and all of its cells.
func (c *nodeCheck) table(data, sub ndb.BID) {
	n := ltp.Open(c.f.db, data, sub)
	if n.SubsErr != nil {
		c.fail("sub-nodes", n.SubsErr)
	}
	t, err := ltp.OpenTC(n)
	if err != nil {
		c.fail("table", err)
		return
	}
	if err := t.Err(); err != nil {
		c.fail("table", err)
	}
	for row, err := range t.Rows() {
		if err != nil {
			c.fail("rows", err)
			continue
		}
		for i := range row.Len() {
			if _, err := row.Value(i); err != nil {
				c.fail("rows", err) // which cell it is says nothing to anyone
				break
			}
		}
	}
}

// message checks a message and what is attached to it.
func (c *nodeCheck) message(data, sub ndb.BID, depth int) {
	if c.messages++; depth > maxEmbedded || c.messages > maxChecked {
		return
	}
	pc := c.object(data, sub)
	if pc == nil {
		return
	}
	outer := c.within
	for n, s := range pc.Subs {
		before, part := len(c.faults), join(outer, partOf(s.NID, n))
		c.within = part
		switch s.NID.Type() {
		case ndb.TypeRecipientTable, ndb.TypeAttachmentTable:
			c.table(s.Data, s.Sub)
		case ndb.TypeAttachment:
			a := c.object(s.Data, s.Sub)
			if a == nil {
				break
			}
			if len(c.faults) > before {
				name := join(outer, c.f.attachmentName(s, partOf(s.NID, n)))
				for i := range c.faults[before:] {
					fault := &c.faults[before+i]
					fault.Part = name + strings.TrimPrefix(fault.Part, part)
				}
			}
			if i := a.Index(propAttachData); i >= 0 && a.Tag(i).Type() == mapi.Object {
				if m, err := a.Object(i); err == nil && m.NID.Type() == ndb.TypeMessage {
					c.within = join(c.within, "message")
					c.message(m.Data, m.Sub, depth+1)
				}
			}
		}
	}
	c.within = outer
}

// maxChecked bounds the messages that are looked at in one: damaged ones can hold each other many times over.
const maxChecked = 4096

// within names a part of a part. A table that is all there is of one needs no name.
func within(whole, part string) string {
	if part == "table" || part == "rows" {
		return whole
	}
	return whole + ": " + part
}

func join(within, part string) string {
	if within == "" {
		return part
	}
	return within + ": " + part
}

// partOf names a sub-node of a message.
func partOf(id NID, number int) string {
	switch id.Type() {
	case ndb.TypeRecipientTable:
		return "recipients"
	case ndb.TypeAttachmentTable:
		return "list of attachments"
	case ndb.TypeAttachment:
		return fmt.Sprintf("attachment %v", id)
	}
	return fmt.Sprintf("sub-node %d", number+1)
}

// PartOf returns in words what of a node a block holds, empty where that cannot be told.
func (f *File) PartOf(id NID, block BlockID) string {
	n, ok := f.db.Node(id)
	if !ok {
		return ""
	}
	return f.partOf(n.Data, n.Sub, block, 0)
}

func (f *File) partOf(data, sub, block ndb.BID, depth int) string {
	switch {
	case data == block || f.db.Data(data).Has(block):
		return "properties"
	case sub == block:
		return "list of sub-nodes"
	case depth > maxEmbedded:
		return ""
	}
	n := ltp.Open(f.db, data, sub)
	if pc, err := ltp.OpenPC(n); err == nil {
		for i := range pc.Count() {
			t := pc.Tag(i)
			if w := t.Type().Width(); !t.Type().IsMulti() && w > 0 && w <= 4 {
				continue
			}
			if t.Type() == mapi.Object {
				if s, err := pc.Object(i); err == nil && s.NID.Type() == ndb.TypeMessage {
					continue
				}
			}
			if _, d, err := pc.Stream(i); err == nil && d != nil && d.Has(block) {
				return partName(t.ID())
			}
		}
	}
	for i, s := range n.Subs {
		inner := f.partOf(s.Data, s.Sub, block, depth+1)
		if inner == "" {
			continue
		}
		part := partOf(s.NID, i)
		switch s.NID.Type() {
		case ndb.TypeAttachment:
			part = f.attachmentName(s, part)
		case ndb.TypeMessage:
			part = "message"
		default:
			return part
		}
		if inner == "properties" || inner == partName(propAttachData) {
			return part
		}
		return join(part, inner)
	}
	return ""
}

// attachmentName names an attachment by its file name, if that can be read.
func (f *File) attachmentName(s ndb.SubNode, otherwise string) string {
	pc, err := ltp.OpenPC(ltp.Open(f.db, s.Data, s.Sub))
	if err != nil {
		return otherwise
	}
	for _, id := range [...]mapi.ID{mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename, mapi.PidTagDisplayName} {
		v, _ := pc.Lookup(id)
		if name := v.Text(1252); name != "" {
			return fmt.Sprintf("attachment %q", name)
		}
	}
	return otherwise
}

// partName names a property that is large enough to have blocks of its own.
func partName(id mapi.ID) string {
	switch id {
	case mapi.PidTagBody:
		return "body (text)"
	case mapi.PidTagHtml:
		return "body (HTML)"
	case mapi.PidTagRtfCompressed:
		return "body (RTF)"
	case mapi.PidTagTransportMessageHeaders:
		return "transport headers"
	case propAttachData:
		return "data"
	}
	return fmt.Sprintf("property 0x%04x", uint16(id))
}
