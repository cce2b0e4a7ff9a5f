package conformance

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf16"

	"mailmill/formats/corpustest"
	"mailmill/formats/pst/psttest"
	"mailmill/load/servertest"
)

// Case 42 of the acceptance tests: servers that have less to offer, or little patience. (Without UIDPLUS: case 41; with a
// quota: [TestExactlyOnceWhenTheQuotaFills].)
func TestCase42PoorServers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	archive := corpustest.Sample()

	t.Run("no more keywords", func(t *testing.T) {
		t.Parallel()
		s := servertest.Cyrus(t, nil)
		for _, mailbox := range []string{"INBOX", "Drafts", "Sent"} {
			takeKeywords(t, s, mailbox)
		}
		a := accountOf(t, s, "u1").only("mail")
		r := a.load(archive).want(t, 0)
		if n := strings.Count(r.stderr, "keyword"); n == 0 || n > 12 {
			t.Errorf("keywords are named %d times in\n%s", n, r.stderr)
		}
		loadedOnce(t, s, "u1", archive, 3)
	})

	for name, start := range map[string]func(testing.TB) *servertest.Server{
		"announced": func(t testing.TB) *servertest.Server {
			return servertest.Cyrus(t, servertest.Options{"MAX_MAIL": "100000"})
		},
		"not announced": func(t testing.TB) *servertest.Server {
			return servertest.Dovecot(t, servertest.Options{"MAX_MAIL": "100000"})
		},
	} {
		t.Run("a limit for messages, "+name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			meter := servertest.Count(t, s.IMAP)
			a := accountOf(t, s, "u1").only("mail").through(s.IMAP, meter.Addr)
			large, bytes := 0, int64(0)
			for _, size := range sizesOf(t, archive) {
				if size > 100_000 {
					large++
				} else {
					bytes += size
				}
			}
			r := a.load("--json", archive).want(t, 3)
			b := balanceOf(t, r)["mail"]
			if large == 0 || b.Failed != large || b.Written != b.Found-large {
				t.Errorf("%+v, %d are too large", b, large)
			}
			for _, f := range failuresOf(t, r) {
				if !strings.Contains(strings.ToLower(f.Reason), "too") && !strings.Contains(strings.ToLower(f.Reason), "limit") {
					t.Errorf("%q tells nothing of a size", f.Reason)
				}
			}
			if name == "announced" && meter.Sent() > bytes+bytes/4 {
				t.Errorf("%d bytes were sent for %d of mail: too large ones are sent in vain", meter.Sent(), bytes)
			}
			if n := len(servertest.Mails(t, s, "u1").Mails); n != b.Written {
				t.Errorf("%d mails are there, %d were written", n, b.Written)
			}
		})
	}

	t.Run("two connections a user", func(t *testing.T) {
		t.Parallel()
		s := servertest.Dovecot(t, servertest.Options{"EXTRA_CONF": "protocol imap {\n  mail_max_userip_connections = 2\n}"})
		a := accountOf(t, s, "u1").only("mail")
		a.load("-q", "--connections", "4", archive).want(t, 0)
		loadedOnce(t, s, "u1", archive, 0)
	})

	t.Run("connections that drop", func(t *testing.T) {
		t.Parallel()
		s := servertest.Dovecot(t, nil)
		n := servertest.Between(t, s.IMAP)
		largest := int64(0)
		for _, size := range sizesOf(t, archive) {
			largest = max(largest, size)
		}
		n.CutAfter(t, largest+100_000)
		a := accountOf(t, s, "u1").only("mail").through(s.IMAP, n.Addr)
		for range 20 {
			if a.load("-q", archive).want(t, 0, 5).status == 0 {
				break
			}
		}
		a.load("-q", archive).want(t, 0)
		loadedOnce(t, s, "u1", archive, 0)
	})

	t.Run("requests that are put off", func(t *testing.T) {
		t.Parallel()
		s := servertest.Radicale(t, nil)
		behind, err := url.Parse("http://" + s.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(behind)
		var requests, putOff atomic.Int64
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n := requests.Add(1); n > 10 && n%40 == 0 {
				putOff.Add(1)
				w.Header().Set("Retry-After", "1")
				w.WriteHeader([]int{http.StatusServiceUnavailable, http.StatusTooManyRequests}[n/40%2])
				return
			}
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(front.Close)
		accountOf(t, s, "u20").only("calendar", "contacts").load("-q", archive).want(t, 0)
		want := holds(t, s, "u20")
		a := accountOf(t, s, "u1").only("calendar", "contacts").through(s.HTTP, front.Listener.Addr().String())
		a.load("-q", archive).want(t, 0)
		want.same(t, holds(t, s, "u1"))
		if putOff.Load() == 0 {
			t.Error("no request was put off")
		}
	})
}

