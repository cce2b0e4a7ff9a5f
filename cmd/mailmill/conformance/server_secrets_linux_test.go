package conformance

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailmill/formats/corpustest"
	"mailmill/load/servertest"
)

// Exit statuses of runs that cannot do what they should.
const (
	badUsage    = 2
	temporarily = 5
	notLoggedIn = 12
	overQuota   = 13
)

// No password and no token shows up anywhere: not in what runs say, not in their logs, reports and ledgers, and not among
// their arguments or those of what they start, whatever succeeds or fails.
func TestNoSecretAnywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	const password, wrong = "Geheim-4711-Wort", "Falsch-0815-Wort"
	archive := corpustest.Sample()
	mail := servertest.Dovecot(t, servertest.Options{"TEST_PASSWORD": password, "QUOTA": "10M"})
	small := servertest.Dovecot(t, servertest.Options{"TEST_PASSWORD": password, "QUOTA": "200k"})
	another := servertest.Dovecot(t, servertest.Options{"TEST_PASSWORD": password, "CERT_NAME": "other.example"})
	dav := servertest.Cyrus(t, servertest.Options{"TEST_PASSWORD": password})
	valid, expired := mail.Token(t, "u3", time.Hour), mail.Token(t, "u3", -time.Hour)
	secrets := []string{password, wrong, valid, expired}

	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, "secrets", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	said := filepath.Join(dir, "said")
	if err := os.Mkdir(said, 0o700); err != nil {
		t.Fatal(err)
	}
	right, bad := "MAILMILL_PASSWORD="+password, "MAILMILL_PASSWORD="+wrong
	secure := func(s *servertest.Server, user string) []string {
		return []string{"--tls-ca", s.CA, "--mail", "imaps://" + user + "@" + localhost(s.IMAPS)}
	}
	plain := []string{"--insecure", "127.0.0.1"}
	groupware := append(plain, "--calendar", "caldav://u1@"+dav.HTTP, "--contacts", "carddav://u1@"+dav.HTTP)
	runs := []struct {
		name   string
		env    string
		args   []string
		status int
	}{
		{"all is well", right, append(secure(mail, "u1"), groupware...), 0},
		{"nothing is new", right, append(secure(mail, "u1"), groupware...), 0},
		{"a password in a file", "", append(secure(mail, "u2"), "--password-file", file("right", password)), 0},
		{"a password from a command", "", append(secure(mail, "u2"), "--password-command", "cat "+file("right", password)), 0},
		{"a token", "", append(secure(mail, "u3"), "--token-command", "cat "+file("valid", valid)), 0},
		{"an expired token", "", append(secure(mail, "u3"), "--token-command", "cat "+file("expired", expired)), notLoggedIn},
		{"a wrong password for mail", bad, secure(mail, "u4"), notLoggedIn},
		{"a wrong password for calendars", bad, groupware, notLoggedIn},
		{"a certificate for another name", right, secure(another, "u1"), -1},
		{"a certificate that nobody knows", right, []string{"--mail", "imaps://u1@" + localhost(mail.IMAPS)}, -1},
		{"no room", right, secure(small, "u1"), overQuota},
		{"nobody there", right, append(plain, "--mail", "imap://u1@"+nobodyThere(t)), temporarily},
		{"a password in the URL", "", append(plain, "--mail", "imap://u1:"+password+"@"+mail.IMAP), badUsage},
	}
	for i, r := range runs {
		out := filepath.Join(said, strconv.Itoa(i))
		var only []string
		if kinds := onlyOf(r.args); kinds != "" {
			only = []string{"--only", kinds}
		}
		args := append([]string{"convert", "-v", "--json", "--ledger", out + "-ledger", "--log-file", out + "-log", "--report", out + "-report"}, only...)
		p := startProcess(t, []string{r.env, "XDG_STATE_HOME=" + filepath.Join(said, "state")}, append(append(args, r.args...), archive)...)
		seen := watchArguments(p)
		res := p.wait()
		if r.status >= 0 && res.status != r.status || res.status == 0 && r.status != 0 || res.status == 1 {
			t.Errorf("%s: exit status %d, want %d\n%s", r.name, res.status, r.status, tail(res.stderr, 1500))
		}
		if r.status != badUsage { // there the arguments are the mistake
			write(t, out+"-arguments", <-seen)
		}
		write(t, out+"-stdout", string(res.stdout))
		write(t, out+"-stderr", res.stderr)
	}

	// Also as they are sent by AUTHENTICATE PLAIN and by Basic.
	hidden := map[string]string{}
	for _, s := range secrets {
		hidden[s] = s
		for _, user := range []string{"u1", "u2", "u3", "u4"} {
			for _, form := range []string{"\x00" + user + "\x00" + s, user + ":" + s, "n,a=" + user + ",\x01auth=Bearer " + s + "\x01\x01", "user=" + user + "\x01auth=Bearer " + s + "\x01\x01"} {
				hidden[base64.StdEncoding.EncodeToString([]byte(form))] = s
			}
		}
	}
	files := 0
	err := filepath.WalkDir(said, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for form, secret := range hidden {
			if at := bytes.Index(data, []byte(form)); at >= 0 {
				t.Errorf("%s holds %s…: …%q", path, secret[:6], data[max(at-100, 0):at])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 5*len(runs) {
		t.Errorf("%d files were looked at", files)
	}
}

func localhost(addr string) string { return strings.Replace(addr, "127.0.0.1", "localhost", 1) }

// onlyOf returns the kinds that have a target among the arguments.
func onlyOf(args []string) string {
	var kinds []string
	for _, a := range args {
		switch a {
		case "--mail":
			kinds = append(kinds, "mail")
		case "--calendar":
			kinds = append(kinds, "event,task,note,journal")
		case "--contacts":
			kinds = append(kinds, "contact,group")
		}
	}
	return strings.Join(kinds, ",")
}

// watchArguments gathers what a process and those that it starts have for arguments, until it ends.
func watchArguments(p *process) <-chan string {
	seen := make(chan string, 1)
	go func() {
		all := map[string]bool{}
		for {
			family := map[int]bool{p.cmd.Process.Pid: true}
			entries, _ := os.ReadDir("/proc")
			for range 2 { // children of children
				for _, e := range entries {
					pid, err := strconv.Atoi(e.Name())
					if err != nil {
						continue
					}
					stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
					_, rest, _ := strings.Cut(string(stat), ") ")
					var state string
					var parent int
					if n, _ := fmt.Sscan(rest, &state, &parent); n == 2 && family[parent] {
						family[pid] = true
					}
				}
			}
			for pid := range family {
				if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
					all[string(line)] = true
				}
			}
			select {
			case <-p.ended:
				var list []string
				for line := range all {
					list = append(list, line)
				}
				seen <- strings.Join(list, "\n")
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return seen
}

// Nothing is written where a login fails, TLS does not hold, or one of several targets cannot be prepared; a password is
// tried once.
func TestNothingIsWrittenUnlessAllIsPrepared(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	archive := corpustest.Sample()
	mail := servertest.Dovecot(t, servertest.Options{"DEBUG": "yes", "AUTO": "no", "NEED_TLS": "yes"})
	another := servertest.Dovecot(t, servertest.Options{"CERT_NAME": "other.example"})
	dav := servertest.Radicale(t, nil)
	imaps := mail.IMAPS
	good := []string{"--mail", "imaps://u1@" + imaps, "--tls-ca", mail.CA}
	plain := []string{"--insecure", "127.0.0.1"}
	for _, test := range []struct {
		name, password string
		args           []string
		status         int // -1: any but 0 and 1
	}{
		{"a wrong password", "wrong", good, notLoggedIn},
		{"no calendar", mail.Password, append(append(good, plain...), "--calendar", "caldav://u1@"+nobodyThere(t)), temporarily},
		{"a wrong password for the calendar", mail.Password, append(append(good, plain...), "--calendar", "caldav://nobody@"+dav.HTTP), notLoggedIn},
		{"a certificate that nobody knows", mail.Password, []string{"--mail", "imaps://u1@" + imaps}, -1},
		{"a certificate for another name", mail.Password, []string{"--mail", "imaps://u1@" + localhost(another.IMAPS), "--tls-ca", another.CA}, -1},
		{"no TLS at all", mail.Password, []string{"--mail", "imap://u1@" + clearOnly(t)}, -1},
		{"a dry run", mail.Password, append(good, "-n"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := len(logOf(t, mail))
			ledger := filepath.Join(t.TempDir(), "ledger")
			args := append([]string{"convert", "-q", "--ledger", ledger, "--only", onlyOf(test.args)}, test.args...)
			r := startProcess(t, []string{"MAILMILL_PASSWORD=" + test.password}, append(args, archive)...).wait()
			if test.status >= 0 && r.status != test.status || test.status < 0 && r.status < 2 {
				t.Errorf("exit status %d, want %d\n%s", r.status, test.status, r.stderr)
			}
			if test.status != 0 && strings.TrimSpace(r.stderr) == "" {
				t.Error("nothing is said")
			}
			for _, m := range []*servertest.Server{another, dav} {
				if n := holds(t, m, "u1").total(); n > 0 {
					t.Errorf("%s: %d things are there", m.Name, n)
				}
			}
			if stored, _ := filepath.Glob(filepath.Join(mail.Dir, "mail", "u1", "mail", "*")); len(stored) > 0 {
				for _, path := range stored {
					if name := filepath.Base(path); strings.HasPrefix(name, ".") {
						t.Errorf("a mailbox is there: %s", name)
					}
				}
			}
			if tries := mismatches(t, mail, before); test.password == "wrong" && tries != 1 {
				t.Errorf("the password was tried %d times", tries)
			}
		})
	}

	t.Run("all is prepared", func(t *testing.T) {
		args := append([]string{"convert", "-q", "--ledger", filepath.Join(t.TempDir(), "ledger"), "--only", "mail"}, good...)
		startProcess(t, []string{"MAILMILL_PASSWORD=" + mail.Password}, append(args, archive)...).wait().want(t, 0)
	})
}

// mismatches returns how often somebody but us gave a wrong password since the log had so many bytes. The server writes its
// log when it likes, but in order: so it is complete once it tells of a wrong password that we give last.
func mismatches(t *testing.T, s *servertest.Server, since int) (n int) {
	t.Helper()
	const patience = time.Minute
	last := "last" + rand.Text()
	conn, err := tls.Dial("tcp", s.IMAPS, &tls.Config{RootCAs: s.Roots(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "x LOGIN %s wrong\r\n", last)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		n = 0
		for line := range strings.Lines(logOf(t, s)[since:]) {
			switch {
			case !strings.Contains(line, "Password mismatch"):
			case strings.Contains(strings.ToLower(line), strings.ToLower(last)):
				return n
			default:
				n++
			}
		}
	}
	t.Fatalf("the log of %s tells of no wrong password", s.Name)
	return 0
}

func logOf(t *testing.T, s *servertest.Server) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// clearOnly listens as an IMAP server that knows of no TLS, and returns where. Whoever logs in there has given a password
// away, which fails the test.
func clearOnly(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprint(conn, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n")
				buffer := make([]byte, 4096)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					line := string(buffer[:n])
					tag, command, _ := strings.Cut(strings.TrimSpace(line), " ")
					if word := strings.ToUpper(command); strings.HasPrefix(word, "LOGIN") || strings.HasPrefix(word, "AUTHENTICATE") {
						t.Errorf("a password is sent in the clear: %q", line)
						return
					}
					fmt.Fprintf(conn, "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n%s OK done\r\n", tag)
				}
			}()
		}
	}()
	return l.Addr().String()
}
