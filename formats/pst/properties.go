package pst

import (
	"errors"
	"iter"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ltp"
)

// Properties are the properties of one thing in a file. They implement [mapi.Properties], and are safe for
// concurrent use.
type Properties struct {
	f   *File
	pc  *ltp.PC // nil for rows of tables
	row ltp.Row // stands in for what pc lacks
	// doubt is why the index may lead to the wrong properties.
	doubt error
}

var (
	_ mapi.Properties      = (*Properties)(nil)
	_ mapi.NamedProperties = (*Properties)(nil)
)

// Lookup implements [mapi.Properties].
func (p *Properties) Lookup(id mapi.ID) (mapi.Value, error) {
	if p.pc != nil {
		if i := p.pc.Index(id); i >= 0 {
			return p.pc.Value(i)
		}
		if p.row.Len() == 0 {
			return mapi.Value{}, nil
		}
	}
	return p.row.Lookup(id)
}

// LookupName implements [mapi.Properties].
func (p *Properties) LookupName(name mapi.Name) (mapi.Value, error) {
	if p.f == nil {
		return mapi.Value{}, nil
	}
	id, ok := p.f.NameID(name)
	if !ok {
		return mapi.Value{}, nil
	}
	return p.Lookup(id)
}

// nameless returns why a name may not be found which one of the properties has.
func (p *Properties) nameless() error {
	p.f.names.once.Do(p.f.loadNames)
	if p.f.names.err == nil {
		return nil
	}
	for i := p.pc.Count() - 1; i >= 0; i-- {
		if p.pc.Tag(i).ID().IsNamed() {
			return p.f.names.err
		}
	}
	return nil
}

// All implements [mapi.Properties].
func (p *Properties) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) { p.all(0, -1, yield) }
}

// AllNamed implements [mapi.NamedProperties].
func (p *Properties) AllNamed() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) { p.all(firstNamed, -1, yield) }
}

// firstNamed is the first identifier that stands for a name.
const firstNamed mapi.ID = 0x8000

// all yields all properties from an identifier on, but one: those of the object merged with those that only the row has.
func (p *Properties) all(from mapi.ID, without int, yield func(mapi.Property, error) bool) {
	var ids [2]func(int) mapi.Tag
	var values [2]func(int) (mapi.Value, error)
	var counts, next [2]int
	if p.pc != nil {
		ids[0], values[0], counts[0] = p.pc.Tag, p.pc.Value, p.pc.Count()
	}
	if counts[1] = p.row.Len(); counts[1] > 0 {
		ids[1], values[1] = p.row.Tag, p.row.Value
	}
	for {
		of := -1
		var id mapi.ID
		for i := range next {
			if next[i] < counts[i] {
				if tag := ids[i](next[i]); of < 0 || tag.ID() < id {
					of, id = i, tag.ID()
				}
			}
		}
		if of < 0 {
			return
		}
		at := next[of]
		next[of]++
		if of == 0 && next[1] < counts[1] && ids[1](next[1]).ID() == id {
			next[1]++
		}
		if id < from || int(id) == without {
			continue
		}
		v, err := values[of](at)
		if !v.Exists() && err == nil {
			continue
		}
		property := mapi.Property{ID: id, Value: v}
		if id.IsNamed() && p.f != nil {
			property.Name = p.f.Name(id)
		}
		if !yield(property, err) {
			return
		}
	}
}

// Damage returns what is known to be lost of the set as a whole, nil if it is sound: which properties are missing
// because of it cannot be told.
func (p *Properties) Damage() error {
	if p.pc == nil {
		return p.doubt
	}
	return errors.Join(p.doubt, p.pc.Err(), p.nameless())
}

// text returns a property that is a string, in the file's usual code page where it is no Unicode.
func (p *Properties) text(id mapi.ID) string {
	v, _ := p.Lookup(id)
	return v.Text(1252)
}
