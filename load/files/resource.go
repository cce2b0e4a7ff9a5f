package files

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/transform/folders"
)

// resources is the layout of files as calendar and contact servers have them: a file for each item, named by its UID, and
// what has one UID in one file (RFC 4791 4.1, RFC 6352 5.1).
type resources struct {
	split
	ids  identities
	held []*heldSeries // series, and occurrences whose series may still come
	size int64         // of what is held
}

// Bounds of what is held. A series beyond them is written when it comes: occurrences that come later are on their own.
const (
	mostHeldSeries = 1000
	mostHeldBytes  = 8 << 20
)

func newResources(t *Target, extension string) *resources {
	l := new(resources)
	reserved := t.reserved(false, extension)
	l.split = split{target: t, extension: extension, open: func(place string) (shelf, error) {
		return &plainShelf{t.tree, place, &uidNames{extension: extension, reserved: reserved[place]}}, t.tree.folder(place)
	}}
	return l
}

func (l *resources) write(s *source, e *encoded) error {
	if ev := e.item.Event; ev == nil || ev.Series == nil && ev.RecurrenceID.IsZero() {
		return l.single(s, e)
	}
	if e.buffer == nil || len(l.held) >= mostHeldSeries || l.size+e.size > mostHeldBytes {
		return l.single(s, e)
	}
	// What is held is no more the run's.
	h := &heldSeries{from: s, e: *e}
	e.buffer = nil
	l.held = append(l.held, h)
	l.size += h.e.size
	return nil
}

// single writes a file with one item. Servers refuse an occurrence without its series: it becomes an event of its own.
func (l *resources) single(s *source, e *encoded) error {
	it := e.item
	if ev := it.Event; ev != nil && !ev.RecurrenceID.IsZero() {
		it = withUID(it, detachedUID(ev))
	}
	it, _ = l.ids.take(it)
	if it == e.item {
		return l.split.write(s, e)
	}
	return l.writeAs(s, e, it)
}

// writeAs writes an item in another form than that in which it was encoded.
func (l *resources) writeAs(s *source, e *encoded, it *formats.Item) error {
	e.release()
	again := &encoded{item: it, branch: e.branch, beside: e.beside}
	if again.beside == nil && contentSize(it) <= largestBuffered {
		if err := l.target.encode(again); err != nil {
			return err
		}
	}
	defer again.Release()
	err := l.split.write(s, again)
	e.item.Damage, e.size = it.Damage, again.size
	return err
}

// detachedUID returns the UID that an occurrence has as an event of its own.
func detachedUID(ev *formats.Event) string {
	return ev.UID + "-" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == 'T' {
			return r
		}
		return -1
	}, ev.RecurrenceID.Clock.Format("20060102T150405"))
}

// heldSeries is a series, or an occurrence of one.
type heldSeries struct {
	from *source
	e    encoded
}

// leave writes what is held: the occurrences of a series go into its file.
//
// It is called when the next folder begins, or the run ends: an error is no item's, and ends the run.
func (l *resources) leave() (err error) {
	held := l.held
	l.held, l.size = nil, 0
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("internal error: %v", v)
		}
		if err != nil {
			err = &load.Fatal{Err: err}
		}
		for _, h := range held {
			h.e.release()
		}
	}()
	masters := make(map[string]*formats.Event)
	for _, h := range held {
		if ev := h.e.item.Event; ev.RecurrenceID.IsZero() && masters[ev.UID] == nil {
			masters[ev.UID] = ev
		}
	}
	found := make(map[*formats.Event][]*formats.Event)
	for _, h := range held {
		ev := h.e.item.Event
		if master := masters[ev.UID]; master != nil && !ev.RecurrenceID.IsZero() && !overridden(master, found[master], ev.RecurrenceID) {
			found[master] = append(found[master], ev)
			h.e.release()
			h.from = nil
		}
	}
	for _, h := range held {
		var err error
		switch more := found[h.e.item.Event]; {
		case h.from == nil: // it is in the file of its series
		case len(more) > 0:
			it, ev := *h.e.item, *h.e.item.Event
			ev.Overrides = append(ev.Overrides[:len(ev.Overrides):len(ev.Overrides)], more...)
			it.Event = &ev
			l.ids.take(&it)
			err = l.writeAs(h.from, &h.e, &it)
		default:
			err = l.single(h.from, &h.e)
		}
		if err != nil {
			return err
		}
	}
	l.ids = nil
	return l.split.leave()
}

// overridden reports whether an occurrence of a series is known already.
func overridden(master *formats.Event, more []*formats.Event, id formats.Moment) bool {
	at := id.Time(nil)
	for _, list := range [][]*formats.Event{master.Overrides, more} {
		for _, o := range list {
			if o.RecurrenceID.Time(nil).Equal(at) {
				return true
			}
		}
	}
	return false
}

func (l *resources) close() error { return l.leave() }

func (l *resources) discard() {
	for _, h := range l.held {
		h.e.release()
	}
	l.held = nil
}

// uidNames names files by the UID of what is in them, as calendar and contact servers and vdirsyncer do: it is the name
// where all of them take it for one, else its hash is.
type uidNames struct {
	extension string
	reserved  map[string]bool
	taken     identities
}

// longestUID is the length up to which a UID is a name.
const longestUID = 100

func (n *uidNames) name(it *formats.Item) string {
	uid := uidOf(it)
	stem := strings.TrimPrefix(uid, uuidPrefix)
	if !isName(stem) || folders.Safe(stem, folders.MaxName) != stem || !n.take(stem) {
		sum := sha256.Sum256([]byte(uid))
		hash := hex.EncodeToString(sum[:])
		for stem = hash; !n.take(stem); {
			stem = hash + "-" + strconv.Itoa(len(n.taken)) // two items with one UID, which are told apart before
		}
	}
	return stem + n.extension
}

// take takes a name that file systems tell from all others.
func (n *uidNames) take(stem string) bool {
	name := folders.Fold(stem + n.extension)
	return !n.reserved[name] && n.taken.add(name)
}

func isName(uid string) bool {
	return uid != "" && len(uid) <= longestUID && !strings.ContainsFunc(uid, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	})
}
