package pst

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sync"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ltp"
	"mailmill/formats/pst/internal/ndb"
)

// The reasons in errors of this package, to be asked for with [errors.Is].
var (
	// ErrFormat says that the file is no Outlook data file.
	ErrFormat = ndb.ErrFormat
	// ErrEncrypted says that the file cannot be read without a key that is not in it (Windows Information
	// Protection). A file with a password is not encrypted.
	ErrEncrypted = ndb.ErrEncrypted
	// ErrNotFound says that the file has no such node or block: it never existed, or what led to it is damaged.
	ErrNotFound = ndb.ErrNotFound
	// ErrOutside says that something lies past the end of the file, which may be cut short.
	ErrOutside = ndb.ErrOutside
	// ErrChecksum says that bytes are not those that were written. What was made of them is returned with the error.
	ErrChecksum = ndb.ErrChecksum
	// ErrCorrupt says that a structure contradicts itself.
	ErrCorrupt = ndb.ErrCorrupt
)

// Warning is something wrong in a file that did not keep it from being read.
type Warning = ndb.Warning

// WarningKind says what a Warning is about.
type WarningKind = ndb.WarningKind

// The kinds of warnings.
const (
	WarnUnusual = ndb.WarnUnusual // a value that the format does not have, and that costs nothing
	WarnSize    = ndb.WarnSize    // the file is shorter than its header tells
	WarnHeader  = ndb.WarnHeader  // the header is not what was written
	WarnTree    = ndb.WarnTree    // a tree of the index as a whole
	WarnPage    = ndb.WarnPage    // a page of a tree
	WarnLost    = ndb.WarnLost    // a part of a tree that cannot be read; it is a [Lost], too
	WarnBlock   = ndb.WarnBlock   // a block
	WarnContent = ndb.WarnContent // what blocks hold: names, lists, items
)

// Lost is a part of the file's index that cannot be read. Whatever it led to is missing, but for what was found elsewhere.
type Lost = ndb.Lost

// Format is a variant of the file format.
type Format = ndb.Format

// The formats: places in the file have 32 bits in ANSI (Outlook 97 to 2002) and 64 in Unicode (since 2003), and strings
// are stored accordingly; Unicode4K has larger pages (OST of Outlook 2013 and later).
const (
	ANSI      = ndb.ANSI
	Unicode   = ndb.Unicode
	Unicode4K = ndb.Unicode4K
)

// Options say how to read a file. The zero value is good.
type Options struct {
	// CacheSize bounds the memory for bytes of the file that were read and may be needed again, 32 MB if 0.
	CacheSize int64
}

// File is an open file. It is safe for concurrent use.
type File struct {
	db     *ndb.File
	closer io.Closer
	names  nameMap

	storeOnce sync.Once
	store     *Store
	storeErr  error

	childOnce sync.Once
	children  []child // sorted by parent, then by node
}

// child is a node beneath a folder.
type child struct{ parent, node NID }

// Open opens a file. Damage is no reason to refuse it: an error wraps [ErrFormat] or [ErrEncrypted], or is what the file
// system says.
func Open(path string) (*File, error) {
	osFile, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := osFile.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", ErrFormat)
	}
	var f *File
	if err == nil {
		f, err = NewReader(osFile, info.Size(), Options{})
	}
	if err != nil {
		osFile.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.closer = osFile
	return f, nil
}

// NewReader opens a file of size bytes from a reader, as [Open] does. Closing the File does not close the reader.
func NewReader(r io.ReaderAt, size int64, o Options) (*File, error) {
	db, err := ndb.Open(r, size, ndb.Options{CacheSize: o.CacheSize})
	if err != nil {
		return nil, err
	}
	f := &File{db: db}
	if slices.ContainsFunc(db.Lost(), func(l Lost) bool { return l.Nodes }) {
		f.salvage()
	}
	return f, nil
}

// Close closes the file. Nothing that came from it can be used to read more of it afterwards.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Warnings returns what was found wrong so far, at most a few hundred of it, and the number of those left out.
func (f *File) Warnings() (list []Warning, more int) { return f.db.Warnings() }

// Lost returns the parts of the file's index that could not be read.
func (f *File) Lost() []Lost { return f.db.Lost() }

