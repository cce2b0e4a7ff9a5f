package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"mailmill/formats/corpustest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, programs())
}

// TestScripts runs what reads like sessions at a terminal, in testdata. The sample archive lies in each one's folder.
func TestScripts(t *testing.T) {
	sample, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	if signal.Ignored(syscall.SIGHUP) {
		// The tests run by nohup. What they start would inherit that, but for what is waited for here.
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Condition:           condition,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			return os.WriteFile(filepath.Join(env.WorkDir, "sample.pst"), sample, 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": status,
			"same":   same,
			"disk":   disk,
		},
	})
}

// status runs a command and checks its exit status: status 3 mailmill convert sample.pst out
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status NUMBER program args...")
	}
	got := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

// same checks that two folders hold the same files with the same content: same one two
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same folder folder")
	}
	one, err := tree(ts.MkAbs(args[0]))
	ts.Check(err)
	two, err := tree(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(one) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
	if diff := cmp.Diff(one, two); (diff == "") == neg {
		ts.Fatalf("-%s +%s:\n%s", args[0], args[1], diff)
	}
}

// tree returns the hash of each file below a folder.
func tree(dir string) (map[string]string, error) {
	sums := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		sums[name] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	return sums, err
}
