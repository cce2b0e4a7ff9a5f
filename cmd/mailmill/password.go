package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// passwords is where passwords come from. They are never the value of an option, which other users of the machine can
// see, and never part of a message or a log.
type passwords struct {
	file, command string
}

// The variables that hold a password, the first of which wins.
var passwordVariables = [...]string{"MAILMILL_DIRECTORY_PASSWORD", "MAILMILL_PASSWORD"}

const passwordAdvice = "set MAILMILL_DIRECTORY_PASSWORD, or name a file with --password-file or a command that prints it with --password-command"

// maxPassword bounds what is taken for one, in bytes.
const maxPassword = 4096

func (p *passwords) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&p.file, "password-file", "", "read the password of a directory's user from `FILE`; MAILMILL_DIRECTORY_PASSWORD may hold it, too")
	flags.StringVar(&p.command, "password-command", "", "run `COMMAND` to get that password, the first line that it prints")
}

// check refuses options that cannot give a password, and users without one.
func (p *passwords) check(a *app, servers []server) error {
	needed := slices.ContainsFunc(servers, func(s server) bool { return s.user != "" })
	switch {
	case p.file != "" && p.command != "":
		return usage("--password-file and --password-command: one of them is enough")
	case (p.file != "" || p.command != "") && !needed:
		return usage("there is nobody to whom a password belongs: --directory names the user, as in ldaps://user%%40example.com@dc.example.com/dc=example,dc=com")
	case p.file != "":
		if info, err := os.Stat(p.file); err != nil {
			return usage("--password-file: %s: %s", p.file, reasonOf(err))
		} else if info.IsDir() {
			return usage("--password-file: %s is a folder", p.file)
		}
	case needed && p.command == "" && fromEnvironment() == "" && !a.stderrTerminal:
		return usage("the directory's user needs a password: %s", passwordAdvice)
	}
	return nil
}

func fromEnvironment() string {
	for _, name := range passwordVariables {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// ask returns what gets the password of a user of a server.
func (p *passwords) ask(a *app) func(ctx context.Context, host, user string) (string, error) {
	return func(ctx context.Context, host, user string) (string, error) {
		var password string
		var err error
		switch fromEnv := fromEnvironment(); {
		case p.file != "":
			password, err = p.fromFile()
		case p.command != "":
			password, err = p.fromCommand(ctx, a.stderr)
		case fromEnv != "":
			password = fromEnv
		case a.stderrTerminal:
			password, err = prompt(ctx, fmt.Sprintf("Password of %s at %s: ", user, host))
			if err != nil && ctx.Err() == nil {
				err = usage("no password can be asked for here (%v): %s", err, passwordAdvice)
			}
		default:
			err = usage("%s at %s needs a password: %s", user, host, passwordAdvice)
		}
		if err == nil && password == "" {
			err = usage("the password of %s at %s is empty: %s", user, host, passwordAdvice)
		}
		return password, err
	}
}

func (p *passwords) fromFile() (string, error) {
	f, err := os.Open(p.file)
	if err != nil {
		return "", usage("--password-file: %s: %s", p.file, reasonOf(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err != nil {
		return "", usage("--password-file: %s: %s", p.file, reasonOf(err))
	}
	if len(b) > maxPassword {
		return "", usage("--password-file: %s holds no password: it is longer than %d characters", p.file, maxPassword)
	}
	return firstLine(b), nil
}

func (p *passwords) fromCommand(ctx context.Context, stderr io.Writer) (string, error) {
	shell, option := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, option = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, shell, option, p.command)
	cmd.WaitDelay = time.Second // what it has started may hold on to its output
	cmd.Stderr = stderr
	out, err := cmd.Output()
	if err != nil {
		return "", usage("--password-command ends with %v", err)
	}
	if len(out) > maxPassword {
		return "", usage("--password-command prints more than a password: %d characters", len(out))
	}
	return firstLine(out), nil
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r")
}

// readLine reads a line that somebody types, who may never do so.
func readLine(ctx context.Context, terminal io.Reader) (string, error) {
	type typed struct {
		line []byte
		err  error
	}
	ready := make(chan typed, 1)
	go func() {
		var t typed
		b := make([]byte, 1)
		for len(t.line) < maxPassword {
			n, err := terminal.Read(b)
			if n == 1 && b[0] == '\n' || err != nil {
				t.err = err
				break
			}
			t.line = append(t.line, b[:n]...)
		}
		ready <- t
	}()
	select {
	case t := <-ready:
		return firstLine(t.line), t.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
