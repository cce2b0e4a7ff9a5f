package outlook_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"mailmill/formats/mapi"
)

// tnefFile makes a TNEF stream of a mail.
func tnefFile(html string, files map[string]string) []byte {
	return tnefOf("IPM.Microsoft Mail.Note", html, files)
}

// tnefOf makes a TNEF stream (MS-OXTNEF) with a class, HTML if it is not empty, and files.
func tnefOf(class, html string, files map[string]string) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint32(nil, 0x223E9F78), 1)
	add := func(level byte, id uint32, data []byte) {
		b = append(b, level)
		b = le.AppendUint32(b, id)
		b = le.AppendUint32(b, uint32(len(data)))
		b = append(b, data...)
		sum := uint16(0)
		for _, c := range data {
			sum += uint16(c)
		}
		b = le.AppendUint16(b, sum)
	}
	add(1, 0x00089006, []byte{0, 0, 1, 0})
	add(1, 0x00078008, []byte(class+"\x00"))
	if html != "" {
		p := le.AppendUint32(nil, 1)
		p = le.AppendUint32(p, uint32(mapi.MakeTag(mapi.PidTagHtml, mapi.Binary)))
		p = le.AppendUint32(le.AppendUint32(p, 1), uint32(len(html)))
		p = append(p, html...)
		for len(p)%4 != 0 {
			p = append(p, 0)
		}
		add(1, 0x00069003, p)
	}
	for name, data := range files {
		add(2, 0x00069002, make([]byte, 14))
		add(2, 0x00018010, []byte(name+"\x00"))
		add(2, 0x0006800F, []byte(data))
	}
	return b
}

func TestCase21Winmail(t *testing.T) {
	t.Run("its files take its place", func(t *testing.T) {
		m := note(props{mapi.PidTagBody: "text"})
		m.atts = []*att{file("before.txt", "text/plain", []byte("1")), file("winmail.dat", "application/ms-tnef", tnefFile("", map[string]string{"plan.pdf": "%PDF"})), file("after.txt", "text/plain", []byte("2"))}
		it, p := readBack(t, m)
		equal(t, "the structure", p.tree, "mixed(text/plain,text/plain,application/pdf,text/plain)")
		equal(t, "the file", p.parts[2].body, "%PDF")
		equal(t, "damage", len(it.Damage), 0)
	})
	t.Run("its HTML becomes the mail's", func(t *testing.T) {
		m := note(props{mapi.PidTagBody: "text"})
		m.atts = []*att{file("WINMAIL.DAT", "application/octet-stream", tnefFile("<p>looks</p>", nil))}
		_, p := readBack(t, m)
		equal(t, "the structure", p.tree, "alternative(text/plain,text/html)")
		equal(t, "the HTML", p.part("text/html"), "<p>looks</p>")
		equal(t, "the text", p.part("text/plain"), "text")
	})
	t.Run("what holds more than its parts stays beside them", func(t *testing.T) {
		appointment := tnefOf("IPM.Microsoft Schedule.", "", map[string]string{"plan.pdf": "%PDF"})
		m := note(props{mapi.PidTagBody: "text"})
		m.atts = []*att{file("winmail.dat", "application/ms-tnef", appointment)}
		_, p := readBack(t, m)
		equal(t, "the structure", p.tree, "mixed(text/plain,application/pdf,application/ms-tnef)")

		m = note(props{mapi.PidTagBody: "text", mapi.PidTagHtml: []byte("<p>one</p>")})
		m.atts = []*att{file("winmail.dat", "application/ms-tnef", tnefFile("<p>two</p>", nil))}
		_, p = readBack(t, m)
		equal(t, "the structure with another HTML", p.tree, "mixed(alternative(text/plain,text/html),application/ms-tnef)")
		m.atts = []*att{file("winmail.dat", "application/ms-tnef", tnefFile("<div>one</div>", nil))}
		_, p = readBack(t, m)
		equal(t, "the structure with the same", p.tree, "alternative(text/plain,text/html)")
	})
	t.Run("what is damaged stays, and is told", func(t *testing.T) {
		whole := tnefFile("", map[string]string{"plan.pdf": "%PDF"})
		for _, b := range [][]byte{whole[:len(whole)-4], bytes.Replace(whole, []byte("%PDF"), []byte("%pdf"), 1)} {
			m := note(props{mapi.PidTagBody: "text"})
			m.atts = []*att{file("winmail.dat", "application/ms-tnef", b)}
			it, p := readBack(t, m)
			equal(t, "the structure", p.tree, "mixed(text/plain,application/ms-tnef)")
			equal(t, "damage", len(it.Damage), 1)
		}
	})
	t.Run("what cannot be read stays", func(t *testing.T) {
		m := note(nil)
		m.atts = []*att{file("winmail.dat", "application/ms-tnef", []byte("garbage"))}
		it, p := readBack(t, m)
		equal(t, "the structure", p.tree, "mixed(text/plain,application/ms-tnef)")
		equal(t, "damage", len(it.Damage), 0)
	})
}
