package ledger_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"mailmill/load/ledger"
)

// item is what an archive holds.
type item struct {
	base  string
	print ledger.Print
}

// server holds items by the names that it gave them.
type server struct {
	objects map[string]item
	next    int
}

func (s *server) add(i item) string {
	s.next++
	name := strconv.Itoa(s.next)
	s.objects[name] = i
	return name
}

// named returns the names of an item's objects, in the order of the server.
func (s *server) named(i item) (names []string) {
	for n := range s.next {
		if name := strconv.Itoa(n + 1); s.objects[name] == i {
			names = append(names, name)
		}
	}
	return names
}

// died is how a run ends that is killed.
type died struct{}

// client is a run that writes an archive to a server, as a target does.
type client struct {
	t      *rapid.T
	server *server
	ledger *ledger.Ledger
	place  *ledger.Place
	steps  int // until it dies; below 0: never
}

// step is a moment at which the run may be killed.
func (c *client) step() {
	if c.steps--; c.steps == 0 {
		panic(died{})
	}
}

func (c *client) must(err error) {
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) open(path, generation string) {
	var err error
	c.ledger, err = ledger.Open(path)
	c.must(err)
	a, err := c.ledger.Account(account)
	c.must(err)
	c.place, err = a.Place(context.Background(), "INBOX", generation)
	c.must(err)
	if !c.place.Fresh() {
		return
	}
	for n := range c.server.next {
		name := strconv.Itoa(n + 1)
		if o, there := c.server.objects[name]; there {
			c.must(c.place.Adopt(context.Background(), []ledger.Record{{Key: o.base, Print: o.print, Name: name}}))
			c.step()
		}
	}
	c.must(c.place.Known(context.Background()))
}

// settle looks up all that runs that died were about to write.
func (c *client) settle() {
	for r, err := range c.place.Unsettled() {
		c.must(err)
		c.step()
		if name, ok := c.look(&r); ok {
			c.confirm(&r, name)
		} else {
			c.must(c.place.Withdraw(context.Background(), []string{r.Key}))
		}
	}
}

// look finds what a run that died was about to write.
func (c *client) look(r *ledger.Record) (name string, ok bool) {
	for _, name := range c.server.named(item{base(r.Key), r.Print}) {
		if r.Before == nil || r.Before.Name != name {
			return name, true
		}
	}
	return "", false
}

// confirm notes what is there. What it replaced goes before: else nobody would remember it.
func (c *client) confirm(r *ledger.Record, name string) {
	c.step()
	if r.Before != nil {
		delete(c.server.objects, r.Before.Name)
		c.step()
	}
	done := *r
	done.Name, done.Before = name, nil
	c.must(c.place.Confirm(context.Background(), []ledger.Record{done}))
	c.step()
}

// write writes an item, in place of what the ledger has under its key.
func (c *client) write(key string, i item, before *ledger.Record) {
	r := ledger.Record{Key: key, Print: i.print, Before: before}
	c.step()
	c.must(c.place.Intend(context.Background(), []ledger.Record{r}))
	c.step()
	name := c.server.add(i)
	c.confirm(&r, name)
}

func (c *client) bring(key string, i item) {
	claim := c.place.Claim("a.pst", key, i.print)
	if base(claim.Key) != i.base {
		c.t.Fatalf("%s got the key %s", key, claim.Key)
	}
	r := claim.Record
	at, there := c.server.objects[r.Name]
	switch claim.State {
	case ledger.New:
		c.write(claim.Key, i, nil)
	case ledger.Same:
		if at != i {
			c.t.Fatalf("%s is said to be %s, which is %v (there: %v)", claim.Key, r.Name, at, there)
		}
	case ledger.Changed:
		if at != (item{i.base, r.Print}) || r.Print == i.print {
			c.t.Fatalf("%s is said to have been %s, which is %v (there: %v)", claim.Key, r.Name, at, there)
		}
		c.write(claim.Key, i, &r)
	case ledger.Pending:
		name, found := c.look(&r)
		if found {
			c.confirm(&r, name)
		}
		switch {
		case !found:
			c.write(claim.Key, i, r.Before)
		case r.Print != i.print:
			r.Name, r.Before = name, nil
			c.write(claim.Key, i, &r)
		}
	case ledger.Duplicate:
		if r.Print != i.print {
			c.t.Fatalf("%s is said to be there twice: %v", claim.Key, r)
		}
	}
}