// takeKeywords makes a message in a mailbox of u1 have all the keywords that the mailbox can hold.
func takeKeywords(t *testing.T, s *servertest.Server, mailbox string) {
	t.Helper()
	commands := []string{"APPEND " + mailbox + " {23+}\r\nSubject: theirs\r\n\r\ntext", "SELECT " + mailbox}
	const many = 90 // of 128; the server may have some of its own
	for i := range many {
		commands = append(commands, fmt.Sprintf("STORE * +FLAGS.SILENT (taken%d)", i))
	}
	imapDo(t, s.IMAP, "u1", s.Password, commands...)
	for i := many; ; i++ {
		if i > 200 {
			t.Fatal("there is no end of keywords")
		}
		if imapSays(t, s.IMAP, "u1", s.Password, "SELECT "+mailbox, fmt.Sprintf("STORE * +FLAGS.SILENT (taken%d)", i)) != "OK" {
			return
		}
	}
}

// loadedOnce fails the test unless a user has every mail of an archive once, and so many others.
func loadedOnce(t *testing.T, s *servertest.Server, user, archive string, others int) {
	t.Helper()
	files := map[string]int{}
	for _, sum := range sumsOfMails(t, archive) {
		files[sum]++
	}
	for _, m := range servertest.Mails(t, s, user).Mails {
		if files[m.SHA256]--; files[m.SHA256] < 0 {
			if others--; others < 0 {
				t.Errorf("%s %s is there too often", m.Folder, m.MessageID)
			}
		}
	}
	for sum, n := range files {
		if n > 0 {
			t.Errorf("%d messages %s are not there", n, sum)
		}
	}
}

