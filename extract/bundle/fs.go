package bundle

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxLevels is how many folders a name may have; what lies deeper lies in the last of them.
const maxLevels = 128

// FS is the tree of files in an archive. It is a [fs.ReadDirFS] and a [fs.StatFS]; its files are [File].
//
// Names are made such that they can be asked for: without "..", empty parts and what stands for the top of a disk. Files
// of the same name get numbers. What is neither file nor folder is left out.
type FS struct {
	top *node
	// Incomplete says why there may have been more in the archive; nil where that is not known.
	Incomplete error
}

// File is a file in an archive. It reads front to back.
type File interface {
	fs.File
	// At returns what reads the file in any order, where it lies in the archive as it is; else nil.
	At() io.ReaderAt
	// Summed says that the archive has a checksum, which is compared by reading from front to back.
	Summed() bool
}

// node is a file or folder.
type node struct {
	name     string
	modified time.Time
	content  content // nil in folders
	children map[string]*node
}

// content is what a file holds.
type content interface {
	size() int64
	// open reads it, front to back.
	open() (io.ReadCloser, error)
	// at reads it in any order; nil where that does not go.
	at() io.ReaderAt
	// summed says that open compares a checksum.
	summed() bool
}

func newFS() *FS { return &FS{top: &node{name: ".", children: make(map[string]*node)}} }

// components takes a name apart. What is left can be a file's name in a folder that is its own.
func components(name string) []string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
	if !strings.Contains(name, "/") {
		// QUIRK: some programs on Windows write zips with backslashes (APPNOTE 4.4.17.1 forbids it).
		parts = strings.FieldsFunc(name, func(r rune) bool { return r == '\\' })
	}
	parts = slices.DeleteFunc(parts, func(part string) bool {
		return part == "." || part == ".." || len(part) == 2 && part[1] == ':'
	})
	if n := len(parts); n > maxLevels {
		parts = append(parts[:maxLevels-1], parts[n-1])
	}
	return parts
}

// folder returns a folder, which is made if it is not there.
func (f *FS) folder(parts []string) *node {
	n := f.top
	for _, part := range parts {
		child := n.children[part]
		if child != nil && child.content != nil {
			// A file has the name that a folder needs.
			child.name = n.vacant(part)
			n.children[child.name] = child
			child = nil
		}
		if child == nil {
			child = &node{name: part, children: make(map[string]*node)}
			n.children[part] = child
		}
		n = child
	}
	return n
}

// add adds a file. It returns the node, nil for one that has no name.
func (f *FS) add(name string, modified time.Time, c content) *node {
	parts := components(name)
	if len(parts) == 0 {
		return nil
	}
	last := len(parts) - 1
	dir := f.folder(parts[:last])
	n := &node{name: dir.vacant(parts[last]), modified: modified, content: c}
	dir.children[n.name] = n
	return n
}

// vacant returns a name that no child has.
func (n *node) vacant(name string) string {
	if n.children[name] == nil {
		return name
	}
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	// Doubling keeps it short where a name occurs a million times.
	low, high := 1, 2
	numbered := func(i int) string { return stem + " (" + strconv.Itoa(i) + ")" + ext }
	for n.children[numbered(high)] != nil {
		low, high = high, 2*high
	}
	for low+1 < high {
		if mid := (low + high) / 2; n.children[numbered(mid)] != nil {
			low = mid
		} else {
			high = mid
		}
	}
	return numbered(high)
}

// find returns what has a name.
func (f *FS) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := f.top
	if name != "." {
		for part := range strings.SplitSeq(name, "/") {
			if n = n.children[part]; n == nil {
				return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
			}
		}
	}
	return n, nil
}

// Open implements [fs.FS].
func (f *FS) Open(name string) (fs.File, error) {
	n, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.content == nil {
		return &dir{node: n}, nil
	}
	return &file{node: n}, nil
}

// Stat implements [fs.StatFS].
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	n, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info(), nil
}

// ReadDir implements [fs.ReadDirFS]. The entries are in the order of their names.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if n.content != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	return n.entries(), nil
}

func (n *node) entries() []fs.DirEntry {
	list := make([]fs.DirEntry, 0, len(n.children))
	for _, child := range n.children {
		list = append(list, fs.FileInfoToDirEntry(child.info()))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list
}

func (n *node) info() fs.FileInfo { return info{n} }

// info implements [fs.FileInfo].
type info struct{ n *node }

func (i info) Name() string       { return i.n.name }
func (i info) ModTime() time.Time { return i.n.modified }
func (i info) IsDir() bool        { return i.n.content == nil }
func (i info) Sys() any           { return nil }

func (i info) Size() int64 {
	if i.n.content == nil {
		return 0
	}
	return i.n.content.size()
}

func (i info) Mode() fs.FileMode {
	if i.IsDir() {
		return fs.ModeDir | 0o500
	}
	return 0o400
}

// dir is an open folder.
type dir struct {
	node *node
	left []fs.DirEntry
	read bool
}

func (d *dir) Stat() (fs.FileInfo, error) { return d.node.info(), nil }
func (d *dir) Close() error               { return nil }
func (d *dir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.node.name, Err: fs.ErrInvalid}
}

// ReadDir implements [fs.ReadDirFile].
func (d *dir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		d.left, d.read = d.node.entries(), true
	}
	if n <= 0 {
		n = len(d.left)
	} else if len(d.left) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.left))
	list := d.left[:n:n]
	d.left = d.left[n:]
	return list, nil
}

// file is an open file.
type file struct {
	node *node
	r    io.ReadCloser // once something is read
	err  error
}

func (f *file) Stat() (fs.FileInfo, error) { return f.node.info(), nil }

// At implements [File].
func (f *file) At() io.ReaderAt { return f.node.content.at() }

// Summed implements [File].
func (f *file) Summed() bool { return f.node.content.summed() }

func (f *file) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if f.r == nil {
		if f.r, f.err = f.node.content.open(); f.err != nil {
			return 0, f.err
		}
	}
	return f.r.Read(p)
}

func (f *file) Close() error {
	f.err = fs.ErrClosed
	if f.r == nil {
		return nil
	}
	r := f.r
	f.r = nil
	return r.Close()
}

// broken is the content of a file that cannot be read, as is known before it is tried.
type broken struct {
	length int64
	err    error
}

func (b broken) size() int64                  { return b.length }
func (b broken) open() (io.ReadCloser, error) { return nil, b.err }
func (b broken) at() io.ReaderAt              { return nil }
func (b broken) summed() bool                 { return false }

// plain is content that lies in an archive as it is.
type plain struct {
	r        io.ReaderAt
	from, to int64
}

func (p *plain) size() int64     { return p.to - p.from }
func (p *plain) summed() bool    { return false }
func (p *plain) at() io.ReaderAt { return io.NewSectionReader(p.r, p.from, p.to-p.from) }

func (p *plain) open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(p.r, p.from, p.to-p.from)), nil
}
