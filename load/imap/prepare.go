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

// prepare makes the mailboxes that the folders of the archives go to, once.
func (t *Target) prepare(ctx context.Context) error {
	if t.prepared {
		return nil
	}
	t.prepared = true
	return t.ensure(ctx, t.wanted())
}

// wanted returns the mailboxes that are made even where no mail goes there.
func (t *Target) wanted() (nodes []*node) {
	seen := make(map[*node]bool)
	for _, s := range t.options.Sources {
		b := t.tree.sources[s.Name]
		for _, f := range s.Folders {
			if !holdsMail(f) || t.options.Wanted != nil && !t.options.Wanted(f) {
				continue
			}
			if n := t.tree.place(b, f); !seen[n] {
				seen[n] = true
				nodes = append(nodes, n)
			}
		}
	}
	return nodes
}

// holdsMail reports whether a folder is one that a person expects to find among his mail, even empty.
func holdsMail(f *formats.Folder) bool {
	if f == nil || f.Hidden || len(f.Path) == 0 || f.Role == formats.RoleOutbox {
		return false
	}
	class := strings.ToLower(f.Class)
	return class == "" || class == "ipf" || class == "ipf.imap" || class == "ipf.note" || strings.HasPrefix(class, "ipf.note.")
}

// ensure makes the mailboxes of nodes, with those above them, and asks what they are. It has them subscribed to, for which
// nobody waits.
func (t *Target) ensure(ctx context.Context, nodes []*node) error {
	if t.options.Rehearse {
		t.suppose(nodes)
		return t.establish(ctx, nil, nodes)
	}
	for range mostRounds {
		missing := t.missing(nodes)
		if err := t.establish(ctx, missing, nodes); err != nil {
			return err
		}
		if len(missing) == 0 {
			break
		}
	}
	if t.options.Subscribe {
		t.subscribe(nodes)
	}
	return nil
}

// mostRounds bounds how often mailboxes are made that the server has refused, by other names.
const mostRounds = 400

// missing returns the nodes whose mailboxes have to be made, those above first.
func (t *Target) missing(nodes []*node) (list []*node) {
	seen := make(map[*node]bool)
	for _, n := range nodes {
		var chain []*node
		for at := n; at != nil && at != t.tree.root; at = at.parent {
			if t.tree.full(at) == "" || at.failed != nil {
				chain = nil
				break
			}
			if !t.exists(at, at == n) {
				chain = append(chain, at)
			}
		}
		for _, at := range slices.Backward(chain) {
			if !seen[at] {
				seen[at] = true
				list = append(list, at)
			}
		}
	}
	return list
}

// exists reports whether a node's mailbox is there. One that only leads to others is enough for these.
func (t *Target) exists(n *node, forMail bool) bool {
	box, ok := t.tree.server.boxes[t.tree.full(n)]
	return ok && !(forMail && box.noSelect)
}

// establish makes mailboxes and asks what those of nodes are, as far as they are there then and it is not known. Everything
// goes out at once, and the server does it in that order: so it takes one round trip, however deep the tree is. What could
// not be made has another name or a reason when it returns.
func (t *Target) establish(ctx context.Context, missing, nodes []*node) error {
	making := make(map[string]bool)
	names := make([]string, len(missing))
	for i, n := range missing {
		names[i] = t.tree.full(n)
		making[names[i]] = true
	}
	var asked []string
	about := make(map[string]*node)
	for _, n := range nodes {
		name := t.tree.full(n)
		m := t.boxes[name]
		if n.failed != nil || m != nil && (m.asked || m.err != nil) || !making[name] && !t.exists(n, true) || about[name] != nil {
			continue
		}
		about[name] = n
		asked = append(asked, name)
	}
	if len(names)+len(asked) == 0 {
		return nil
	}
	refused, answers := make([]error, len(names)), make([]*goimap.StatusData, len(asked))
	unanswered := make([]error, len(asked))
	var keywords *keywords
	err := t.control.do(ctx, func(client *imapclient.Client) error {
		creating := make([]*imapclient.Command, len(names))
		for i, n := range missing {
			var options *goimap.CreateOptions
			if n.use != "" {
				options = &goimap.CreateOptions{SpecialUse: []goimap.MailboxAttr{n.use}} // RFC 6154 3
			}
			creating[i] = client.Create(names[i], options)
		}
		items := &goimap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true, AppendLimit: t.caps.Has("APPENDLIMIT")}
		asking := make([]*imapclient.StatusCommand, len(asked))
		for i, name := range asked {
			// RFC 9051 6.3.11: STATUS of the selected mailbox may be answered with what is old.
			asking[i] = client.Status(name, items)
		}
		var selecting *imapclient.SelectCommand
		if len(names) > 0 && t.newKeywords == nil {
			t.control.selected = ""
			selecting = client.Select(names[0], nil) // what all that are new have in common
		}
		var gone error
		for i, c := range creating {
			refused[i] = refusedBy(c.Wait(), "CREATE", &gone)
		}
		for i, c := range asking {
			data, err := c.Wait()
			answers[i], unanswered[i] = data, refusedBy(err, "STATUS", &gone)
		}
		if selecting != nil {
			if data, err := selecting.Wait(); refusedBy(err, "SELECT", &gone) == nil && err == nil {
				keywords = permitted(data)
			}
		}
		return gone
	})
	if err != nil {
		return err
	}
	if keywords != nil {
		t.newKeywords = keywords
	}
	lacking := make(map[*node]bool)
	for i, n := range missing {
		switch {
		case refused[i] == nil:
			t.log.Debug("made", "mailbox", names[i])
			t.tree.server.add(names[i], nil)
			t.made[names[i]] = true
		case lacking[n.parent]:
			lacking[n] = true // its turn comes when that is there
		default:
			lacking[n] = true
			if err := t.notCreated(ctx, n, refused[i]); err != nil {
				return err
			}
		}
	}
	now := time.Now()
	for i, name := range asked {
		if n := about[name]; !lacking[n] && t.tree.full(n) == name {
			t.box(n).learn(answers[i], unanswered[i], now)
		}
	}
	return nil
}

