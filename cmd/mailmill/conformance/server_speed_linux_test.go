package conformance

import (
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"mailmill/formats/corpustest"
	"mailmill/load/servertest"
)

// How many times as fast as others mailmill has to load.
const (
	thanBareFar  = 0.8 // a client that sends prepared messages, over a network
	thanBareNear = 0.5 // the same on this machine, where the server, the conversion and the client share the cores
	thanMbsync   = 5
	thanGoIMAP   = 10
	thanBarePuts = 0.8
	far          = 20 * time.Millisecond // a round trip
	sameWidth    = 4                     // connections of those that are compared
	slowMessages = 150                   // for those that take a round trip each
	timedAtMost  = 6                     // rounds
)

// Mail is loaded nearly as fast as a client can that does nothing but send prepared messages by MULTIAPPEND, over a network
// and on one machine, and many times as fast as programs do that wait for each answer. All are timed here and now, with
// the same 5500 mails of 200 MB; those that wait get 150 of them, and rates are compared.
//
// The mailboxes are new ones, as the bare client's are: in those that were there before, and that its ledger does not
// know, mailmill waits a second for what may be on its way to them.
//
// The bare client, mbsync and go-imap are timed from the login to the last answer. A run of mailmill is the whole process,
// less what it takes to learn who has which address: the time that the addresses command takes, which does only that.
func TestSpeedOfMailIntoServers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a 200 MB archive")
	}
	archive := cached(t, "medium")
	prepared := preparedMails(t, archive)
	total := 0
	for _, messages := range prepared {
		total += len(messages)
	}
	s := servertest.Dovecot(t, servertest.Options{"FORMAT": "mdbox", "COMPRESS": "no"})
	network := servertest.Slow(t, s.IMAP, far)
	learning := timeOf(t, func() { mailmill(t, "addresses", "-q", archive).want(t, 0) })
	users := 0
	user := func() string { users++; return fmt.Sprint("timed", users) }

	ours := func(addr string) func(*testing.T) float64 {
		return func(t *testing.T) float64 {
			a := accountOf(t, s, user()).only("mail").through(s.IMAP, addr)
			start := time.Now()
			p := a.start("-q", "--prefix", "Archive", "--connections", fmt.Sprint(sameWidth), archive)
			p.wait().want(t, 0)
			took := time.Since(start)
			if p.peak() > residentLimit {
				t.Errorf("held %d MiB", p.peak()>>10)
			}
			return float64(total) / (took - learning).Seconds()
		}
	}
	bare := func(addr string) func(*testing.T) float64 {
		return func(t *testing.T) float64 {
			return float64(total) / servertest.BareIMAP(t, addr, user(), s.Password, sameWidth, prepared).Seconds()
		}
	}
	t.Logf("%d mails; to learn takes %v", total, learning)
	t.Run("bare far away", func(t *testing.T) { rates(t, archive, thanBareFar, ours(network.Addr), bare(network.Addr)) })
	t.Run("bare near by", func(t *testing.T) { rates(t, archive, thanBareNear, ours(s.IMAP), bare(s.IMAP)) })
	t.Run("mbsync", func(t *testing.T) {
		rates(t, archive, thanMbsync, ours(network.Addr), func(t *testing.T) float64 { return byMbsync(t, network.Addr, user(), s.Password, prepared) })
	})
	t.Run("go-imap", func(t *testing.T) {
		rates(t, archive, thanGoIMAP, ours(network.Addr), func(t *testing.T) float64 { return byGoIMAP(t, network.Addr, user(), s.Password, prepared) })
	})
}

// Events and cards are loaded nearly as fast as a loop of PUTs over as many connections is.
func TestSpeedOfCalendarsIntoServers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a 200 MB archive")
	}
	archive := cached(t, "medium")
	dir := t.TempDir()
	mailmill(t, "convert", "-q", "--split", "--only", "event", archive, dir).want(t, 0)
	prepared := map[string][]byte{}
	for i, file := range resources(t, dir) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		prepared[fmt.Sprintf("%d.ics", i)] = data
	}
	learning := timeOf(t, func() { mailmill(t, "addresses", "-q", archive).want(t, 0) })
	s := servertest.Cyrus(t, nil)
	users := 0
	user := func() string { users++; return fmt.Sprint("u", users) }
	rates(t, archive, thanBarePuts, func(t *testing.T) float64 {
		a := accountOf(t, s, user()).only("calendar")
		a.of = "event"
		start := time.Now()
		a.load("-q", "--connections", fmt.Sprint(sameWidth), archive).want(t, 0)
		return float64(len(prepared)) / (time.Since(start) - learning).Seconds()
	}, func(t *testing.T) float64 {
		u := user()
		return float64(len(prepared)) / servertest.BareDAV(t, s, u, s.Calendars(u)+"bare/", sameWidth, prepared).Seconds()
	})
}

