package outlook

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// bodyPart names the bodies in damage.
const bodyPart = "message body"

// bag reads the properties of one object. What cannot be read is noted as damage, once for each part, and reads as far
// as it goes.
type bag struct {
	p      mapi.Properties
	cp     int
	where  string // what the object is within the item: `attachment "x.msg"`
	damage *[]formats.Damage
}

// lose notes damage.
func (b *bag) lose(part string, err error) {
	if b.where != "" {
		part = strings.TrimSuffix(b.where+": "+part, ": ")
	}
	// What is noted twice is noted at once: the search need not go far.
	const near = 32
	list := *b.damage
	for _, d := range list[max(0, len(list)-near):] {
		if d.Part == part && (errors.Is(d.Err, err) || d.Err.Error() == err.Error()) {
			return
		}
	}
	*b.damage = append(*b.damage, formats.Damage{Part: part, Err: err})
}

// value looks a property up; part names it to people.
func (b *bag) value(id mapi.ID, part string) mapi.Value {
	v, err := b.p.Lookup(id)
	if err != nil {
		b.lose(part, err)
	}
	return v
}

func (b *bag) named(n mapi.Name, part string) mapi.Value {
	v, err := b.p.LookupName(n)
	if err != nil {
		b.lose(part, err)
	}
	return v
}

// get looks a property up that has no name for people.
func (b *bag) get(id mapi.ID) mapi.Value {
	v, err := b.p.Lookup(id)
	if err != nil {
		b.lose("property "+id.String(), err)
	}
	return v
}

func (b *bag) int(id mapi.ID) int64 { return b.get(id).Int() }

func (b *bag) time(id mapi.ID) time.Time { return b.get(id).Time() }

// string returns a string as it is.
func (b *bag) string(id mapi.ID) string { return b.get(id).Text(b.cp) }

// isText reports whether a value is exactly s in Unicode, which is cheaper to find out than what it is. It is false for what
// is not ASCII.
func isText(v mapi.Value, s string) bool {
	if v.Type != mapi.String || len(v.Data) != 2*len(s) {
		return false
	}
	for i := range len(s) {
		if v.Data[2*i] != s[i] || v.Data[2*i+1] != 0 || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// line returns a string that is to be one line: up to a NUL, without control characters and blanks around it.
func (b *bag) line(id mapi.ID) string { return oneLine(b.string(id)) }

func (b *bag) namedLine(n mapi.Name, part string) string { return oneLine(b.named(n, part).Text(b.cp)) }

func (b *bag) bytes(id mapi.ID) []byte { return b.get(id).Bytes() }
