package main

import (
	"bytes"
	"errors"
	"fmt"
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

func samplePST() string { return filepath.Join(corpustest.Root(), "testdata", "sample.pst") }

// A second Ctrl-C ends a run at once, even where it cannot go on: here nobody reads what it writes. No file has its
// final name then.
func TestSecondSignal(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const room = 4096
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), syscall.F_SETPIPE_SZ, room); errno != 0 {
		t.Fatal(errno)
	}
	cmd := command(t, "convert", "--json", "--only", "mail", samplePST(), out)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	// There is more to say about the archive than goes into the pipe.
	for deadline := time.Now().Add(time.Minute); waiting(t, r) < room-1024; time.Sleep(time.Millisecond) {
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

// Whenever a run ends and however, no file has its final name before it is whole; and the same command again does it
// all, as if nothing had been.
func TestEndAtAnyMoment(t *testing.T) {
	moments := 4
	if testing.Short() {
		moments = 1
	}
	for _, form := range [][]string{
		{"out"},
		{"--format", "eml", "out"},
	} {
		t.Run(strings.Join(form, " "), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			convert := func(archive string, to string) *exec.Cmd {
				args := append([]string{"convert", "-q", "--only", "mail"}, form[:len(form)-1]...)
				cmd := command(t, append(args, archive, to)...)
				cmd.Dir = dir
				return cmd
			}
			name := form[len(form)-1]
			sample, err := os.ReadFile(samplePST())
			if err != nil {
				t.Fatal(err)
			}
			archive := filepath.Join(dir, "a.pst")
			if err := os.WriteFile(archive, sample, 0o600); err != nil {
				t.Fatal(err)
			}
			reference := filepath.Join(dir, "reference")
			start := time.Now()
			if out, err := convert("a.pst", filepath.Join("reference", name)).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			took := time.Since(start)
			want, err := tree(reference)
			if err != nil {
				t.Fatal(err)
			}

			random := rand.New(rand.NewPCG(4, 4))
			for i := range moments {
				for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
					to := fmt.Sprintf("%v-%d", signal, i)
					cmd := convert("a.pst", filepath.Join(to, name))
					var stderr bytes.Buffer
					cmd.Stderr = &stderr
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Duration(random.Int64N(int64(took))))
					cmd.Process.Signal(signal)
					err := cmd.Wait()
					there, treeErr := tree(filepath.Join(dir, to))
					if treeErr != nil && !errors.Is(treeErr, os.ErrNotExist) {
						t.Fatal(treeErr)
					}
					unfinished := false
					for file, sum := range there {
						switch {
						case strings.Contains(file, ".mailmill.tmp"):
							unfinished = true
						case want[file] != sum:
							t.Errorf("%v: %s is not whole", signal, file)
						}
					}
					switch status := cmd.ProcessState.ExitCode(); {
					case status == exitOK:
						if len(there) != len(want) {
							t.Errorf("%v: the run ended well with %d files of %d", signal, len(there), len(want))
						}
					case status == -1: // it had not begun to listen, or could not
					case status != exitInterrupted:
						t.Errorf("%v: %v: %s", signal, err, stderr.String())
					case len(there) > 0:
						t.Errorf("%v: interrupted in order, and %d files are left", signal, len(there))
					}
					if unfinished && signal != syscall.SIGKILL {
						t.Errorf("%v: something unfinished is left", signal)
					}
					if out, err := convert("a.pst", filepath.Join(to, name)).CombinedOutput(); err != nil {
						t.Fatalf("%v: the same command again: %v: %s", signal, err, out)
					}
					if there, err := tree(filepath.Join(dir, to)); err != nil || fmt.Sprint(there) != fmt.Sprint(want) {
						t.Errorf("%v: the same command again does not write the same: %v", signal, err)
					}
				}
			}
		})
	}
}