// Case 43 of the acceptance tests: folders of any name are made, once, and are found again.
func TestCase43NamesOfFolders(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	archive := renamed(t, corpustest.File(t, "synthetic/small.pst"), map[string]string{
		"Projekte":          "inbox   ",
		"Größenordnung Süd": "Gro\u0308ßenordn. Su\u0308d", // decomposed, as Macs write it
		"Übersicht & Pläne": "長い長い長い長い長い長い長い長い長",
		"A/B Tests":         "a.b/c\\d\"e",
		"Договоры 2021":     "..          .",
		"プロジェクト 東京":         "50% * off",
		"مشاريع":            "&-~#\t!",
		"Ebene 1":           "#news 1",
		"Ebene 2":           "~root 2",
		"Ebene 3":           "mail\r\n3",
		"Ebene 4":           "       ",
		"Ebene 5":           "INBOX/5",
		"Ebene 8":           "🚀🚀🚀8",
	})
	long := strings.Repeat("長い", 50) // 300 bytes
	for name, start := range map[string]func(testing.TB) *servertest.Server{
		"dovecot, Maildir++": func(t testing.TB) *servertest.Server { return servertest.Dovecot(t, nil) },
		"dovecot, mdbox": func(t testing.TB) *servertest.Server {
			return servertest.Dovecot(t, servertest.Options{"FORMAT": "mdbox"})
		},
		"dovecot, below INBOX": func(t testing.TB) *servertest.Server {
			return servertest.Dovecot(t, servertest.Options{"PREFIX": "INBOX."})
		},
		"cyrus": func(t testing.TB) *servertest.Server { return servertest.Cyrus(t, nil) },
		"cyrus, below INBOX, with dots": func(t testing.TB) *servertest.Server {
			return servertest.Cyrus(t, servertest.Options{"ALTNAMESPACE": "no", "UNIXSEP": "no"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			for user, options := range map[string][]string{"u1": nil, "u2": {"--prefix", long}, "u3": {"--prefix", "Alt/2013"}} {
				a := accountOf(t, s, user).only("mail")
				a.load(append(options, "-q", archive)...).want(t, 0)
				loadedOnce(t, s, user, archive, 0)
				a.verify(append(options, "-q", archive)...).want(t, 0)
				folders := func() (list []string) {
					for _, f := range servertest.Mails(t, s, user).Folders {
						list = append(list, fmt.Sprint(f.Folder, f.Subscribed))
					}
					return list
				}
				before := folders()
				forget(t, a.ledger)
				a.load(append(options, "-q", archive)...).want(t, 0)
				loadedOnce(t, s, user, archive, 0)
				if after := folders(); strings.Join(before, "\n") != strings.Join(after, "\n") {
					t.Errorf("folders were %q and are %q", before, after)
				}
			}
		})
	}
}

// renamed returns a copy of an archive, which has to be without encoding, with other words in place of some. They are as
// long in UTF-16.
func renamed(t *testing.T, archive string, words map[string]string) string {
	t.Helper()
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	f, err := psttest.Read(data)
	if err != nil || f.Crypt != 0 {
		t.Fatalf("%s: encoding %d, %v", archive, f.Crypt, err)
	}
	wide := func(s string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return string(b)
	}
	var pairs []string
	for old, name := range words {
		if len(wide(old)) != len(wide(name)) {
			t.Fatalf("%q and %q differ in length", old, name)
		}
		pairs = append(pairs, wide(old), wide(name))
	}
	replace := strings.NewReplacer(pairs...)
	const trailer, slot = 16, 64 // MS-PST 2.2.2.8
	for _, b := range f.Blocks {
		content := data[b.At : b.At+b.Size]
		copy(content, replace.Replace(string(content)))
		at := b.At + (b.Size+trailer+slot-1)/slot*slot - trailer
		binary.LittleEndian.PutUint32(data[at+4:], checksum(content))
	}
	path := filepath.Join(t.TempDir(), "renamed.pst")
	write(t, path, string(data))
	return path
}

// Case 45 of the acceptance tests: what somebody else put there, or changed, is left as it is and told; the rest is loaded.
func TestCase45Conflicts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	archive := corpustest.Sample()
	for name, start := range map[string]func(testing.TB) *servertest.Server{
		"cyrus":    func(t testing.TB) *servertest.Server { return servertest.Cyrus(t, nil) },
		"radicale": func(t testing.TB) *servertest.Server { return servertest.Radicale(t, nil) },
		"xandikos": func(t testing.TB) *servertest.Server { return servertest.Xandikos(t, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			a := accountOf(t, s, "u1").only("calendar")
			a.load("-q", archive).want(t, 0)
			here := func() map[string]servertest.Resource {
				all := map[string]servertest.Resource{}
				for _, r := range servertest.Resources(t, s, s.Calendars("u1"), "u1") {
					if _, ok := all[r.UID]; ok {
						t.Errorf("%s is there twice", r.UID)
					}
					all[r.UID] = r
				}
				return all
			}
			first := here()
			var chosen []servertest.Resource
			for _, r := range first {
				if strings.Count(r.Body, "BEGIN:VEVENT") == 1 && strings.Contains(r.Body, "\nSUMMARY:") && !strings.Contains(r.Body, "\nATTENDEE") && len(chosen) < 3 {
					chosen = append(chosen, r)
				}
			}
			if len(chosen) < 3 {
				t.Fatalf("%d events to change", len(chosen))
			}
			at := func(r servertest.Resource) string {
				return s.Calendars("u1") + r.Collection + "/" + url.PathEscape(r.Name)
			}
			put := func(at, body string) {
				servertest.Request(t, s, "u1", http.MethodPut, at, body, http.Header{"Content-Type": {"text/calendar"}},
					http.StatusCreated, http.StatusNoContent, http.StatusOK)
			}
			remove := func(r servertest.Resource) {
				servertest.Request(t, s, "u1", http.MethodDelete, at(r), "", nil, http.StatusNoContent, http.StatusOK)
			}
			theirs := func(body string) string { return strings.Replace(body, "\nSUMMARY:", "\nSUMMARY:Theirs ", 1) }

			// Somebody changed the first, deleted the second, and keeps the third under another name.
			put(at(chosen[0]), theirs(chosen[0].Body))
			remove(chosen[1])
			remove(chosen[2])
			moved := chosen[2]
			moved.Name = "theirs.ics"
			put(at(moved), theirs(moved.Body))

			for _, ledger := range []string{"with", "without"} {
				r := a.load("--json", archive)
				if !strings.Contains(strings.ToLower(r.stderr+string(r.stdout)), "conflict") {
					t.Errorf("%s the ledger: no conflict is told in\n%s", ledger, tail(r.stderr, 2000))
				}
				now := here()
				for i, kept := range []bool{true, ledger == "with", true} {
					r, ok := now[chosen[i].UID]
					if i == 1 {
						// What was deleted there stays so as long as the ledger knows that it was there.
						if ok == kept {
							t.Errorf("%s the ledger: a deleted event is there: %v", ledger, ok)
						}
						continue
					}
					if !ok || !strings.Contains(r.Body, "SUMMARY:Theirs ") {
						t.Errorf("%s the ledger: what somebody wrote is not there any more: %d", ledger, i)
					}
				}
				if r := now[moved.UID]; r.Name != moved.Name {
					t.Errorf("%s the ledger: %s is at %s", ledger, moved.Name, r.Name)
				}
				for uid := range first {
					if _, ok := now[uid]; !ok && uid != chosen[1].UID {
						t.Errorf("%s the ledger: %s is gone", ledger, uid)
					}
				}
				forget(t, a.ledger)
			}
		})
	}

	// Two archives hold the same meetings, for two collections.
	t.Run("the same UID in two collections", func(t *testing.T) {
		t.Parallel()
		second := filepath.Join(t.TempDir(), "second.pst")
		data, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		write(t, second, string(data))
		for name, s := range map[string]*servertest.Server{"radicale": servertest.Radicale(t, nil), "cyrus": servertest.Cyrus(t, nil)} {
			a := accountOf(t, s, "u1").only("calendar")
			r := a.load("--json", "--prefix", "{source}", archive, second)
			b := balanceOf(t, r)["event"]
			there := 0
			for _, r := range servertest.Resources(t, s, s.Calendars("u1"), "u1") {
				there += strings.Count(r.Body, "BEGIN:VEVENT") - strings.Count(r.Body, "\nRECURRENCE-ID")
			}
			switch {
			case name == "radicale" && (r.status != 0 || b.Written != b.Found):
				t.Errorf("%s: exit status %d, %+v", name, r.status, b)
			case b.Found != b.Written+b.Failed+b.Unchanged+b.Duplicate:
				t.Errorf("%s: %+v", name, b)
			case b.Failed > 0 && len(failuresOf(t, r)) == 0:
				t.Errorf("%s: %+v, and no failure is told", name, b)
			}
			t.Logf("%s: %+v", name, b)
		}
	})
}

