package files

import (
	"io"
	"slices"
	"sync"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/formats/vcard"
	"mailmill/load/resource"
)

const cardExtension = ".vcf"

// cards is the shape of contacts and lists, with an encoder for whoever encodes.
type cards struct {
	split    bool
	alone    bool // lists without the contacts that they refer to
	encoders *sync.Pool
}

func newCards(opts vcard.Options, split, alone bool) cards {
	return cards{split, alone, &sync.Pool{New: func() any { return vcard.NewEncoder(opts) }}}
}

func (c cards) joined() bool { return !c.split }

func (c cards) encode(w io.Writer, it *formats.Item) (virtual int64, err error) {
	enc := c.encoders.Get().(*vcard.Encoder)
	if c.alone && it.Group != nil {
		err = enc.Encode(w, unlinked(it))
	} else {
		err = enc.Encode(w, it)
	}
	c.encoders.Put(enc)
	return 0, err
}

// unlinked returns a list whose members are known by their addresses alone.
func unlinked(it *formats.Item) *formats.Item {
	as, group := *it, *it.Group
	group.Members = slices.Clone(group.Members)
	for i := range group.Members {
		if a := group.Members[i].Address; a != nil && (a.Spec() != "" || a.Stored != "") {
			group.Members[i].Card = ""
		}
	}
	as.Group = &group
	return &as
}

func (c cards) plan(p *plan, place string) { planShape(p, place, cardExtension, c.split) }

func (c cards) layout(t *Target) layout {
	if c.split {
		return newResources(t, cardExtension)
	}
	return &joined{target: t, joinable: c, extension: cardExtension}
}

func (c cards) compose(*Target, *formats.Folder) composer { return &cardFile{shape: c} }

// cardFile writes cards, one after the other.
type cardFile struct {
	shape
	ids resource.Identities
}

func (*cardFile) begin(*sink) error { return nil }
func (*cardFile) end(*sink) error   { return nil }

func (c *cardFile) add(s *sink, e *encoded) error {
	it, renamed := c.ids.Take(e.item)
	if e.buffer != nil && !renamed {
		return e.buffer.pieces(s.write)
	}
	return s.attempt(func(w io.Writer) error {
		_, err := c.encode(w, it)
		return mime.LoseContent(e.item, err)
	})
}
