// Package files writes items into files: an mbox for each folder of an archive, or a folder of EML files for each.
//
// [Open] looks at the place before anything is written, and refuses to touch what mailmill has not written itself.
// What a run writes is staged in a hidden folder within the place, and moved to its final names when the run is
// complete. Until then the place holds what it held before, and so it stays when the run is interrupted, the disk full
// or the process killed; what a killed run leaves is removed by the next one.
//
// A [Format] is how items look in files: how one is encoded, and whether the items of a folder follow each other in one
// file or have one each. Where files go is told by a store; a tree of folders is one, and an archive file or a stream
// can be others without formats knowing of it.
//
// Nothing is synced to the disk file by file: that would cost more than everything else, the archive is still there
// when the power fails, and the same command writes the same files again.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/transform/folders"
)

// Format is how items look in files.
type Format interface {
	// Name is what the user calls the format.
	Name() string
	// Extension is that of its files, with its dot.
	Extension() string
	// Joined says that the items of a folder follow each other in one file. Else each has its own.
	Joined() bool
	// Encode writes an item as it stands in its file. A *mime.ContentError says that the item is whole but for some
	// content. It is called by several goroutines at once.
	Encode(io.Writer, *formats.Item) error
}

// Source is an archive of the run, as far as the names of files depend on it.
type Source struct {
	// Name is the archive's name in items.
	Name string
	// Folders are those of the archive in the order of its tree. Entries may lie in others; those get their places
	// in the order in which they come.
	Folders []*formats.Folder
	// Size and Modified identify the file for the record.
	Size     int64
	Modified string
}

// Options say what is written and how.
type Options struct {
	Format  Format
	Sources []Source
	// Record is what the record of the run keeps of the options that the result depends on: a run with the same may
	// replace it. Options without influence on the result, such as the number of jobs, have no place in it.
	Record map[string]string
	// Version is that of mailmill.
	Version string
	// Overwrite replaces what is in the way.
	Overwrite bool
}

// Target is a [load.Target] that writes files.
type Target struct {
	format Format
	store  store
	trees  map[string]*tree
	joined *joined // the file of the folder at hand
	split  *split
	record *recorder

	ended bool
}

// tree is the places of a source's folders.
type tree struct {
	*folders.Tree
	below string // the source's own place, or empty where it is the only one
}

func (t *tree) place(f *formats.Folder) string {
	if t.below == "" {
		return t.Place(f)
	}
	return t.below + "/" + t.Place(f)
}

// newTrees names the folders of all sources.
func newTrees(o *Options) map[string]*tree {
	trees := make(map[string]*tree, len(o.Sources))
	var names folders.Names
	for _, s := range o.Sources {
		if trees[s.Name] != nil {
			continue // the same archive twice: its items share their folders
		}
		t := new(tree)
		if len(o.Sources) > 1 {
			t.below = names.Take(baseName(s.Name))
		}
		suffixes := []string{""}
		if o.Format.Joined() {
			suffixes = append(suffixes, o.Format.Extension())
		}
		t.Tree = folders.NewTree(s.Folders, suffixes...)
		trees[s.Name] = t
	}
	return trees
}

// baseName returns a file's name without its folder and extension, whichever system's path it is.
func baseName(path string) string {
	name := path[strings.LastIndexAny(path, `/\`)+1:]
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		name = name[:dot]
	}
	return name
}

// Encode implements [load.Target].
func (t *Target) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	e := &encoded{item: it}
	if contentSize(it.Mail) > largestBuffered {
		return e, nil
	}
	b := new(buffer)
	err := t.format.Encode(b, it)
	if errors.Is(err, errTooLarge) {
		b.release()
		return e, nil
	}
	if err = damaged(it, err); err != nil {
		b.release()
		return nil, err
	}
	e.buffer, e.size = b, b.size
	if !t.format.Joined() {
		e.sum = b.sha256()
	}
	return e, nil
}

// damaged moves what an encoder says of lost content to the item. It returns other errors.
func damaged(it *formats.Item, err error) error {
	var incomplete *mime.ContentError
	if errors.As(err, &incomplete) {
		for _, d := range incomplete.Damage {
			it.Lose(d)
		}
		return nil
	}
	return err
}

// Write implements [load.Target].
func (t *Target) Write(_ context.Context, enc load.Encoded) (load.Outcome, error) {
	e, ok := enc.(*encoded)
	if !ok {
		return load.Failed, fmt.Errorf("an item that was encoded for another target: %T", enc)
	}
	places := t.trees[e.item.Source]
	if places == nil {
		return load.Failed, fmt.Errorf("an item of an archive that the target was not told of: %s", e.item.Source)
	}
	place := places.place(e.item.Folder)
	var err error
	if t.format.Joined() {
		err = t.writeJoined(place, e)
	} else {
		err = t.split.write(place, e)
	}
	if err != nil {
		return load.Failed, err
	}
	return load.Written, nil
}

// encoded is an item on its way into a file: in a buffer, or to be streamed.
type encoded struct {
	item   *formats.Item
	buffer *buffer // nil: the item is streamed
	size   int64
	sum    [32]byte // of the buffer, where the format is not joined
}

func (e *encoded) Item() *formats.Item { return e.item }
func (e *encoded) Size() int64         { return e.size }

func (e *encoded) Held() int64 {
	if e.buffer == nil {
		return 0
	}
	return e.buffer.held()
}

func (e *encoded) Release() {
	if e.buffer != nil {
		e.buffer.release()
		e.buffer = nil
	}
}

// contentSize sums up what is known of the sizes of a mail's parts.
func contentSize(m *formats.Mail) int64 {
	if m == nil || m.Root == nil {
		return 0
	}
	var n int64
	m.Root.Leaves(func(p *formats.Part) {
		n += max(p.Size, 0) + contentSize(p.Message)
	})
	return n
}
