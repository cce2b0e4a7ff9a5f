package files

import (
	"encoding/hex"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/transform/folders"
)

// split writes each item into a file of its own. Creating files is what costs most then, so items that are in memory
// are left to a few goroutines. All that can go wrong with those is the file system, which ends the run.
type split struct {
	target   *Target
	place    string
	names    *itemNames
	items    int                        // written in place
	reserved map[string]map[string]bool // by place: what folders in it are called, folded, where a file could be

	jobs    chan job
	workers sync.WaitGroup

	mu     sync.Mutex
	room   sync.Cond
	queued int64 // bytes
	err    error
}

// job is a file that is in memory.
type job struct {
	name     string
	modified time.Time
	buffer   *buffer
}

// fileWriters is the number of goroutines that create files. One waits for the file system while the other fills a file;
// more would only wait for each other, as a folder takes one new file at a time.
const fileWriters = 2

// mostQueued bounds the memory of the files that wait to be written.
const mostQueued = 16 << 20

func newSplit(t *Target) *split {
	s := &split{target: t, jobs: make(chan job, 64), reserved: make(map[string]map[string]bool)}
	s.room.L = &s.mu
	for _, tree := range t.trees {
		for f := range tree.Places() {
			place := tree.place(f)
			name := folders.Fold(place[strings.LastIndexByte(place, '/')+1:])
			if strings.HasSuffix(name, t.format.Extension()) {
				above := parent(place)
				if s.reserved[above] == nil {
					s.reserved[above] = make(map[string]bool)
				}
				s.reserved[above][name] = true
			}
		}
	}
	for range fileWriters {
		s.workers.Go(s.work)
	}
	return s
}

func (s *split) work() {
	for j := range s.jobs {
		size := j.buffer.size
		err := s.failed()
		if err == nil {
			err = s.target.store.put(j.name, j.modified, j.buffer)
		}
		j.buffer.release()
		s.mu.Lock()
		s.queued -= size
		if s.err == nil {
			s.err = err
		}
		s.mu.Unlock()
		s.room.Broadcast()
	}
}

func (s *split) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// write stores an item in a place.
func (s *split) write(place string, e *encoded) error {
	t := s.target
	if s.names == nil || s.place != place {
		s.leave()
		if err := t.record.enter(e.item, place); err != nil {
			return err
		}
		if err := t.store.folder(place); err != nil {
			return err
		}
		s.place, s.names = place, &itemNames{extension: t.format.Extension(), reserved: s.reserved[place]}
	}
	name := place + "/" + s.names.name(e.item)
	if e.buffer == nil {
		err := s.stream(name, e)
		if err == nil {
			s.items++
		}
		return err
	}
	s.mu.Lock()
	for s.queued > 0 && s.queued+e.size > mostQueued && s.err == nil {
		s.room.Wait()
	}
	s.queued += e.size
	err := s.err
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := t.record.file(name, e.size, e.sum, 1); err != nil {
		return err
	}
	s.items++
	s.jobs <- job{name, modified(e.item), e.buffer}
	e.buffer = nil
	return nil
}

// leave ends a place. One all of whose items failed on the way goes again.
func (s *split) leave() {
	if s.names != nil && s.items == 0 {
		s.target.record.forget(s.place)
		s.target.store.drop(s.place)
	}
	s.items = 0
}

// stream writes an item that is not in memory.
func (s *split) stream(name string, e *encoded) error {
	t := s.target
	f, err := t.store.create(name)
	if err != nil {
		return err
	}
	out, whole := newSink(f), false
	defer func() {
		if !whole {
			out.discard() //nolint:errcheck // the item has failed already
		}
	}()
	if err := damaged(e.item, t.format.Encode(out, e.item)); err != nil {
		return err
	}
	whole = true
	sum, err := out.close(modified(e.item))
	if err != nil {
		return err
	}
	e.size = out.size
	return t.record.file(name, out.size, sum, 1)
}

// close waits until everything is written.
func (s *split) close() error {
	s.leave()
	close(s.jobs)
	s.workers.Wait()
	return s.err
}

// modified returns the time of last change that an item's file gets: when it was received, else sent, else changed.
func modified(it *formats.Item) time.Time {
	for _, t := range []time.Time{it.Received, it.Date, it.Modified} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// itemNames names the files of one folder's items: date, subject, and the start of the key. The last word of a name
// differs from all others', so the names do, whatever a file system does to the letters before it.
type itemNames struct {
	extension string
	reserved  map[string]bool
	short     map[[4]byte]uint64 // the keys that go by their first half
}

// longestSubject is what a file's name has of a subject, in bytes.
const longestSubject = 80

func (n *itemNames) name(it *formats.Item) string {
	var b strings.Builder
	if it.Date.IsZero() {
		b.WriteString("undated")
	} else {
		b.Write(it.Date.UTC().AppendFormat(nil, time.DateOnly))
	}
	b.WriteByte(' ')
	if subject := shortSubject(it.Subject); subject != "" {
		b.WriteString(subject)
		b.WriteByte(' ')
	}
	start := b.String()
	name := start + n.id(it.Key) + n.extension
	if len(n.reserved) > 0 && n.reserved[folders.Fold(name)] {
		name = start + it.Key + n.extension
	}
	return name
}

// shortSubject returns what a name has of a subject: a start that ends with a word where it can. "Re: Offer" is
// "Re Offer".
func shortSubject(subject string) string {
	subject = strings.TrimSpace(strings.ReplaceAll(cut(subject, 4*longestSubject), ": ", " "))
	if subject == "" {
		return ""
	}
	safe := folders.Safe(subject, folders.MaxName)
	if len(safe) <= longestSubject {
		return safe
	}
	safe = cut(safe, longestSubject)
	if blank := strings.LastIndexByte(safe, ' '); blank > longestSubject/2 {
		safe = safe[:blank]
	}
	return strings.TrimRight(safe, " ")
}

// cut returns the longest start of s that has at most n bytes and ends with a whole character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// id returns what tells an item from the others of its folder: the first eight digits of its key if they suffice,
// and the number that equal keys have.
func (n *itemNames) id(key string) string {
	digits, number, numbered := strings.Cut(key, "-")
	if numbered {
		number = "-" + number
	}
	var raw [16]byte
	if len(digits) != 2*len(raw) {
		return key
	}
	if _, err := hex.Decode(raw[:], []byte(digits)); err != nil {
		return key
	}
	start, rest := [4]byte(raw[:4]), uint64(0)
	for _, b := range raw[4:12] {
		rest = rest<<8 | uint64(b)
	}
	if n.short == nil {
		n.short = make(map[[4]byte]uint64)
	}
	owner, taken := n.short[start]
	if taken && owner != rest {
		return key
	}
	n.short[start] = rest
	return digits[:8] + number
}
