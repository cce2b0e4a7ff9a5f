package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mailmill/formats/corpustest"
	"mailmill/formats/pst/psttest"
)

// patience is how long a run over one damaged small file may take.
const patience = time.Minute

// books is the balance object.
type books struct {
	Kinds map[string]count `json:"kinds"`
	Total count            `json:"total"`
}

type count struct {
	Found, Written, Unchanged, Filtered, Duplicate, Failed, Damaged int
}

func (c count) balanced() bool {
	return c.Found == c.Written+c.Unchanged+c.Filtered+c.Duplicate+c.Failed && c.Damaged <= c.Written
}

// damagedRun is what a run over a damaged archive left.
type damagedRun struct {
	status   int
	books    *books // nil where nothing could be read
	resident int64  // the most memory that it held, in KiB
	faulty   []string
}

// faultyMails returns the places of the mails that an answer calls damaged or failed.
func faultyMails(t *testing.T, answer []byte) []string {
	t.Helper()
	seen := make(map[string]bool)
	objects(t, answer, func(kind string, line []byte) {
		if kind != "damaged" && kind != "failure" {
			return
		}
		var it listed
		if err := json.Unmarshal(line, &it); err != nil {
			t.Fatalf("%v\n%.300s", err, line)
		}
		if it.Kind == "mail" {
			seen[it.SourceID] = true
		}
	})
	return slices.Sorted(maps.Keys(seen))
}

// checkDamaged runs inspect --check, which has to find something, and returns the mails that it lists.
func checkDamaged(t *testing.T, archive string) []string {
	t.Helper()
	return faultyMails(t, mailmill(t, "inspect", "--check", "--json", archive).want(t, 3, 4).stdout)
}

// convertDamaged runs convert over an archive that may hold anything and checks the promises that hold for any bytes.
func convertDamaged(t *testing.T, archive, out string) (run damagedRun) {
	t.Helper()
	cmd := exec.Command(program, "convert", "--only", "mail", "--json", archive, out)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !hung.Stop() {
		t.Errorf("%s: hangs", archive)
		return run
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	run.resident = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if s := stderr.String(); strings.Contains(s, "goroutine ") || strings.Contains(s, "panic") || strings.Contains(stdout.String(), "internal error") {
		t.Errorf("%s: panics:\n%s\n%s", archive, tail(s, 4000), stdout.String())
	}
	run.status, run.faulty = cmd.ProcessState.ExitCode(), faultyMails(t, stdout.Bytes())
	switch run.status {
	case 0, 3, 4:
	default:
		t.Errorf("%s: exit status %d\n%s", archive, run.status, tail(stderr.String(), 1000))
	}
	var b *books
	objects(t, stdout.Bytes(), func(kind string, line []byte) {
		if kind != "balance" {
			return
		}
		if b != nil {
			t.Errorf("%s: two balances", archive)
		}
		b = new(books)
		if err := json.Unmarshal(line, b); err != nil {
			t.Errorf("%s: %v\n%s", archive, err, line)
		}
	})
	if b == nil {
		if run.status != 4 {
			t.Errorf("%s: exit status %d without a balance", archive, run.status)
		}
		return run
	}
	for kind, c := range b.Kinds {
		if !c.balanced() {
			t.Errorf("%s: the books for %s do not balance: %+v", archive, kind, c)
		}
	}
	if !b.Total.balanced() {
		t.Errorf("%s: the books do not balance: %+v", archive, b.Total)
	}
	run.books = b
	return run
}

// Each sort of damage that the generator knows costs no more than what it hits.
func TestGeneratedDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := convertDamaged(t, corpustest.Sample(), filepath.Join(dir, "whole")).books
	if whole == nil {
		t.Fatal("the sample cannot be read")
	}
	for _, kind := range []string{
		"truncate", "truncate-tail", "nbt-zero", "bbt-zero", "flip", "header-crc", "amap-zero", "btree-loop", "bbt-loop",
		"bad-size", "xblock-bomb",
	} {
		t.Run(kind, func(t *testing.T) {
			broken := filepath.Join(dir, kind+".pst")
			t.Log(corpustest.Pstgen(t, "-corrupt", kind, "-o", broken, corpustest.Sample()))
			run := convertDamaged(t, broken, filepath.Join(dir, kind))
			var checked []string
			if kind == "amap-zero" {
				// Where a file has room says nothing about what is in it.
				mailmill(t, "inspect", "--check", broken).want(t, 0)
			} else {
				checked = checkDamaged(t, broken)
			}
			b := run.books
			if b == nil {
				t.Log("nothing could be read")
				return
			}
			if !slices.Equal(run.faulty, checked) {
				t.Errorf("convert calls %v damaged or failed, inspect --check %v", run.faulty, checked)
			}
			t.Logf("exit status %d, found %d of %d, damaged %d, failed %d", run.status, b.Total.Found, whole.Total.Found, b.Total.Damaged, b.Total.Failed)
			if run.status == 0 {
				same(t, "what is said to be complete", mails(t, filepath.Join(dir, "whole")), mails(t, filepath.Join(dir, kind)))
				if b.Total != whole.Total {
					t.Errorf("items are lost and nothing is said")
				}
			}
			switch kind {
			case "header-crc", "amap-zero":
				// Neither matters for reading.
				if b.Total != whole.Total {
					t.Errorf("%+v, want %+v", b.Total, whole.Total)
				}
			}
		})
	}
}

