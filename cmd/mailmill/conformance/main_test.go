// Package conformance runs mailmill as its users do and lets others judge what comes out: the truth that the generator
// of archives knows, Python's email and mailbox, go-message, go-mbox, readpst and pffexport; for calendars and cards
// parsers in Go, Python and JavaScript, and the servers Radicale, Xandikos and Cyrus.
//
// The program is built once and run as a process; nothing here knows how it works inside. What it says and writes is
// turned into one form, [mail], whatever the way it was read; so is the truth, and a [tally] counts what is right and
// what is wrong by topic.
//
// The corpus and the generator of archives are looked up as package corpustest tells. With -short the tests that take
// long are left out or take less.
package conformance

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
)

// program is the path of the command, built by TestMain; remains is a folder that is removed after the last test, and cache
// one that stays for the next run.
var program, remains, cache string

// together is how many tests run side by side, unless -parallel says otherwise: more than a machine has cores, as most of
// them wait for servers.
const together = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", together)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	cache = filepath.Join(os.TempDir(), "mailmill-conformance-cache")
	parent := ""
	memory, ok := inMemory()
	if ok {
		parent = memory
	}
	dir, err := os.MkdirTemp(parent, "mailmill-conformance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if ok {
		// The folders of tests are there, too: that a disk is written to in the right way is for other packages to see.
		os.Setenv("TMPDIR", dir)
	}
	program, remains = filepath.Join(dir, "mailmill"), dir
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	build := exec.Command("go", "build", "-o", program, "./cmd/mailmill")
	build.Dir = corpustest.Root()
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the command: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// result is what a run of the command left.
type result struct {
	args   []string
	stdout []byte
	stderr string
	status int
}

// mailmill runs the command. Every status is an answer; only a command that cannot be run, or that panics, fails the
// test.
func mailmill(t testing.TB, args ...string) result {
	t.Helper()
	cmd := exec.Command(program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("mailmill %s: %v", strings.Join(args, " "), err)
	}
	r := result{args, stdout.Bytes(), stderr.String(), cmd.ProcessState.ExitCode()}
	if strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "panic:") {
		t.Fatalf("%s panics:\n%s", r, r.stderr)
	}
	return r
}

func (r result) String() string { return "mailmill " + strings.Join(r.args, " ") }

// want fails the test unless the command ended with one of the statuses given.
func (r result) want(t testing.TB, statuses ...int) result {
	t.Helper()
	for _, s := range statuses {
		if r.status == s {
			return r
		}
	}
	t.Fatalf("%s: exit status %d, want %v\n%s", r, r.status, statuses, tail(r.stderr, 2000))
	return r
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// archives returns every PST and OST of the corpus, real and synthetic, by its path below the corpus.
func archives(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"pst/*.pst", "pst/*.ost", "synthetic/*.pst"} {
		found, err := filepath.Glob(filepath.Join(corpustest.Dir(t), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			names = append(names, filepath.ToSlash(filepath.Join(filepath.Base(filepath.Dir(f)), filepath.Base(f))))
		}
	}
	if len(names) == 0 {
		corpustest.Missing(t, "the corpus holds no archives")
	}
	return names
}
