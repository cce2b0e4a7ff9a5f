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
	"sync"
	"time"

	"github.com/spf13/pflag"

	"mailmill/load/files"
)

// passwords is where passwords come from, and tokens that stand for them. They are never the value of an option, which
// other users of the machine can see, and never part of a message or a log.
//
// What the command line names goes before the environment, and what names the sort of items that a server takes before
// what does not. Only where nothing is named, somebody at a terminal is asked.
type passwords struct {
	general secretOptions
	of      [len(sortOptions)]secretOptions // by files.Sort

	asking sync.Mutex
	asked  map[string]string // what was typed, by the question
}

// secretOptions are options that say where one secret comes from.
type secretOptions struct {
	kind                 string // what the options' names begin with: "mail-"
	file, command, token string
}

// sortOptions are what options and variables call the sorts of items, by [files.Sort].
var sortOptions = [...]string{files.Mail: "mail", files.Calendars: "calendar", files.Cards: "contacts"}

func optionOf(sort files.Sort) string { return sortOptions[sort] }

// variableOf returns the name of the environment variable with the password of a server that takes a sort of items.
func variableOf(sort files.Sort) string {
	return "MAILMILL_" + strings.ToUpper(optionOf(sort)) + "_PASSWORD"
}

const (
	passwordVariable  = "MAILMILL_PASSWORD"
	directoryVariable = "MAILMILL_DIRECTORY_PASSWORD"

	// What commands that print passwords are told.
	userVariable = "MAILMILL_USER"
	hostVariable = "MAILMILL_HOST"
)

// maxPassword bounds what is taken for a password or a token, in bytes.
const maxPassword = 16384

// addFlags adds the options that concern all servers, directories among them.
func (p *passwords) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&p.general.file, "password-file", "", "read the password of a server's user from `FILE`; MAILMILL_PASSWORD may hold it, too")
	flags.StringVar(&p.general.command, "password-command", "", "run `COMMAND` to get that password, the first line that it prints")
	offer(flags, "password-command")
}

// addKindFlags adds the options for servers that take items.
func (p *passwords) addKindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&p.general.token, "token-command", "", "run `COMMAND` to get an OAuth access token in place of a password; again when that has expired")
	offer(flags, "token-command")
	for sort, name := range sortOptions {
		o := &p.of[sort]
		o.kind = name + "-"
		flags.StringVar(&o.file, o.kind+"password-file", "", "the same for the server of --"+name+" alone, from `FILE`")
		flags.StringVar(&o.command, o.kind+"password-command", "", "the same for the server of --"+name+" alone, from `COMMAND`")
		flags.StringVar(&o.token, o.kind+"token-command", "", "the same for the server of --"+name+" alone, from `COMMAND`")
		offer(flags, o.kind+"password-command")
		offer(flags, o.kind+"token-command")
	}
}

// given reports whether any of the options is.
func (o *secretOptions) given() bool { return o.file != "" || o.command != "" || o.token != "" }

// names returns the names of those that are given.
func (o *secretOptions) names() (list []string) {
	for _, option := range []struct{ name, value string }{{"password-file", o.file}, {"password-command", o.command}, {"token-command", o.token}} {
		if option.value != "" {
			list = append(list, "--"+o.kind+option.name)
		}
	}
	return list
}

// checkNumber refuses options that say two things.
func (o *secretOptions) checkNumber() error {
	if names := o.names(); len(names) > 1 {
		return usage("%s and %s: one of them is enough", names[0], names[1])
	}
	return nil
}

// checkFile refuses what is no file.
func (o *secretOptions) checkFile() error {
	if o.file == "" {
		return nil
	}
	if info, err := os.Stat(o.file); err != nil {
		return usage("--%spassword-file: %s: %s", o.kind, o.file, reasonOf(err))
	} else if info.IsDir() {
		return usage("--%spassword-file: %s is a folder", o.kind, o.file)
	}
	return nil
}

// check refuses options that cannot give a password, and users without one: those of directories, and those of servers
// that items go to.
func (p *passwords) check(a *app, directories []server, accounts []*account) error {
	all := []*secretOptions{&p.general}
	for sort := range p.of {
		all = append(all, &p.of[sort])
	}
	for _, o := range all {
		if err := o.checkNumber(); err != nil {
			return err
		}
	}
	for sort := range p.of {
		o, sort := &p.of[sort], files.Sort(sort)
		if o.given() && !slices.ContainsFunc(accounts, func(acct *account) bool { return acct.sort == sort }) {
			return usage("%s: no server is named that takes %s; %s would be one", o.names()[0], takenBy(sort), exampleOf(sort))
		}
	}
	ofDirectory := slices.ContainsFunc(directories, func(s server) bool { return s.user != "" })
	general := ofDirectory && p.general.token == ""
	for _, acct := range accounts {
		o := p.options(acct.sort)
		switch {
		case acct.user == "" && o.token == "" && o != &p.general:
			return usage("%s: the URL names nobody to whom a password belongs: it is written %s", o.names()[0], exampleOf(acct.sort))
		case acct.user == "" && o.token == "":
		case o == &p.general && o.given():
			general = true
		case !o.given() && fromEnvironment(variableOf(acct.sort), passwordVariable) == "" && !a.stderrTerminal:
			return usage("%s at %s needs a password: %s", acct.user, acct.host, adviceFor(acct.sort))
		}
	}
	switch {
	case p.general.token != "" && !general:
		return usage("--token-command: no server is named that would take it")
	case p.general.given() && !general && len(accounts) > 0:
		return usage("%s: nobody is named to whom it belongs, or each server has an option of its own", p.general.names()[0])
	case p.general.given() && !general:
		return usage("there is nobody to whom a password belongs: --directory names the user, as in ldaps://user%%40example.com@dc.example.com/dc=example,dc=com")
	}
	for _, o := range all {
		if err := o.checkFile(); err != nil {
			return err
		}
	}
	if ofDirectory && p.general.file == "" && p.general.command == "" && fromEnvironment(directoryVariable, passwordVariable) == "" && !a.stderrTerminal {
		return usage("the directory's user needs a password: %s", directoryAdvice)
	}
	return nil
}

