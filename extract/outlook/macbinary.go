package outlook

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"

	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
)

// macBinary is the value of PidTagAttachEncoding for MacBinary data (MS-OXCMSG 2.2.2.20).
var macBinary = []byte{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x14, 0x03, 0x0B, 0x01}

// macFile is what a MacBinary file has beside the data fork.
type macFile struct {
	header  []byte // the first 128 bytes
	fork    section
	comment []byte
}

// macBlock is the size of a MacBinary header; what follows it is padded to a multiple of it.
const macBlock = 128

// readMacBinary takes the file of a Macintosh apart: its data fork becomes the part's content, the rest goes to at.mac.
// What is none, or is cut short, stays as it is.
func (at *attachment) readMacBinary() {
	p := at.part
	h, err := head(p.Content, macBlock)
	if err != nil || len(h) < macBlock || h[0] != 0 || h[1] == 0 || h[1] > 63 || h[74] != 0 || h[82] != 0 {
		return
	}
	be := binary.BigEndian
	pad := func(n int64) int64 { return (n + macBlock - 1) / macBlock * macBlock }
	data, resource, comment := int64(be.Uint32(h[83:])), int64(be.Uint32(h[87:])), int64(be.Uint16(h[99:]))
	dataAt := macBlock + pad(int64(be.Uint16(h[120:]))) // after a second header
	resourceAt := dataAt + pad(data)
	commentAt := resourceAt + pad(resource)
	last := dataAt + data
	if resource > 0 {
		last = resourceAt + resource
	}
	if size := at.a.DataSize(); size >= 0 && last > size {
		return
	} else if comment > 0 && size >= 0 && commentAt+comment > size {
		comment = 0
	}
	whole := p.Content
	at.mac = &macFile{header: h, fork: section{whole, resourceAt, resource}}
	if comment > 0 {
		at.mac.comment, _ = readAll(section{whole, commentAt, comment}, comment)
	}
	p.Content, p.Size = section{whole, dataAt, data}, data
	if p.Name == "" {
		p.Name, _ = codepage.Decode(macRoman, h[2:2+h[1]])
	}
}

// macRoman is the code page of names on a Macintosh.
const macRoman = 10000

// macintosh makes the parts of a Macintosh file. One that has no more than its data is a part like any other that names
// the program it belongs to; else the rest stands beside the data in a multipart/appledouble (RFC 1740).
func (at *attachment) macintosh() []*attachment {
	p, mac := at.part, at.mac
	if mac.fork.to == 0 && len(mac.comment) == 0 {
		for i, name := range [...]string{"x-mac-type", "x-mac-creator"} {
			if code := mac.header[65+4*i : 69+4*i]; !allZero(code) && string(code) != "????" {
				p.Params = append(p.Params, formats.Param{Name: name, Value: hex.EncodeToString(code)})
			}
		}
		return []*attachment{at}
	}
	prefix := mac.appleDouble()
	file := &formats.Part{
		Type: "application/applefile", Disposition: "attachment", Name: "._" + p.Name, Transfer: formats.TransferBase64,
		Content: joined{prefix, mac.fork}, Size: int64(len(prefix)) + mac.fork.to,
	}
	if p.ContentID != "" || p.Location != "" {
		// The HTML may show the data: it has to stand where a reader looks for it.
		return []*attachment{at, {bag: at.bag, a: at.a, method: mapi.AttachByValue, part: file}}
	}
	at.part = &formats.Part{Type: "multipart/appledouble", Parts: []*formats.Part{file, p}}
	return []*attachment{at}
}

// appleDouble returns the header of an AppleDouble file (RFC 1740 appendix B) with everything but the resource fork,
// which follows it.
func (mac *macFile) appleDouble() []byte {
	const (
		resourceFork, realName, comment, fileDates, finderInfo = 2, 3, 4, 8, 9

		// from1904 is the Macintosh's epoch in seconds before that of AppleDouble, 2000-01-01.
		from1904 = 3029529600
		unknown  = 0x80000000
	)
	h, be := mac.header, binary.BigEndian
	finder := make([]byte, 32)
	copy(finder, h[65:73])
	finder[8], finder[9] = h[73], h[101]
	copy(finder[10:], h[75:81])
	finder[24], finder[25] = h[106], h[107]
	var dates []byte
	for _, at := range [...]int{91, 95} {
		dates = be.AppendUint32(dates, be.Uint32(h[at:])-from1904)
	}
	dates = be.AppendUint32(be.AppendUint32(dates, unknown), unknown)
	entries := []struct {
		id   uint32
		data []byte
	}{{realName, h[2 : 2+h[1]]}, {fileDates, dates}, {finderInfo, finder}, {comment, mac.comment}, {resourceFork, nil}}

	b := be.AppendUint32(be.AppendUint32(nil, 0x00051607), 0x00020000)
	b = append(b, make([]byte, 16)...)
	b = be.AppendUint16(b, uint16(len(entries)))
	at := len(b) + 12*len(entries)
	for _, e := range entries {
		size := len(e.data)
		if e.id == resourceFork {
			size = int(mac.fork.to)
		}
		b = be.AppendUint32(be.AppendUint32(be.AppendUint32(b, e.id), uint32(at)), uint32(size))
		at += size
	}
	for _, e := range entries {
		b = append(b, e.data...)
	}
	return b
}

// joined is bytes with other content after them.
type joined struct {
	first []byte
	rest  formats.Content
}

// Open implements [formats.Content].
func (j joined) Open() (io.ReadCloser, error) {
	r, err := j.rest.Open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(j.first), r), r}, nil
}
