package conformance

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailmill/formats/corpustest"
	"mailmill/load/servertest"
)

// Capabilities that make servers poorer than they are.
const (
	// Dovecot's, without UIDPLUS and MULTIAPPEND.
	noUIDPLUS = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN NAMESPACE SPECIAL-USE UNSELECT CHILDREN"
	// What Cyrus leaves out: every literal waits for the server.
	noLiterals = "UIDPLUS MULTIAPPEND LITERAL+ LITERAL- COMPRESS=DEFLATE"
)

// loading is a way to load: a server, and what goes there.
type loading struct {
	name  string
	start func(testing.TB) *servertest.Server
	kinds []string
}

// another returns where one more user is: on the server given, or on one of his own where that has no users.
func (l *loading) another(t testing.TB, s *servertest.Server) *servertest.Server {
	if s.Password != "" {
		return s
	}
	return l.start(t)
}

// recovers reports whether the server takes things again after it was killed and restarted.
//
// QUIRK: Xandikos may leave a lock of git's behind, and then answers 500 to all that is put there until somebody removes it.
func (l *loading) recovers() bool { return !strings.HasSuffix(l.name, "Xandikos") }

// reference returns what a run that nobody interrupts leaves on a server of its own.
func (l *loading) reference(t testing.TB, archive string) holdings {
	t.Helper()
	s := l.start(t)
	accountOf(t, s, "u20").only(l.kinds...).load("-q", archive).want(t, 0)
	return holds(t, s, "u20")
}

// address returns where the server is spoken to.
func (l *loading) address(s *servertest.Server) string {
	if l.kinds[0] == "mail" {
		return s.IMAP
	}
	return s.HTTP
}

// loadings are servers with UIDPLUS and without, and with calendars and contacts.
var loadings = []loading{
	{"mail with UIDPLUS, Dovecot", func(t testing.TB) *servertest.Server { return servertest.Dovecot(t, nil) }, []string{"mail"}},
	{"mail with UIDPLUS, Cyrus", func(t testing.TB) *servertest.Server { return servertest.Cyrus(t, nil) }, []string{"mail"}},
	{"mail without UIDPLUS, Dovecot", func(t testing.TB) *servertest.Server {
		return servertest.Dovecot(t, servertest.Options{"CAPABILITY": noUIDPLUS, "FORMAT": "mdbox"})
	}, []string{"mail"}},
	{"mail without UIDPLUS, Cyrus", func(t testing.TB) *servertest.Server {
		return servertest.Cyrus(t, servertest.Options{"SUPPRESS": noLiterals})
	}, []string{"mail"}},
	{"calendars and contacts, Cyrus", func(t testing.TB) *servertest.Server { return servertest.Cyrus(t, nil) }, []string{"calendar", "contacts"}},
	{"calendars and contacts, Radicale", func(t testing.TB) *servertest.Server { return servertest.Radicale(t, nil) }, []string{"calendar", "contacts"}},
	{"calendars and contacts, Xandikos", func(t testing.TB) *servertest.Server { return servertest.Xandikos(t, nil) }, []string{"calendar", "contacts"}},
}

// Cases 41 and 42 of the acceptance tests: at least fifty times for mail with UIDPLUS, for mail without, and for calendars and
// contacts, the program is killed at a random moment, and the same command goes on; in the end every server holds
// everything once.
//
// Half of the moments are told by the clock, half by the bytes that have gone to the server. They are random by a seed
// that is logged; MAILMILL_SEED sets it.
func TestCase41KilledAndResumed(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	for _, l := range loadings {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			killedAndResumed(t, l)
		})
	}
}

