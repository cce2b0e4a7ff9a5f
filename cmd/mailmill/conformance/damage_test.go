package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mailmill/formats/corpustest"
)

// patience is how long a run over one damaged small file may take.
const patience = 20 * time.Second

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

// convertDamaged runs convert over an archive that may hold anything and checks the promises that hold for any bytes.
// It returns the balance, or nil where nothing could be read.
func convertDamaged(t *testing.T, archive, out string) *books {
	t.Helper()
	cmd := exec.Command(program, "convert", "--json", archive, out)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !hung.Stop() {
		t.Errorf("%s: hangs", archive)
		return nil
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if s := stderr.String(); strings.Contains(s, "goroutine ") || strings.Contains(s, "panic") || strings.Contains(stdout.String(), "internal error") {
		t.Errorf("%s: panics:\n%s\n%s", archive, tail(s, 4000), stdout.String())
	}
	switch status := cmd.ProcessState.ExitCode(); status {
	case 0, 3, 4:
	default:
		t.Errorf("%s: exit status %d\n%s", archive, status, tail(stderr.String(), 1000))
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
		if cmd.ProcessState.ExitCode() != 4 {
			t.Errorf("%s: exit status %d without a balance", archive, cmd.ProcessState.ExitCode())
		}
		return nil
	}
	for kind, c := range b.Kinds {
		if !c.balanced() {
			t.Errorf("%s: the books for %s do not balance: %+v", archive, kind, c)
		}
	}
	if !b.Total.balanced() {
		t.Errorf("%s: the books do not balance: %+v", archive, b.Total)
	}
	return b
}

// Each sort of damage that the generator knows costs no more than what it hits.
func TestGeneratedDamage(t *testing.T) {
	dir := t.TempDir()
	whole := convertDamaged(t, sample(), filepath.Join(dir, "whole"))
	if whole == nil {
		t.Fatal("the sample cannot be read")
	}
	for _, kind := range []string{
		"truncate", "truncate-tail", "nbt-zero", "bbt-zero", "flip", "header-crc", "amap-zero", "btree-loop", "bbt-loop",
		"bad-size", "xblock-bomb",
	} {
		t.Run(kind, func(t *testing.T) {
			broken := filepath.Join(dir, kind+".pst")
			t.Log(corpustest.Pstgen(t, "-corrupt", kind, "-o", broken, sample()))
			b := convertDamaged(t, broken, filepath.Join(dir, kind))
			if b == nil {
				t.Log("nothing could be read")
				return
			}
			t.Logf("found %d of %d, damaged %d, failed %d", b.Total.Found, whole.Total.Found, b.Total.Damaged, b.Total.Failed-whole.Total.Failed)
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

// smallArchives are those small enough to be damaged by the hundred, and how often the sample is taken: it holds the
// most and takes the longest.
func smallArchives(t *testing.T) [][]byte {
	var whole [][]byte
	for _, name := range archives(t) {
		data, err := os.ReadFile(corpustest.File(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) <= 300<<10 {
			whole = append(whole, data)
		}
	}
	data, err := os.ReadFile(sample())
	if err != nil {
		t.Fatal(err)
	}
	return append(whole, data)
}

// Two thousand damaged copies: no panic, no hang, bounded memory, balanced books.
func TestRandomDamage(t *testing.T) {
	copies := 2000
	if testing.Short() {
		copies = 100
	}
	whole := smallArchives(t)
	work := make(chan int)
	go func() {
		defer close(work)
		for i := range copies {
			work <- i
		}
	}()
	t.Run("copies", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				for i := range work {
					r := rand.New(rand.NewPCG(uint64(i), 20))
					data, done := mutate(r, bytes.Clone(whole[i%len(whole)]))
					damagedCopy(t, dir, i, data, done)
				}
			})
		}
	})
}
