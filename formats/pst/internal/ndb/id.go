package ndb

import "fmt"

// NID identifies a node (MS-PST 2.2.2.1): five bits of type, then an index.
type NID uint32

// The types of nodes.
const (
	TypeHID                 = 0x00
	TypeInternal            = 0x01
	TypeFolder              = 0x02
	TypeSearchFolder        = 0x03
	TypeMessage             = 0x04
	TypeAttachment          = 0x05
	TypeAssociated          = 0x08
	TypeHierarchyTable      = 0x0D
	TypeContentsTable       = 0x0E
	TypeAssociatedTable     = 0x0F
	TypeSearchContents      = 0x10
	TypeAttachmentTable     = 0x11
	TypeRecipientTable      = 0x12
	TypeLTP                 = 0x1F
	typeMask            NID = 0x1F
)

// Type returns the type of the node.
func (n NID) Type() int { return int(n & typeMask) }

// WithType returns the node of another type with the same index.
func (n NID) WithType(t int) NID { return n&^typeMask | NID(t)&typeMask }

func (n NID) String() string { return fmt.Sprintf("0x%x", uint32(n)) }

// BID identifies a block (MS-PST 2.2.2.2). Bit 0 is reserved and no part of the identity; bit 1 tells internal blocks,
// which hold identifiers instead of data.
type BID uint64

const bidReserved BID = 1

func (b BID) key() BID { return b &^ bidReserved }

// Internal reports whether the block is part of a tree instead of holding data. Internal blocks are never encoded.
func (b BID) Internal() bool { return b&2 != 0 }

func (b BID) String() string { return fmt.Sprintf("0x%x", uint64(b)) }