// killedAndResumed kills runs until it did so 25 times, five times a user.
func killedAndResumed(t *testing.T, l loading) {
	const kills, killsEach, users = 25, 5, 19
	archive := corpustest.Sample()
	seed := uint64(7)
	if _, err := fmt.Sscan(os.Getenv("MAILMILL_SEED"), &seed); err == nil {
		t.Logf("seed %d", seed)
	}
	s := l.start(t)

	// What a run that nobody interrupts leaves.
	meter := servertest.Count(t, l.address(s))
	start := time.Now()
	accountOf(t, s, "u20").only(l.kinds...).through(l.address(s), meter.Addr).load("-q", archive).want(t, 0)
	took, bytes := time.Since(start), meter.Sent()
	want := holds(t, s, "u20")
	if want.total() < 50 {
		t.Fatalf("the server holds %d things", want.total())
	}

	var done atomic.Int64
	kill := func(t *testing.T, user int) {
		random := rand.New(rand.NewPCG(seed, uint64(user)))
		s := l.another(t, s)
		meter := servertest.Count(t, l.address(s))
		a := accountOf(t, s, fmt.Sprint("u", user)).only(l.kinds...).through(l.address(s), meter.Addr)
		for range killsEach {
			if done.Load() >= kills {
				break
			}
			p := a.start("-q", archive)
			if random.IntN(2) == 0 {
				// A run that goes on has less to send.
				left := max(bytes-meter.Sent(), bytes/5)
				meter.AtByte(meter.Sent()+1+random.Int64N(left/2), func() { _ = p.cmd.Process.Kill() })
				<-p.ended
				meter.AtByte(0, nil)
			} else {
				select {
				case <-p.ended:
				case <-time.After(time.Duration(random.Int64N(int64(took)))):
				}
			}
			if p.kill(); !p.killed() {
				p.wait().want(t, 0) // before its moment
				break
			}
			done.Add(1)
		}
		a.load("-q", archive).want(t, 0)
		want.same(t, holds(t, s, a.user))
	}
	t.Run("killed", func(t *testing.T) {
		for user := 1; user <= users; user++ {
			t.Run(fmt.Sprint("u", user), func(t *testing.T) {
				t.Parallel()
				if done.Load() < kills {
					kill(t, user)
				}
			})
		}
	})
	t.Logf("killed %d times; a run takes %v and sends %d bytes", done.Load(), took.Round(time.Millisecond), bytes)
	if done.Load() < kills {
		t.Errorf("killed %d times, want %d", done.Load(), kills)
	}
}

// Whatever happens to a server or the way to it during a run, the same command has everything there once in the end.
func TestExactlyOnceWhateverHappens(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	const (
		moment = 300 * time.Millisecond
		killed = "the server is killed and restarted"
	)
	archive := corpustest.Sample()
	events := map[string]func(t *testing.T, s *servertest.Server, n *servertest.Network){
		killed: func(t *testing.T, s *servertest.Server, _ *servertest.Network) {
			s.Kill(t)
			time.Sleep(moment)
			s.Start(t, nil)
		},
		"the connection is cut inside a literal": func(t *testing.T, _ *servertest.Server, n *servertest.Network) {
			n.CutAfter(t, 10_000)
			time.Sleep(moment)
			n.Heal(t)
		},
		"answers never arrive": func(t *testing.T, _ *servertest.Server, n *servertest.Network) {
			n.Silence(t)
			time.Sleep(moment)
			n.Heal(t)
		},
		"the server stalls": func(t *testing.T, s *servertest.Server, _ *servertest.Network) {
			s.Pause(t)
			time.Sleep(2 * time.Second)
			s.Resume(t)
		},
		"the server cannot be reached": func(t *testing.T, _ *servertest.Server, n *servertest.Network) {
			n.Down()
			time.Sleep(moment)
			n.Up(t)
		},
	}
	for _, l := range loadings {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			want := l.reference(t, archive)
			for name, event := range events {
				if name == killed && !l.recovers() {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					onceWhile(t, l, archive, want, event)
				})
			}
			t.Run("the ledger is lost", func(t *testing.T) {
				t.Parallel()
				onceWithoutLedger(t, l, archive, want)
			})
		})
	}
}

