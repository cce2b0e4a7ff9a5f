package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/imap/wire"
	"mailmill/load/ledger"
)

// together is how many commands about mailboxes are under way at once.
const together = 50

// prepare makes the mailboxes that the folders of the archives go to, once: parents first, many at a time.
func (t *Target) prepare(ctx context.Context) error {
	if t.prepared {
		return nil
	}
	t.prepared = true
	var nodes []*node
	for _, s := range t.options.Sources {
		b := t.tree.sources[s.Name]
		for _, f := range s.Folders {
			if holdsMail(f) && (t.options.Wanted == nil || t.options.Wanted(s, f.Path)) {
				if n := t.tree.place(b, f); !slices.Contains(nodes, n) {
					nodes = append(nodes, n)
				}
			}
		}
	}
	if !t.options.Rehearse && len(t.missing(nodes)) > 0 {
		t.sender.hasten()
	}
	return t.ensure(ctx, nodes)
}

// holdsMail reports whether a folder is one that a person expects to find among his mail, even empty.
func holdsMail(f *formats.Folder) bool {
	if f == nil || f.Hidden || len(f.Path) == 0 {
		return false
	}
	class := strings.ToLower(f.Class)
	return class == "" || class == "ipf" || class == "ipf.imap" || class == "ipf.note" || strings.HasPrefix(class, "ipf.note.")
}

// ensure makes the mailboxes of nodes, those above them first, subscribes to them, and asks what they are.
func (t *Target) ensure(ctx context.Context, nodes []*node) error {
	if t.options.Rehearse {
		t.suppose(nodes)
		return t.askStatus(ctx, nodes)
	}
	levels := t.missing(nodes)
	for depth := 0; depth < len(levels); depth++ {
		if err := t.create(ctx, levels[depth]); err != nil {
			return err
		}
		// What a server does not take within its parent has moved beside it, and all below it with it.
		levels = append(levels[:depth+1], t.missing(nodes)...)
		if len(levels) > mostLevels {
			break
		}
	}
	if t.options.Subscribe {
		if err := t.subscribe(ctx, nodes); err != nil {
			return err
		}
	}
	return t.askStatus(ctx, nodes)
}

// mostLevels bounds how often mailboxes are made, one level each time.
const mostLevels = 400

// missing returns the nodes whose mailboxes have to be made next, those above first.
func (t *Target) missing(nodes []*node) [][]*node {
	var next []*node
	seen := make(map[*node]bool)
	for _, n := range nodes {
		var top *node
		for at := n; at != nil && at != t.tree.root; at = at.parent {
			if t.tree.full(at) == "" || at.failed != nil {
				top = nil
				break
			}
			if !t.exists(at, at == n) {
				top = at
			}
		}
		if top != nil && !seen[top] {
			seen[top] = true
			next = append(next, top)
		}
	}
	if len(next) == 0 {
		return nil
	}
	return [][]*node{next}
}

// exists reports whether a node's mailbox is there. One that only leads to others is enough for these.
func (t *Target) exists(n *node, forMail bool) bool {
	box, ok := t.tree.server.boxes[t.tree.full(n)]
	return ok && !(forMail && box.noSelect)
}

// create makes mailboxes.
func (t *Target) create(ctx context.Context, nodes []*node) error {
	for chunk := range slices.Chunk(nodes, together) {
		refused := make([]error, len(chunk))
		err := t.control.do(ctx, func(client *imapclient.Client) error {
			commands := make([]*imapclient.Command, len(chunk))
			for i, n := range chunk {
				var options *goimap.CreateOptions
				if n.use != "" {
					options = &goimap.CreateOptions{SpecialUse: []goimap.MailboxAttr{n.use}} // RFC 6154 3
				}
				commands[i] = client.Create(t.tree.full(n), options)
			}
			var gone error
			for i, c := range commands {
				err := c.Wait()
				var no *goimap.Error
				if refused[i] = nil; errors.As(err, &no) {
					refused[i] = &wire.ResponseError{Command: "CREATE", Status: string(no.Type), Code: strings.ToUpper(string(no.Code)), Text: no.Text}
				} else if err != nil {
					gone = err
				}
			}
			return gone
		})
		if err != nil {
			return err
		}
		for i, n := range chunk {
			if refused[i] != nil {
				if err := t.notCreated(ctx, n, refused[i]); err != nil {
					return err
				}
				continue
			}
			t.log.Debug("made", "mailbox", t.tree.full(n))
			t.tree.server.add(t.tree.full(n), nil)
			t.made[t.tree.full(n)] = true
		}
	}
	return nil
}

