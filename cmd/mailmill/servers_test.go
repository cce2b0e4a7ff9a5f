package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mailmill/formats/corpustest"
	"mailmill/load/dav/davtest"
	"mailmill/load/imap/imaptest"
)

// The secrets of the servers in scripts. Nothing that a script leaves may hold them.
const (
	scriptPassword = "Hj7-not-to-be-seen"
	scriptToken    = "ya29.not-to-be-seen-either"
)

// TestServerScripts runs sessions with servers, in testdata/servers. They run in this process, and the commands of scripts
// tell them what to do.
func TestServerScripts(t *testing.T) {
	sample, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	running := make(map[string]*scriptServers) // by working folder
	of := func(ts *testscript.TestScript) *scriptServers {
		mu.Lock()
		defer mu.Unlock()
		dir := ts.Getenv("WORK")
		if running[dir] == nil {
			running[dir] = &scriptServers{t, make(map[string]*imaptest.Server), make(map[string]*davtest.Server)}
		}
		return running[dir]
	}
	command := func(do func(*scriptServers, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
		return func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) == 0 {
				ts.Fatalf("this command cannot be negated, and needs the name of a server")
			}
			do(of(ts), ts, args)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "servers"),
		RequireExplicitExec: true,
		Condition:           condition,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("PASSWORD", scriptPassword)
			env.Setenv("TOKEN", scriptToken)
			env.Setenv("MAILMILL_PASSWORD", scriptPassword)
			return os.WriteFile(filepath.Join(env.WorkDir, "sample.pst"), sample, 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":      status,
			"imap":        command((*scriptServers).imap),
			"imap-fault":  command((*scriptServers).imapFault),
			"imap-quota":  command((*scriptServers).imapQuota),
			"imap-down":   command(func(s *scriptServers, _ *testscript.TestScript, args []string) { s.mail[args[0]].Down() }),
			"imap-up":     command(func(s *scriptServers, ts *testscript.TestScript, args []string) { ts.Check(s.mail[args[0]].Up()) }),
			"imap-heal":   command(func(s *scriptServers, _ *testscript.TestScript, args []string) { s.mail[args[0]].Heal() }),
			"imap-holds":  command((*scriptServers).imapHolds),
			"imap-logins": command((*scriptServers).imapLogins),
			"imap-delete": command((*scriptServers).imapDelete),
			"imap-copy":   command((*scriptServers).imapCopy),
			"imap-waits":  command((*scriptServers).imapWaits),
			"dav":         command((*scriptServers).dav),
			"dav-fault":   command((*scriptServers).davFault),
			"dav-heal":    command(func(s *scriptServers, _ *testscript.TestScript, args []string) { s.web[args[0]].Heal() }),
			"dav-holds":   command((*scriptServers).davHolds),
			"dav-edit":    command((*scriptServers).davEdit),
			"nowhere":     nowhere,
			"arguments":   arguments,
		},
	})
}

// scriptServers are those of one script.
type scriptServers struct {
	t    *testing.T
	mail map[string]*imaptest.Server
	web  map[string]*davtest.Server
}

// imap starts a mail server, and puts its address into a variable: imap MAIL tls quota=100000 without=UIDPLUS
func (s *scriptServers) imap(ts *testscript.TestScript, args []string) {
	o := imaptest.Options{User: "alice", Password: scriptPassword, Token: scriptToken}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "tls":
			o.TLS = true
		case "starttls":
			o.StartTLS = true
		case "user":
			o.User = value
		case "quota":
			o.Quota = int64(number(ts, value))
		case "limit":
			o.AppendLimit = int64(number(ts, value))
		case "without":
			o.Without = append(o.Without, value)
		case "mailbox":
			name, use, _ := strings.Cut(value, ":")
			if o.Mailboxes == nil {
				o.Mailboxes = make(map[string]string)
			}
			o.Mailboxes[name] = use
		case "bearer":
			o.Mechanisms = []string{"OAUTHBEARER"}
		default:
			ts.Fatalf("imap knows no %s", arg)
		}
	}
	server := imaptest.Start(s.t, o)
	s.mail[args[0]] = server
	ts.Setenv(args[0], server.Addr())
}

// imapFault makes a server do something wrong: imap-fault MAIL APPEND after=3 repeat refuse 'NO [LIMIT] too fast'
func (s *scriptServers) imapFault(ts *testscript.TestScript, args []string) {
	f := imaptest.Fault{Command: args[1]}
	actions := map[string]imaptest.Action{
		"refuse": imaptest.Refuse, "send": imaptest.Send, "flood": imaptest.Flood, "swallow": imaptest.Swallow,
		"drop": imaptest.Drop, "stall": imaptest.Stall, "before": imaptest.Before,
	}
	for i := 2; i < len(args); i++ {
		name, value, _ := strings.Cut(args[i], "=")
		switch name {
		case "after":
			f.After = number(ts, value)
		case "at":
			f.At = int64(number(ts, value))
		case "repeat":
			f.Repeat = true
		default:
			do, ok := actions[name]
			if !ok {
				ts.Fatalf("imap-fault knows no %s", args[i])
			}
			f.Do = do
			f.Text = strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(strings.Join(args[i+1:], " "))
			i = len(args)
		}
	}
	s.mail[args[0]].Fault(f)
}

func (s *scriptServers) imapQuota(ts *testscript.TestScript, args []string) {
	s.mail[args[0]].SetQuota(int64(number(ts, args[1])))
}