// onceWhile loads while something happens, and goes on if that ended the run.
func onceWhile(t *testing.T, l loading, archive string, want holdings, event func(*testing.T, *servertest.Server, *servertest.Network)) {
	s := l.start(t)
	n := servertest.Between(t, l.address(s))
	meter := servertest.Count(t, n.Addr)
	a := accountOf(t, s, "u1").only(l.kinds...).through(l.address(s), meter.Addr)
	happened := make(chan struct{})
	meter.AtByte(100_000, func() {
		go func() {
			defer close(happened)
			event(t, s, n)
		}()
	})
	r := a.load("-q", archive).want(t, 0, temporarily)
	<-happened
	if r.status != 0 {
		t.Logf("exit status %d: %s", r.status, tail(r.stderr, 300))
		a.load("-q", archive).want(t, 0)
	}
	want.same(t, holds(t, s, "u1"))
}

// onceWithoutLedger kills a run and takes its ledger away, and once more that of a run that was complete.
func onceWithoutLedger(t *testing.T, l loading, archive string, want holdings) {
	s := l.start(t)
	meter := servertest.Count(t, l.address(s))
	a := accountOf(t, s, "u1").only(l.kinds...).through(l.address(s), meter.Addr)
	run := a.start("-q", archive)
	meter.AtByte(100_000, func() { _ = run.cmd.Process.Kill() })
	<-run.ended
	for range 2 {
		forget(t, a.ledger)
		a.load("-q", archive).want(t, 0)
		want.same(t, holds(t, s, "u1"))
	}
}

// forget removes a ledger and what stands beside it.
func forget(t *testing.T, ledger string) {
	t.Helper()
	files, err := filepath.Glob(ledger + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no ledger: %v", err)
	}
	for _, f := range files {
		os.Remove(f)
	}
}

// A full mailbox ends the run with a status of its own, what went there stays, and the same command goes on when there is
// room.
func TestExactlyOnceWhenTheQuotaFills(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	archive := corpustest.Sample()
	for name, test := range map[string]struct {
		start func(testing.TB) *servertest.Server
		raise func(*testing.T, *servertest.Server)
	}{
		"dovecot": {
			func(t testing.TB) *servertest.Server {
				return servertest.Dovecot(t, servertest.Options{"QUOTA": "800k"})
			},
			func(t *testing.T, s *servertest.Server) { s.Restart(t, servertest.Options{"QUOTA": "100M"}) },
		},
		"cyrus": {
			func(t testing.TB) *servertest.Server {
				return servertest.Cyrus(t, servertest.Options{"QUOTA_KB": "800"})
			},
			func(t *testing.T, s *servertest.Server) {
				imapDo(t, s.IMAP, s.Admin, s.Password, `SETQUOTA user/u1 (STORAGE 100000)`, `SETQUOTA user/u2 (STORAGE 100000)`)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.start(t)
			a := accountOf(t, s, "u1").only("mail")
			r := a.load("-q", archive).want(t, overQuota)
			if !strings.Contains(strings.ToLower(r.stderr), "quota") {
				t.Errorf("says %s", r.stderr)
			}
			if n := holds(t, s, "u1").total(); n == 0 {
				t.Error("nothing is kept")
			}
			a.load("-q", archive).want(t, overQuota)
			test.raise(t, s)
			a.load("-q", archive).want(t, 0)
			b := accountOf(t, s, "u2").only("mail")
			b.load("-q", archive).want(t, 0)
			holds(t, s, "u2").same(t, holds(t, s, "u1"))
		})
	}
}

// imapDo logs in and says commands, each of which the server has to take.
func imapDo(t testing.TB, addr, user, password string, commands ...string) {
	t.Helper()
	if says := imapSays(t, addr, user, password, commands...); says != "OK" {
		t.Fatalf("%.100s…: %s", commands, says)
	}
}

// imapSays logs in and says commands until one is refused. It returns OK, or how the last one was answered.
func imapSays(t testing.TB, addr, user, password string, commands ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for _, c := range append([]string{"LOGIN " + user + " " + password}, commands...) {
		fmt.Fprintf(conn, "x %s\r\n", c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, "x OK") {
				break
			}
			if strings.HasPrefix(line, "x ") {
				return line
			}
		}
	}
	return "OK"
}