// notCreated decides what to do about a mailbox that the server refused to make: it may be there already, by that name or
// one that differs in case; or it may be taken elsewhere.
func (t *Target) notCreated(ctx context.Context, n *node, refused error) error {
	name := t.tree.full(n)
	if wire.OverQuota(refused) {
		return &load.Fatal{Err: &QuotaError{Mailbox: name, Err: refused}}
	}
	var there bool
	err := t.control.do(ctx, func(client *imapclient.Client) error {
		there = false
		list, err := client.List("", name, nil).Collect()
		for _, data := range list {
			if data.Mailbox == name || fold(data.Mailbox) == fold(name) {
				t.tree.server.add(data.Mailbox, data.Attrs)
				if box := t.tree.server.boxes[data.Mailbox]; !box.noSelect {
					n.rename(t.tree, data.Mailbox)
					there = true
				}
			}
		}
		return err
	})
	if _, ok := refusal(err); err != nil && !ok {
		return err
	}
	switch {
	case there:
	case n.use != "":
		n.use = "" // the server has no such use after all: a mailbox of that name is as good
	case n.movable(t.tree):
		n.move(n.aside(t.tree))
	default:
		n.failed = fmt.Errorf("mailbox %s: %w", name, refused)
		t.log.Warn("the server does not make a mailbox", "mailbox", name, "reason", refused)
	}
	return nil
}

// suppose gives nodes the names that a run gave them to which the server refused to make their mailboxes: only making them
// would tell, and here nothing is made. Their mailboxes stand beside their parents.
func (t *Target) suppose(nodes []*node) {
	for range mostLevels {
		moved := false
		for _, level := range t.missing(nodes) {
			for _, n := range level {
				if !n.movable(t.tree) {
					continue
				}
				name := n.aside(t.tree)
				if there := (&node{name: name, parent: n.parent.parent}); t.exists(there, false) {
					n.move(name)
					moved = true
				}
			}
		}
		if !moved {
			return
		}
	}
}

// movable reports whether there is a place beside the parent of a node to which it has not moved yet.
func (n *node) movable(t *tree) bool {
	return !n.fixed && n.parent != t.root && n.parent.parent != nil && !n.moved
}

// aside returns the name that a node has beside its parent.
func (n *node) aside(t *tree) string {
	base := t.beside(n.parent, n.name)
	name := base
	for i := 2; n.parent.parent.kids()[fold(name)] != nil; i++ {
		name = numbered(base, i)
	}
	return name
}

// move puts a node beside its parent.
func (n *node) move(name string) {
	n.moved = true
	delete(n.parent.children, fold(n.name))
	n.parent, n.name = n.parent.parent, name
	n.parent.kids()[fold(name)] = n
}

// rename gives a node the name that the server has for it.
func (n *node) rename(t *tree, full string) {
	if t.full(n) == full {
		return
	}
	n.name, n.fixed = full, true
}