// Damaged copies of small archives of every variant, each given to a process of its own, so that its memory is known as the
// system counts it: no panic, no hang, bounded memory, balanced books. The command's own tests try thousands more.
func TestRandomDamage(t *testing.T) {
	copies := 200
	if testing.Short() {
		copies = 60
	}
	whole := smallArchives(t)
	var read, complete, largest atomic.Int64
	work := make(chan int)
	go func() {
		defer close(work)
		for i := range copies {
			work <- i
		}
	}()
	t.Run("copies", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				for i := range work {
					w := whole[i%len(whole)]
					data, done, sealed := w.file.Mutate(rand.New(rand.NewPCG(uint64(i), 0)))
					archive, out := filepath.Join(dir, "damaged.pst"), filepath.Join(dir, "out")
					if err := os.WriteFile(archive, data, 0o600); err != nil {
						t.Fatal(err)
					}
					before := t.Failed()
					run := convertDamaged(t, archive, out)
					if run.books != nil {
						read.Add(1)
					}
					for old := largest.Load(); run.resident > old && !largest.CompareAndSwap(old, run.resident); old = largest.Load() {
					}
					switch {
					case run.status != 0:
					case sealed: // nobody can see that the content is another one
						complete.Add(1)
					case run.books.Total.Found < w.items:
						t.Errorf("copy %d: of %d items %d are found, and nothing is said", i, w.items, run.books.Total.Found)
					default:
						same(t, fmt.Sprintf("copy %d, which is said to be complete,", i), w.output, mails(t, out))
						complete.Add(1)
					}
					if run.resident > residentLimit {
						t.Errorf("copy %d holds %d MiB", i, run.resident>>10)
					}
					if t.Failed() && !before {
						t.Errorf("copy %d of %s (%s; sealed: %v)", i, w.name, done, sealed)
					}
					if err := os.RemoveAll(out); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	})
	t.Logf("%d of %d copies could be read in part, %d in whole; the largest run held %d MiB",
		read.Load()-complete.Load(), copies, complete.Load(), largest.Load()>>10)
}

// mails returns the hashes of the mail files below dir. The record of the run, which names the source, is left out.
func mails(t *testing.T, dir string) map[string][32]byte {
	files := tree(t, dir)
	delete(files, ".mailmill.json")
	return files
}

// whole is an archive before it is damaged.
type whole struct {
	name   string
	file   *psttest.File
	items  int
	output map[string][32]byte
}

// smallArchives are those of the corpus that are small enough to be damaged by the hundred, and parts of larger ones in every
// form.
func smallArchives(t *testing.T) (small []whole) {
	t.Helper()
	read := func(path string) *psttest.File {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := psttest.Read(data)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return f
	}
	add := func(path string) {
		small = append(small, whole{filepath.Base(path), read(path), len(list(t, path)), mails(t, convert(t, "mbox", path))})
	}
	dir := t.TempDir()
	for _, whole := range []string{corpustest.Sample(), corpustest.File(t, "pst/4k-page.ost")} {
		part, err := read(whole).Small()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range part.Variants() {
			path := filepath.Join(dir, v.String()+".pst")
			if err := os.WriteFile(path, part.Build(v), 0o600); err != nil {
				t.Fatal(err)
			}
			add(path)
		}
	}
	for _, name := range archives(t) {
		path := corpustest.File(t, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() <= 300<<10 {
			add(path)
		}
	}
	return small
}
