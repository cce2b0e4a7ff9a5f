package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Zip reads the index of a zip. One whose index is missing, as it is cut short, or damaged, is read from its front: the
// FS has what could be found. Members that are encrypted, or compressed in a way that is not known here, are there, and
// say so when they are read.
//
// An error is [ErrBomb], [ErrEncrypted] where that is so of all members, [ErrFormat] where nothing can be found, one of
// r's, or the cause of ctx's end.
func Zip(ctx context.Context, r io.ReaderAt, size int64, b *Budget) (*FS, error) {
	z := &zipIndex{ctx: ctx, r: r, size: size, budget: b}
	err := z.directory()
	if errors.Is(err, ErrFormat) {
		lost := err
		z.members = nil
		if err = z.scan(); err == nil && len(z.members) == 0 {
			return nil, lost
		}
		z.lost = cmp.Or(z.lost, lost)
	}
	if err != nil {
		return nil, err
	}
	if err := z.check(); err != nil {
		return nil, err
	}
	f := newFS()
	f.Incomplete = z.lost
	for i := range z.members {
		if m := &z.members[i]; strings.HasSuffix(m.name, "/") || strings.HasSuffix(m.name, "\\") && m.length == 0 {
			f.folder(components(m.name)).modified = m.modified
		} else {
			f.add(m.name, m.modified, m)
		}
	}
	z.members = slices.Clip(z.members)
	return f, nil
}

// zipIndex is the index of a zip under way.
type zipIndex struct {
	ctx     context.Context
	r       io.ReaderAt
	size    int64
	budget  *Budget
	members []member
	lost    error
}

// check looks for zips that are made to do harm, and for those that cannot be read at all.
func (z *zipIndex) check() error {
	var total int64
	encrypted, files := 0, 0
	places := make([]*member, 0, len(z.members))
	for i := range z.members {
		m := &z.members[i]
		if m.length > 0 {
			files++
			if m.encrypted() {
				encrypted++
			}
		}
		if total += m.length; total < 0 || m.length < 0 {
			return fmt.Errorf("unpacks to more than any disk holds: %w", ErrBomb)
		}
		if m.packed > 0 {
			places = append(places, m)
		}
	}
	if files > 0 && encrypted == files {
		return ErrEncrypted
	}
	// Members that share their bytes unpack to any multiple of the file.
	slices.SortFunc(places, func(a, b *member) int { return cmp.Compare(a.offset, b.offset) })
	for i, m := range places[:max(len(places)-1, 0)] {
		if next := places[i+1]; m.offset+localHeader+m.packed > next.offset {
			return fmt.Errorf("has members that lie one in another, %q in %q, as no program packs them: %w", next.name, m.name, ErrBomb)
		}
	}
	return check(total, z.size)
}