// subscribe subscribes to the mailboxes of nodes. That a server does not want to is no reason not to write there.
func (t *Target) subscribe(ctx context.Context, nodes []*node) error {
	var names []string
	for _, n := range nodes {
		name := t.tree.full(n)
		if box, ok := t.tree.server.boxes[name]; ok && !box.subscribed && n.failed == nil {
			names = append(names, name)
			box.subscribed = true
			t.tree.server.boxes[name] = box
		}
	}
	for chunk := range slices.Chunk(names, together) {
		err := t.control.do(ctx, func(client *imapclient.Client) error {
			commands := make([]*imapclient.Command, len(chunk))
			for i, name := range chunk {
				commands[i] = client.Subscribe(name)
			}
			var gone error
			for i, c := range commands {
				err := c.Wait()
				if no := (*goimap.Error)(nil); errors.As(err, &no) {
					t.log.Debug("not subscribed", "mailbox", chunk[i], "reason", no.Text)
				} else if err != nil {
					gone = err
				}
			}
			return gone
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// askStatus asks what the mailboxes of nodes are, as far as they are there and it is not known.
func (t *Target) askStatus(ctx context.Context, nodes []*node) error {
	var list []*mailbox
	for _, n := range nodes {
		if !t.exists(n, true) {
			continue
		}
		if m := t.box(n); m.err == nil && !m.asked {
			list = append(list, m)
		}
	}
	for chunk := range slices.Chunk(list, together) {
		err := t.control.do(ctx, func(client *imapclient.Client) error {
			options := &goimap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, AppendLimit: t.caps.Has("APPENDLIMIT")}
			commands := make([]*imapclient.StatusCommand, len(chunk))
			for i, m := range chunk {
				// RFC 9051 6.3.11: STATUS of the selected mailbox may be answered with what is old.
				commands[i] = client.Status(m.name, options)
			}
			var gone error
			for i, c := range commands {
				m := chunk[i]
				data, err := c.Wait()
				if no := (*goimap.Error)(nil); errors.As(err, &no) {
					m.err = fmt.Errorf("mailbox %s: %w", m.name, &wire.ResponseError{Command: "STATUS", Status: string(no.Type), Code: strings.ToUpper(string(no.Code)), Text: no.Text})
					continue
				} else if err != nil {
					gone = err
					continue
				}
				m.asked = true
				m.seen, m.seenAt = status{validity: data.UIDValidity, next: uint32(data.UIDNext)}, time.Now()
				if data.NumMessages != nil {
					m.seen.count = *data.NumMessages
				}
				m.validity.Store(m.seen.validity)
				if l := data.AppendLimit; l != nil && *l != ^uint32(0) && *l > 0 {
					m.limit = int64(*l)
				}
			}
			return gone
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// box returns the mailbox of a node.
func (t *Target) box(n *node) *mailbox {
	name := t.tree.full(n)
	m := t.boxes[name]
	if m == nil {
		m = &mailbox{node: n, name: name, made: t.made[name], limit: t.limit, err: n.failed}
		t.boxes[name] = m
	}
	return m
}

// enter returns the mailbox of an item, ready to be written to. An error concerns the item, unless it is fatal.
func (t *Target) enter(ctx context.Context, it *formats.Item) (*mailbox, error) {
	if t.folder == nil || t.folder.source != it.Source || t.folder.folder != it.Folder {
		b := t.tree.sources[it.Source]
		if b == nil {
			return nil, fmt.Errorf("an item of an archive that the target was not told of: %s", it.Source)
		}
		if !t.options.Rehearse {
			if err := t.prepare(ctx); err != nil {
				return nil, &load.Fatal{Err: unwrapFatal(err)}
			}
		}
		t.folder = &folderOf{it.Source, it.Folder, t.tree.place(b, it.Folder)}
		t.copies = make(map[uint64]uint32)
		if err := t.ensure(ctx, []*node{t.folder.node}); err != nil {
			t.folder = nil
			return nil, err
		}
	}
	m := t.box(t.folder.node)
	if m.err != nil {
		return nil, m.err
	}
	if m.opened {
		return m, nil
	}
	m.opened = true
	if t.options.Rehearse && (t.options.Account == nil || !m.asked) {
		return m, nil
	}
	place, err := t.options.Account.Place(ctx, m.name, m.seen.generation())
	if err != nil {
		return nil, &load.Fatal{Err: err}
	}
	m.place.Store(place)
	m.began.Store(m.seen.next)
	if place.Fresh() && !t.options.Rehearse {
		return m, t.meet(ctx, m, place)
	}
	return m, nil
}

// meet deals with a mailbox of which the ledger knows nothing: what it holds may be ours. That stays so in later runs: what
// no item of this one has claimed may be claimed then.
func (t *Target) meet(ctx context.Context, m *mailbox, place *ledger.Place) error {
	if !m.made {
		s, err := t.still(ctx, m)
		if err != nil {
			m.err = err
			return err
		}
		m.seen = s
		m.began.Store(s.next)
	}
	if m.adopting = m.seen.count > 0; m.adopting {
		return nil
	}
	if err := place.Known(ctx); err != nil {
		return &load.Fatal{Err: err}
	}
	return nil
}
