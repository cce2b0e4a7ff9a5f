package main

import (
	"context"
	"errors"
	"io"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/load/files"
)

// rehearsal is a target that does everything but keep the result.
type rehearsal struct{ format files.Format }

type rehearsed struct {
	item *formats.Item
	size int64
}

func (r *rehearsed) Item() *formats.Item { return r.item }
func (r *rehearsed) Held() int64         { return 0 }
func (r *rehearsed) Size() int64         { return r.size }
func (r *rehearsed) Release()            {}

func (r *rehearsed) Write(p []byte) (int, error) {
	r.size += int64(len(p))
	return len(p), nil
}

// Encode implements [load.Target].
func (t rehearsal) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	r := &rehearsed{item: it}
	err := t.format.Encode(io.Writer(r), it)
	var incomplete *mime.ContentError
	if errors.As(err, &incomplete) {
		it.Damage = append(it.Damage, incomplete.Damage...)
		err = nil
	}
	return r, err
}

// Write implements [load.Target].
func (rehearsal) Write(context.Context, load.Encoded) (load.Outcome, error) { return load.Written, nil }

// Finish implements [load.Target].
func (rehearsal) Finish(context.Context) error { return nil }

// Abort implements [load.Target].
func (rehearsal) Abort() (bool, error) { return false, nil }
