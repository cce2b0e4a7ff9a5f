package conformance

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	// Whoever else is at work on the machine gets in the way of both, but not evenly: what is measured then is no
	// measure of either, and is measured again. So is what the disk may have decided: two quiet series have to be lost.
	lost := 0
	for range 5 {
		ours, theirs, others := race(t, readpst, archive)
		t.Logf("mailmill %v, readpst %v, ratio %.2f; others had %.0f %% of the machine", ours, theirs, float64(ours)/float64(theirs), 100*others)
		switch {
		case ours <= theirs:
			return
		case others < 0.1:
			if lost++; lost == 2 {
				t.Errorf("convert takes %v, readpst %v", ours, theirs)
				return
			}
		}
		time.Sleep(5 * time.Second)
	}
	corpustest.Missing(t, "the machine is too busy to tell who is faster")
}

// race returns the medians of three conversions with mailmill and with readpst, which take turns, and the share of the
// machine's cores that went to others meanwhile.
func race(t *testing.T, readpst, archive string) (ours, theirs time.Duration, others float64) {
	t.Helper()
	var a, b []time.Duration
	var used time.Duration
	start, before := time.Now(), busy(t)
	for range 3 {
		dir := t.TempDir()
		cmd := exec.Command(program, "convert", "-q", "--only", "mail", archive, filepath.Join(dir, "ours"))
		a = append(a, timed(t, cmd))
		used += cpuTime(cmd)
		if resident := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; resident > residentLimit {
			t.Errorf("convert held %d MiB", resident>>10)
		}
		out := filepath.Join(dir, "theirs")
		if err := os.Mkdir(out, 0o700); err != nil {
			t.Fatal(err)
		}
		cmd = exec.Command(readpst, "-q", "-D", "-j", "0", "-o", out, archive)
		b = append(b, timed(t, cmd))
		used += cpuTime(cmd)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	capacity := time.Since(start) * time.Duration(runtime.NumCPU())
	return median(a), median(b), float64(busy(t)-before-used) / float64(capacity)
}

func cpuTime(cmd *exec.Cmd) time.Duration {
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// busy returns for how long the machine's cores have been busy, all together, since it started (proc_stat(5)).
func busy(t *testing.T) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	var user, nice, system, idle, wait, irq, soft, steal int64
	if _, err := fmt.Sscanf(string(stat), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &soft, &steal); err != nil {
		t.Fatal(err)
	}
	const tick = 10 * time.Millisecond
	return time.Duration(user+nice+system+irq+soft+steal) * tick
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
