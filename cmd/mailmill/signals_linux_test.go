package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"mailmill/formats/corpustest"
)

// command returns a run of mailmill, which the test binary is if it is called so; see TestMain.
func command(t *testing.T, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "mailmill"
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	return cmd
}

// A second Ctrl-C ends a run at once, even where it cannot go on: here nobody reads what it writes. No file has its
// final name then.
func TestSecondSignal(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const room = 4 * 4096
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), syscall.F_SETPIPE_SZ, room); errno != 0 {
		t.Fatal(errno)
	}
	cmd := command(t, "convert", "--json", "--only", "mail", corpustest.Sample(), out)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	// There is more to say about the archive than goes into the pipe, and a line goes in whole or waits.
	for deadline := time.Now().Add(time.Minute); waiting(t, r) < room/4; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the run does not write")
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(time.Minute)
	for signals := 0; ; signals++ {
		select {
		case err := <-ended:
			if cmd.ProcessState.ExitCode() != exitInterrupted || !strings.HasPrefix(stderr.String(), "mailmill: stopped at once; ") || signals < 2 {
				t.Errorf("%v after %d signals: %q", err, signals, stderr.String())
			}
			if left, _ := os.ReadDir(out); len(left) > 1 || len(left) == 1 && left[0].Name() != ".mailmill.tmp" {
				t.Errorf("%v is there", left)
			}
			return
		case <-time.After(together + 100*time.Millisecond):
			cmd.Process.Signal(os.Interrupt)
		case <-deadline:
			cmd.Process.Kill()
			t.Fatal("the run does not end")
		}
	}
}

// waiting returns the number of bytes in a pipe.
func waiting(t *testing.T, r *os.File) int {
	var n int32
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, r.Fd(), syscall.TIOCINQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
		t.Fatal(errno)
	}
	return int(n)
}

// forms are the forms of output, as the end of a command line names them.
var forms = [][]string{
	{"out"},
	{"--format", "eml", "out"},
	{"--format", "maildir", "out"},
	{"out.tar"},
	{"out.tar.zst"},
	{"--format", "maildir", "out.tar.gz"},
	{"--format", "eml", "out.zip"},
	{"out.mbox"},
	{"out.mbox.zst"},
	{"out.mbox.gz"},
}

// conversion of the sample in a form, into a folder.
func convertSample(t *testing.T, form []string, to string, options ...string) *exec.Cmd {
	last := len(form) - 1
	args := append([]string{"convert", "-q", "--only", "mail"}, options...)
	args = append(append(args, form[:last]...), corpustest.Sample(), filepath.Join(to, form[last]))
	return command(t, args...)
}

// reference converts the sample and returns the hashes of what is written, and how long that takes.
func reference(t *testing.T, form []string) (map[string]string, time.Duration) {
	to := t.TempDir()
	start := time.Now()
	if out, err := convertSample(t, form, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	took := time.Since(start)
	whole, err := tree(to)
	if err != nil || len(whole) == 0 {
		t.Fatalf("%d files: %v", len(whole), err)
	}
	return whole, took
}

// Whenever a run ends and however, no file has its final name before it is whole; and the same command again does it
// all, as if nothing had been.
func TestEndAtAnyMoment(t *testing.T) {
	moments := 8
	if testing.Short() {
		moments = 1
	}
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP}
	random := rand.New(rand.NewPCG(4, 4))
	for i, form := range forms {
		t.Run(strings.Join(form, " "), func(t *testing.T) {
			whole, took := reference(t, form)
			for moment := range moments {
				endAt(t, form, signals[(i+moment)%len(signals)], time.Duration(random.Int64N(int64(took))), whole)
			}
		})
	}
}

// endAt ends a run by a signal some time after its start.
func endAt(t *testing.T, form []string, signal syscall.Signal, after time.Duration, whole map[string]string) {
	to := t.TempDir()
	cmd := convertSample(t, form, to)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	cmd.Process.Signal(signal)
	ended := cmd.Wait()
	there, err := tree(to)
	if err != nil {
		t.Fatal(err)
	}
	finished, unfinished := 0, 0
	for file, sum := range there {
		switch {
		case strings.Contains(file, ".mailmill.tmp"):
			unfinished++
		case whole[file] != sum:
			t.Errorf("%v: %s is not whole", signal, file)
		default:
			finished++
		}
	}
	if unfinished > 0 && signal != syscall.SIGKILL {
		t.Errorf("%v: something unfinished is left", signal)
	}
	switch status := cmd.ProcessState.ExitCode(); {
	case status == exitOK && finished != len(whole):
		t.Errorf("%v: the run ended well with %d files of %d", signal, finished, len(whole))
	case status == exitInterrupted && len(there) > 0:
		t.Errorf("%v: interrupted in order, and %d files are left", signal, len(there))
	case status == exitOK, status == exitInterrupted:
	case status == -1: // it had not begun to listen, or cannot
	default:
		t.Errorf("%v: %v: %s", signal, ended, stderr.String())
	}

	// A single file does not tell who wrote it; where it is whole there is nothing left to do.
	if _, done := there[form[len(form)-1]]; done {
		return
	}
	if out, err := convertSample(t, form, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: the same command again: %v: %s", signal, err, out)
	}
	if there, err := tree(to); err != nil || !maps.Equal(there, whole) {
		t.Errorf("%v: the same command again does not write the same: %v", signal, err)
	}
}

// A disk that fills up ends a run with a sentence and status 5, however far it came and whatever it writes. Nothing of
// it is left; what was there before is; and with room the same command does it all.
func TestFullDisk(t *testing.T) {
	sizes := []int{4, 8, 12, 300, 900}
	if testing.Short() {
		sizes = sizes[3:]
	}
	for _, form := range forms {
		t.Run(strings.Join(form, " "), func(t *testing.T) {
			whole, _ := reference(t, form)
			mount := t.TempDir()
			resize := func(flags uintptr, kilobytes int) {
				err := syscall.Mount("tmpfs", mount, "tmpfs", flags, fmt.Sprintf("size=%dk", kilobytes))
				if err != nil {
					corpustest.Missing(t, "a small disk cannot be had here: %v", err)
				}
			}
			resize(0, 4)
			t.Cleanup(func() { syscall.Unmount(mount, syscall.MNT_DETACH) })
			mine := filepath.Join(mount, "mine")
			if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(mount, "below")
			for _, kilobytes := range sizes {
				resize(syscall.MS_REMOUNT, kilobytes)
				cmd := convertSample(t, form, to, "--ignore-space")
				out, _ := cmd.CombinedOutput()
				if cmd.ProcessState.ExitCode() != exitTemporary || !strings.Contains(string(out), ": the disk is full; make room and run the same command again\n") {
					t.Errorf("%d kB: %v: %s", kilobytes, cmd.ProcessState, out)
				}
				if left, err := os.ReadDir(mount); err != nil || len(left) != 1 || left[0].Name() != "mine" {
					t.Errorf("%d kB: %v is left, %v", kilobytes, left, err)
				}
			}
			resize(syscall.MS_REMOUNT, 30000)
			if out, err := convertSample(t, form, to, "--ignore-space").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if there, err := tree(to); err != nil || !maps.Equal(there, whole) {
				t.Errorf("with room the same command does not write the same: %v", err)
			}
		})
	}
}
