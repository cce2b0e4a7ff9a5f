package conformance

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailmill/formats/corpustest"
)

// How many times as fast as others mailmill has to be. What is written goes to a file system in memory, and what is read
// lies there already: so it is the programs that are compared, not a disk, the search for free inodes or what the
// machine has left of its page cache, which are the same for all and differ from minute to minute. .ci/bench measures
// with a disk.
const (
	thanReadpst   = 1.7
	thanPffexport = 6
	thanOneCore   = 1.5
	// Of 2 GB. readpst takes longer for each of many mails.
	thanReadpstLarge = 3.5
	// The time that a byte may take in 2 GB, in those that it takes in 200 MB.
	growth = 1.3
)

// residentLimit is what a run may hold of memory, in KiB as the kernel counts.
const residentLimit = 200 << 10

// forms are the forms of output by their names: the options that ask for one and the target's name.
var forms = []struct {
	name    string
	options []string
	target  string
}{
	{"mbox", nil, "out"},
	{"EML", []string{"--format", "eml"}, "out"},
	{"Maildir", []string{"--format", "maildir"}, "out"},
	{"tar", []string{"--format", "eml"}, "out.tar"},
	{"tar.zst", nil, "out.tar.zst"},
	{"tar.gz", nil, "out.tar.gz"},
	{"zip", nil, "out.zip"},
	{"single mbox", nil, "out.mbox"},
	{"single mbox.zst", nil, "out.mbox.zst"},
}

// A contender makes the command that is to be timed, which writes into a new folder.
type contender func(dir string) *exec.Cmd

// converting is mailmill converting mail, with some options.
func converting(archive string, options ...string) contender {
	return func(dir string) *exec.Cmd {
		args := append([]string{"convert", "-q", "--only", "mail"}, options...)
		return exec.Command(program, append(args, archive, filepath.Join(dir, "out"))...)
	}
}

var cpusAllowed = regexp.MustCompile(`(?m)^Cpus_allowed_list:\s*(\d+)`)

// onOneCore ties a contender to the first core that the process may use.
func onOneCore(t *testing.T, c contender) contender {
	taskset := corpustest.Program(t, "taskset")
	core := "0"
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if m := cpusAllowed.FindSubmatch(status); m != nil {
			core = string(m[1])
		}
	}
	return func(dir string) *exec.Cmd {
		cmd := c(dir)
		return exec.Command(taskset, append([]string{"-c", core}, cmd.Args...)...)
	}
}

// On 200 MB, mbox and EML are written faster than readpst writes them and many times as fast as pffexport writes what it
// writes, in the same run on the same file system, and two cores do more than one.
func TestSpeed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a 200 MB archive")
	}
	readpst, pffexport := corpustest.Program(t, "readpst"), corpustest.Program(t, "pffexport")
	scratch := lasting(t)
	archive := cached(t, "medium")
	mbox, eml := converting(archive), converting(archive, "--format", "eml")
	byPffexport := func(dir string) *exec.Cmd {
		return exec.Command(pffexport, "-q", "-m", "items", "-t", filepath.Join(dir, "out"), archive)
	}
	t.Run("mbox/readpst", func(t *testing.T) {
		faster(t, scratch, archive, thanReadpst, mbox, func(dir string) *exec.Cmd {
			return exec.Command(readpst, "-q", "-D", "-j", "0", "-o", dir, archive)
		})
	})
	t.Run("EML/readpst", func(t *testing.T) {
		faster(t, scratch, archive, thanReadpst, eml, func(dir string) *exec.Cmd {
			return exec.Command(readpst, "-q", "-D", "-j", "0", "-e", "-o", dir, archive)
		})
	})
	t.Run("mbox/pffexport", func(t *testing.T) { faster(t, scratch, archive, thanPffexport, mbox, byPffexport) })
	t.Run("EML/pffexport", func(t *testing.T) { faster(t, scratch, archive, thanPffexport, eml, byPffexport) })
	if runtime.NumCPU() == 1 {
		corpustest.Missing(t, "there is but one core")
	}
	t.Run("mbox/one core", func(t *testing.T) { faster(t, scratch, archive, thanOneCore, mbox, onOneCore(t, mbox)) })
	t.Run("EML/one core", func(t *testing.T) { faster(t, scratch, archive, thanOneCore, eml, onOneCore(t, eml)) })
}