// refusedBy returns an error that is the server's refusal as one of package wire; any other goes to gone.
func refusedBy(err error, command string, gone *error) error {
	var no *goimap.Error
	switch {
	case errors.As(err, &no) && no.Type != goimap.StatusResponseTypeBye:
		return &wire.ResponseError{Command: command, Status: string(no.Type), Code: strings.ToUpper(string(no.Code)), Text: no.Text}
	case err != nil:
		*gone = err
	}
	return nil
}

// learn takes what a server says of a mailbox, or why it says nothing.
func (m *mailbox) learn(data *goimap.StatusData, refused error, now time.Time) {
	if refused != nil {
		m.err = fmt.Errorf("mailbox %s: %w", m.name, refused)
		return
	}
	m.asked = true
	m.seen, m.seenAt = status{validity: data.UIDValidity, next: uint32(data.UIDNext)}, now
	if data.NumMessages != nil {
		m.seen.count = *data.NumMessages
	}
	m.validity.Store(m.seen.validity)
	if l := data.AppendLimit; l != nil && *l != ^uint32(0) && *l > 0 {
		m.limit = int64(*l)
	}
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
	for range mostRounds {
		moved := false
		lacking := make(map[*node]bool)
		for _, n := range t.missing(nodes) {
			lacking[n] = true
			if lacking[n.parent] || !n.movable(t.tree) {
				continue // what is above it may have moved
			}
			name := n.aside(t.tree)
			if there := (&node{name: name, parent: n.parent.parent}); t.exists(there, false) {
				n.move(name)
				moved = true
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

// subscribe begins to subscribe to the mailboxes of nodes. That a server does not want to is no reason not to write there.
func (t *Target) subscribe(nodes []*node) {
	var names []string
	for _, n := range nodes {
		name := t.tree.full(n)
		if box, ok := t.tree.server.boxes[name]; ok && !box.subscribed && n.failed == nil {
			names = append(names, name)
			box.subscribed = true
			t.tree.server.boxes[name] = box
		}
	}
	if len(names) == 0 {
		return
	}
	t.sender.running.Go(func() {
		err := t.control.do(t.sender.stopping, func(client *imapclient.Client) error {
			commands := make([]*imapclient.Command, len(names))
			for i, name := range names {
				commands[i] = client.Subscribe(name)
			}
			var gone error
			for i, c := range commands {
				if refused := refusedBy(c.Wait(), "SUBSCRIBE", &gone); refused != nil {
					t.log.Debug("not subscribed", "mailbox", names[i], "reason", refused)
				}
			}
			return gone
		})
		if err != nil {
			t.sender.fail(err)
		}
	})
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
	if t.options.Rehearse {
		return m, nil
	}
	if prefix, ok := place.Noted(prefixNote); !ok || prefix != t.options.Prefix {
		if err := place.Note(ctx, prefixNote, t.options.Prefix); err != nil {
			return nil, &load.Fatal{Err: err}
		}
	}
	if place.Fresh() {
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