// However large a message is, memory stays small.
func TestMemoryIntoServersIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	archive := withHugeAttachment(t, 50<<20)
	for name, start := range map[string]func(testing.TB, servertest.Options) *servertest.Server{"dovecot": servertest.Dovecot, "cyrus": servertest.Cyrus} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			a := accountOf(t, s, "u1").only("mail")
			for _, what := range []string{"written", "found again"} {
				p := a.start("-q", archive)
				p.wait().want(t, 0)
				t.Logf("%s: %d MiB", what, p.peak()>>10)
				if p.peak() > residentLimit {
					t.Errorf("a message of 68 MB %s: held %d MiB", what, p.peak()>>10)
				}
				forget(t, a.ledger)
			}
			a.verify("-q", archive).want(t, 0)
		})
	}
}

// rates fails the test unless our rate is so many times theirs. They take turns, and what is compared stands side by side: others
// at work slow both down. The best of some rounds counts, as a moment in which only one of them was slowed down says nothing.
func rates(t *testing.T, archive string, times float64, ours, theirs func(*testing.T) float64) {
	t.Helper()
	scratch := lasting(t)
	best := 0.0
	for range timedAtMost {
		atHand(t, scratch, archive)
		b := theirs(t)
		atHand(t, scratch, archive)
		a := ours(t)
		best = max(best, a/b)
		t.Logf("%.0f/s against %.0f/s: %.2f times, %.2f wanted", a, b, a/b, times)
		if best >= times {
			return
		}
	}
	t.Errorf("%.2f times as fast, want %.2f", best, times)
}

func timeOf(t *testing.T, do func()) time.Duration {
	t.Helper()
	best := time.Hour
	for range 2 {
		start := time.Now()
		do()
		best = min(best, time.Since(start))
	}
	return best
}

// preparedMails returns the messages of an archive as they are sent, by folder.
func preparedMails(t *testing.T, archive string) map[string][][]byte {
	t.Helper()
	dir := t.TempDir()
	mailmill(t, "convert", "-q", "--only", "mail", "--format", "eml", archive, dir).want(t, 0)
	names, prepared := map[string]string{}, map[string][][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".eml") {
			return err
		}
		folder := filepath.Dir(path)
		if names[folder] == "" {
			names[folder] = fmt.Sprint("box", len(names))
		}
		data, err := os.ReadFile(path)
		prepared[names[folder]] = append(prepared[names[folder]], data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return prepared
}

// some returns a few of the messages, of all sizes.
func some(prepared map[string][][]byte) (messages [][]byte) {
	var all [][]byte
	for _, name := range slices.Sorted(maps.Keys(prepared)) {
		all = append(all, prepared[name]...)
	}
	for i := range slowMessages {
		messages = append(messages, all[i*len(all)/slowMessages])
	}
	return messages
}

// byMbsync has mbsync push messages, and returns how many a second.
func byMbsync(t *testing.T, addr, user, password string, prepared map[string][][]byte) float64 {
	t.Helper()
	mbsync := corpustest.Program(t, "mbsync")
	dir := t.TempDir()
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, "mail", "box", d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	messages := some(prepared)
	for i, m := range messages {
		write(t, filepath.Join(dir, "mail", "box", "cur", fmt.Sprintf("1672653600.%d.host:2,S", i)), strings.ReplaceAll(string(m), "\r\n", "\n"))
	}
	host, port, _ := net.SplitHostPort(addr)
	write(t, filepath.Join(dir, "mbsyncrc"), fmt.Sprintf(`FSync no
SyncState *

IMAPAccount far
Host %s
Port %s
User %s
Pass %s
SSLType None
AuthMechs LOGIN

IMAPStore far
Account far

MaildirStore near
Path %[5]s/mail/
Inbox %[5]s/mail/INBOX

Channel all
Far :far:
Near :near:
Patterns box
Create Far
Sync Push
`, host, port, user, password, dir))
	start := time.Now()
	if out, err := exec.CommandContext(t.Context(), mbsync, "-q", "-c", filepath.Join(dir, "mbsyncrc"), "all").CombinedOutput(); err != nil {
		t.Fatalf("mbsync: %v\n%s", err, out)
	}
	return float64(len(messages)) / time.Since(start).Seconds()
}

// byGoIMAP appends messages with go-imap, and returns how many a second.
func byGoIMAP(t *testing.T, addr, user, password string, prepared map[string][][]byte) float64 {
	t.Helper()
	messages := some(prepared)
	start := time.Now()
	c, err := imapclient.DialInsecure(addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(user, password).Wait(); err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		command := c.Append("INBOX", int64(len(m)), nil)
		if _, err := command.Write(m); err != nil {
			t.Fatal(err)
		}
		if err := command.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := command.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	return float64(len(messages)) / time.Since(start).Seconds()
}