// Info is what a file tells about itself.
type Info struct {
	Format   Format
	Client   string // "SM" for PST, "SO" for OST, "AB" for PAB
	Version  int    // of the format: 14 or 15 ANSI, 23 Unicode, 36 Unicode with 4K pages
	Encoding string // of blocks: "none", "permute", "cyclic"
	Size     int64  // of the file
	Expected int64  // the size that the header tells; the file is cut short if it is larger than Size
	Password bool   // whether Outlook asks for a password; the content is not encrypted by it
}

// OST reports whether the file is Outlook's cache of a mailbox.
func (i Info) OST() bool { return i.Client == "SO" }

// Truncated reports whether the file is shorter than it should be.
func (i Info) Truncated() bool { return i.Size < i.Expected }

// Info returns what the file tells about itself.
func (f *File) Info() Info {
	h := f.db.Header()
	info := Info{h.Format, h.Client, int(h.Version), h.Crypt.String(), f.db.Size(), h.EOF, false}
	if s, err := f.Store(); err == nil {
		v, _ := s.Lookup(propPassword)
		info.Password = v.Int() != 0 && !info.OST() // OST files have another value there
	}
	return info
}

// NID identifies a node: a folder, a message, a table. It is unique in a file, and for sub-nodes such as attachments
// unique in the message.
type NID = ndb.NID

// Nodes that every file has (MS-PST 2.4.1).
const (
	NIDStore          NID = 0x21
	NIDNames          NID = 0x61
	NIDRoot           NID = 0x122
	NIDReceiveFolders NID = 0x62B // table: which folder receives messages of which class
)

// Kind is what a node is.
type Kind int

// The kinds of nodes.
const (
	KindOther Kind = iota
	KindFolder
	KindSearchFolder
	KindMessage
	KindAssociated // a message that belongs to the folder's configuration and is not shown
)

// KindOf returns what a node is.
func KindOf(id NID) Kind {
	switch id.Type() {
	case ndb.TypeFolder:
		return KindFolder
	case ndb.TypeSearchFolder:
		return KindSearchFolder
	case ndb.TypeMessage:
		return KindMessage
	case ndb.TypeAssociated:
		return KindAssociated
	}
	return KindOther
}

// Nodes yields all folders and messages of the file's index in order of their NIDs, with the folder that each belongs
// to as the index has it. It tells what there is whatever the state of the folders' tables.
func (f *File) Nodes() iter.Seq2[NID, NID] {
	return func(yield func(id, parent NID) bool) {
		for _, n := range f.db.Nodes() {
			if KindOf(n.NID) != KindOther && !yield(n.NID, n.Parent) {
				return
			}
		}
	}
}

// childrenOf returns the nodes of a folder as the index has them, in order of their NIDs.
func (f *File) childrenOf(parent NID) []child {
	f.childOnce.Do(func() {
		for id, parent := range f.Nodes() {
			if id != parent {
				f.children = append(f.children, child{parent, id})
			}
		}
		slices.SortFunc(f.children, compareChildren)
	})
	from, _ := slices.BinarySearchFunc(f.children, child{parent, 0}, compareChildren)
	to := from
	for to < len(f.children) && f.children[to].parent == parent {
		to++
	}
	return f.children[from:to]
}

func compareChildren(a, b child) int {
	return cmp.Or(cmp.Compare(a.parent, b.parent), cmp.Compare(a.node, b.node))
}

// open opens a node of the file's index.
func (f *File) open(id NID) (ltp.Node, error) {
	n, ok := f.db.Node(id)
	if !ok {
		return ltp.Node{}, fmt.Errorf("node %v: %w", id, ErrNotFound)
	}
	return ltp.Open(f.db, n.Data, n.Sub), nil
}

// openProperties opens a node that holds properties.
func (f *File) openProperties(id NID) (Properties, error) {
	n, err := f.open(id)
	if err != nil {
		return Properties{}, err
	}
	pc, err := ltp.OpenPC(n)
	if err != nil {
		return Properties{}, fmt.Errorf("node %v: %w", id, err)
	}
	return Properties{f: f, pc: pc}, nil
}

// openTable opens a node that holds a table.
func (f *File) openTable(id NID) (*ltp.TC, error) {
	n, err := f.open(id)
	if err != nil {
		return nil, err
	}
	t, err := ltp.OpenTC(n)
	if err != nil {
		return nil, fmt.Errorf("table %v: %w", id, err)
	}
	return t, nil
}

