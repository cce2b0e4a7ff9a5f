package files

import (
	"io"
	"sync"

	"mailmill/formats"
	"mailmill/formats/mbox"
	"mailmill/formats/mime"
)

// MBOX is the format with an mboxrd file for each folder.
var MBOX Format = mboxrd{}

type mboxrd struct{}

func (mboxrd) Name() string      { return "mbox" }
func (mboxrd) Extension() string { return ".mbox" }
func (mboxrd) Joined() bool      { return true }

// outlet lends an mbox writer, with its buffers, to one item after the other.
type outlet struct {
	io.Writer
	mbox *mbox.Writer
}

var outlets = sync.Pool{New: func() any {
	o := new(outlet)
	o.mbox = mbox.NewWriter(o)
	return o
}}

func (mboxrd) Encode(w io.Writer, it *formats.Item) error {
	o := outlets.Get().(*outlet)
	o.Writer = w
	msg := o.mbox.Message(sender(it.Mail), modified(it), mbox.Status{Flags: it.Flags, Keywords: it.Keywords})
	err := mime.Write(msg, it.Mail)
	if damage := damaged(it, err); damage != nil {
		return damage // with the writer, which keeps its error
	}
	if err := msg.Close(); err != nil {
		return err
	}
	o.Writer = nil
	outlets.Put(o)
	return nil
}

// sender returns the address of who sent a mail; empty where none is known.
func sender(m *formats.Mail) string {
	if m.Sender != nil && m.Sender.Spec() != "" {
		return m.Sender.Spec()
	}
	if m.From != nil {
		return m.From.Spec()
	}
	return ""
}
