package ledger

// lookup finds the entry of a number.
func (p *Place) lookup(id *ident, number uint32) (at uint32, ok bool) {
	p.numbers.find(p.hash.number(id, number), func(i uint32) bool {
		e := p.entries.at(i)
		if e.number == number && e.id == *id {
			at, ok = i, true
		}
		return !ok
	})
	return at, ok
}

// match finds the entry that a print has: one that was claimed, else one with a record, else one of which a claim
// came to nothing. A print of which nothing is known has none.
func (p *Place) match(id *ident, print *Print) (at uint32, ok bool) {
	if *print == (Print{}) {
		return 0, false
	}
	rank := func(m marks) int {
		switch {
		case m.has(claimed):
			return 4
		case m.has(confirmed | found):
			return 3
		case m.has(intended):
			return 2
		}
		return 1
	}
	best := 0
	p.prints.find(p.hash.print(id, print), func(i uint32) bool {
		e := p.entries.at(i)
		if e.print != *print || e.id != *id {
			return true
		}
		// Of several the lowest: the order in the index says nothing.
		if r := rank(e.marks); r > best || r == best && e.number < p.entries.at(at).number {
			best, at, ok = r, i, true
		}
		return best < 4
	})
	return at, ok
}

// predecessor finds the record that an item without a match replaces, which came from the same source. The number is that
// of the item in its archive.
func (p *Place) predecessor(id *ident, number uint32, source uint16) (at uint32, ok bool) {
	open := func(n uint32) bool {
		at, ok = p.lookup(id, n)
		if !ok {
			return false
		}
		e := p.entries.at(at)
		ok = e.marks.has(recorded) && !e.marks.has(seen) && (e.source == source || e.source == 0)
		return ok
	}
	if open(number) {
		return at, true
	}
	if p.free(id, number) {
		return 0, false // what has another number may be another item that this run does not bring
	}
	c, crowded := p.crowds[*id]
	if !crowded {
		return 0, false // there is no other number
	}
	// Of a key that another source has that often there is hardly more to find, and each claim would look again.
	const patience = 1000
	for n := c.open; n <= min(c.last, c.open+patience); n++ {
		if open(n) {
			break
		}
		if n == c.open && p.closed(id, n) {
			c.open++
		}
	}
	p.crowds[*id] = c
	return at, ok
}

// closed reports whether a number has no record that an item of any source could still replace.
func (p *Place) closed(id *ident, number uint32) bool {
	i, there := p.lookup(id, number)
	return !there || !p.entries.at(i).marks.has(recorded) || p.entries.at(i).marks.has(seen)
}

// free reports whether a number has neither a record nor an item of this run.
func (p *Place) free(id *ident, number uint32) bool {
	i, there := p.lookup(id, number)
	return !there || !p.entries.at(i).marks.has(recorded|seen)
}

// nextFree returns the lowest free number from 2 on.
func (p *Place) nextFree(id *ident) uint32 {
	c := p.crowd(id)
	for !p.free(id, c.free) {
		c.free++
	}
	p.crowds[*id] = c
	return c.free
}

// crowd returns what is known of the numbers of a key.
func (p *Place) crowd(id *ident) crowd {
	if c, ok := p.crowds[*id]; ok {
		return c
	}
	return crowd{last: 1, free: 2, open: 1}
}

// reopen says that a number may be free, or have a record that nobody has claimed.
func (p *Place) reopen(e *entry) {
	if c, ok := p.crowds[e.id]; ok {
		c.free = max(2, min(c.free, e.number))
		c.open = min(c.open, e.number)
		p.crowds[e.id] = c
	}
}

// entryFor returns the entry of a number, with a print.
func (p *Place) entryFor(id ident, number uint32, print Print) uint32 {
	if i, ok := p.lookup(&id, number); ok {
		p.reprint(i, print)
		return i
	}
	return p.newEntry(id, number, print)
}

func (p *Place) newEntry(id ident, number uint32, print Print) uint32 {
	i := p.entries.add(entry{id: id, number: number, print: print})
	p.numbers.add(i, &p.entries, func(e *entry) uint64 { return p.hash.number(&e.id, e.number) })
	p.addPrint(i)
	if number > 1 {
		c := p.crowd(&id)
		c.last = max(c.last, number)
		p.crowds[id] = c
	}
	return i
}

// reprint has claims find an entry by another print.
func (p *Place) reprint(i uint32, print Print) {
	e := p.entries.at(i)
	if e.print != print {
		e.print = print
		p.addPrint(i)
	}
}

func (p *Place) addPrint(i uint32) {
	p.prints.add(i, &p.entries, func(e *entry) uint64 { return p.hash.print(&e.id, &e.print) })
}

// named finds the record of a key that has a name on the target. The first who asks has an index of names made.
func (p *Place) named(id *ident, name string) (at uint32, ok bool) {
	if p.names.slots == nil {
		for i := range p.entries.n {
			p.addName(i)
		}
	}
	p.names.find(p.hash.name(id, name), func(i uint32) bool {
		e := p.entries.at(i)
		if e.id == *id && e.marks.has(recorded) && p.nameOf(e) == name {
			at, ok = i, true
		}
		return !ok
	})
	return at, ok
}

func (p *Place) addName(i uint32) {
	p.names.add(i, &p.entries, func(e *entry) uint64 { return p.hash.name(&e.id, p.nameOf(e)) })
}

func (p *Place) nameOf(e *entry) string {
	if e.blob == 0 {
		return ""
	}
	_, d, _ := cutDetails(p.arena.at(e.blob))
	return d.name
}

// record returns what an entry says.
func (p *Place) record(e *entry) Record {
	var base string
	r := Record{Print: e.print, Source: p.sources.names[e.source]}
	if e.blob != 0 {
		var d details
		var before *was
		base, d, before = cutDetails(p.arena.at(e.blob))
		r.Size, r.Name, r.Tag = d.size, d.name, d.tag
		if before != nil {
			r.Before = &Record{Print: before.print, Size: before.size, Name: before.name, Tag: before.tag, State: Confirmed}
		}
	}
	r.Key = format(e.id, base, e.number)
	if r.Before != nil {
		r.Before.Key, r.Before.Source = r.Key, r.Source
	}
	if e.marks.has(confirmed | found) {
		r.State = Confirmed
	}
	return r
}
