package outlook_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"mailmill/formats/mapi"
)

// macFile makes a MacBinary file.
func macFile(name, data, resource, comment string) *att {
	b := make([]byte, 128)
	b[1] = byte(len(name))
	copy(b[2:], name)
	copy(b[65:], "TEXTttxt")
	b[73] = 0x21
	binary.BigEndian.PutUint32(b[83:], uint32(len(data)))
	binary.BigEndian.PutUint32(b[87:], uint32(len(resource)))
	binary.BigEndian.PutUint32(b[91:], 3029529600+5)
	binary.BigEndian.PutUint16(b[99:], uint16(len(comment)))
	b[122], b[123] = 129, 129
	for _, s := range []string{data, resource, comment} {
		b = append(b, s...)
		for len(b)%128 != 0 {
			b = append(b, 0)
		}
	}
	a := file(name, "text/x-mac", b)
	a.props[mapi.PidTagAttachEncoding] = []byte{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x14, 0x03, 0x0B, 0x01}
	return a
}

// TestMacintosh shows that nothing of a Macintosh file is lost.
func TestMacintosh(t *testing.T) {
	with := func(a *att) *msg {
		m := note(props{mapi.PidTagBody: "text"})
		if a.props[mapi.PidTagAttachContentId] != nil {
			m.props[mapi.PidTagHtml] = []byte(`<img src="cid:shown">`)
		}
		m.atts = []*att{a}
		return m
	}
	t.Run("data alone", func(t *testing.T) {
		_, p := readBack(t, with(macFile("Read me", "hello", "", "")))
		equal(t, "the structure", p.tree, "mixed(text/plain,text/x-mac)")
		equal(t, "the data", p.parts[1].body, "hello")
		_, params, _ := p.parts[1].header.ContentType()
		equal(t, "the type", params["x-mac-type"]+params["x-mac-creator"], "5445585474747874")
	})
	t.Run("with a resource fork", func(t *testing.T) {
		it, p := readBack(t, with(macFile("Read me", "hello", "RSRC", "a note")))
		equal(t, "the structure", p.tree, "mixed(text/plain,appledouble(application/applefile,text/x-mac))")
		equal(t, "the data", p.parts[2].body, "hello")
		equal(t, "the size told", it.Mail.Root.Parts[1].Parts[0].Size, int64(len(p.parts[1].body)))
		entries := map[uint32]string{}
		b := []byte(p.parts[1].body)
		be := binary.BigEndian
		equal(t, "the magic number", be.Uint64(b), 0x0005160700020000)
		for i := range int(be.Uint16(b[24:])) {
			e := b[26+12*i:]
			at, n := be.Uint32(e[4:]), be.Uint32(e[8:])
			entries[be.Uint32(e)] = string(b[at : at+n])
		}
		equal(t, "the resource fork", entries[2], "RSRC")
		equal(t, "the name", entries[3], "Read me")
		equal(t, "the comment", entries[4], "a note")
		equal(t, "the day it was made", entries[8][:4], "\x00\x00\x00\x05")
		equal(t, "what the Finder knows", entries[9][:9], "TEXTttxt\x21")
	})
	t.Run("a picture that is shown", func(t *testing.T) {
		a := macFile("p", "PICTURE", "RSRC", "")
		a.props[mapi.PidTagAttachContentId], a.props[mapi.PidTagAttachMimeTag] = "shown", "image/pict"
		_, p := readBack(t, with(a))
		equal(t, "the structure", p.tree, "mixed(related(alternative(text/plain,text/html),image/pict),application/applefile)")
	})
	t.Run("damaged", func(t *testing.T) {
		a := macFile("Read me", "hello", "RSRC", "")
		a.data = a.data[:140]
		_, p := readBack(t, with(a))
		equal(t, "it stays as it is", bytes.Equal([]byte(p.parts[1].body), a.data), true)
	})
}
