package files

import (
	"io"
	"sync"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mime"
	"mailmill/load/resource"
)

const calendarExtension = ".ics"

// calendars is the shape of calendars, with an encoder for whoever encodes.
type calendars struct {
	opts     ical.Options
	split    bool
	encoders *sync.Pool
}

func newCalendars(opts ical.Options, split bool) calendars {
	opts.TakeTime = split // as servers want it
	return calendars{opts, split, &sync.Pool{New: func() any { return ical.NewEncoder(opts) }}}
}

func (c calendars) joined() bool { return !c.split }

// encode writes a calendar, or where it is one of many items its components alone.
func (c calendars) encode(w io.Writer, it *formats.Item) (virtual int64, err error) {
	enc := c.encoders.Get().(*ical.Encoder)
	if c.split {
		err = enc.Encode(w, it)
	} else {
		err = enc.Apart(w, it)
	}
	c.encoders.Put(enc)
	return 0, err
}

// encodeBeside writes the calendar of an item whose large attachments go beside it.
func (c calendars) encodeBeside(w io.Writer, e *encoded) error {
	opts := c.opts
	opts.Beside = e.beside.uri
	err := mime.LoseContent(e.item, ical.NewEncoder(opts).Encode(w, e.item))
	if e.beside.err != nil {
		return e.beside.err
	}
	return err
}

func (c calendars) plan(p *plan, place string) {
	planShape(p, place, calendarExtension, c.split)
	p.folder(place + besideExtension)
}

func (c calendars) layout(t *Target) layout {
	if c.split {
		return newResources(t, calendarExtension)
	}
	return &joined{target: t, joinable: c, extension: calendarExtension}
}

func (c calendars) compose(_ *Target, f *formats.Folder) composer {
	file := new(calendarFile)
	opts := c.opts
	opts.Name = folderTitle(f)
	if f != nil {
		opts.Properties = f.Calendar
	}
	opts.Beside = func(p *formats.Part) string {
		if file.beside == nil {
			return ""
		}
		return file.beside.uri(p)
	}
	file.enc = ical.NewEncoder(opts)
	return file
}

// planShape plans files that are one a folder or one an item.
func planShape(p *plan, place, extension string, split bool) {
	if split {
		p.folder(place)
		p.anyFile(place, extension)
		return
	}
	p.file(place + extension)
	p.folder(parent(place))
}

// calendarFile writes a calendar of many items. Zones come before the first item that needs them.
type calendarFile struct {
	enc    *ical.Encoder
	ids    resource.Identities
	beside *beside // of the item at hand, or nil
}

func (c *calendarFile) begin(s *sink) error {
	c.enc.Begin(s)
	return c.enc.Flush()
}

func (c *calendarFile) add(s *sink, e *encoded) error {
	it, renamed := c.ids.Take(e.item)
	apart, err := c.enc.Declare(it)
	if err != nil {
		return err
	}
	if apart && !renamed && e.buffer != nil {
		return e.buffer.pieces(s.write)
	}
	return s.attempt(func(io.Writer) error {
		whole := false
		defer func() {
			if !whole {
				c.enc.Resume(s)
			}
		}()
		c.beside = e.beside
		err := mime.LoseContent(e.item, c.enc.Item(it))
		if e.beside != nil && e.beside.err != nil {
			return e.beside.err
		}
		if err != nil {
			return err
		}
		if err := c.enc.Flush(); err != nil {
			return err
		}
		whole = true
		return nil
	})
}

func (c *calendarFile) end(*sink) error { return c.enc.End() }
