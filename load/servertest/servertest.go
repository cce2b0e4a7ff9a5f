// Package servertest gives tests real servers: Dovecot and Cyrus for mail, Cyrus, Radicale and Xandikos for calendars and
// contacts, OpenLDAP for directories. Each server of a test is its own, listens on 127.0.0.1 only, keeps everything in a
// folder in memory, and ends with the test.
//
//	s := servertest.Dovecot(t, servertest.Options{"QUOTA": "10M"})
//	dial(s.IMAPS, s.Roots(t), "u1", s.Password)
//
// The users u1 to u20 exist everywhere, with the same password; parts of a test that must not see each other take one
// each, as starting a server costs half a second. What is odd about each server, and the variables that Options takes,
// is told in .ci/servers/README.md, whose scripts this package runs. A server that is not installed skips the test with
// one line that says so, and fails it where MAILMILL_REQUIRE is 1.
//
// Between a client and a server, [Between] puts a network that is slow, breaks connections, or swallows answers. [Mails]
// and [Resources] tell what is on a server, by other means than those under test. [BareIMAP] and [BareDAV] send what is
// prepared as fast as a client can that does nothing else.
package servertest

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mailmill/formats/corpustest"
)

// Options are the variables of a server's script, such as FORMAT or QUOTA_KB.
type Options map[string]string

// Server is a running server. Addresses are host:port, and empty where the server does not speak the protocol.
type Server struct {
	Name     string // dovecot, cyrus, radicale, xandikos, slapd
	Dir      string // its state
	Password string // everybody's; empty: the server asks for none
	Admin    string // who may act for others, empty if nobody may
	CA       string // a file: the authority that the server's certificate is from
	Outbox   string // a folder: a file for each mail that the server would have sent to somebody

	IMAP, IMAPS string
	HTTP, HTTPS string
	LDAP, LDAPS string

	calendars, contacts string // paths of homes, with %u for the user
	options             Options
}

// Dovecot starts one: IMAP.
func Dovecot(t testing.TB, o Options) *Server { return start(t, "dovecot", o) }

// Cyrus starts one: IMAP, CalDAV and CardDAV. It would send invitations, and has an outbox.
func Cyrus(t testing.TB, o Options) *Server { return start(t, "cyrus", o) }

// Radicale starts one: CalDAV and CardDAV, by HTTP or, with TLS=yes, by HTTPS.
func Radicale(t testing.TB, o Options) *Server { return start(t, "radicale", o) }

// Xandikos starts one: CalDAV and CardDAV without passwords, for one user, u1 or PRINCIPAL.
func Xandikos(t testing.TB, o Options) *Server { return start(t, "xandikos", o) }

// OpenLDAP starts one: LDAP.
func OpenLDAP(t testing.TB, o Options) *Server { return start(t, "slapd", o) }

func start(t testing.TB, name string, o Options) *Server {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("%s is started on Linux only", name)
	}
	parent := "/dev/shm" // what a disk costs is of no interest
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "mailmill-"+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{Name: name, Dir: filepath.Join(dir, name), options: Options{"FSYNC": "never"}}
	maps.Copy(s.options, o)
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			t.Logf("what %s said last:\n%s", s.Name, s.said())
		}
	})
	return s
}

// said returns the end of the server's log.
func (s *Server) said() []byte {
	const most = 4000
	data, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	return data[max(len(data)-most, 0):]
}

// script returns the path of one of the scripts.
func script(name string) string { return filepath.Join(corpustest.Root(), ".ci", "servers", name) }

