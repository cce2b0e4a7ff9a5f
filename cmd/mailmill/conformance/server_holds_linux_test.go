package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/load/servertest"
)

// loaded are the archives that every server gets.
func loaded(t testing.TB) []string {
	return []string{corpustest.File(t, "pst/enron.pst"), corpustest.File(t, "synthetic/small.pst"), corpustest.Sample()}
}

// What archives hold is on each server, says verify; a second run writes nothing; and programs that are not ours fetch the
// same bytes of mail (mbsync), events and cards (vdirsyncer).
func TestServersHoldWhatArchivesHold(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *servertest.Server{
		"dovecot":  func(t testing.TB) *servertest.Server { return servertest.Dovecot(t, nil) },
		"cyrus":    func(t testing.TB) *servertest.Server { return servertest.Cyrus(t, nil) },
		"radicale": func(t testing.TB) *servertest.Server { return servertest.Radicale(t, nil) },
		"xandikos": func(t testing.TB) *servertest.Server { return servertest.Xandikos(t, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			for i, archive := range loaded(t) {
				t.Run(filepath.Base(archive), func(t *testing.T) {
					user := fmt.Sprintf("u%d", i+1)
					if name == "xandikos" && i > 0 {
						s = servertest.Xandikos(t, servertest.Options{"PRINCIPAL": user})
					}
					a := accountOf(t, s, user)
					if s.IMAPS != "" { // as one would
						a.mail = "imaps://" + user + "@" + strings.Replace(s.IMAPS, "127.0.0.1", "localhost", 1) + "/"
						if a.options = append(a.options, "--tls-ca", s.CA); s.HTTP == "" {
							a.options = a.options[2:] // without --insecure
						}
					}
					if name != "cyrus" && name != "dovecot" && i == 0 {
						return // enron.pst has nothing for them
					}
					a.load("-q", archive).want(t, 0)
					a.verify("-q", archive).want(t, 0)
					before := holds(t, s, user)
					for kind, n := range balanceOf(t, a.load("--json", archive).want(t, 0)) {
						if n.Written > 0 {
							t.Errorf("%s: a second run writes: %+v", kind, n)
						}
					}
					before.same(t, holds(t, s, user))
					if s.IMAP != "" {
						fetchedByMbsync(t, s, user, archive)
					}
					if s.HTTP != "" && i > 0 {
						fetchedByVdirsyncer(t, s, user, archive)
					}
					if s.Outbox != "" {
						if mails := s.Sent(t); len(mails) > 0 {
							t.Errorf("%d mails are sent, such as\n%s", len(mails), mails[0])
						}
					}
				})
			}
		})
	}
}

// fetchedByMbsync compares the messages that mbsync fetches with those that convert writes as files.
func fetchedByMbsync(t *testing.T, s *servertest.Server, user, archive string) {
	t.Helper()
	mbsync := corpustest.Program(t, "mbsync")
	dir := t.TempDir()
	host, port, _ := strings.Cut(s.IMAP, ":")
	write(t, filepath.Join(dir, "mbsyncrc"), fmt.Sprintf(`FSync no
SyncState *

IMAPAccount far
Host %s
Port %s
User %s
Pass %s
SSLType None
AuthMechs LOGIN
PipelineDepth 20

IMAPStore far
Account far

MaildirStore near
Path %[5]s/mail/
Inbox %[5]s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Sync Pull
`, host, port, user, s.Password, dir))
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mbsync, "-q", "-c", filepath.Join(dir, "mbsyncrc"), "all").CombinedOutput(); err != nil {
		t.Fatalf("mbsync: %v\n%s", err, out)
	}
	isMail := func(path string) bool {
		parent := filepath.Base(filepath.Dir(path))
		return parent == "cur" || parent == "new"
	}
	fetched := sums(t, filepath.Join(dir, "mail"), isMail)
	files := sums(t, convert(t, "eml", archive), func(path string) bool { return strings.HasSuffix(path, ".eml") })
	if !slices.Equal(fetched, files) {
		t.Errorf("mbsync fetches %d messages, not the %d that convert writes, byte for byte", len(fetched), len(files))
	}
}

// tuid is the field that mbsync adds to what it fetches.
var tuid = regexp.MustCompile(`(?m)^X-TUID: .{12}\n`)

// sums returns what the files of a folder are, in an order that depends on that alone, line ends and what mbsync adds put
// aside.
func sums(t *testing.T, dir string, of func(path string) bool) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !of(path) {
			return err
		}
		raw, err := os.ReadFile(path)
		sum := sha256.Sum256(tuid.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), nil))
		list = append(list, hex.EncodeToString(sum[:]))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// fetchedByVdirsyncer compares the events and cards that vdirsyncer fetches with those that convert writes as files.
func fetchedByVdirsyncer(t *testing.T, s *servertest.Server, user, archive string) {
	t.Helper()
	vdirsyncer := corpustest.Program(t, "vdirsyncer")
	dir := t.TempDir()
	var config strings.Builder
	fmt.Fprintf(&config, "[general]\nstatus_path = %q\n", filepath.Join(dir, "status"))
	for kind, home := range map[string]string{"caldav": s.Calendars(user), "carddav": s.Contacts(user)} {
		ext := map[string]string{"caldav": ".ics", "carddav": ".vcf"}[kind]
		fmt.Fprintf(&config, "[pair %s]\na = \"far_%[1]s\"\nb = \"near_%[1]s\"\ncollections = [\"from a\"]\n", kind)
		fmt.Fprintf(&config, "[storage near_%s]\ntype = \"filesystem\"\npath = %q\nfileext = %q\n", kind, filepath.Join(dir, "fetched", kind), ext)
		fmt.Fprintf(&config, "[storage far_%s]\ntype = %[1]q\nurl = %q\nread_only = true\n", kind, home)
		if s.Password != "" {
			fmt.Fprintf(&config, "username = %q\npassword = %q\n", user, s.Password)
		}
	}
	write(t, filepath.Join(dir, "config"), config.String())
	for _, step := range []string{"discover", "sync"} {
		cmd := exec.Command("sh", "-c", "yes | "+vdirsyncer+" -c '"+filepath.Join(dir, "config")+"' "+step)
		cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("vdirsyncer %s: %v\n%s", step, err, tail(string(out), 3000))
		}
	}
	byUID(t, filepath.Join(dir, "fetched"), filepath.Join(dir, "judged", s.Name, "all"))
	written, version := filepath.Join(dir, "files"), "3.0"
	for _, r := range servertest.Resources(t, s, s.Contacts(user), user) {
		if strings.Contains(r.Body, "\r\nVERSION:4.0\r\n") {
			version = "4.0"
		}
	}
	mailmill(t, "convert", "-q", "--split", "--vcard", version, "--only", "event,task,note,journal,contact,group", archive, written).want(t, 0)
	byUID(t, written, filepath.Join(dir, "judged", "sent", "all"))

	c := newTally()
	sameEvents(t, c, filepath.Join(dir, "judged"))
	sameCards(t, c, filepath.Join(dir, "judged"))
	c.report(t)
}

// byUID copies the calendars and cards of a folder, at any depth, into another, each under its UID.
func byUID(t *testing.T, from, to string) {
	t.Helper()
	for _, file := range resources(t, from) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(servertest.UID(string(data))))
		path := filepath.Join(to, hex.EncodeToString(sum[:8])+filepath.Ext(file))
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is there twice", servertest.UID(string(data)))
		}
		if err := os.MkdirAll(to, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, string(data))
	}
}