const directoryAdvice = "set " + directoryVariable + ", or name a file with --password-file or a command that prints it with --password-command"

// adviceFor says how the password of a server is given that takes items of a sort.
func adviceFor(sort files.Sort) string {
	return fmt.Sprintf("set %s, or name a file with --%s-password-file or a command that prints it with --%[2]s-password-command; mailmill help servers tells more",
		variableOf(sort), optionOf(sort))
}

func fromEnvironment(names ...string) string {
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// options returns those that say where the secret of a server comes from.
func (p *passwords) options(sort files.Sort) *secretOptions {
	if p.of[sort].given() {
		return &p.of[sort]
	}
	return &p.general
}

// token returns what gets a token for a server each time that it is called; nil where a password is to be used.
func (p *passwords) token(a *app, acct *account) func(context.Context) (string, error) {
	o := p.options(acct.sort)
	if o.token == "" {
		return nil
	}
	return func(ctx context.Context) (string, error) {
		option := "--" + o.kind + "token-command"
		token, err := fromCommand(ctx, option, o.token, acct.user, acct.host, a.stderr)
		if err == nil && token == "" {
			err = usage("%s prints no token", option)
		}
		return token, err
	}
}

// password returns that of a server's user. It may ask for it, once for each user of a host.
func (p *passwords) password(ctx context.Context, a *app, acct *account) (string, error) {
	return p.get(ctx, a, p.options(acct.sort), acct.user, acct.host, adviceFor(acct.sort), variableOf(acct.sort), passwordVariable)
}

// ask returns what gets the password of a user of a directory.
func (p *passwords) ask(a *app) func(ctx context.Context, host, user string) (string, error) {
	return func(ctx context.Context, host, user string) (string, error) {
		o := p.general
		o.token = "" // no directory takes one
		return p.get(ctx, a, &o, user, host, directoryAdvice, directoryVariable, passwordVariable)
	}
}

func (p *passwords) get(ctx context.Context, a *app, o *secretOptions, user, host, advice string, variables ...string) (password string, err error) {
	switch fromEnv := fromEnvironment(variables...); {
	case o.file != "":
		password, err = fromFile("--"+o.kind+"password-file", o.file)
	case o.command != "":
		password, err = fromCommand(ctx, "--"+o.kind+"password-command", o.command, user, host, a.stderr)
	case fromEnv != "":
		password = fromEnv
	case a.stderrTerminal:
		password, err = p.prompt(ctx, fmt.Sprintf("Password of %s at %s: ", user, host))
		if err != nil && ctx.Err() == nil {
			err = usage("no password can be asked for here (%v): %s", err, advice)
		}
	default:
		err = usage("%s at %s needs a password: %s", user, host, advice)
	}
	if err == nil && password == "" {
		err = usage("the password of %s at %s is empty: %s", user, host, advice)
	}
	return password, err
}

// prompt asks a question once.
func (p *passwords) prompt(ctx context.Context, question string) (string, error) {
	p.asking.Lock()
	defer p.asking.Unlock()
	if answer, ok := p.asked[question]; ok {
		return answer, nil
	}
	answer, err := prompt(ctx, question)
	if err == nil {
		if p.asked == nil {
			p.asked = make(map[string]string)
		}
		p.asked[question] = answer
	}
	return answer, err
}

func fromFile(option, name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", usage("%s: %s: %s", option, name, reasonOf(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err != nil {
		return "", usage("%s: %s: %s", option, name, reasonOf(err))
	}
	if len(b) > maxPassword {
		return "", usage("%s: %s holds no password: it is longer than %d characters", option, name, maxPassword)
	}
	return firstLine(b), nil
}

// fromCommand runs a command of the user's, which may ask its environment for whom.
func fromCommand(ctx context.Context, option, command, user, host string, stderr io.Writer) (string, error) {
	shell, with := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, with = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, shell, with, command)
	cmd.WaitDelay = time.Second // what it has started may hold on to its output
	cmd.Stderr = stderr
	cmd.Env = append(os.Environ(), userVariable+"="+user, hostVariable+"="+host)
	out, err := cmd.Output()
	if err != nil {
		return "", usage("%s ends with %v", option, err)
	}
	if len(out) > maxPassword {
		return "", usage("%s prints more than a secret: %d characters", option, len(out))
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
