package ndb

import (
	"io"
	"sync"
)

const (
	// windowSize is the size of one read. The small blocks of a message lie together more often than not, so that most
	// of them come with the first. What is large is read as a [stretch].
	windowSize = 16 << 10
	shards     = 8
)

// cache holds windows of the file as they are on disk. It is safe for concurrent use: a window that somebody reads
// from is never reused.
type cache struct {
	r      io.ReaderAt
	size   int64
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	windows map[int64]*window
	recent  window // ring: next is the most, prev the least recently used
	limit   int    // windows to keep
}

type window struct {
	index      int64
	buf        []byte
	err        error
	refs       int
	ready      chan struct{} // closed when buf and err are set
	prev, next *window
}

func newCache(r io.ReaderAt, size int64, limit int64) *cache {
	c := &cache{r: r, size: size}
	for i := range c.shards {
		s := &c.shards[i]
		s.windows = make(map[int64]*window)
		s.recent.prev, s.recent.next = &s.recent, &s.recent
		s.limit = max(int(limit/windowSize/shards), 2)
	}
	return c
}

func (c *cache) shard(index int64) *shard { return &c.shards[uint64(index)%shards] }

// acquire returns a window, read if need be. It must be released.
func (c *cache) acquire(index int64) *window {
	s := c.shard(index)
	s.mu.Lock()
	if w := s.windows[index]; w != nil {
		w.refs++
		w.unlink()
		w.link(&s.recent)
		s.mu.Unlock()
		<-w.ready
		return w
	}
	w := &window{index: index, refs: 1, ready: make(chan struct{})}
	w.buf = s.evict()
	s.windows[index] = w
	w.link(&s.recent)
	s.mu.Unlock()

	if w.buf == nil {
		w.buf = make([]byte, windowSize)
	}
	offset := index * windowSize
	w.buf = w.buf[:min(windowSize, c.size-offset)]
	n, err := c.r.ReadAt(w.buf, offset)
	if n < len(w.buf) {
		w.buf = w.buf[:n]
		if err != io.EOF {
			w.err = err
		}
	}
	if w.err != nil { // the next one may have more luck
		s.mu.Lock()
		w.unlink()
		delete(s.windows, index)
		s.mu.Unlock()
	}
	close(w.ready)
	return w
}

func (c *cache) release(w *window) {
	s := c.shard(w.index)
	s.mu.Lock()
	w.refs--
	s.mu.Unlock()
}

// evict forgets the least recently used window that nobody reads, when there are too many, and returns its buffer.
func (s *shard) evict() []byte {
	if len(s.windows) < s.limit {
		return nil
	}
	for w := s.recent.prev; w != &s.recent; w = w.prev {
		if w.refs == 0 {
			w.unlink()
			delete(s.windows, w.index)
			return w.buf[:cap(w.buf)]
		}
	}
	return nil
}

func (w *window) link(ring *window) {
	w.prev, w.next = ring, ring.next
	ring.next.prev = w
	ring.next = w
}

func (w *window) unlink() {
	w.prev.next = w.next
	w.next.prev = w.prev
}

// view calls use with n bytes at offset, which must lie within the file. The bytes are valid during the call only.
func (c *cache) view(offset int64, n int, use func([]byte) error) error {
	index := offset / windowSize
	at := int(offset - index*windowSize)
	if at+n <= windowSize {
		w := c.acquire(index)
		defer c.release(w)
		if at+n > len(w.buf) {
			return w.short()
		}
		return use(w.buf[at : at+n])
	}
	scratch := scratchPool.Get().(*[]byte)
	defer scratchPool.Put(scratch)
	if cap(*scratch) < n {
		*scratch = make([]byte, n)
	}
	b := (*scratch)[:n]
	for done := 0; done < n; index, at = index+1, 0 {
		w := c.acquire(index)
		if at >= len(w.buf) {
			err := w.short()
			c.release(w)
			return err
		}
		done += copy(b[done:], w.buf[at:])
		short, err := len(w.buf) < windowSize, w.short()
		c.release(w)
		if short && done < n {
			return err
		}
	}
	return use(b)
}

// short is the reason why a window has fewer bytes than asked for.
func (w *window) short() error {
	if w.err != nil {
		return w.err
	}
	return ErrOutside
}

var scratchPool = sync.Pool{New: func() any { return new([]byte) }}
