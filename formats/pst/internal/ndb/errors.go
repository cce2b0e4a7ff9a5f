package ndb

import (
	"errors"
	"fmt"
	"sync"
)

// The reasons in errors of this package, to be asked for with [errors.Is].
var (
	// ErrFormat says that the file is no PST.
	ErrFormat = errors.New("not an Outlook data file")
	// ErrEncrypted says that the content is encrypted in a way that needs a key from outside the file.
	ErrEncrypted = errors.New("the file is encrypted with a key that it does not hold")
	// ErrNotFound says that the trees have no such node or block.
	ErrNotFound = errors.New("not in the file's index")
	// ErrOutside says that something lies past the end of the file.
	ErrOutside = errors.New("lies outside the file (is the file cut short?)")
	// ErrChecksum says that the bytes read are not those that were written. They are returned with the error.
	ErrChecksum = errors.New("wrong checksum")
	// ErrCorrupt says that a structure contradicts itself.
	ErrCorrupt = errors.New("damaged")
)

// BlockError tells which block could not be read, or not wholly.
type BlockError struct {
	BID    BID
	Offset int64 // in the file, -1 where unknown
	Err    error
}

func (e *BlockError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("block %v: %v", e.BID, e.Err)
	}
	return fmt.Sprintf("block %v at 0x%x: %v", e.BID, e.Offset, e.Err)
}

func (e *BlockError) Unwrap() error { return e.Err }

// Unit names the block: what reads other kinds of files has errors with other units.
func (e *BlockError) Unit() string { return e.BID.String() }

// Usable reports whether what was returned beside the error is worth using: nothing was wrong, or only checksums.
func Usable(err error) bool { return err == nil || errors.Is(err, ErrChecksum) }

// WarningKind says what a Warning is about.
type WarningKind uint8

// The kinds of warnings.
const (
	WarnUnusual WarningKind = iota // a value that the format does not have, and that costs nothing
	WarnSize                       // the file is shorter than its header tells
	WarnHeader                     // the header is not what was written
	WarnTree                       // a tree of the index as a whole
	WarnPage                       // a page of a tree
	WarnLost                       // a part of a tree that cannot be read; it is a [Lost], too
	WarnBlock                      // a block
	WarnContent                    // what blocks hold: names, lists, items
)

// Warning is something found wrong in a file which did not keep it from being read.
type Warning struct {
	Kind   WarningKind
	Offset int64 // in the file, -1 where there is no one place
	Block  BID   // of WarnBlock
	Nodes  bool  // of WarnTree, WarnPage and WarnLost: it is the node tree, else the block tree
	Text   string
}

// Subject names what the warning is about, where its kind is one of which there are many; it is empty else.
func (w Warning) Subject() string {
	switch w.Kind {
	case WarnTree:
		return "the " + treeName(w.Nodes) + " tree"
	case WarnPage, WarnLost:
		return "page of the " + treeName(w.Nodes) + " tree"
	case WarnBlock:
		return fmt.Sprintf("block %v", w.Block)
	}
	return ""
}

func (w Warning) String() string {
	text := w.Text
	if s := w.Subject(); s != "" {
		text = s + ": " + text
	}
	if w.Offset < 0 {
		return text
	}
	return fmt.Sprintf("0x%x: %s", w.Offset, text)
}

// maxWarnings bounds the warnings kept; more are counted.
const maxWarnings = 200

type warnings struct {
	mu   sync.Mutex
	list []Warning
	seen map[Warning]struct{}
	more int
}

// add keeps a warning whose text is still to be made.
func (w *warnings) add(warning Warning, format string, args ...any) {
	warning.Text = fmt.Sprintf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.seen[warning]; ok {
		return
	}
	if len(w.list) == maxWarnings {
		w.more++
		return
	}
	if w.seen == nil {
		w.seen = make(map[Warning]struct{})
	}
	w.seen[warning] = struct{}{}
	w.list = append(w.list, warning)
}

// block keeps a warning about a block.
func (w *warnings) block(ref blockRef, format string, args ...any) {
	w.add(Warning{Kind: WarnBlock, Offset: ref.offset, Block: ref.bid}, format, args...)
}

// page keeps a warning about a page of a tree.
func (w *warnings) page(kind byte, ref Ref, format string, args ...any) {
	w.add(Warning{Kind: WarnPage, Offset: ref.Offset, Nodes: kind == pageNBT}, format, args...)
}

func (w *warnings) get() ([]Warning, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Warning(nil), w.list...), w.more
}
