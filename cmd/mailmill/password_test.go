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

// Where the password of a directory comes from: what the command line names, else the environment, the directory's own
// first.
func TestDirectoryPasswords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("of the file\r\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := "echo"
	if runtime.GOOS == "windows" {
		empty = "echo."
	}
	for _, c := range []struct {
		name         string
		from         secretOptions
		own, general string
		want         string // a password, or after a ! what the error says
	}{
		{"general", secretOptions{}, "", "general", "general"},
		{"own", secretOptions{}, "own", "general", "own"},
		{"file", secretOptions{file: file}, "own", "general", "of the file"},
		{"command", secretOptions{command: "echo of the command"}, "own", "general", "of the command"},
		{"failing command", secretOptions{command: "exit 7"}, "own", "", "!--password-command ends with exit status 7"},
		{"missing file", secretOptions{file: file + "x"}, "own", "", "!there is no such file"},
		{"none", secretOptions{}, "", "", "!set MAILMILL_DIRECTORY_PASSWORD"},
		{"empty", secretOptions{command: empty}, "", "", "!is empty"},
		{"token", secretOptions{token: "echo a token"}, "", "general", "general"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(directoryVariable, c.own)
			t.Setenv(passwordVariable, c.general)
			a := &app{stderr: &output{w: new(bytes.Buffer), lost: func(error) {}}}
			p := &passwords{general: c.from}
			got, err := p.ask(a)(t.Context(), "dc.example.com:636", "reader")
			hears(t, got, err, c.want)
		})
	}
}

// hears checks that a secret is what was wanted, or that the error says what stands after a !.
func hears(t *testing.T, got string, err error, want string) {
	t.Helper()
	if says, fails := strings.CutPrefix(want, "!"); fails {
		if status, sentence := conclude(err); status != exitUsage || !strings.Contains(sentence, says) {
			t.Errorf("%q, %d %q, want %q", got, status, sentence, says)
		}
	} else if got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

// Where the password of a server comes from: the command line goes before the environment, and what names the sort of
// items before what does not.
func TestServerPasswords(t *testing.T) {
	mail, err := parseAccount("the target", "imaps://alice@mail.example.org/")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		own, general secretOptions
		ownVariable  string
		variable     string
		want         string
	}{
		{name: "variable", variable: "variable", want: "variable"},
		{name: "own variable", ownVariable: "own variable", variable: "variable", want: "own variable"},
		{name: "option", general: secretOptions{command: "echo option"}, ownVariable: "own variable", variable: "variable", want: "option"},
		{name: "own option", own: secretOptions{kind: "mail-", command: "echo own option"}, general: secretOptions{command: "exit 1"}, ownVariable: "own variable", want: "own option"},
		{name: "none", want: "!set MAILMILL_MAIL_PASSWORD, or name a file with --mail-password-file"},
		{name: "failing", own: secretOptions{kind: "mail-", command: "exit 3"}, want: "!--mail-password-command ends with exit status 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(variableOf(mail.sort), c.ownVariable)
			t.Setenv(passwordVariable, c.variable)
			a := &app{stderr: &output{w: new(bytes.Buffer), lost: func(error) {}}}
			p := &passwords{general: c.general}
			p.of[mail.sort] = c.own
			got, err := p.password(t.Context(), a, mail)
			hears(t, got, err, c.want)
		})
	}
}

// A token's command runs each time that a token is asked for.
func TestTokens(t *testing.T) {
	mail, err := parseAccount("the target", "imaps://alice@mail.example.org/")
	if err != nil {
		t.Fatal(err)
	}
	a := &app{stderr: &output{w: new(bytes.Buffer), lost: func(error) {}}}
	p := new(passwords)
	if p.token(a, mail) != nil {
		t.Error("there is a token without a command")
	}
	count := filepath.Join(t.TempDir(), "count")
	p.general.token = "echo >>" + count + " x; wc -l <" + count + " | tr -d ' '"
	if runtime.GOOS == "windows" {
		t.Skip("its shell does not count")
	}
	get := p.token(a, mail)
	for _, want := range []string{"1", "2", "3"} {
		if got, err := get(t.Context()); got != want || err != nil {
			t.Errorf("token %q, %v, want %s", got, err, want)
		}
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
