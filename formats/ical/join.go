package ical

import (
	"io"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// A calendar may be put together from components that were written apart, by several encoders at once:
//
//	for each item, anywhere:   apart.Apart(buffer, it)
//	for each item, in order:   if enc.Declare(it) { copy the buffer } else { enc.Item(it) }
//
// The result is the same as if enc had written all items.

// Apart writes the components of an item to w: no calendar around them, and no zones, which go by their own names. Its
// errors are those of [Encoder.Item]. It ends what calendar the encoder was at.
func (e *Encoder) Apart(w io.Writer, it *formats.Item) error {
	c, err := componentsOf(it)
	if err != nil {
		return err
	}
	e.reset(w)
	c.zones(&e.opts, func(z *formats.Zone) {
		if isDefined(z) {
			e.identify(z)
		}
	})
	err = e.components(it, c)
	if flushErr := e.l.Flush(); flushErr != nil {
		return flushErr
	}
	return err
}

// Declare writes the zones of an item that the calendar does not have yet, to its writer and through no buffer. It reports
// whether components that [Encoder.Apart] has made of the item may follow. They may not where the calendar has another
// zone of the same name; then [Encoder.Item] has to write them. Its error is that of the writer, or an [*InvalidError].
func (e *Encoder) Declare(it *formats.Item) (apart bool, err error) {
	c, err := componentsOf(it)
	if err != nil {
		return false, err
	}
	apart = e.declare(c)
	return apart, e.l.Flush()
}

// Flush writes what is buffered of the calendar. Its error is that of the writer.
func (e *Encoder) Flush() error { return e.l.Flush() }

// Resume has the calendar go on at its writer, after one of its items could not be written to its end: what of it is
// still buffered is dropped. The zones that were declared stay so.
func (e *Encoder) Resume(w io.Writer) { e.l.Reset(w, contentline.ICalendar) }