// run runs the server's script and reads what it prints.
func (s *Server) run(t testing.TB) error {
	t.Helper()
	const missing = 77
	cmd := exec.Command(script("start-"+s.Name), s.Dir)
	cmd.Env = os.Environ()
	for k, v := range s.options {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	for variable, address := range map[string]string{
		"IMAP_PORT": s.IMAP, "IMAPS_PORT": s.IMAPS, "HTTP_PORT": s.HTTP, "HTTPS_PORT": s.HTTPS, "LDAP_PORT": s.LDAP, "LDAPS_PORT": s.LDAPS,
	} {
		if address != "" { // of an earlier start
			_, port, _ := net.SplitHostPort(address)
			cmd.Env = append(cmd.Env, variable+"="+port)
		}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == missing {
		corpustest.Missing(t, "%s", strings.TrimSpace(stderr.String()))
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w\n%s", s.Name, err, stderr.String())
	}
	fields := map[string]*string{
		"PASSWORD": &s.Password, "ADMIN": &s.Admin, "CA": &s.CA, "OUTBOX": &s.Outbox, "CALENDARS": &s.calendars, "CONTACTS": &s.contacts,
		"IMAP": &s.IMAP, "IMAPS": &s.IMAPS, "HTTP": &s.HTTP, "HTTPS": &s.HTTPS, "LDAP": &s.LDAP, "LDAPS": &s.LDAPS,
	}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		field, ok := fields[key]
		if !ok {
			return fmt.Errorf("start-%s prints %q", s.Name, line)
		}
		*field = value
	}
	return nil
}

// Stop ends the server in an orderly way. What it holds stays until the test ends.
func (s *Server) Stop(t testing.TB) { s.stop(t) }

// Kill ends the server as a loss of power does: with SIGKILL, all its processes at once.
func (s *Server) Kill(t testing.TB) { s.stop(t, "--kill") }

func (s *Server) stop(t testing.TB, how ...string) {
	t.Helper()
	if out, err := exec.Command(script("stop"), append(how, s.Dir)...).CombinedOutput(); err != nil {
		t.Errorf("stopping %s: %v\n%s", s.Name, err, out)
	}
}

// Start starts a server again that was stopped or killed: on the same ports, with what it holds, and with some options
// changed.
func (s *Server) Start(t testing.TB, changed Options) {
	t.Helper()
	maps.Copy(s.options, changed)
	if err := s.run(t); err != nil {
		t.Fatal(err)
	}
}

// Restart stops and starts the server.
func (s *Server) Restart(t testing.TB, changed Options) {
	t.Helper()
	s.Stop(t)
	s.Start(t, changed)
}

// Pause makes all processes of the server stand still until Resume.
func (s *Server) Pause(t testing.TB) { s.signal(t, "STOP") }

// Resume lets the server go on.
func (s *Server) Resume(t testing.TB) { s.signal(t, "CONT") }

func (s *Server) signal(t testing.TB, name string) {
	t.Helper()
	if out, err := exec.Command(script("signal"), name, s.Dir).CombinedOutput(); err != nil {
		t.Errorf("signalling %s: %v\n%s", s.Name, err, out)
	}
}

// Calendars returns the URL of the collection that a user's calendars are in.
func (s *Server) Calendars(user string) string { return s.url(s.calendars, user) }

// Contacts returns the URL of the collection that a user's address books are in.
func (s *Server) Contacts(user string) string { return s.url(s.contacts, user) }

func (s *Server) url(path, user string) string {
	path = strings.ReplaceAll(path, "%u", user)
	if s.HTTP == "" {
		return "https://" + s.HTTPS + path
	}
	return "http://" + s.HTTP + path
}

// Roots trusts the server's certificate.
func (s *Server) Roots(t testing.TB) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(s.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		t.Fatalf("no certificate in %s", s.CA)
	}
	return pool
}

// Token returns a token that Dovecot takes from a user with OAUTHBEARER and XOAUTH2, for so long; one that has expired
// where that is negative.
func (s *Server) Token(t testing.TB, user string, valid time.Duration) string {
	t.Helper()
	out, err := exec.Command(script("token"), s.Dir, user, fmt.Sprint(int(valid.Seconds()))).Output()
	if err != nil {
		t.Fatalf("a token of %s: %v", s.Name, err)
	}
	return strings.TrimSpace(string(out))
}

// Sent returns the mails that the server would have sent, in their order, those under way included: what takes them takes
// them one after another, so once it took another one, all before are there.
func (s *Server) Sent(t testing.TB) []string {
	t.Helper()
	const patience, mark = time.Minute, "the last mail so far: "
	run := filepath.Join(s.Dir, "run")
	if short, err := os.ReadFile(filepath.Join(s.Dir, "pids", "short")); err == nil {
		run = strings.TrimSpace(string(short))
	}
	conn, err := net.Dial("unixgram", filepath.Join(run, "s", "notify"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	last := mark + rand.Text()
	if _, err := conn.Write([]byte(last)); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var mails []string
		arrived := false
		files, err := os.ReadDir(s.Outbox)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			path := filepath.Join(s.Outbox, f.Name())
			data, err := os.ReadFile(path)
			switch mail := string(data); {
			case errors.Is(err, fs.ErrNotExist): // somebody else's mark
			case err != nil:
				t.Fatal(err)
			case mail == last:
				arrived = true
				os.Remove(path)
			case !strings.HasPrefix(mail, mark):
				mails = append(mails, mail)
			}
		}
		if arrived {
			return mails
		}
	}
	t.Fatalf("nobody takes the mails of %s", s.Name)
	return nil
}
