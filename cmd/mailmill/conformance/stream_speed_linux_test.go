package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"mailmill/formats/corpustest"
)

// What comes through a pipe and goes on through one: mailmill between cat and zstd takes at most this many times as long as
// cat and zstd alone, which keep both cores busy already.
const thanZstd = 3

// 5 GB of mail from standard input, to zstd on standard output: memory stays what it is, and it takes at most three times as
// long as compressing alone. So much is read only where nothing may be skipped, else a fifth.
func TestSpeedOfAStream(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a 200 MB archive")
	}
	zstd := corpustest.Program(t, "zstd")
	dir := lasting(t)
	mbox := filepath.Join(dir, "mail.mbox")
	mailmill(t, "convert", "-q", "--only", "mail", cached(t, "medium"), mbox).want(t, 0)
	defer os.Remove(mbox)
	total := int64(5 << 30)
	if !corpustest.Require() {
		total /= 5
	}
	cat := []string{"cat"}
	for size := sizeOf(t, mbox); total > 0; total -= size {
		cat = append(cat, mbox)
	}
	compress := []string{zstd, "-q", "-c", "-T2"}
	told := filepath.Join(t.TempDir(), "told")
	convert := []string{corpustest.Program(t, "time"), "-f", "%M", "-o", told, program, "convert", "-q", "-", "-"}

	alone := piped(t, cat, compress)
	with := piped(t, cat, convert, compress)
	t.Logf("%d times %d MB: cat and zstd took %v, with mailmill between them %v: %.2f times", len(cat)-1, sizeOf(t, mbox)>>20, alone, with, float64(with)/float64(alone))
	if float64(with) > thanZstd*float64(alone) {
		t.Errorf("it takes %.2f times as long as compressing alone, more than %d", float64(with)/float64(alone), thanZstd)
	}
	data, err := os.ReadFile(told)
	if err != nil {
		t.Fatal(err)
	}
	var resident int64
	if _, err := fmt.Sscan(string(data), &resident); err != nil {
		t.Fatalf("time tells %q: %v", data, err)
	}
	t.Logf("held %d MiB", resident>>10)
	if resident > residentLimit {
		t.Errorf("held %d MiB, more than %d", resident>>10, residentLimit>>10)
	}
}

// piped runs programs, each with what the one before it writes, and returns how long that took. What the last one writes is
// dropped.
func piped(t *testing.T, programs ...[]string) time.Duration {
	t.Helper()
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	var cmds []*exec.Cmd
	var last *os.File
	for i, argv := range programs {
		cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
		cmd.Stderr = said
		if last != nil {
			cmd.Stdin = last
		}
		if i < len(programs)-1 {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			cmd.Stdout, last = w, r
		}
		cmds = append(cmds, cmd)
	}
	start := time.Now()
	for _, cmd := range cmds {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The ends of pipes are the programs' alone: so each sees when the one before it has ended.
		for _, end := range []any{cmd.Stdin, cmd.Stdout} {
			if f, ok := end.(*os.File); ok && f != nil {
				f.Close()
			}
		}
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			text, _ := os.ReadFile(said.Name())
			t.Fatalf("%v: %v\n%s", programs[i], err, tail(string(text), 2000))
		}
	}
	return time.Since(start)
}