// Table yields the rows of a table that is no folder's, such as [NIDReceiveFolders]. An error without properties says
// what is missing.
func (f *File) Table(id NID) iter.Seq2[*Properties, error] {
	return func(yield func(*Properties, error) bool) {
		t, err := f.openTable(id)
		if err != nil {
			yield(nil, err)
			return
		}
		if err := t.Err(); err != nil && !yield(nil, err) {
			return
		}
		for row, err := range t.Rows() {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			if !yield(&Properties{f: f, row: row}, nil) {
				return
			}
		}
	}
}

// Store is the message store: what the file holds as a whole.
type Store struct{ Properties }

// Store returns the message store's properties.
func (f *File) Store() (*Store, error) {
	f.storeOnce.Do(func() {
		p, err := f.openProperties(NIDStore)
		f.store, f.storeErr = &Store{p}, err
	})
	return f.store, f.storeErr
}

// NIDFromEntryID returns the node that an entry identifier of this file's folders and messages stands for (MS-PST
// 2.4.3.2); false if it is no such identifier, or if its node does not exist.
func (f *File) NIDFromEntryID(id []byte) (NID, bool) {
	if len(id) != 24 {
		return 0, false
	}
	nid := NID(uint32(id[20]) | uint32(id[21])<<8 | uint32(id[22])<<16 | uint32(id[23])<<24)
	_, ok := f.db.Node(nid)
	return nid, ok
}

// Root returns the folder that all others are in, the ones that Outlook does not show included.
func (f *File) Root() (*Folder, error) { return f.Folder(NIDRoot) }

// Top returns the folder whose children Outlook shows as the mailbox (the IPM subtree): the one that the store names or,
// as OST files name none, the one that has the Inbox. Failing that it is a folder with a name known for it, and
// failing that the root's child with the most folders.
func (f *File) Top() (*Folder, error) {
	if s, err := f.Store(); err == nil {
		v, _ := s.Lookup(propIPMSubtree)
		if id, ok := f.NIDFromEntryID(v.Bytes()); ok && KindOf(id) == KindFolder {
			return f.Folder(id)
		}
	}
	if id, ok := f.inbox(); ok {
		if n, ok := f.db.Node(id); ok && KindOf(n.Parent) == KindFolder && n.Parent != NIDRoot {
			return f.Folder(n.Parent)
		}
	}
	best, most := NIDRoot, -1
	for _, c := range f.childrenOf(NIDRoot) {
		if KindOf(c.node) != KindFolder {
			continue
		}
		n := f.descendants(c.node, 0)
		if folder, err := f.Folder(c.node); err == nil && slices.Contains(topNames, folder.Name()) {
			n += 1 << 30
		}
		if n > most {
			best, most = c.node, n
		}
	}
	return f.Folder(best)
}

// inbox returns the folder that receives messages of all classes.
func (f *File) inbox() (NID, bool) {
	for row, err := range f.Table(NIDReceiveFolders) {
		if err != nil {
			continue
		}
		class, _ := row.Lookup(mapi.PidTagMessageClass)
		folder, _ := row.Lookup(propReceiveFolder)
		id := NID(folder.Int())
		if class.Text(1252) == "" && KindOf(id) == KindFolder && id != NIDRoot {
			return id, true
		}
	}
	return 0, false
}

// topNames are names of the IPM subtree in English versions.
var topNames = []string{
	"Top of Personal Folders", "Top of Outlook data file", "Top of Outlook Data File",
	"Top of Information Store", "IPM_SUBTREE",
}

// descendants counts the folders beneath one.
func (f *File) descendants(id NID, depth int) int {
	if depth > maxFolderDepth {
		return 0
	}
	n := 0
	for _, c := range f.childrenOf(id) {
		if KindOf(c.node) == KindFolder {
			n += 1 + f.descendants(c.node, depth+1)
		}
	}
	return n
}

// Identifiers of the properties that the package itself uses.
const (
	propIPMSubtree mapi.ID = 0x35E0
	propPassword   mapi.ID = 0x67FF

	propReceiveFolder mapi.ID = 0x6605 // of the receive folder table: a NID
)
