package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailmill/load/servertest"
)

// account is where a run loads to: a user of a server, and what is remembered of that.
type account struct {
	t      testing.TB
	server *servertest.Server
	user   string
	ledger string

	mail, calendar, contacts string   // URLs, empty where the run does not go there
	options                  []string // of every run
	of                       string   // --only, instead of all that the targets take
}

// accountOf returns the place of a user on a server, with everything that the server takes, without TLS: where traffic is
// to be held up or counted, TLS tells nothing.
func accountOf(t testing.TB, s *servertest.Server, user string) *account {
	t.Helper()
	a := &account{t: t, server: s, user: user, ledger: filepath.Join(t.TempDir(), "ledger")}
	if s.IMAP != "" {
		a.mail = "imap://" + user + "@" + s.IMAP + "/"
	}
	if s.HTTP != "" {
		at := user + "@" + s.HTTP
		if s.Password == "" {
			at = s.HTTP
		}
		a.calendar, a.contacts = "caldav://"+at+"/", "carddav://"+at+"/"
	}
	a.options = []string{"--insecure", "127.0.0.1"}
	return a
}

// only leaves out targets but those of some kinds: mail, calendar, contacts.
func (a *account) only(kinds ...string) *account {
	for kind, target := range map[string]*string{"mail": &a.mail, "calendar": &a.calendar, "contacts": &a.contacts} {
		if !slices.Contains(kinds, kind) {
			*target = ""
		}
	}
	return a
}

// through replaces the address of a server by that of what stands before it.
func (a *account) through(real, before string) *account {
	for _, target := range []*string{&a.mail, &a.calendar, &a.contacts} {
		*target = strings.ReplaceAll(*target, real, before)
	}
	return a
}

func (a *account) targets() (args []string) {
	var kinds []string
	if a.mail != "" {
		args, kinds = append(args, "--mail", a.mail), append(kinds, "mail")
	}
	if a.calendar != "" {
		args, kinds = append(args, "--calendar", a.calendar), append(kinds, "event,task,note,journal")
	}
	if a.contacts != "" {
		args, kinds = append(args, "--contacts", a.contacts), append(kinds, "contact,group")
	}
	return append(args, "--only", cmp.Or(a.of, strings.Join(kinds, ",")))
}

// load loads archives, with more options.
func (a *account) load(args ...string) result {
	a.t.Helper()
	return a.start(args...).wait()
}

// start begins to load archives.
func (a *account) start(args ...string) *process {
	a.t.Helper()
	all := append([]string{"convert", "--ledger", a.ledger}, a.options...)
	return startProcess(a.t, a.env(), append(append(all, a.targets()...), args...)...)
}

// verify compares archives with what the account holds.
func (a *account) verify(args ...string) result {
	a.t.Helper()
	all := append([]string{"verify"}, a.options...)
	return startProcess(a.t, a.env(), append(append(all, a.targets()...), args...)...).wait()
}

func (a *account) env() []string { return []string{"MAILMILL_PASSWORD=" + a.server.Password} }

// process is a run of the command.
type process struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{}
	hung           *time.Timer
	resident       int64 // in KiB, at most; for who reads ended first
}

// startProcess starts the command with more environment.
func startProcess(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	const longest = 5 * time.Minute
	p := &process{t: t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), append([]string{"XDG_STATE_HOME=" + filepath.Join(remains, "state")}, env...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A program that hangs says where.
	p.hung = time.AfterFunc(longest, func() { _ = p.cmd.Process.Signal(syscall.SIGQUIT) })
	watched := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(watched)
		// What the kernel tells of an ended process counts the moment in which it was still a part of this one.
		for {
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
			if _, peak, ok := strings.Cut(string(status), "\nVmHWM:"); ok {
				var kib int64
				_, _ = fmt.Sscan(peak, &kib)
				p.resident = max(p.resident, kib)
			}
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	go func() {
		_ = p.cmd.Wait()
		p.hung.Stop()
		close(over)
		<-watched
		close(p.ended)
	}()
	t.Cleanup(func() { p.kill() })
	return p
}

// wait waits for the end.
func (p *process) wait() result {
	p.t.Helper()
	<-p.ended
	r := result{p.cmd.Args[1:], p.stdout.Bytes(), p.stderr.String(), p.cmd.ProcessState.ExitCode()}
	if strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "panic:") {
		p.t.Fatalf("%s panics or hangs:\n%s", r, tail(r.stderr, 20000))
	}
	return r
}

// kill kills the process with SIGKILL unless it has ended, and waits for that.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// killed reports whether the process ended because somebody killed it.
func (p *process) killed() bool {
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return status.Signaled()
}

// peak returns what the process held of memory at most, in KiB, once it has ended.
func (p *process) peak() int64 { return p.resident }

// holdings is what is on servers: how often there is each thing. A thing is told by its place and its content.
type holdings map[string]int

// holds asks for everything that a user has on a server, by other means than mailmill's.
func holds(t testing.TB, s *servertest.Server, user string) holdings {
	t.Helper()
	all := holdings{}
	if s.IMAP != "" {
		for _, m := range servertest.Mails(t, s, user).Mails {
			flags := slices.DeleteFunc(slices.Clone(m.Flags), func(f string) bool { return f == `\Recent` })
			slices.Sort(flags)
			all[fmt.Sprintf("mail %s %s %s %s %s", m.Folder, m.MessageID, m.SHA256, m.Received, flags)]++
		}
	}
	if s.HTTP+s.HTTPS != "" {
		homes := []string{s.Calendars(user), s.Contacts(user)}
		for _, home := range slices.Compact(homes) {
			for _, r := range servertest.Resources(t, s, home, user) {
				all["resource "+r.Collection+" "+r.UID]++
			}
		}
	}
	return all
}

// same fails the test unless both hold the same.
func (h holdings) same(t testing.TB, got holdings) {
	t.Helper()
	var lost, doubled []string
	for thing, n := range h {
		if got[thing] < n {
			lost = append(lost, thing)
		}
	}
	for thing, n := range got {
		if n > h[thing] {
			doubled = append(doubled, thing)
		}
	}
	if len(lost)+len(doubled) == 0 {
		return
	}
	slices.Sort(lost)
	slices.Sort(doubled)
	show := func(list []string) string { return strings.Join(list[:min(len(list), 10)], "\n  ") }
	t.Errorf("%d lost:\n  %s\n%d too many:\n  %s", len(lost), show(lost), len(doubled), show(doubled))
}

func (h holdings) total() (n int) {
	for _, k := range h {
		n += k
	}
	return n
}

// nobodyThere returns an address at which nobody listens.
func nobodyThere(t testing.TB) string {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(socket) }) // until then nobody else gets the port
	if err := unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(bound.(*unix.SockaddrInet4).Port))
}
