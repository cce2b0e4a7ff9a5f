package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Where a password comes from: what the command line names, else the environment, the directory's own first.
func TestPasswords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("of the file\r\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		from         passwords
		own, general string
		want         string // a password, or after a ! what the error says
	}{
		{"general", passwords{}, "", "general", "general"},
		{"own", passwords{}, "own", "general", "own"},
		{"file", passwords{file: file}, "own", "general", "of the file"},
		{"command", passwords{command: "echo of the command"}, "own", "general", "of the command"},
		{"failing command", passwords{command: "exit 7"}, "own", "", "!--password-command ends with exit status 7"},
		{"missing file", passwords{file: file + "x"}, "own", "", "!there is no such file"},
		{"none", passwords{}, "", "", "!set MAILMILL_DIRECTORY_PASSWORD"},
		{"empty", passwords{command: "echo."}, "", "", "!is empty"},
	} {
		if c.name == "empty" && runtime.GOOS != "windows" {
			c.from.command = "echo"
		}
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("MAILMILL_DIRECTORY_PASSWORD", c.own)
			t.Setenv("MAILMILL_PASSWORD", c.general)
			a := &app{stderr: &output{w: new(bytes.Buffer), lost: func(error) {}}}
			got, err := c.from.ask(a)(t.Context(), "dc.example.com:636", "reader")
			if want, fails := strings.CutPrefix(c.want, "!"); fails {
				if status, sentence := conclude(err); status != exitUsage || !strings.Contains(sentence, want) {
					t.Errorf("%q, %d %q, want %q", got, status, sentence, want)
				}
			} else if got != want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		})
	}
}

// Nobody has to type a password once a run is to end.
func TestReadLine(t *testing.T) {
	if got, err := readLine(t.Context(), strings.NewReader("pässwörd\r\nmore")); got != "pässwörd" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() // ends the reading
	defer r.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	if got, err := readLine(ctx, r); got != "" || !errors.Is(err, errInterrupted) {
		t.Errorf("%q, %v", got, err)
	}
}
