package mail

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mime"
)

// Bounds of an .emlx file.
const (
	// longestLength is how long its first line may be: digits, and blanks to have room for more.
	longestLength = 32
	// longestState is how much is read of what stands after the message.
	longestState = 1 << 20
)

// openApple looks whether a file is one of Apple Mail's (.emlx): a line with the message's length in bytes, the message, and
// a property list with what the program knows of it. Others stay as they are.
func (a *Archive) openApple() error {
	b, err := readAt(a.content.R, 0, int(min(a.content.Size, longestLength)))
	if err != nil {
		return err
	}
	line, _, ok := bytes.Cut(b, []byte("\n"))
	length, err := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
	if !ok || err != nil || length < 0 {
		return nil //nolint:nilerr // it is none of Apple's
	}
	start, whole := int64(len(line)+1), a.content.Size
	a.apple, a.info.Format = true, "mail as Apple Mail keeps it"
	end := start + length
	if length > whole-start {
		end = whole
	}
	rest, err := readAt(a.content.R, end, int(min(whole-end, longestState)))
	if err != nil {
		return err
	}
	if !isPropertyList(rest) {
		// QUIRK: the length is wrong where a program has changed the line ends.
		from := max(start, whole-longestState)
		tail, err := readAt(a.content.R, from, int(whole-from))
		if err != nil {
			return err
		}
		if i := bytes.LastIndex(tail, []byte("<?xml ")); i >= 0 && isPropertyList(tail[i:]) {
			rest, end = tail[i:], from+int64(i)
		} else if length > whole-start {
			a.damage = append(a.damage, formats.Damage{
				Part: "message body", Err: fmt.Errorf("the file is cut short: the message has %d bytes of %d", whole-start, length),
			})
		} else {
			end = whole // what stands there is no property list: it is the message's
		}
	}
	a.content.Offset, a.content.Size = start, end-start
	a.state = appleState(rest)
	return nil
}

func isPropertyList(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return bytes.HasPrefix(b, []byte("<?xml ")) || bytes.HasPrefix(b, []byte("<!DOCTYPE plist")) || bytes.HasPrefix(b, []byte("<plist"))
}

// The bits of "flags".
const (
	appleRead      = 1 << 0
	appleDeleted   = 1 << 1
	appleAnswered  = 1 << 2
	appleFlagged   = 1 << 4
	appleDraft     = 1 << 6
	appleForwarded = 1 << 8
)

// appleState reads the property list of an .emlx file.
func appleState(b []byte) (s State) {
	if !isPropertyList(b) {
		return s
	}
	values := propertyList(b)
	if n, err := strconv.ParseUint(values["flags"], 10, 64); err == nil {
		for _, known := range [...]struct {
			bit  uint64
			flag formats.Flags
		}{
			{appleRead, formats.FlagSeen},
			{appleDeleted, formats.FlagDeleted},
			{appleAnswered, formats.FlagAnswered},
			{appleFlagged, formats.FlagFlagged},
			{appleDraft, formats.FlagDraft},
			{appleForwarded, formats.FlagForwarded},
		} {
			if n&known.bit != 0 {
				s.Flags |= known.flag
			}
		}
	}
	if t, err := strconv.ParseFloat(values["date-received"], 64); err == nil && t > 0 && t < 1<<36 {
		s.Received = time.Unix(int64(t), 0).UTC()
	}
	return s
}

// propertyList returns the numbers and texts of the dictionary that a property list in XML is.
func propertyList(b []byte) map[string]string {
	values := make(map[string]string)
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	var key, text string
	for depth := 0; ; {
		token, err := d.RawToken()
		if err != nil {
			return values
		}
		switch t := token.(type) {
		case xml.StartElement:
			text = ""
			if t.Name.Local == "dict" || t.Name.Local == "array" {
				depth++
			}
		case xml.CharData:
			text += string(t)
		case xml.EndElement:
			switch name := t.Name.Local; {
			case name == "dict" || name == "array":
				depth--
				key = ""
			case depth != 1:
			case name == "key":
				key = text
			case key != "":
				values[key], key = text, ""
			}
			text = ""
		}
	}
}

// errNotFetched is the damage of a part whose content Apple Mail keeps in another file.
var errNotFetched = errors.New("its content is not in the file: Apple Mail keeps it beside it, under Attachments, or has left it on the server")

// missingParts says which parts of an item have no content (.partial.emlx).
func missingParts(it *formats.Item) {
	m := it.Mail
	if err := m.Parse(); err != nil {
		it.Lose(formats.Damage{Part: "message body", Err: err})
		return
	}
	m.Root.Leaves(func(p *formats.Part) {
		for i := range p.Header {
			f := &p.Header[i]
			if !strings.EqualFold(f.Name, "X-Apple-Content-Length") || p.Size > 0 {
				continue
			}
			part := "part of type " + p.Type
			if p.Name != "" {
				part = fmt.Sprintf("attachment %q", p.Name)
			}
			it.Lose(formats.Damage{Part: part, Err: fmt.Errorf("%w (%s bytes)", errNotFetched, mime.Value(f))})
		}
	})
}
