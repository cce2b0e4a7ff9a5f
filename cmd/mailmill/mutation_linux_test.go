package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailmill/formats/corpustest"
	"mailmill/formats/pst/psttest"
)

const (
	// longest is how long one verb may take over a damaged file of less than a megabyte.
	longest = 20 * time.Second
	// mostHeap is what all verbs that run at once may hold in memory, garbage included.
	mostHeap = 400 << 20
	// enough copies that fail show what is wrong.
	enough = 10
)

// Five thousand damaged copies of small files of every variant of the format go through convert, in each of its forms,
// and samples of them through inspect --check and list: no panic, no hang, bounded memory, balanced books, a sound exit
// status; 0 only where nothing is missing; and what --check lists is what convert calls damaged or failed.
//
// Half of the copies have their checksums made right, so that the damage reaches the deeper layers. A copy is known by its
// number, which is its seed: MAILMILL_COPY=1234 tries that one alone, and keeps it in the temporary folder.
func TestDamagedCopies(t *testing.T) {
	copies := 5000
	if testing.Short() {
		copies = 200
	}
	dir := t.TempDir()
	if shm, err := os.MkdirTemp("/dev/shm", "mailmill"); err == nil { // many small files come and go
		t.Cleanup(func() { os.RemoveAll(shm) })
		dir = shm
	}
	bases := bases(t, dir)
	var (
		statuses [5]atomic.Int64
		checked  atomic.Int64
		next     atomic.Int64
		failed   atomic.Int64
	)
	if only, err := strconv.Atoi(os.Getenv("MAILMILL_COPY")); err == nil {
		next.Store(int64(only))
		copies = only + 1
	}
	heap := watchHeap()
	var workers sync.WaitGroup
	for n := range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			d := &copyTest{t: t, dir: filepath.Join(dir, fmt.Sprint("worker", n))}
			if err := os.Mkdir(d.dir, 0o700); err != nil {
				t.Error(err)
				return
			}
			for i := int(next.Add(1)) - 1; i < copies && failed.Load() < enough; i = int(next.Add(1)) - 1 {
				heap.copy.Store(int64(i))
				b := &bases[i%len(bases)]
				if b.big && i/len(bases)%4 > 0 {
					b = &bases[i/len(bases)%(len(bases)-1)]
				}
				status, both, ok := d.run(i, b)
				if !ok {
					failed.Add(1)
				}
				statuses[min(status, len(statuses)-1)].Add(1)
				if both {
					checked.Add(1)
				}
			}
		})
	}
	workers.Wait()
	peak, at := heap.stop()
	t.Logf("%d copies of %d files: %d complete, %d in part, %d not at all; %d checked as well; at most %d MiB of heap (about copy %d)",
		copies, len(bases), statuses[exitOK].Load(), statuses[exitFailures].Load(), statuses[exitSource].Load(), checked.Load(), peak>>20, at)
	if peak > mostHeap {
		t.Errorf("%d MiB of heap", peak>>20)
	}
}

// base is a file before it is damaged.
type base struct {
	name  string
	file  *psttest.File
	big   bool                // takes long, and is damaged less often
	found int                 // items
	whole []map[string]string // what convert writes, by form
}

// damagedForms are the ways to write that the copies take in turn, by the option and the name of the target. In archives
// there is a record of the run, which names the source: they are never the same.
var damagedForms = [...]struct {
	option, target string
	comparable     bool
	kinds          []string // that are written; none are all that a person sees
}{
	{"--format=mbox", "out", true, nil},
	{"--format=eml", "out", true, nil},
	{"--format=maildir", "out", true, nil},
	{"--split", "out", true, nil},
	{"--format=mbox", "out.mbox", true, []string{"mail"}},
	{"--inline=all", "out.ics", true, []string{"event", "task", "note", "journal"}},
	{"--vcard=3", "out.vcf", true, []string{"contact", "group"}},
	{"--format=eml", "out.tar.zst", false, nil},
	{"--format=mbox", "out.zip", false, nil},
}

