package imap

import (
	"context"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// flagsOf returns the flags of one message; false where it is gone.
func (t *Target) flagsOf(ctx context.Context, m *mailbox, uid uint32) (flags []string, ok bool, err error) {
	err = t.control.in(ctx, m.name, m.validity.Load(), false, func(client *imapclient.Client) error {
		ok = false
		return fetch(client, goimap.UIDSetNum(goimap.UID(uid)), &goimap.FetchOptions{UID: true, Flags: true}, -1, func(info *messageInfo) error {
			if info.uid == uid {
				flags, ok = info.flags, true
			}
			return nil
		})
	})
	return flags, ok, err
}

// store changes the flags of a message.
func (t *Target) store(ctx context.Context, m *mailbox, uids []uint32, op goimap.StoreFlagsOp, flags []string) error {
	if len(flags) == 0 || len(uids) == 0 {
		return nil
	}
	var list []goimap.Flag
	for _, f := range flags {
		list = append(list, goimap.Flag(f))
	}
	err := t.control.in(ctx, m.name, m.validity.Load(), true, func(client *imapclient.Client) error {
		return client.Store(setOf(uids), &goimap.StoreFlags{Op: op, Silent: true, Flags: list}, nil).Close()
	})
	return named(err, "STORE")
}

// remove deletes messages. A server without UIDPLUS can expunge only all that are marked, whoever marked them: there they
// stay, marked.
func (t *Target) remove(ctx context.Context, m *mailbox, uids []uint32) error {
	if len(uids) == 0 {
		return nil
	}
	if err := t.store(ctx, m, uids, goimap.StoreFlagsAdd, []string{string(goimap.FlagDeleted)}); err != nil {
		return err
	}
	if !t.caps.Has("UIDPLUS") {
		t.count(func(r *Report) { r.Marked += len(uids) })
		return nil
	}
	err := t.control.in(ctx, m.name, m.validity.Load(), true, func(client *imapclient.Client) error {
		return client.UIDExpunge(setOf(uids)).Close()
	})
	return named(err, "UID EXPUNGE")
}

func setOf(uids []uint32) goimap.UIDSet {
	var set goimap.UIDSet
	for _, uid := range uids {
		set.AddNum(goimap.UID(uid))
	}
	return set
}
