package folders

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"mailmill/formats"
)

// TopName is the name of the place for items of an archive's top folder, which has none.
const TopName = "Top folder"

// MaxPath is the length in bytes that a folder's place has at most, below the folder that the tree stands in.
const MaxPath = 640

// Tree gives the folders of an archive their places.
//
// A place is a path of safe names joined by slashes. The place of a folder lies in that of its parent. Only where the
// tree is so deep that file systems would refuse the path, a branch moves up: to a name that tells its depth and ends in
// a hash of the path.
//
// A Tree is used by one goroutine at a time.
type Tree struct {
	// Rename, if not nil, says what a folder is called in a place before its name is made safe and unlike the others
	// there: where names have rules of their own. It is set on a tree without folders.
	Rename func(place, name string) string

	suffixes []string
	places   map[*formats.Folder]string
	latest   map[string]string // the place of the latest folder with a path
	names    map[string]*Names // by place
}

// NewTree returns a tree with the places of the folders given, which stand in the order of the archive, a parent before
// its children. A folder takes its name with each of the suffixes in the folder that holds it: "" and ".mbox" where its
// children go to a folder and its items to a file beside it. No suffixes are "".
func NewTree(list []*formats.Folder, suffixes ...string) *Tree {
	t := &Tree{
		suffixes: suffixes,
		places:   make(map[*formats.Folder]string, len(list)),
		latest:   make(map[string]string, len(list)),
		names:    make(map[string]*Names),
	}
	t.Add(list)
	return t
}

// Add gives places to more folders, in the order of the archive.
func (t *Tree) Add(list []*formats.Folder) {
	// The top folder's name was given by nobody: it gives way to others.
	var tops []*formats.Folder
	for _, f := range list {
		if f == nil || len(f.Path) == 0 {
			tops = append(tops, f)
		} else {
			t.Place(f)
		}
	}
	for _, f := range tops {
		t.Place(f)
	}
}

// Place returns the place of a folder. One that the tree does not know yet, by its pointer, gets a place of its own.
func (t *Tree) Place(f *formats.Folder) string {
	if place, ok := t.places[f]; ok {
		return place
	}
	var place string
	if f == nil || len(f.Path) == 0 {
		place = t.below("", TopName, nil)
	} else {
		parent := f.Path[:len(f.Path)-1]
		place = t.below(t.of(parent), f.Path[len(f.Path)-1], f.Path)
		t.latest[pathKey(f.Path)] = place
	}
	t.places[f] = place
	return place
}

// Places returns the place of every folder the tree knows. The map is the tree's own.
func (t *Tree) Places() map[*formats.Folder]string { return t.places }

// of returns the place of the latest folder with a path; one that is only implied by its children gets one too.
func (t *Tree) of(path []string) string {
	// From the top down: the parents that are missing, one after the other.
	place, known := "", 0
	for n := len(path); n > 0; n-- {
		if p, ok := t.latest[pathKey(path[:n])]; ok {
			place, known = p, n
			break
		}
	}
	for n := known; n < len(path); n++ {
		place = t.below(place, path[n], path[:n+1])
		t.latest[pathKey(path[:n+1])] = place
	}
	return place
}

// below takes a name in a place.
func (t *Tree) below(place, name string, path []string) string {
	if t.Rename != nil {
		name = t.Rename(place, name)
	}
	if len(place)+1+MaxName > MaxPath {
		if safe := Safe(name, MaxName); len(place)+1+len(safe)+len(" (9999).mbox") > MaxPath {
			sum := sha256.Sum256([]byte(pathKey(path)))
			name = "Level " + strconv.Itoa(len(path)) + " " + Safe(name, 60) + " ~" + hex.EncodeToString(sum[:6])
			place = ""
		}
	}
	names := t.names[place]
	if names == nil {
		names = &Names{Suffixes: t.suffixes}
		t.names[place] = names
	}
	name = names.Take(name)
	if place == "" {
		return name
	}
	return place + "/" + name
}

// pathKey tells two paths apart, whatever their names hold.
func pathKey(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteString(strconv.Itoa(len(name)))
		b.WriteByte(':')
		b.WriteString(name)
	}
	return b.String()
}
