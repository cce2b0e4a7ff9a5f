package resource

import "mailmill/formats"

// Bounds of what a [Series] holds. What comes when they are reached is on its own.
const (
	MostHeld      = 1000
	MostHeldBytes = 8 << 20
)

// Series gathers the series of a place, and the occurrences that stand beside them as items of their own: an archive has
// them in any order, and a resource has all of them. T is what the caller knows of an item. The zero value holds nothing.
type Series[T any] struct {
	held []member[T]
	size int64
}

// member is a series, or an occurrence of one.
type member[T any] struct {
	item *formats.Item
	with T
}

// Gathered is what became of an item that was held.
type Gathered[T any] struct {
	// Item is the item, or where it is a series that others joined a copy with them as overrides.
	Item *formats.Item
	With T
	// Joined are the occurrences that are part of the item now, in their order.
	Joined []T
}

// Concerns reports whether an item is a series or an occurrence of one.
func Concerns(it *formats.Item) bool {
	return isOccurrence(it) || it.Event != nil && it.Event.Series != nil
}

// Hold keeps an item that takes size bytes until [Series.Take]. It reports false where the item has nothing to do with a
// series, or there is no room for it.
func (s *Series[T]) Hold(it *formats.Item, size int64, with T) bool {
	if !Concerns(it) || len(s.held) >= MostHeld || s.size+size > MostHeldBytes {
		return false
	}
	s.held = append(s.held, member[T]{it, with})
	s.size += size
	return true
}

// Drop returns what is held as it is. Nothing is, after that.
func (s *Series[T]) Drop() []T {
	var all []T
	for _, m := range s.held {
		all = append(all, m.with)
	}
	s.held, s.size = nil, 0
	return all
}

// Take returns what is held, in its order: the occurrences of a series joined to it, those without one by themselves.
// Nothing is held after that.
func (s *Series[T]) Take() []Gathered[T] {
	held := s.held
	s.held, s.size = nil, 0
	masters := make(map[string]int)
	for i, m := range held {
		if _, known := masters[m.item.Event.UID]; !known && !isOccurrence(m.item) {
			masters[m.item.Event.UID] = i
		}
	}
	joined := make(map[int][]member[T])
	rest := held[:0:0]
	index := make([]int, 0, len(held)) // where what is left was
	for i, m := range held {
		if of, ok := masters[m.item.Event.UID]; ok && isOccurrence(m.item) && !overridden(held[of].item, joined[of], m.item.Event.RecurrenceID) {
			joined[of] = append(joined[of], m)
			continue
		}
		rest, index = append(rest, m), append(index, i)
	}
	gathered := make([]Gathered[T], len(rest))
	for i, m := range rest {
		g := &gathered[i]
		g.With = m.with
		var overrides []*formats.Event
		for _, o := range joined[index[i]] {
			overrides = append(overrides, o.item.Event)
			g.Joined = append(g.Joined, o.with)
		}
		g.Item = Join(m.item, overrides)
	}
	return gathered
}

// Join returns a series with more overrides: a copy, where there are any.
func Join(series *formats.Item, overrides []*formats.Event) *formats.Item {
	if len(overrides) == 0 {
		return series
	}
	it, ev := *series, *series.Event
	ev.Overrides = append(ev.Overrides[:len(ev.Overrides):len(ev.Overrides)], overrides...)
	it.Event = &ev
	return &it
}

// overridden reports whether an occurrence of a series is known already.
func overridden[T any](series *formats.Item, joined []member[T], id formats.Moment) bool {
	if Overrides(series.Event, id) {
		return true
	}
	for _, o := range joined {
		if o.item.Event.RecurrenceID.Time(nil).Equal(id.Time(nil)) {
			return true
		}
	}
	return false
}

// Overrides reports whether a series has an override for an occurrence.
func Overrides(series *formats.Event, id formats.Moment) bool {
	at := id.Time(nil)
	for _, o := range series.Overrides {
		if o.RecurrenceID.Time(nil).Equal(at) {
			return true
		}
	}
	return false
}
