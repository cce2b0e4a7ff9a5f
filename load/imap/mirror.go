package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/imap/wire"
	"mailmill/load/verify"
)

// Mirror returns the target seen from its reading side, for a target that was opened with [Options].Rehearse. Nothing is
// changed on the server. Closing it closes the target.
func (t *Target) Mirror() verify.Mirror {
	return &mirror{t: t, permitted: make(map[string]*keywords)}
}

// mirror reads what a target holds, one thing at a time, over its control connection: some servers allow no other.
type mirror struct {
	t         *Target
	permitted map[string]*keywords // by mailbox
}

// Encode implements [verify.Mirror].
func (r *mirror) Encode(ctx context.Context, it *formats.Item) (load.Encoded, error) {
	return r.t.Encode(ctx, it)
}

// Expect implements [verify.Mirror].
func (r *mirror) Expect(ctx context.Context, enc load.Encoded) (verify.Expectation, bool, error) {
	e, ok := enc.(*encoded)
	if !ok {
		return verify.Expectation{}, false, fmt.Errorf("an item that was encoded for another target: %T", enc)
	}
	b := r.t.tree.sources[e.item.Source]
	if b == nil {
		return verify.Expectation{}, false, fmt.Errorf("an item of an archive that the target was not told of: %s", e.item.Source)
	}
	n := r.t.tree.place(b, e.item.Folder)
	if name := r.t.tree.full(n); !r.t.found[name] {
		r.t.suppose([]*node{n})
	}
	name := r.t.tree.full(n)
	date, _ := internalDate(e.item)
	x := verify.Expectation{
		Place: name, Form: verify.Mail, Flags: systemFlags(e.item.Flags), Keywords: []string{}, Date: date, WriteTo: e.writeTo, Once: true,
	}
	if date.After(time.Now()) {
		x.Date = time.Time{} // QUIRK: to Dovecot that is the time of the upload
	}
	if x.Flags == nil {
		x.Flags = []string{} // none is something to expect
	}
	wanted := keywordsOf(e.item)
	if len(wanted) == 0 {
		return x, true, nil
	}
	permitted, err := r.keywords(ctx, name)
	if err != nil {
		return x, false, err
	}
	for _, k := range wanted {
		if permitted.take(k) {
			x.Keywords = append(x.Keywords, k)
		}
	}
	return x, true, nil
}

// keywords returns those that a mailbox can hold. One that is not there could hold any.
func (r *mirror) keywords(ctx context.Context, name string) (*keywords, error) {
	k := r.permitted[name]
	if k != nil {
		return k, nil
	}
	k, err := r.t.control.permanent(ctx, name)
	if _, refused := refusal(err); refused {
		k, err = &keywords{any: true, known: make(map[string]bool)}, nil
	}
	if err != nil {
		return nil, unwrapFatal(err)
	}
	r.permitted[name] = k
	return k, nil
}

// Places implements [verify.Mirror]: the mailboxes of the folders, and all that is below the prefix.
func (r *mirror) Places(context.Context) (list []string, err error) {
	seen := make(map[string]bool)
	add := func(name string) {
		if r.t.found[name] && !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	for _, n := range r.t.tree.nodes {
		add(r.t.tree.full(n))
	}
	for _, b := range r.t.tree.sources {
		if !b.prefixed {
			continue
		}
		for name := range r.t.found {
			if strings.HasPrefix(name, r.t.tree.full(b.root)+string(r.t.tree.delim)) {
				add(name)
			}
		}
	}
	return list, nil
}

// What is asked for at a time.
const (
	perObjects   = 200
	largestWhole = 1 << 20 // a body that is taken in before it is shown, so that a lost connection does not matter
)

// Objects implements [verify.Mirror].
func (r *mirror) Objects(ctx context.Context, place string) iter.Seq2[*verify.Object, error] {
	return func(yield func(*verify.Object, error) bool) {
		s, err := r.t.control.look(ctx, place)
		if no, refused := refusal(err); refused && (no.Code == "NONEXISTENT" || !r.t.found[place]) {
			return
		}
		last := uint32(0)
		for first := uint32(1); err == nil && first <= s.count; first += perObjects {
			last, err = r.some(ctx, place, s, goimap.SeqSet{{Start: first, Stop: min(first+perObjects-1, s.count)}}, last, yield)
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, fmt.Errorf("mailbox %s: %w", place, unwrapFatal(err)))
		}
	}
}

