package files

import (
	"io"
	"sync"

	"mailmill/formats"
	"mailmill/formats/mbox"
	"mailmill/formats/mime"
	"mailmill/transform/folders"
)

// MBOX is the format with an mboxrd file for each folder.
var MBOX Format = mboxrd{}

type mboxrd struct{}

const mboxExtension = ".mbox"

func (mboxrd) Name() string { return "mbox" }
func (mboxrd) joined() bool { return true }

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

func (mboxrd) encode(w io.Writer, it *formats.Item) (virtual int64, err error) {
	o := outlets.Get().(*outlet)
	o.Writer = w
	msg := o.mbox.Message(sender(it.Mail), modified(it), mbox.Status{Flags: it.Flags, Keywords: it.Keywords})
	if err := mime.LoseContent(it, mime.Write(msg, it.Mail)); err != nil {
		return 0, err // the writer, which keeps its error, is not used again
	}
	if err := msg.Close(); err != nil {
		return 0, err
	}
	o.Writer = nil
	outlets.Put(o)
	return 0, nil
}

func (mboxrd) places(list []*formats.Folder) (mail, other places) {
	tree := folders.NewTree(list, treeSuffixes(mboxExtension)...)
	return tree, tree
}

func (mboxrd) plan(p *plan, place string) {
	p.file(place + mboxExtension)
	p.folder(parent(place))
}

func (f mboxrd) layout(t *Target) layout {
	return &joined{target: t, joinable: f, extension: mboxExtension, mail: true}
}

func (mboxrd) compose(t *Target, _ *formats.Folder) composer { return plainFile{t} }

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
