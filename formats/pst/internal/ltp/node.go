package ltp

import (
	"encoding/binary"
	"errors"
	"fmt"

	"mailmill/formats/pst/internal/ndb"
)

var le = binary.LittleEndian

// MaxValue is the size of the largest value that is read into memory. Larger ones can be streamed.
const MaxValue = 256 << 20

// Node is a node or sub-node with what is needed to read it.
type Node struct {
	File *ndb.File
	Data ndb.BID
	Subs ndb.SubNodes
	// SubsErr is what of the sub-nodes is lost.
	SubsErr error
	// Room, which may be nil, is where the node is read into.
	Room *Room
}

// Open reads the list of sub-nodes of a node.
func Open(f *ndb.File, data, sub ndb.BID) Node { return (*Room)(nil).Open(f, data, sub) }

// Open is [Open] for a node that is read into the room.
func (r *Room) Open(f *ndb.File, data, sub ndb.BID) Node {
	subs, err := r.subNodes(f, sub)
	return Node{File: f, Data: data, Subs: subs, SubsErr: err, Room: r}
}

// sub returns the data of a sub-node.
func (n *Node) sub(id ndb.NID) (*ndb.Data, error) {
	s, ok := n.Subs.Find(id)
	if !ok {
		return nil, n.missing(id)
	}
	return n.File.Data(s.Data), nil
}

func (n *Node) missing(id ndb.NID) error {
	if n.SubsErr != nil {
		return fmt.Errorf("sub-node %v: %w", id, n.SubsErr)
	}
	return fmt.Errorf("sub-node %v: %w", id, ndb.ErrNotFound)
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ndb.ErrCorrupt, fmt.Sprintf(format, args...))
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// usable reports whether bytes that came with the error may be taken for what they seem to be.
func usable(err error) bool { return err == nil || errors.Is(err, ndb.ErrChecksum) }