// errStop ends a command in which nobody is interested any more.
var errStop = errors.New("nobody wants to know more")

// some shows some messages, those with UIDs after the last one.
func (r *mirror) some(ctx context.Context, place string, s status, set goimap.SeqSet, last uint32, yield func(*verify.Object, error) bool) (uint32, error) {
	err := r.t.control.in(ctx, place, s.validity, false, func(client *imapclient.Client) error {
		// Flags are asked for first: a server may send them after the body.
		about := make(map[uint32]*verify.Object)
		var uids goimap.UIDSet
		all := int(set[0].Stop-set[0].Start) + 1
		err := fetch(client, set, &goimap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true}, all, func(info *messageInfo) error {
			if info.uid > last {
				about[info.uid] = object(info)
				uids.AddNum(goimap.UID(info.uid))
			}
			return nil
		})
		if err != nil || len(uids) == 0 {
			return err
		}
		stopped, shown := false, 0
		cmd := client.Fetch(uids, &goimap.FetchOptions{UID: true, BodySection: []*goimap.FetchItemBodySection{{Peek: true}}})
		err = eachBody(cmd, func(uid uint32, body goimap.LiteralReader) error {
			o := about[uid]
			if o == nil || stopped {
				return nil
			}
			o.Body = body
			if body.Size() <= largestWhole {
				b, err := io.ReadAll(body)
				if err != nil {
					return err
				}
				o.Body = bytes.NewReader(b)
			}
			shown++
			if !yield(o, nil) {
				stopped = true
				return errStop
			}
			last = uid
			return nil
		}, func() { go client.Close() }) // it waits until the body is read
		if stopped {
			return errStop
		}
		if err == nil && shown != len(about) {
			return &wire.ProtocolError{Doing: "FETCH", What: fmt.Sprintf("it has %d messages and shows %d", len(about), shown)}
		}
		return err
	})
	return last, err
}

// object returns what is known of a message beside its body.
func object(info *messageInfo) *verify.Object {
	o := &verify.Object{
		ID: strconv.FormatUint(uint64(info.uid), 10), Form: verify.Mail, Date: info.date, Size: info.size, Flags: []string{}, Keywords: []string{},
	}
	for _, f := range info.flags {
		switch {
		case strings.EqualFold(f, `\Recent`):
		case strings.HasPrefix(f, `\`):
			o.Flags = append(o.Flags, f)
		default:
			o.Keywords = append(o.Keywords, f)
		}
	}
	return o
}

// Fetch implements [verify.Mirror].
func (r *mirror) Fetch(ctx context.Context, place, id string) (io.ReadCloser, error) {
	uid, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("mailbox %s has no message %q", place, id)
	}
	s, err := r.t.control.look(ctx, place)
	if err != nil {
		return nil, fmt.Errorf("mailbox %s: %w", place, unwrapFatal(err))
	}
	out, in := io.Pipe()
	go func() {
		written := false
		err := r.t.control.in(ctx, place, s.validity, false, func(client *imapclient.Client) error {
			if written {
				return errStop // half of it is with the reader: it cannot be begun again
			}
			options := &goimap.FetchOptions{UID: true, BodySection: []*goimap.FetchItemBodySection{{Peek: true}}}
			return eachBody(client.Fetch(goimap.UIDSetNum(goimap.UID(uid)), options), func(_ uint32, body goimap.LiteralReader) error {
				written = true
				if err := copyBody(in, body); err != nil {
					return errStop
				}
				return nil
			}, func() { go client.Close() }) // it waits until the body is read
		})
		if err == nil && !written {
			err = fmt.Errorf("mailbox %s has no message %d any more", place, uid)
		}
		in.CloseWithError(err)
	}()
	return out, nil
}

// Close implements [verify.Mirror].
func (r *mirror) Close() error {
	_, err := r.t.Abort()
	return err
}
