package ledger_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailmill/load/ledger"
)

// childEnv makes the test's program do something else than testing.
const childEnv = "MAILMILL_LEDGER_TEST_CHILD"

var children = map[string]func(args []string){
	"hold":  holdLedger,
	"write": writeUntilKilled,
}

// child starts the test's program as something else. It is killed at the end of the test.
func child(t *testing.T, act string, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), childEnv+"="+act)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c, bufio.NewScanner(out)
}

func fail(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func holdLedger(args []string) {
	_, err := ledger.Open(args[0])
	fail(err)
	fmt.Println("has it")
	time.Sleep(time.Minute)
}

func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	c, out := child(t, "hold", path)
	if !out.Scan() || out.Text() != "has it" {
		t.Fatal(out.Text())
	}
	link := filepath.Join(t.TempDir(), "link")
	check(t, os.Symlink(path, link))
	for _, name := range []string{path, link} {
		_, err := ledger.Open(name)
		var inUse *ledger.InUseError
		if !errors.As(err, &inUse) {
			t.Fatalf("two have it: %v", err)
		}
		host, _ := os.Hostname()
		if inUse.PID != c.Process.Pid || inUse.Host != host || inUse.Command != filepath.Base(os.Args[0]) || time.Since(inUse.Since) > time.Minute {
			t.Errorf("who has it: %+v", inUse)
		}
		for _, word := range []string{path, strconv.Itoa(inUse.PID), host, "since"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%v: does not say %q", err, word)
			}
		}
	}
	// Its death is enough.
	check(t, c.Process.Kill())
	c.Wait()
	open(t, path)
}

func TestInUseByTheSameProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := open(t, path)
	_, err := ledger.Open(path)
	if inUse := (*ledger.InUseError)(nil); !errors.As(err, &inUse) || inUse.PID != os.Getpid() {
		t.Errorf("two have it: %v", err)
	}
	check(t, l.Close())
	open(t, path)
}

// batch is how many records writeUntilKilled hands in at once.
const batch = 7

// writeUntilKilled intends and confirms in several goroutines, and says so when each is done.
func writeUntilKilled(args []string) {
	l, err := ledger.Open(args[0])
	fail(err)
	a, err := l.Account(account)
	fail(err)
	p, err := a.Place(context.Background(), "INBOX", "1")
	fail(err)
	var out sync.Mutex
	say := func(what string, records []ledger.Record) {
		out.Lock()
		defer out.Unlock()
		for _, r := range records {
			fmt.Println(what, r.Key)
		}
	}
	for worker := range 4 {
		go func() {
			for n := 0; ; n++ {
				records := make([]ledger.Record, batch)
				for i := range records {
					records[i] = record(fmt.Sprintf("%s.%d.%d.%d", args[1], worker, n, i), byte(i), "")
				}
				fail(p.Intend(context.Background(), records))
				say("intended", records)
				for i := range records {
					records[i].Name = "uid " + records[i].Key
				}
				fail(p.Confirm(context.Background(), records))
				say("confirmed", records)
			}
		}()
	}
	select {}
}

// Whatever a process was told to be written when it was killed is there, and all or nothing of each batch.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	told := make(map[string]string) // of all runs
	for run := range 10 {
		c, out := child(t, "write", path, fmt.Sprint(run))
		kill := time.AfterFunc(time.Duration(50+37*run)*time.Millisecond, func() { c.Process.Kill() })
		for out.Scan() {
			what, key, ok := strings.Cut(out.Text(), " ")
			if !ok || what != "intended" && what != "confirmed" {
				t.Fatalf("run %d says %q", run, out.Text())
			}
			told[key] = what
		}
		kill.Stop()
		c.Wait()

		l := open(t, path)
		p := place(t, l, "INBOX", "1")
		there := make(map[string]string)
		sizes := make(map[string]int)
		count := func(r ledger.Record, state string) {
			there[r.Key] = state
			sizes[r.Key[:strings.LastIndexByte(r.Key, '.')]]++
			if name := "uid " + r.Key; state == "confirmed" && r.Name != name {
				t.Errorf("run %d: %s has the name %q", run, r.Key, r.Name)
			}
		}
		for r, err := range p.Stale() {
			check(t, err)
			count(r, "confirmed")
		}
		for r, err := range p.Unsettled() {
			check(t, err)
			count(r, "intended")
		}
		for key, what := range told {
			if got := there[key]; got != what && (what != "intended" || got != "confirmed") {
				t.Errorf("run %d: %s was said to be %s and is %q", run, key, what, got)
			}
		}
		for b, n := range sizes {
			if n != batch {
				t.Errorf("run %d: of the batch %s there are %d records", run, b, n)
			}
		}
		check(t, l.Close())
	}
	if len(told) == 0 {
		t.Error("nothing was written before a process was killed")
	}
}
