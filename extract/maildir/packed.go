package maildir

import (
	"bytes"
	"errors"
	"io"

	"mailmill/extract/bundle"
	"mailmill/formats"
)

// QUIRK: Dovecot with its plugin zlib keeps each message compressed, in a file like all others. No message begins as what is
// compressed does.
var packings = []struct {
	magic string
	bundle.Compression
}{
	{"\x1F\x8B\x08", bundle.Gzip},
	{"\x28\xB5\x2F\xFD", bundle.Zstd},
	{"\xFD7zXZ\x00", bundle.XZ},
	{"BZh91AY&SY", bundle.Bzip2},
}

const longestMagic = 10

// largest is the size of a message up to which it is held in memory when it was unpacked.
const largest = 1 << 20

// unpacked returns the message in a file, and its size, where it is compressed; else what it gets.
func unpacked(content formats.Content, size int64) (formats.Content, int64, error) {
	head, err := begin(content)
	if err != nil {
		return nil, 0, err
	}
	if i := packing(head); i >= 0 {
		return packed{content, packings[i].Compression}.measured()
	}
	return content, size, nil
}

// packing returns how a file is compressed, as a place in packings; -1 for not at all.
func packing(head []byte) int {
	for i, p := range packings {
		if bytes.HasPrefix(head, []byte(p.magic)) {
			return i
		}
	}
	return -1
}

func isPacked(head []byte) bool { return packing(head) >= 0 }

// begin returns the first bytes of a file.
func begin(content formats.Content) ([]byte, error) {
	if b, ok := content.(formats.Bytes); ok {
		return b[:min(len(b), longestMagic)], nil
	}
	r, err := content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, longestMagic)
	n, err := io.ReadFull(r, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return b[:n], err
}

// packed is the content of a file that is compressed.
type packed struct {
	file formats.Content
	bundle.Compression
}

// Open implements [formats.Content].
func (p packed) Open() (io.ReadCloser, error) {
	f, err := p.file.Open()
	if err != nil {
		return nil, err
	}
	r, err := p.NewReader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return unpacking{r, f}, nil
}

type unpacking struct {
	io.ReadCloser
	file io.Closer
}

// Close implements [io.Closer].
func (u unpacking) Close() error { return errors.Join(u.ReadCloser.Close(), u.file.Close()) }

// measured returns the content with its size. A file that is damaged has the size that can be read of it: whoever reads it
// meets the damage.
func (p packed) measured() (formats.Content, int64, error) {
	r, err := p.Open()
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, largest+1))
	if err == nil && len(b) <= largest {
		return formats.Bytes(b), int64(len(b)), nil
	}
	size := int64(len(b))
	if err == nil {
		var rest int64
		rest, err = io.Copy(io.Discard, r)
		size += rest
	}
	if err != nil && size == 0 {
		return nil, 0, err
	}
	return p, size, nil
}