// bases makes small files of every variant. The last one is big.
func bases(t *testing.T, dir string) []base {
	t.Helper()
	var list []base
	add := func(name string, data []byte) {
		f, err := psttest.Read(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b := base{name: name, file: f, big: len(data) > 1<<20}
		path := filepath.Join(dir, name+".pst")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, form := range damagedForms {
			out := filepath.Join(dir, name, form.target)
			r := inProcess(t, name, "convert", "--json", form.option, path, out)
			if r.status != exitOK {
				t.Fatalf("%s: exit status %d before it is damaged\n%s%s", name, r.status, r.stdout, r.stderr)
			}
			b.found = r.balance(t).Total.Found
			b.whole = append(b.whole, contents(t, out))
			if err := os.RemoveAll(filepath.Dir(out)); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, b)
	}
	variants := func(name string, data []byte) {
		whole, err := psttest.Read(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		small, err := whole.Small()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, v := range small.Variants() {
			add(fmt.Sprintf("%s-%v", name, v), small.Build(v))
		}
	}
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	sample := read(corpustest.Sample())
	variants("sample", sample)
	variants("ost", read(corpustest.File(t, "pst/4k-page.ost")))
	for _, name := range []string{"ansi-32-bit", "flags", "message-in-message", "attachment-and-inline", "dist-list"} {
		add(name, read(corpustest.File(t, "pst/"+name+".pst")))
	}
	add("whole-sample", sample)
	return list
}

// copyTest runs the copies of one worker.
type copyTest struct {
	t   *testing.T
	dir string
}

// run damages copy number i and runs the verbs over it. It returns the exit status of convert, whether the copy was
// checked, too, and whether all was well.
func (d *copyTest) run(i int, b *base) (status int, both, ok bool) {
	t := &reporter{TB: d.t}
	data, done, sealed := b.file.Mutate(rand.New(rand.NewPCG(uint64(i), 4)))
	if os.Getenv("MAILMILL_COPY") != "" {
		kept := filepath.Join(os.TempDir(), fmt.Sprintf("copy-%d.pst", i))
		if err := os.WriteFile(kept, data, 0o600); err != nil {
			t.Errorf("%v", err)
		}
		t.Logf("copy %d is %s", i, kept)
	}
	name := fmt.Sprintf("copy %d of %s (%s; sealed: %v)", i, b.name, done, sealed)
	choice := rand.New(rand.NewPCG(uint64(i), 5))
	path, form := filepath.Join(d.dir, "copy.pst"), choice.IntN(len(damagedForms))
	out := filepath.Join(d.dir, damagedForms[form].target)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Errorf("%v", err)
		return 0, false, false
	}
	r := inProcess(t, name, "convert", "--json", damagedForms[form].option, path, out)
	defer os.RemoveAll(out)
	r.sound(t)
	if r.status != exitSource {
		balance := r.balance(t)
		if !balance.balanced() {
			t.Errorf("%s: the books do not balance: %+v", name, balance)
		}
		switch {
		case r.status != exitOK || sealed:
		case balance.Total.Found != b.found:
			t.Errorf("%s: of %d items %d are found, and nothing is said", name, b.found, balance.Total.Found)
		case damagedForms[form].comparable:
			if diff := cmp.Diff(b.whole[form], contents(t, out)); diff != "" {
				t.Errorf("%s: said to be complete, and differs: -whole +got\n%s", name, diff)
			}
		}
	}
	if choice.IntN(3) == 0 {
		c := inProcess(t, name, "inspect", "--check", "--json", path)
		c.sound(t)
		if want, got := r.faulty(t, nil), c.faulty(t, damagedForms[form].kinds); r.status != exitSource && !slices.Equal(want, got) {
			t.Errorf("%s: convert calls %v damaged or failed, and inspect --check %v", name, want, got)
		}
		if c.status == exitOK && r.status != exitOK || (c.status == exitSource) != (r.status == exitSource) && b.found > 0 {
			t.Errorf("%s: exit status %d of convert, %d of inspect --check", name, r.status, c.status)
		}
		both = true
	}
	if choice.IntN(7) == 0 {
		inProcess(t, name, "list", "--json", "--digest", path).sound(t)
	}
	if choice.IntN(13) == 0 {
		inProcess(t, name, "inspect", "--with-hidden", "--recover", "--check", path).sound(t)
		inProcess(t, name, "convert", "--json", "--with-hidden", "--recover", "-n", path, out+"-2").sound(t)
	}
	return r.status, both, !t.failed
}

// reporter knows whether something was reported through it.
type reporter struct {
	testing.TB
	failed bool
}

func (r *reporter) Errorf(format string, args ...any) {
	r.failed = true
	r.TB.Errorf(format, args...)
}

// answer is what a verb left.
type answer struct {
	name, verb     string
	stdout, stderr string
	status         int
}

// inProcess runs the command in this process.
func inProcess(t testing.TB, name string, args ...string) *answer {
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	a := &app{
		ctx: ctx, cancel: cancel, stdin: strings.NewReader(""),
		stdout: &output{w: &stdout, lost: func(error) {}}, stderr: &output{w: &stderr, lost: func(error) {}},
	}
	hung := time.AfterFunc(longest, func() {
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		panic(fmt.Sprintf("%s: mailmill %s hangs", name, strings.Join(args, " ")))
	})
	defer hung.Stop()
	status := a.run(args)
	return &answer{name, args[0], stdout.String(), stderr.String(), status}
}

// sound fails the test unless the verb ended as it should over any file.
func (r *answer) sound(t testing.TB) {
	if strings.Contains(r.stdout, "internal error") || strings.Contains(r.stderr, "internal error") || strings.Contains(r.stderr, "should not have happened") {
		at := max(strings.Index(r.stdout, "internal error")-300, 0)
		t.Errorf("%s: %s panics\n%.2000s\n%.2000s", r.name, r.verb, r.stdout[at:], r.stderr)
	}
	switch r.status {
	case exitOK, exitFailures, exitSource:
	default:
		t.Errorf("%s: %s ends with exit status %d\n%.2000s", r.name, r.verb, r.status, r.stderr)
	}
}

// objects calls use with the objects of a type.
func (r *answer) objects(t testing.TB, kind string, use func([]byte)) {
	for line := range strings.Lines(r.stdout) {
		if strings.HasPrefix(line, `{"type":"`+kind+`"`) {
			use([]byte(line))
		}
	}
}

type books struct {
	Kinds map[string]tally `json:"kinds"`
	Total tally            `json:"total"`
}

type tally struct {
	Found, Written, Unchanged, Filtered, Duplicate, Failed, Damaged int
}

func (b *books) balanced() bool {
	sum := tally{}
	for _, c := range b.Kinds {
		if c.Found != c.Written+c.Unchanged+c.Filtered+c.Duplicate+c.Failed || c.Damaged > c.Written {
			return false
		}
		sum.Found += c.Found
	}
	return sum.Found == b.Total.Found
}

func (r *answer) balance(t testing.TB) (b books) {
	n := 0
	r.objects(t, "balance", func(line []byte) {
		n++
		if err := json.Unmarshal(line, &b); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	})
	if n != 1 {
		t.Errorf("%s: %s with exit status %d writes %d balances\n%.2000s", r.name, r.verb, r.status, n, r.stderr)
	}
	return b
}

// faulty returns the items that are damaged or failed, by their places: those of some kinds, or of all but what programs
// keep for themselves.
func (r *answer) faulty(t testing.TB, kinds []string) []string {
	seen := make(map[string]bool)
	for _, kind := range []string{"damaged", "failure"} {
		r.objects(t, kind, func(line []byte) {
			var f struct {
				ID   string `json:"source_id"`
				Kind string `json:"kind"`
			}
			if err := json.Unmarshal(line, &f); err != nil {
				t.Errorf("%s: %v\n%s", r.name, err, line)
			}
			if kinds == nil && f.Kind != "other" || slices.Contains(kinds, f.Kind) {
				seen[f.ID] = true
			}
		})
	}
	return slices.Sorted(maps.Keys(seen))
}

// contents returns the hash of each file below a folder, but of the record of the run, which names the source.
func contents(t testing.TB, dir string) map[string]string {
	sums, err := tree(dir)
	if err != nil {
		t.Errorf("%v", err)
	}
	delete(sums, ".mailmill.json")
	return sums
}

// heapWatch notes the largest heap.
type heapWatch struct {
	copy atomic.Int64 // the one that was begun last
	quit chan struct{}
	done chan struct{}
	peak uint64
	at   int64
}

func watchHeap() *heapWatch {
	runtime.GC()
	w := &heapWatch{quit: make(chan struct{}), done: make(chan struct{})}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			if n := sample[0].Value.Uint64(); n > w.peak {
				w.peak, w.at = n, w.copy.Load()
			}
			select {
			case <-tick.C:
			case <-w.quit:
				return
			}
		}
	}()
	return w
}

func (w *heapWatch) stop() (peak uint64, at int64) {
	close(w.quit)
	<-w.done
	return w.peak, w.at
}
