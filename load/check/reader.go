package check

import (
	"context"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mime"
	"mailmill/formats/vcard"
	"mailmill/load"
)

// reader is a target that reads all that a conversion would write of an item, and keeps nothing: what cannot be read is
// in the item's damage then.
type reader struct{}

// read is an item that was read.
type read struct {
	item *formats.Item
	size int64
}

func (r *read) Item() *formats.Item { return r.item }
func (r *read) Held() int64         { return 0 }
func (r *read) Size() int64         { return r.size }
func (r *read) Release()            {}

func (r *read) Write(p []byte) (int, error) {
	r.size += int64(len(p))
	return len(p), nil
}

// Encode implements [load.Target].
func (reader) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	r := &read{item: it}
	var err error
	switch {
	case it.Mail != nil:
		err = mime.Write(r, it.Mail)
	case it.Contact != nil || it.Group != nil:
		err = vcard.NewEncoder(vcard.Options{}).Encode(r, it)
	case it.Kind != formats.KindOther:
		err = ical.NewEncoder(ical.Options{}).Encode(r, it)
	}
	return r, mime.LoseContent(it, err)
}

// Write implements [load.Writer].
func (reader) Write(context.Context, load.Encoded) (load.Outcome, error) { return load.Written, nil }

// Finish implements [load.Target].
func (reader) Finish(context.Context) error { return nil }

// Abort implements [load.Target].
func (reader) Abort() (bool, error) { return false, nil }