func (c *client) prune() {
	for r, err := range c.place.Stale() {
		c.must(err)
		if at := c.server.objects[r.Name]; at != (item{base(r.Key), r.Print}) {
			c.t.Fatalf("what is stale as %s is %v", r.Name, at)
		}
		c.step()
		c.must(c.place.Remove(context.Background(), []string{r.Key}))
		c.step()
		delete(c.server.objects, r.Name)
		c.step()
		c.must(c.place.Forget(context.Background(), []string{r.Key}))
		c.step()
	}
}

// base cuts the number from a key: those of these tests have two bytes.
func base(key string) string { return key[:2] }

// run runs until it is done, or dies.
func (c *client) run(do func()) (alive bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case any(died{}):
			alive = false
		default:
			panic(v)
		}
	}()
	do()
	return true
}

// However often runs die, whatever the archive is by then and whether the ledger is still there: what the archive holds when
// a run has gone to its end is on the server, and nothing is there twice; and with what is stale pruned, nothing else is.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(memory(), "ledger")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := &server{objects: make(map[string]item)}
		var archive []item
		generation, lost := 1, false
		path := filepath.Join(dir, "0")
		for run := range rapid.IntRange(1, 8).Draw(t, "runs") {
			archive = changed(t, archive)
			switch rapid.IntRange(0, 20).Draw(t, "misfortune") {
			case 0:
				path, lost = filepath.Join(dir, fmt.Sprint("lost ", run)), true
			case 1:
				lost = true
				generation++
			}
			c := &client{t: t, server: s, steps: rapid.IntRange(-40, 60).Draw(t, "steps")}
			settles, prunes, numbers := rapid.Bool().Draw(t, "settles"), rapid.Bool().Draw(t, "prunes"), rapid.Bool().Draw(t, "numbers")
			alive := c.run(func() {
				c.open(path, fmt.Sprint(generation))
				if settles {
					c.settle()
				}
				seen := make(map[string]int)
				for _, i := range archive {
					key := i.base
					if seen[key]++; numbers && seen[key] > 1 {
						key += "-" + strconv.Itoa(seen[key])
					}
					c.bring(key, i)
				}
				if prunes {
					c.prune()
				}
			})
			if c.ledger != nil {
				if !alive {
					// What a process leaves that is killed now.
					path = left(t, path, filepath.Join(dir, fmt.Sprint("killed ", run)))
				}
				c.must(c.ledger.Close())
			}
			if !alive {
				continue
			}
			count := make(map[item]int)
			for _, o := range s.objects {
				count[o]++
			}
			for o, n := range count {
				if n > 1 {
					t.Fatalf("%v is there %d times: %v", o, n, s.objects)
				}
			}
			want := make(map[item]int)
			for _, i := range archive {
				want[i] = 1
				if count[i] == 0 {
					t.Fatalf("%v is lost", i)
				}
			}
			if settles && prunes && !lost && !maps.Equal(count, want) {
				t.Fatalf("there is %v, and the archive holds %v", count, want)
			}
		}
	})
}

