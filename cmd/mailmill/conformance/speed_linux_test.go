package conformance

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"mailmill/formats/corpustest"
)

// residentLimit is what a run may hold of memory, in KiB as the kernel counts.
const residentLimit = 200 << 10

// Converting 200 MB to mbox is no slower than readpst, in the same run on the same file system, and stays small.
func TestFasterThanReadpst(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a 200 MB archive")
	}
	readpst := corpustest.Program(t, "readpst")
	archive := cached(t, "medium")
	// Whoever else is at work on the machine gets in the way of both, but not evenly: a series that is lost is repeated.
	const series = 3
	for n := range series {
		a, b := median3(t, readpst, archive)
		t.Logf("mailmill %v, readpst %v, ratio %.2f", a, b, float64(a)/float64(b))
		if a <= b {
			return
		}
		if n == series-1 {
			t.Errorf("convert takes %v, readpst %v", a, b)
		}
	}
}

// median3 returns the medians of three conversions with mailmill and with readpst, which take turns.
func median3(t *testing.T, readpst, archive string) (ours, theirs time.Duration) {
	t.Helper()
	var a, b []time.Duration
	for range 3 {
		dir := t.TempDir()
		cmd := exec.Command(program, "convert", "-q", "--only", "mail", archive, filepath.Join(dir, "ours"))
		a = append(a, timed(t, cmd))
		if resident := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; resident > residentLimit {
			t.Errorf("convert held %d MiB", resident>>10)
		}
		out := filepath.Join(dir, "theirs")
		if err := os.Mkdir(out, 0o700); err != nil {
			t.Fatal(err)
		}
		b = append(b, timed(t, exec.Command(readpst, "-q", "-D", "-j", "0", "-o", out, archive)))
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	return median(a), median(b)
}

// inspect reads tables and no messages: on 2 GB it takes less than a second. The archive costs its size on the disk and
// half a minute, so it is made only where nothing may be skipped.
func TestInspectIsInstant(t *testing.T) {
	if testing.Short() || !corpustest.Require() {
		t.Skip("MAILMILL_REQUIRE=1 makes a 2 GB archive for this")
	}
	archive := filepath.Join(t.TempDir(), "large.pst")
	corpustest.Pstgen(t, "-preset", "large", "-o", archive)
	cmd := exec.Command(program, "inspect", archive)
	took := timed(t, cmd)
	resident := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	t.Logf("inspect took %v and held %d MiB", took, resident>>10)
	if took > time.Second {
		t.Errorf("inspect takes %v", took)
	}
	if resident > residentLimit {
		t.Errorf("inspect held %d MiB", resident>>10)
	}
}

// cached returns the archive of a preset of the generator, made once a machine, with its bytes in the page cache.
func cached(t *testing.T, preset string) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "mailmill-conformance-cache")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, preset+".pst")
	if _, err := os.Stat(path); err != nil {
		corpustest.Pstgen(t, "-preset", preset, "-o", path+".new")
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		t.Fatal(err)
	}
	return path
}

func timed(t *testing.T, cmd *exec.Cmd) time.Duration {
	t.Helper()
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, tail(string(out), 2000))
	}
	return time.Since(start)
}

func median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[len(s)/2]
}