// imapHolds checks how many messages there are: imap-holds MAIL 109, or in one mailbox: imap-holds MAIL 52 INBOX
func (s *scriptServers) imapHolds(ts *testscript.TestScript, args []string) {
	n := s.mail[args[0]].Count()
	if len(args) > 2 {
		n = len(s.mail[args[0]].Messages(args[2]))
	}
	if n != number(ts, args[1]) {
		ts.Fatalf("there are %d messages; mailboxes are %q", n, s.mail[args[0]].Mailboxes())
	}
}

func (s *scriptServers) imapLogins(ts *testscript.TestScript, args []string) {
	if n := s.mail[args[0]].Logins(); n != number(ts, args[1]) {
		ts.Fatalf("%d logins", n)
	}
}

// imapDelete deletes the first messages of a mailbox: imap-delete MAIL INBOX 2
func (s *scriptServers) imapDelete(ts *testscript.TestScript, args []string) {
	s.mail[args[0]].Change(args[1], func(list []imaptest.Message) []imaptest.Message { return list[number(ts, args[2]):] })
}

// imapCopy delivers the first message of a mailbox once more.
func (s *scriptServers) imapCopy(_ *testscript.TestScript, args []string) {
	first := s.mail[args[0]].Messages(args[1])[0]
	s.mail[args[0]].Deliver(args[1], first)
}

// imapWaits waits until there are at least so many messages.
func (s *scriptServers) imapWaits(ts *testscript.TestScript, args []string) {
	for deadline := time.Now().Add(time.Minute); s.mail[args[0]].Count() < number(ts, args[1]); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("there are %d messages after a minute", s.mail[args[0]].Count())
		}
	}
}

// dav starts a calendar and contacts server, and puts its address into a variable: dav WEB quota=100000
func (s *scriptServers) dav(ts *testscript.TestScript, args []string) {
	o := davtest.Options{Password: scriptPassword, Components: []string{"VEVENT", "VTODO", "VJOURNAL"}}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "quota":
			o.Quota = int64(number(ts, value))
		case "digest":
			o.Auth = davtest.DigestSHA256
		case "bearer":
			o.Auth, o.Password = davtest.Bearer, scriptToken
		case "events":
			o.Components, o.IgnoresComponents = []string{"VEVENT"}, true
		default:
			ts.Fatalf("dav knows no %s", arg)
		}
	}
	server := davtest.New(s.t, o)
	s.web[args[0]] = server
	_, address, _ := strings.Cut(server.URL, "://")
	ts.Setenv(args[0], strings.Trim(address, "/"))
}

// davFault makes a server answer requests with a status: dav-fault WEB PUT after=3 times=2 503
func (s *scriptServers) davFault(ts *testscript.TestScript, args []string) {
	f := davtest.Fault{Method: args[1]}
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "after":
			f.Skip = number(ts, value)
		case "times":
			f.Times = number(ts, value)
		case "cut":
			f.Cut = true
		case "stores":
			f.Stores = true
		default:
			f.Status = number(ts, name)
		}
	}
	s.web[args[0]].Fail(f)
}

// davHolds checks how many resources there are: dav-holds WEB 108
func (s *scriptServers) davHolds(ts *testscript.TestScript, args []string) {
	n := 0
	for _, collection := range s.web[args[0]].Collections() {
		n += len(s.web[args[0]].Objects(collection))
	}
	if n != number(ts, args[1]) {
		ts.Fatalf("there are %d resources; collections are %q", n, s.web[args[0]].Collections())
	}
}

// davEdit changes the first resource that holds a text: dav-edit WEB 'Team meeting' 'Another meeting'
func (s *scriptServers) davEdit(ts *testscript.TestScript, args []string) {
	server := s.web[args[0]]
	for _, collection := range server.Collections() {
		for _, object := range server.Objects(collection) {
			if bytes.Contains(object.Data, []byte(args[1])) {
				server.Put(object.Path, bytes.ReplaceAll(object.Data, []byte(args[1]), []byte(args[2])))
				return
			}
		}
	}
	ts.Fatalf("no resource holds %q", args[1])
}

// nowhere checks that no file that a script has left, and nothing that its commands said last, holds a text.
func nowhere(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: nowhere TEXT…")
	}
	for _, text := range args {
		for _, stream := range []string{"stdout", "stderr"} {
			if strings.Contains(ts.ReadFile(stream), text) {
				ts.Fatalf("%s holds it", stream)
			}
		}
		err := filepath.WalkDir(ts.Getenv("WORK"), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || slices.Contains([]string{"password", "token"}, d.Name()) {
				return err
			}
			b, err := os.ReadFile(path)
			if err == nil && bytes.Contains(b, []byte(text)) {
				err = fmt.Errorf("%s holds it", path)
			}
			return err
		})
		ts.Check(err)
	}
}

// arguments checks that no process of the machine has a text among its arguments.
func arguments(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: arguments TEXT…")
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	ts.Check(err)
	found := 0
	for _, line := range lines {
		b, err := os.ReadFile(line)
		if err != nil {
			continue // it has ended
		}
		if bytes.Contains(b, []byte("convert\x00-v\x00")) {
			found++
		}
		for _, text := range args {
			if bytes.Contains(b, []byte(text)) {
				ts.Fatalf("%s holds it", line)
			}
		}
	}
	if found == 0 {
		ts.Fatalf("the run is not among the %d processes", len(lines))
	}
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}
