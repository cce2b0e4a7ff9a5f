// Package ole finds the file in an OLE object.
//
// A document that was embedded in a mail, rather than attached to it, is stored as a compound file (MS-CFB) around
// whatever its program wrote. [Extract] looks at the names of the streams in it and tells which file a person would
// want to have:
//
//	obj, err := ole.Extract(r, size)
//	if err != nil {
//		// no compound file: keep the bytes as they are
//	}
//	f, err := obj.Open()
//
// A file that was dropped into a mail is in the stream "\1Ole10Native" with its name (MS-OLEDS 2.3.6), an Office
// document of 2007 and later in "Package", those of some other programs, and pictures that were pasted, in "CONTENTS".
// An older Office document is the compound file itself, and so is an object of which nothing is known: its Ext is ".ole".
//
// Nothing is read into memory but the directory and the first kilobytes of the stream; the file is streamed.
package ole

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailmill/formats/internal/compound"
)

// Object is the file in an OLE object.
type Object struct {
	// Name is the file's name as the object has it, without folders; empty where the object tells none. It may hold
	// characters that no file system takes.
	Name string
	// Ext is the extension that suits the content, with its dot.
	Ext string
	// MediaType suits the content, "application/octet-stream" where it is not known.
	MediaType string
	// Size is the number of bytes that Open yields if nothing is lost.
	Size int64

	open func() (io.Reader, error)
}

// Open streams the file. Readers are independent of each other. One that ends before Size bytes fails with
// [io.ErrUnexpectedEOF].
func (o *Object) Open() (io.ReadCloser, error) {
	r, err := o.open()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(&exact{r: r, left: o.Size}), nil
}

// ErrNotCompound is returned for data that does not begin as a compound file does.
var ErrNotCompound = errors.New("not a compound file")

// documents are the compound files that are a document as a whole, by the name of a stream at their root.
var documents = []struct{ stream, ext, mediaType string }{
	{"WordDocument", ".doc", "application/msword"},
	{"Workbook", ".xls", "application/vnd.ms-excel"},
	{"Book", ".xls", "application/vnd.ms-excel"},
	{"PowerPoint Document", ".ppt", "application/vnd.ms-powerpoint"},
	{"VisioDocument", ".vsd", "application/vnd.visio"},
	{"__properties_version1.0", ".msg", "application/vnd.ms-outlook"},
}

// Extract finds the file in the compound file that r holds, size bytes long. It fails with [ErrNotCompound], or with
// an error that says what is damaged: the caller still has the bytes. The object reads from r as long as it is used,
// from several goroutines if several of its readers are.
func Extract(r io.ReaderAt, size int64) (*Object, error) {
	root, err := open(r, size)
	if err != nil {
		return nil, err
	}
	if f := root["\x01Ole10Native"]; f != nil {
		if obj, err := native(f); err == nil {
			return obj, nil
		}
	}
	for _, name := range []string{"Package", "CONTENTS"} {
		f := root[name]
		if f == nil {
			continue
		}
		head := make([]byte, min(f.size, sniffLen))
		n, err := io.ReadFull(f.reader(), head)
		if n == 0 {
			continue
		}
		if err != nil {
			head = head[:n]
		}
		if b := bitmapHeader(head, f.size); b != nil {
			return &Object{Ext: ".bmp", MediaType: "image/bmp", Size: int64(len(b)) + f.size, open: f.openAfter(b)}, nil
		}
		// What nobody knows is nothing without the streams beside it.
		if ext, mediaType := sniff(head); ext != unknownExt {
			return &Object{Ext: ext, MediaType: mediaType, Size: f.size, open: f.open(0)}, nil
		}
	}
	whole := &Object{Ext: ".ole", MediaType: "application/octet-stream", Size: size}
	whole.open = func() (io.Reader, error) { return io.NewSectionReader(r, 0, size), nil }
	for _, d := range documents {
		if root[d.stream] != nil {
			whole.Ext, whole.MediaType = d.ext, d.mediaType
			break
		}
	}
	return whole, nil
}

// stream is a stream at the root of a compound file.
type stream struct {
	*compound.Stream
	size int64
}

// reader returns a reader of its own.
func (s *stream) reader() io.Reader {
	r, err := s.Stream.Open()
	if err != nil {
		return lost{err}
	}
	return r
}

// lost is what cannot be read at all.
type lost struct{ err error }

func (l lost) Read([]byte) (int, error) { return 0, l.err }

// open returns a function that opens the stream at an offset.
func (s *stream) open(offset int64) func() (io.Reader, error) {
	return func() (io.Reader, error) {
		r := s.reader()
		if _, err := io.CopyN(io.Discard, r, offset); err != nil {
			return nil, fmt.Errorf("stream %q: %w", s.Name, err)
		}
		return r, nil
	}
}

// openAfter returns a function that opens the stream with bytes before it.
func (s *stream) openAfter(b []byte) func() (io.Reader, error) {
	return func() (io.Reader, error) { return io.MultiReader(bytes.NewReader(b), s.reader()), nil }
}

// bitmapHeader returns the header with which a device-independent bitmap becomes a file; nil for what is no such
// bitmap. It is what a picture that was pasted into a mail is stored as.
func bitmapHeader(dib []byte, size int64) []byte {
	const (
		header   = 40
		file     = 14
		fields   = 3 // compression by masks, which follow the header
		maxWidth = 1 << 16
	)
	le := binary.LittleEndian
	if len(dib) < header || le.Uint32(dib) != header || le.Uint16(dib[12:]) != 1 || size > 1<<31 {
		return nil
	}
	width, height, bits, compression, colours := int32(le.Uint32(dib[4:])), int32(le.Uint32(dib[8:])), le.Uint16(dib[14:]), le.Uint32(dib[16:]), le.Uint32(dib[32:])
	if width < 1 || width > maxWidth || height == 0 || height < -maxWidth || height > maxWidth || compression > fields {
		return nil
	}
	switch bits {
	case 1, 4, 8:
		if colours == 0 || colours > 1<<bits {
			colours = 1 << bits
		}
	case 16, 24, 32:
		colours = min(colours, 256)
	default:
		return nil
	}
	pixels := file + header + 4*colours
	if compression == fields {
		pixels += 12
	}
	b := le.AppendUint32([]byte("BM"), uint32(file+size))
	return le.AppendUint32(append(b, 0, 0, 0, 0), pixels)
}

// open reads the directory and returns the streams at the root by name.
func open(r io.ReaderAt, size int64) (map[string]*stream, error) {
	storage, err := compound.Read(r, size)
	if errors.Is(err, compound.ErrFormat) {
		return nil, ErrNotCompound
	}
	if err != nil {
		return nil, fmt.Errorf("compound file: %w", err)
	}
	root := make(map[string]*stream)
	for _, t := range storage.Streams {
		if root[t.Name] == nil && t.Size <= size {
			root[t.Name] = &stream{t, t.Size}
		}
	}
	return root, nil
}

// exact yields a number of bytes and fails where the source has fewer.
type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > e.left {
		p = p[:e.left]
	}
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// base returns the last part of a path of any system.
func base(path string) string {
	return path[strings.LastIndexAny(path, `\/:`)+1:]
}