// sizesOf returns the sizes of the messages of an archive, as they are sent.
func sizesOf(t *testing.T, archive string) (sizes []int64) {
	t.Helper()
	for _, messages := range preparedMails(t, archive) {
		for _, m := range messages {
			sizes = append(sizes, int64(len(m)))
		}
	}
	return sizes
}

// sumsOfMails returns the SHA-256 of every message of an archive, as it is sent.
func sumsOfMails(t *testing.T, archive string) (list []string) {
	t.Helper()
	for _, messages := range preparedMails(t, archive) {
		for _, m := range messages {
			sum := sha256.Sum256(m)
			list = append(list, hex.EncodeToString(sum[:]))
		}
	}
	return list
}

// numbers is what became of the items of a kind.
type numbers struct{ Found, Written, Unchanged, Filtered, Duplicate, Failed, Damaged int }

// balanceOf returns the balance at the end of a run, by kind.
func balanceOf(t *testing.T, r result) map[string]numbers {
	t.Helper()
	var balance struct{ Kinds map[string]numbers }
	objects(t, r.stdout, func(kind string, line []byte) {
		if kind != "balance" {
			return
		}
		if err := json.Unmarshal(line, &balance); err != nil {
			t.Fatal(err)
		}
	})
	return balance.Kinds
}

// failure is an item that could not be written.
type failure struct{ Key, Subject, Reason string }

func failuresOf(t *testing.T, r result) (list []failure) {
	t.Helper()
	objects(t, r.stdout, func(kind string, line []byte) {
		var f failure
		if kind != "failure" {
			return
		}
		if err := json.Unmarshal(line, &f); err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	})
	return list
}