// left copies the files of a ledger that a killed process would leave.
func left(t *rapid.T, path, to string) string {
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err == nil {
			err = os.WriteFile(to+suffix, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// changed is what becomes of an archive from one run to the next. Few keys and prints make many of them equal.
func changed(t *rapid.T, archive []item) []item {
	some := rapid.Custom(func(t *rapid.T) item {
		return item{rapid.SampledFrom([]string{"ka", "kb"}).Draw(t, "key"), ledger.Print{1, rapid.ByteRange(0, 4).Draw(t, "print")}}
	})
	archive = slices.Clone(archive)
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		switch at := rapid.IntRange(0, len(archive)).Draw(t, "at"); rapid.IntRange(0, 3).Draw(t, "change") {
		case 0:
			archive = slices.Insert(archive, at, some.Draw(t, "new"))
		case 1:
			archive = append(archive, some.Draw(t, "new"))
		case 2:
			if at < len(archive) {
				archive = slices.Delete(archive, at, at+1)
			}
		case 3:
			if at < len(archive) {
				archive[at].print[1] = rapid.ByteRange(0, 9).Draw(t, "print")
			}
		}
	}
	return archive
}

// rules is how numbers are given, in a few lines: what the index does with a million.
type rules struct {
	keys map[string]map[int]*known
}

type known struct {
	recorded, pending, seen, claimed bool
	print                            ledger.Print
}

func (m *rules) claim(base string, number int, print ledger.Print) (int, ledger.ClaimState) {
	all := m.keys[base]
	if all == nil {
		all = make(map[int]*known)
		m.keys[base] = all
	}
	best, at := 0, 0
	for _, n := range slices.Sorted(maps.Keys(all)) {
		k, rank := all[n], 1
		switch {
		case k.print != print:
			continue
		case k.claimed:
			rank = 4
		case k.recorded && !k.pending:
			rank = 3
		case k.recorded:
			rank = 2
		}
		if rank > best {
			best, at = rank, n
		}
	}
	if best > 0 {
		k := all[at]
		k.claimed, k.seen = true, true
		return at, []ledger.ClaimState{ledger.New, ledger.Pending, ledger.Same, ledger.Duplicate}[best-1]
	}
	free := func(n int) bool { return all[n] == nil || !all[n].recorded && !all[n].seen }
	open := func(n int) bool { return all[n] != nil && all[n].recorded && !all[n].seen }
	replaced := 0
	if open(number) {
		replaced = number
	} else if !free(number) {
		for _, n := range slices.Sorted(maps.Keys(all)) {
			if open(n) {
				replaced = n
				break
			}
		}
	}
	if replaced > 0 {
		k := all[replaced]
		k.claimed, k.seen, k.print = true, true, print
		if k.pending {
			return replaced, ledger.Pending
		}
		return replaced, ledger.Changed
	}
	if !free(number) {
		for number = 2; !free(number); number++ {
		}
	}
	all[number] = &known{seen: true, claimed: true, print: print}
	return number, ledger.New
}

// The place answers by the rules, whatever was claimed before and whatever became of it.
func TestRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(memory(), "ledger")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &rules{keys: make(map[string]map[int]*known)}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			l, err := ledger.Open(filepath.Join(dir, "ledger"))
			must(err)
			a, err := l.Account(account)
			must(err)
			p, err := a.Place(context.Background(), "INBOX", "")
			must(err)
			for range rapid.IntRange(0, 30).Draw(t, "claims") {
				base := rapid.SampledFrom([]string{keyA, keyB, "odd"}).Draw(t, "key")
				number := rapid.SampledFrom([]int{1, 1, 1, 2, 3, 9}).Draw(t, "number")
				print := ledger.Print{1, rapid.ByteRange(0, 6).Draw(t, "print")}
				key := func(n int) string {
					if n == 1 {
						return base
					}
					return fmt.Sprint(base, "-", n)
				}
				n, state := m.claim(base, number, print)
				c := p.Claim("a.pst", key(number), print)
				if c.Key != key(n) || c.State != state {
					t.Fatalf("%s with %d is told %s %v, not %s %v", key(number), print[1], c.Key, c.State, key(n), state)
				}
				if state == ledger.Same || state == ledger.Duplicate {
					continue
				}
				k, r := m.keys[base][n], []ledger.Record{{Key: c.Key, Print: print, Name: rapid.StringN(0, 3, 9).Draw(t, "name")}}
				switch rapid.IntRange(0, 3).Draw(t, "then") {
				case 0: // nothing: it is lost before it is intended
				case 1:
					must(p.Intend(context.Background(), r))
					k.recorded, k.pending = true, true
				case 2:
					must(p.Intend(context.Background(), r))
					must(p.Confirm(context.Background(), r))
					k.recorded, k.pending = true, false
				case 3:
					must(p.Intend(context.Background(), r))
					must(p.Confirm(context.Background(), r))
					must(p.Forget(context.Background(), []string{c.Key}))
					k.recorded, k.pending = false, false
				}
			}
			must(l.Close())
			// What was claimed and not intended is as it was; the rest of memory is gone.
			l, err = ledger.Open(filepath.Join(dir, "ledger"))
			must(err)
			a, err = l.Account(account)
			must(err)
			p, err = a.Place(context.Background(), "INBOX", "")
			must(err)
			for base, all := range m.keys {
				maps.DeleteFunc(all, func(n int, k *known) bool { return !k.recorded })
				for _, k := range all {
					k.claimed, k.seen = false, false
				}
				for _, list := range []iter.Seq2[ledger.Record, error]{p.Stale(), p.Unsettled()} {
					for r, err := range list {
						must(err)
						for n, k := range all {
							if r.Key == base && n == 1 || r.Key == fmt.Sprint(base, "-", n) {
								k.print = r.Print
							}
						}
					}
				}
			}
			must(l.Close())
		}
	})
}