// On 2 GB the lead is larger, a byte costs about what it does on 200 MB, and inspect, which reads tables and no messages, takes
// less than a second. The archive costs its size on the disk and half a minute, so it is made only where nothing may be
// skipped.
func TestSpeedOfTwoGigabytes(t *testing.T) {
	if testing.Short() || !corpustest.Require() {
		t.Skip("MAILMILL_REQUIRE=1 makes a 2 GB archive for this")
	}
	readpst := corpustest.Program(t, "readpst")
	scratch := lasting(t)
	small, large := cached(t, "medium"), filepath.Join(scratch, "large.pst")
	corpustest.Pstgen(t, "-preset", "large", "-o", large)
	intoCache(t, large)
	t.Run("inspect", func(t *testing.T) {
		took, _ := run(t, scratch, func(string) *exec.Cmd { return exec.Command(program, "inspect", large) })
		if took > time.Second {
			t.Errorf("inspect takes %v", took)
		}
	})
	for _, c := range []struct {
		name    string
		options []string
		readpst []string
	}{
		{"mbox", nil, nil},
		{"EML", []string{"--format", "eml"}, []string{"-e"}},
	} {
		t.Run(c.name+"/readpst", func(t *testing.T) {
			faster(t, scratch, large, thanReadpstLarge, converting(large, c.options...), func(dir string) *exec.Cmd {
				args := append([]string{"-q", "-D", "-j", "0", "-o", dir}, c.readpst...)
				return exec.Command(readpst, append(args, large)...)
			})
		})
		t.Run(c.name+"/200 MB", func(t *testing.T) {
			least := float64(sizeOf(t, small)) / float64(sizeOf(t, large)) / growth
			faster(t, scratch, large, least, converting(large, c.options...), converting(small, c.options...))
		})
	}
}

// Whatever is written, and however large a message is, memory stays small. One run follows another, as each writes up to a
// gigabyte; other tests may run meanwhile.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a 200 MB archive")
	}
	t.Parallel()
	archives := map[string]string{"200 MB": cached(t, "medium")}
	if corpustest.Require() {
		archives["an attachment of 1 GB"] = withHugeAttachment(t, 1<<30)
	}
	scratch := t.TempDir()
	for name, archive := range archives {
		for _, form := range forms {
			t.Run(name+"/"+form.name, func(t *testing.T) {
				dir, err := os.MkdirTemp(scratch, "run-")
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(dir)
				args := append([]string{"convert", "-q", "--only", "mail"}, form.options...)
				resident := peakOf(t, exec.Command(program, append(args, archive, filepath.Join(dir, form.target))...))
				t.Logf("held %d MiB", resident>>10)
				if resident > residentLimit {
					t.Errorf("held %d MiB, more than %d", resident>>10, residentLimit>>10)
				}
			})
		}
	}
}

// peakOf runs a command and returns what it held of memory at most, in KiB, as GNU time tells: a new process begins as a part
// of what starts it, and what that holds counts, which is little there and much here.
func peakOf(t *testing.T, cmd *exec.Cmd) (resident int64) {
	t.Helper()
	const longest = 10 * time.Minute
	told := filepath.Join(t.TempDir(), "told")
	timed := exec.Command(corpustest.Program(t, "time"), append([]string{"-f", "%M", "-o", told}, cmd.Args...)...)
	timed.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	timed.Stdout, timed.Stderr = &out, &out
	if err := timed.Start(); err != nil {
		t.Fatal(err)
	}
	// A program that hangs says where: the Go runtime answers this signal with the stacks of all goroutines.
	hung := time.AfterFunc(longest, func() { _ = syscall.Kill(-timed.Process.Pid, syscall.SIGQUIT) })
	defer hung.Stop()
	if err := timed.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, tail(out.String(), 20000))
	}
	data, err := os.ReadFile(told)
	if _, scanned := fmt.Sscan(string(data), &resident); err != nil || scanned != nil || resident == 0 {
		t.Fatalf("time tells %q (%v)", data, err)
	}
	return resident
}

