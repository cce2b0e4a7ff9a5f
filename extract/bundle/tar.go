package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// tarBlock is the unit of a tar.
const tarBlock = 512

// typeContinued is the type of what goes on in this volume (GNU tar's GNUTYPE_MULTIVOL).
const typeContinued = 'M'

// IsTar reports whether a file begins as a tar does, of whatever age: with a header whose sum is right (POSIX.1-1988,
// ustar; the seventh edition's tar has no more to know it by).
func IsTar(head []byte) bool {
	if len(head) < tarBlock || head[0] == 0 {
		return false
	}
	field := strings.Trim(string(head[148:156]), " \x00")
	sum, err := strconv.ParseUint(field, 8, 32)
	if err != nil {
		return false
	}
	var unsigned, signed int64
	for i, c := range head[:tarBlock] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c)) // QUIRK: old tars of Sun's
	}
	return int64(sum) == unsigned || int64(sum) == signed
}

// Tar reads the index of a tar: the headers that stand before its files. Where the tar is cut short or damaged, the FS
// has what could be found. Sparse files are copied to the store. An error is [ErrBomb], [ErrNoRoom], one of r's, or the
// cause of ctx's end.
func Tar(ctx context.Context, r io.ReaderAt, size int64, s *Store, b *Budget) (*FS, error) {
	t := &tarIndex{fs: newFS(), r: r, in: io.NewSectionReader(r, 0, size), size: size, files: make(map[string]content)}
	for {
		err := t.walk(ctx, s, b)
		if err == io.EOF {
			return t.fs, nil
		}
		if !errors.Is(err, ErrFormat) {
			return nil, err
		}
		if t.fs.Incomplete == nil {
			t.fs.Incomplete = err
		}
		if !t.resume() {
			return t.fs, nil
		}
	}
}

// tarIndex is the index of a tar under way.
type tarIndex struct {
	fs    *FS
	r     io.ReaderAt
	in    *io.SectionReader
	size  int64
	files map[string]content // by their names in the archive, for links
	seen  int64              // how far there is nothing to look for
}

// walk reads headers from where it is up to the end, or up to what is none: then the error is [ErrFormat].
func (t *tarIndex) walk(ctx context.Context, s *Store, b *Budget) error {
	in := &bareReader{t.in, nil}
	headers := tar.NewReader(in)
	for {
		h, err := headers.Next()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case in.err != nil:
			return in.err
		case err == io.EOF:
			if err := t.ended(); err != nil {
				return err
			}
			headers = tar.NewReader(in)
			continue
		case errors.Is(err, io.ErrUnexpectedEOF):
			return t.cut()
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			at, _ := t.in.Seek(0, io.SeekCurrent)
			return damage("the tar is damaged before byte %d", at)
		}
		if err := b.entry(); err != nil {
			return err
		}
		if err := t.add(ctx, h, headers, s, b); err != nil {
			return err
		}
		t.seen, _ = t.in.Seek(0, io.SeekCurrent)
		if !sparse(h) && t.tarAt(t.seen) {
			// The headers in a tar that lies in this one are not this one's.
			t.seen += min(h.Size, t.size-t.seen)
		}
	}
}

// add takes a header.
func (t *tarIndex) add(ctx context.Context, h *tar.Header, from io.Reader, s *Store, b *Budget) error {
	var c content
	start, _ := t.in.Seek(0, io.SeekCurrent)
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, '7':
		switch {
		case sparse(h):
			spooled, err := s.Copy(ctx, from, -1, b)
			switch {
			case errors.Is(err, io.ErrUnexpectedEOF):
				return t.cut()
			case err != nil:
				return err
			}
			c = &plain{spooled, 0, spooled.Size}
		case h.Size > t.size-start:
			c = &short{plain{t.r, start, t.size}, t.cut()}
		default:
			c = &plain{t.r, start, start + h.Size}
		}
	case tar.TypeLink:
		// A tar has a file of several names once (POSIX.1-1988 10.1.1).
		if c = t.files[h.Linkname]; c == nil {
			c = broken{err: fmt.Errorf("it is a link to %q, which is not in the archive", h.Linkname)}
		}
	case typeContinued:
		// QUIRK: GNU tar begins a volume with the rest of a file of the one before.
		if t.fs.Incomplete == nil {
			t.fs.Incomplete = damage("it is a volume of a tar of several, and %q begins in another; join them first, as with tar -xM", h.Name)
		}
		return nil
	case tar.TypeDir:
		t.fs.folder(components(h.Name)).modified = h.ModTime
		return nil
	default:
		return nil
	}
	t.files[h.Name] = c
	t.fs.add(h.Name, h.ModTime, c)
	return nil
}

// sparse reports whether a file's holes are left out of the archive.
func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// ended tells the end of a tar from one that lacks its last blocks. Both hold all files; a tar that is cut off between
// two files looks like the latter. Tars that were joined go on behind the first one's end.
func (t *tarIndex) ended() error {
	at, _ := t.in.Seek(0, io.SeekCurrent)
	if at >= t.size {
		if t.fs.Incomplete == nil && (t.size < 2*tarBlock || !t.zeros(t.size-tarBlock)) {
			t.fs.Incomplete = damage("the tar has no end, as if it were cut short")
		}
		return io.EOF
	}
	for at < t.size && t.zeros(at) {
		at += tarBlock
	}
	if !t.tarAt(at) {
		return io.EOF
	}
	t.in.Seek(at, io.SeekStart) //nolint:errcheck // it lies in the file
	return nil
}

// tarAt reports whether a tar begins, or goes on, at a place.
func (t *tarIndex) tarAt(at int64) bool {
	block := make([]byte, tarBlock)
	n, _ := t.r.ReadAt(block, at)
	return IsTar(block[:n])
}

func (t *tarIndex) zeros(at int64) bool {
	block := make([]byte, tarBlock)
	n, _ := t.r.ReadAt(block, at)
	return n == tarBlock && len(bytes.Trim(block, "\x00")) == 0
}

func (t *tarIndex) cut() error {
	return damage("the tar is cut short after %d bytes", t.size)
}

// resume looks for the next header behind damage and reports whether there is one.
func (t *tarIndex) resume() bool {
	const piece = 256 * tarBlock
	buf := make([]byte, piece)
	for at := (t.seen/tarBlock + 1) * tarBlock; at < t.size; at += piece {
		n, _ := t.r.ReadAt(buf, at)
		for i := 0; i+tarBlock <= n; i += tarBlock {
			if block := buf[i : i+tarBlock]; string(block[257:262]) == "ustar" && IsTar(block) {
				t.seen = at + int64(i)
				t.in.Seek(t.seen, io.SeekStart) //nolint:errcheck // it lies in the file
				return true
			}
		}
	}
	return false
}

// short is a file that goes on behind the end of its archive.
type short struct {
	plain
	err error
}

func (s *short) size() int64     { return s.to - s.from }
func (s *short) at() io.ReaderAt { return nil }

func (s *short) open() (io.ReadCloser, error) {
	return io.NopCloser(&cutReader{io.NewSectionReader(s.r, s.from, s.to-s.from), s.err}), nil
}

// cutReader ends with an error.
type cutReader struct {
	r   io.Reader
	err error
}

func (c *cutReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF {
		err = c.err
	}
	return n, err
}

// bareReader keeps errors that are no end. It can be sought in, so that files are passed over.
type bareReader struct {
	*io.SectionReader
	err error
}

// Read implements [io.Reader].
func (r *bareReader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