// faster fails the test unless ours is so many times as fast as theirs. They take turns, and the best time of each
// counts: others at work on the machine make a program slower, but nothing makes it faster than it is. One good result
// is enough; a bad one has to come about with hardly anybody else at work.
func faster(t *testing.T, scratch, archive string, times float64, ours, theirs contender) {
	t.Helper()
	const (
		rounds  = 6
		busy    = 0.1 // of the machine
		limit   = time.Minute
		patient = 3 * limit // where others were always at work
	)
	a, b := time.Duration(1<<62), time.Duration(1<<62)
	quiet := 0
	for start := time.Now(); quiet < rounds && (time.Since(start) < limit || quiet == 0 && time.Since(start) < patient); {
		atHand(t, scratch, archive)
		mine, others := run(t, scratch, ours)
		atHand(t, scratch, archive)
		its, more := run(t, scratch, theirs)
		a, b = min(a, mine), min(b, its)
		if float64(b) >= times*float64(a) {
			t.Logf("%v against %v: %.2f times as fast, %.2f wanted", a, b, float64(b)/float64(a), times)
			return
		}
		if max(others, more) < busy {
			quiet++
		}
	}
	if quiet == 0 {
		corpustest.Missing(t, "the machine is too busy to tell who is faster")
	}
	t.Errorf("%v against %v: %.2f times as fast, want %.2f", a, b, float64(b)/float64(a), times)
}

// run runs a contender in a new folder in scratch. It returns how long that took, and what share of the machine's cores
// others had meanwhile. Whatever mailmill does, it has to stay small.
func run(t *testing.T, scratch string, c contender) (took time.Duration, others float64) {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "run-")
	if err != nil {
		t.Fatal(err)
	}
	defer removeRun(t, dir)
	forgetPeak(t)
	cmd := c(dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	before, start := busy(t), time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A program that hangs says where: the Go runtime answers this signal with the stacks of all goroutines.
	hung := time.AfterFunc(5*time.Minute, func() { cmd.Process.Signal(syscall.SIGQUIT) })
	defer hung.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, tail(out.String(), 20000))
	}
	took = time.Since(start)
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	others = float64(busy(t)-before-used) / float64(took*time.Duration(runtime.NumCPU()))
	resident := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if cmd.Path == program && resident > residentLimit {
		t.Errorf("%v held %d MiB", cmd, resident>>10)
	}
	t.Logf("%s: %v, %d MiB; others had %.0f %% of the machine", filepath.Base(cmd.Path), took, resident>>10, 100*max(others, 0))
	return took, others
}

// lastingPrefix begins the names of folders that stay until the last test ended.
const lastingPrefix = "timed-"

// lasting returns a new folder for what runs write that are timed: in memory where there is room for it, else one that is
// removed after the last test, as file systems create files slowly where many have just been removed.
func lasting(t *testing.T) string {
	t.Helper()
	if memory, ok := inMemory(); ok {
		dir, err := os.MkdirTemp(memory, "mailmill-timed-")
		if err == nil {
			t.Cleanup(func() { os.RemoveAll(dir) })
			return dir
		}
	}
	dir, err := os.MkdirTemp(remains, lastingPrefix)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// removeRun removes what a run wrote, where that does not make the next one slow.
func removeRun(t *testing.T, dir string) {
	t.Helper()
	if strings.HasPrefix(dir, filepath.Join(remains, lastingPrefix)) {
		return
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// forgetPeak makes the kernel forget how much memory this process once held. A new process begins as a part of this one,
// and what it held as such would count as its own (proc_pid_clear_refs(5)).
func forgetPeak(t *testing.T) {
	t.Helper()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Log(err)
	}
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

// cached returns the archive of a preset of the generator, made once a machine, with its bytes in the page cache.
func cached(t *testing.T, preset string) string {
	t.Helper()
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, preset+".pst")
	if _, err := os.Stat(path); err != nil {
		corpustest.Pstgen(t, "-preset", preset, "-o", path+".new")
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	intoCache(t, path)
	return path
}

// atHand sees to it that a run finds its archive in memory, and room there for what it writes. A virtual machine gives memory
// that nobody uses back to its host, and gets it again at several times the price of a conversion: a file that goes just before
// the run has paid that.
func atHand(t *testing.T, scratch, archive string) {
	t.Helper()
	intoCache(t, archive)
	f, err := os.CreateTemp(scratch, "room-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 1<<20)
	for left := sizeOf(t, archive) * 5 / 4; left > 0; left -= int64(len(block)) {
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
}

func intoCache(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		t.Fatal(err)
	}
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
