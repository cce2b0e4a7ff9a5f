package ledger_test

import (
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"mailmill/load/ledger"
)

func TestMain(m *testing.M) {
	if act, ok := children[os.Getenv(childEnv)]; ok {
		act(os.Args[1:])
		return
	}
	goleak.VerifyTestMain(m)
}

const account = "imaps://alice@mail.example.org/"

// Two keys as formats.Key makes them.
const (
	keyA = "00112233445566778899aabbccddeeff"
	keyB = "ffeeddccbbaa99887766554433221100"
)

func open(t testing.TB, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func place(t testing.TB, l *ledger.Ledger, name, generation string) *ledger.Place {
	t.Helper()
	a, err := l.Account(account)
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Place(t.Context(), name, generation)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// memory returns a folder without a disk below it, where there is one: for tests that open ledgers by the hundred.
func memory() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return ""
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func print(n byte) ledger.Print { return ledger.Print{1, n} }

func record(key string, n byte, name string) ledger.Record {
	return ledger.Record{Key: key, Print: print(n), Size: int64(n) * 100, Name: name, Tag: "tag " + name}
}

// TestNumbers shows what items of equal keys are told in later runs.
func TestNumbers(t *testing.T) {
	type claim struct {
		key   string
		print byte
		want  string
	}
	tests := []struct {
		name   string
		before func(t *testing.T, p *ledger.Place) // what earlier runs did
		claims []claim
	}{
		{"nothing is known", nil, []claim{
			{keyA, 1, keyA + " new"},
			{keyA, 2, keyA + "-2 new"},
			{keyA, 1, keyA + " duplicate"},
			{keyA, 3, keyA + "-3 new"},
			{keyA, 2, keyA + "-2 duplicate"},
			{keyB, 1, keyB + " new"},
		}},
		{"numbers of the archive", nil, []claim{
			{keyA + "-2", 2, keyA + "-2 new"}, // the first was filtered
			{keyA + "-3", 2, keyA + "-2 duplicate"},
			{keyA + "-2", 3, keyA + "-3 new"}, // of another archive
			{keyA, 1, keyA + " new"},
		}},
		{"keys that are no hashes", nil, []claim{
			{"a", 1, "a new"},
			{"a", 2, "a-2 new"},
			{"a-2", 2, "a-2 duplicate"},
			{"a-02", 2, "a-02 new"},
			{"A", 1, "A new"},
			{strings.ToUpper(keyA), 1, strings.ToUpper(keyA) + " new"},
			{keyA, 1, keyA + " new"},
		}},
		{"another order", two, []claim{
			{keyA, 2, keyA + "-2 same 2"},
			{keyA, 1, keyA + " same 1"},
		}},
		{"the first changed", two, []claim{
			{keyA, 3, keyA + " changed 1"},
			{keyA + "-2", 2, keyA + "-2 same 2"},
			{keyA, 3, keyA + " duplicate"},
		}},
		{"the second changed", two, []claim{
			{keyA, 1, keyA + " same 1"},
			{keyA + "-2", 3, keyA + "-2 changed 2"},
		}},
		{"the second changed, in another archive", two, []claim{
			{keyA, 1, keyA + " same 1"},
			{keyA, 3, keyA + "-2 changed 2"},
		}},
		{"the first is not brought", two, []claim{
			{keyA + "-2", 3, keyA + "-2 changed 2"},
		}},
		{"a third", two, []claim{
			{keyA, 1, keyA + " same 1"},
			{keyA + "-2", 2, keyA + "-2 same 2"},
			{keyA + "-3", 3, keyA + "-3 new"},
			{keyA + "-3", 4, keyA + "-4 new"},
		}},
		{"a number that is not there", two, []claim{
			{keyA + "-3", 3, keyA + "-3 new"}, // not the first or the second, which may be filtered
			{keyA, 1, keyA + " same 1"},
		}},
		{"a new one before the others", two, []claim{
			{keyA, 3, keyA + " changed 1"},
			{keyA + "-2", 1, keyA + "-2 changed 2"},
			{keyA + "-3", 2, keyA + "-3 new"},
		}},
		{"a run died", func(t *testing.T, p *ledger.Place) {
			check(t, p.Intend(t.Context(), []ledger.Record{record(keyA, 1, "")}))
		}, []claim{
			{keyA, 1, keyA + " pending 1"},
			{keyA, 2, keyA + "-2 new"},
			{keyA, 1, keyA + " duplicate"},
		}},
		{"a run died and the item changed", func(t *testing.T, p *ledger.Place) {
			check(t, p.Intend(t.Context(), []ledger.Record{record(keyA, 1, "")}))
		}, []claim{{keyA, 2, keyA + " pending 1"}}},
		{"a run died when it replaced", func(t *testing.T, p *ledger.Place) {
			check(t, p.Confirm(t.Context(), []ledger.Record{record(keyA, 1, "7")}))
			check(t, p.Intend(t.Context(), []ledger.Record{record(keyA, 2, "")}))
		}, []claim{{keyA, 2, keyA + " pending 2 before 1"}}},
		{"a run died when it replaced, and the item is as it was", func(t *testing.T, p *ledger.Place) {
			check(t, p.Confirm(t.Context(), []ledger.Record{record(keyA, 1, "7")}))
			check(t, p.Intend(t.Context(), []ledger.Record{record(keyA, 2, "")}))
		}, []claim{{keyA, 1, keyA + " pending 2 before 1"}}},
		{"it was withdrawn", func(t *testing.T, p *ledger.Place) {
			check(t, p.Confirm(t.Context(), []ledger.Record{record(keyA, 1, "7")}))
			check(t, p.Intend(t.Context(), []ledger.Record{record(keyA, 2, ""), record(keyB, 1, "")}))
			check(t, p.Withdraw(t.Context(), []string{keyA, keyB}))
		}, []claim{{keyA, 1, keyA + " same 1"}, {keyB, 1, keyB + " new"}}},
		{"it was forgotten", func(t *testing.T, p *ledger.Place) {
			two(t, p)
			check(t, p.Forget(t.Context(), []string{keyA, keyB}))
		}, []claim{{keyA, 1, keyA + " new"}, {keyA, 2, keyA + "-2 same 2"}}},
		{"it was adopted", func(t *testing.T, p *ledger.Place) {
			check(t, p.Adopt(t.Context(), []ledger.Record{record(keyA, 1, "7"), record(keyA, 2, "8"), record(keyA, 1, "7"), record(keyB, 3, "9")}))
		}, []claim{{keyA, 2, keyA + "-2 same 2"}, {keyA, 1, keyA + " same 1"}, {keyB, 1, keyB + " changed 3"}}},
		{"it was adopted and nobody knows what it is", func(t *testing.T, p *ledger.Place) {
			check(t, p.Adopt(t.Context(), []ledger.Record{{Key: keyA, Name: "7"}}))
		}, []claim{{keyA, 1, keyA + " pending 0"}, {keyA, 1, keyA + " duplicate"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			if test.before != nil {
				l := open(t, path)
				test.before(t, place(t, l, "INBOX", "1"))
				check(t, l.Close())
			}
			p := place(t, open(t, path), "INBOX", "1")
			for _, c := range test.claims {
				if got := tell(p.Claim("a.pst", c.key, print(c.print))); got != c.want {
					t.Errorf("%s with %d is told %q, not %q", c.key, c.print, got, c.want)
				}
			}
		})
	}
}

// two is a run that wrote two items of one key.
func two(t *testing.T, p *ledger.Place) {
	check(t, p.Confirm(t.Context(), []ledger.Record{record(keyA, 1, "7"), record(keyA+"-2", 2, "8")}))
}

func tell(c ledger.Claim) string {
	s := c.Key + " " + c.State.String()
	if c.State != ledger.New && c.State != ledger.Duplicate {
		s += fmt.Sprint(" ", c.Record.Print[1])
		if b := c.Record.Before; b != nil {
			s += fmt.Sprint(" before ", b.Print[1])
		}
	}
	return s
}

// What was handed in comes back, in this run and later.
func TestRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := open(t, path)
	p := place(t, l, "INBOX", "1")
	want := ledger.Record{Key: "ключ", Source: "a.pst", Print: print(1), Size: 1 << 40, Name: "/dav/ü%20x.ics", Tag: `W/"a'b"`, State: ledger.Confirmed}
	p.Claim("a.pst", want.Key, want.Print)
	check(t, p.Intend(t.Context(), []ledger.Record{{Key: want.Key, Print: want.Print, Name: want.Name}}))
	check(t, p.Confirm(t.Context(), []ledger.Record{want}))
	if c := p.Claim("a.pst", want.Key, want.Print); c.State != ledger.Duplicate || !cmp.Equal(c.Record, want) {
		t.Errorf("in this run: %+v", c)
	}
	check(t, l.Close())

	l = open(t, path)
	p = place(t, l, "INBOX", "1")
	for r, err := range p.Stale() {
		if diff := cmp.Diff(want, r); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	if c := p.Claim("a.pst", want.Key, want.Print); c.State != ledger.Same || !cmp.Equal(c.Record, want) {
		t.Errorf("in the next run: %+v", c)
	}
	p.Claim("a.pst", want.Key, print(2)) // a second
	change := want
	change.Print, change.Tag = print(3), "other"
	check(t, p.Intend(t.Context(), []ledger.Record{change}))
	check(t, l.Close())

	change.State, change.Before = ledger.Intended, &want
	p = place(t, open(t, path), "INBOX", "1")
	if c := p.Claim("a.pst", want.Key, print(3)); c.State != ledger.Pending || !cmp.Equal(c.Record, change) {
		t.Error(cmp.Diff(change, c.Record))
	}
}

// What came from one archive is not the changed form of what came from another: it stays, and the other has its own number,
// in this run and later. What is the same in both is one.
func TestArchivesDoNotReplaceEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	run := func(claims ...string) {
		t.Helper()
		l := open(t, path)
		p := place(t, l, "INBOX", "1")
		for i := 0; i < len(claims); i += 3 {
			n, source := claims[i+1], claims[i]
			c := p.Claim(source, keyA, print(n[0]-'0'))
			if got := strings.TrimPrefix(c.Key, keyA) + " " + c.State.String(); strings.TrimSpace(got) != claims[i+2] {
				t.Errorf("%s of %s is told %q, not %q", n, source, got, claims[i+2])
			}
			if c.State == ledger.New || c.State == ledger.Changed {
				check(t, p.Confirm(t.Context(), []ledger.Record{{Key: c.Key, Print: print(n[0] - '0'), Name: n}}))
			}
		}
		check(t, l.Close())
	}
	run("a.pst", "1", "new")
	run("b.pst", "2", "-2 new")
	run("b.pst", "3", "-2 changed", "a.pst", "1", "same")
	run("a.pst", "3", "-2 same", "a.pst", "4", "changed", "b.pst", "5", "-3 new")
	if got, want := ledger.SourceName("/old/2025/alice.pst"), ledger.SourceName(`D:\\new\\alice.pst`); got != want {
		t.Errorf("%s and %s", got, want)
	}
}

func TestStaleAndUnsettled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := open(t, path)
	p := place(t, l, "INBOX", "1")
	for i := range byte(4) {
		r := record(fmt.Sprint("written ", 'a'+i), i, fmt.Sprint(i))
		p.Claim("a.pst", r.Key, r.Print)
		check(t, p.Confirm(t.Context(), []ledger.Record{r}))
	}
	check(t, p.Intend(t.Context(), []ledger.Record{record("lost", 8, ""), record("sent", 9, "")}))
	check(t, p.Adopt(t.Context(), []ledger.Record{record("the user's", 10, "77")}))
	if s := keys(t, p.Stale); len(s) > 0 {
		t.Errorf("in the run that wrote it %q is stale", s)
	}
	if s := keys(t, p.Unsettled); len(s) > 0 {
		t.Errorf("in the run that intends it %q is unsettled", s)
	}
	check(t, l.Close())

	p = place(t, open(t, path), "INBOX", "1")
	for r, err := range p.Unsettled() {
		check(t, err)
		if r.Key == "lost" {
			check(t, p.Withdraw(t.Context(), []string{r.Key}))
			continue
		}
		r.Name = "12"
		check(t, p.Confirm(t.Context(), []ledger.Record{r}))
	}
	if s := keys(t, p.Unsettled); len(s) > 0 {
		t.Errorf("%q is still unsettled", s)
	}
	p.Claim("a.pst", "written 97", print(0)) // same
	p.Claim("a.pst", "written 98", print(5)) // changed
	p.Claim("a.pst", "written 99", print(6)) // changed, but the server refuses it
	check(t, p.Withdraw(t.Context(), []string{"written 99"}))
	if got, want := keys(t, p.Stale), []string{"written 100", "sent"}; !slices.Equal(got, want) {
		t.Errorf("stale is %q, not %q", got, want)
	}
	for r, err := range p.Stale() {
		check(t, err)
		check(t, p.Forget(t.Context(), []string{r.Key}))
	}
	if s := keys(t, p.Stale); len(s) > 0 {
		t.Errorf("%q is stale and forgotten", s)
	}
	if c := p.Claim("a.pst", "sent", print(9)); c.State != ledger.New {
		t.Errorf("what was forgotten is %v", c.State)
	}
}

func keys(t *testing.T, of func() iter.Seq2[ledger.Record, error]) (all []string) {
	t.Helper()
	for r, err := range of() {
		check(t, err)
		all = append(all, r.Key)
	}
	return all
}

// What the server refused keeps its number, and what it would have replaced is as it was.
func TestWithdraw(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := open(t, path)
	two(t, place(t, l, "INBOX", "1"))
	check(t, l.Close())
	p := place(t, open(t, path), "INBOX", "1")
	for _, step := range []struct {
		key   string
		print byte
		want  string
		then  func(string)
	}{
		{keyA, 3, keyA + " changed 1", func(key string) {
			check(t, p.Intend(t.Context(), []ledger.Record{record(key, 3, "")}))
			check(t, p.Withdraw(t.Context(), []string{key}))
		}},
		{keyA, 3, keyA + " changed 1", func(key string) { // of another archive
			check(t, p.Withdraw(t.Context(), []string{key}))
		}},
		{keyA, 1, keyA + " same 1", nil}, // it was there behind the new one
		{keyA, 3, keyA + "-2 changed 2", nil},
		{keyA, 4, keyA + "-3 new", func(key string) {
			check(t, p.Intend(t.Context(), []ledger.Record{record(key, 4, "")}))
			check(t, p.Withdraw(t.Context(), []string{key}))
		}},
		{keyA, 5, keyA + "-4 new", nil},
		{keyA, 4, keyA + "-3 new", nil},
		{keyA, 4, keyA + "-3 duplicate", nil},
	} {
		c := p.Claim("a.pst", step.key, print(step.print))
		if got := tell(c); got != step.want {
			t.Errorf("%s with %d is told %q, not %q", step.key, step.print, got, step.want)
		}
		if step.then != nil {
			step.then(c.Key)
		}
	}
}

func TestPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := open(t, path)
	inbox := place(t, l, "INBOX", "1")
	if !inbox.Fresh() {
		t.Error("a new place is known")
	}
	two(t, inbox)
	if !inbox.Fresh() {
		t.Error("what somebody has begun to find out is known")
	}
	check(t, inbox.Known(t.Context()))
	check(t, inbox.Note(t.Context(), "token", "x"))
	check(t, inbox.Note(t.Context(), "token", "y"))
	if inbox.Fresh() || place(t, l, "INBOX", "1") != inbox {
		t.Error("it is not the same place")
	}
	if c := place(t, l, "Archive", "1").Claim("a.pst", keyA, print(1)); c.State != ledger.New {
		t.Errorf("another place: %v", c.State)
	}
	other, err := l.Account("imaps://bob@mail.example.org/")
	check(t, err)
	bobs, err := other.Place(t.Context(), "INBOX", "1")
	check(t, err)
	if c := bobs.Claim("a.pst", keyA, print(1)); c.State != ledger.New || !bobs.Fresh() {
		t.Errorf("another account: %v", c.State)
	}
	check(t, l.Close())

	l = open(t, path)
	inbox = place(t, l, "INBOX", "1")
	if value, _ := inbox.Noted("token"); value != "y" || inbox.Fresh() {
		t.Errorf("the note is %q", value)
	}
	a, _ := l.Account(account)
	if names, err := a.Places(t.Context()); err != nil || !slices.Equal(names, []string{"INBOX"}) {
		t.Error(names, err)
	}
	anew := place(t, l, "INBOX", "2")
	if _, noted := anew.Noted("token"); noted || !anew.Fresh() || anew.Claim("a.pst", keyA, print(1)).State != ledger.New {
		t.Error("the records of another UIDVALIDITY are still there")
	}
	if err := inbox.Confirm(t.Context(), []ledger.Record{record(keyB, 1, "1")}); err == nil || !strings.Contains(err.Error(), "INBOX was made anew") {
		t.Errorf("what is gone still takes records: %v", err)
	}
	for _, err := range inbox.Stale() {
		if err == nil {
			t.Error("what is gone still has records")
		}
	}
	check(t, l.Close())
	if c := place(t, open(t, path), "INBOX", "2").Claim("a.pst", keyA, print(1)); c.State != ledger.New {
		t.Errorf("later: %v", c.State)
	}
}

func TestOnlyTheUserReadsIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such bits")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "state", "ledgers", "a?b#c %41.ledger")
	l := open(t, path)
	two(t, place(t, l, "INBOX", "1"))
	check(t, filepath.WalkDir(filepath.Join(dir, "state"), func(name string, e os.DirEntry, err error) error {
		check(t, err)
		info, err := e.Info()
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has the mode %o", name, mode)
		}
		return err
	}))
	check(t, l.Close())
	left, err := os.ReadDir(filepath.Dir(path))
	check(t, err)
	var names []string
	for _, e := range left {
		names = append(names, strings.TrimPrefix(e.Name(), "a?b#c %41.ledger"))
	}
	if !slices.Equal(names, []string{"", ".lock"}) {
		t.Errorf("it leaves %q", names)
	}
}

func TestNoPasswords(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger"))
	_, err := l.Account("imaps://alice:s3cret@mail.example.org/")
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a password: %v", err)
	}
	for _, identity := range []string{"caldavs://[::1]:8443/x:y@z", "imaps://alice%3Ab@mail.example.org:993/", "plain"} {
		if _, err := l.Account(identity); err != nil {
			t.Error(err)
		}
	}
}

func TestDefault(t *testing.T) {
	name := filepath.Base(ledger.Default("/state", "imaps://alice@mail.example.org/Old mail"))
	if !strings.HasPrefix(name, "imaps_alice@mail.example.org_Old_mail-") || !strings.HasSuffix(name, ".ledger") {
		t.Errorf("the name is %s", name)
	}
	if other := filepath.Base(ledger.Default("/state", "imaps://alice@mail.example.org/Old_mail")); other == name {
		t.Error("two accounts have one ledger")
	}
	if long := filepath.Base(ledger.Default("/state", strings.Repeat("../x", 100))); len(long) > 120 || strings.Contains(long, "/") {
		t.Errorf("the name is %s", long)
	}
}

func TestRefusedRecords(t *testing.T) {
	p := place(t, open(t, filepath.Join(t.TempDir(), "ledger")), "INBOX", "1")
	long := strings.Repeat("x", 5000)
	for name, r := range map[string]ledger.Record{
		"no key":        {},
		"long key":      {Key: long},
		"long name":     {Key: "a", Name: long},
		"long tag":      {Key: "a", Tag: long},
		"negative size": {Key: "a", Size: -1},
	} {
		if p.Intend(t.Context(), []ledger.Record{r}) == nil || p.Confirm(t.Context(), []ledger.Record{r}) == nil || p.Adopt(t.Context(), []ledger.Record{r}) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if c := p.Claim("a.pst", "a", print(1)); c.State != ledger.New {
		t.Errorf("and something of it: %v", c.State)
	}
}

func TestAfterClose(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger"))
	p := place(t, l, "INBOX", "1")
	check(t, l.Close())
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if p.Intend(t.Context(), []ledger.Record{record(keyA, 1, "")}) == nil {
		t.Error("a closed ledger takes records")
	}
	if _, err := l.Account("imaps://bob@mail.example.org/"); err == nil {
		t.Error("a closed ledger takes accounts")
	}
}

// One goroutine claims while many write; what they were told is there afterwards.
func TestConcurrency(t *testing.T) {
	const items, writers = 4000, 8
	path := filepath.Join(t.TempDir(), "ledger")
	l := open(t, path)
	p := place(t, l, "INBOX", "1")
	batches := make(chan []ledger.Record, writers)
	var running sync.WaitGroup
	for range writers {
		running.Go(func() {
			for b := range batches {
				if err := p.Intend(t.Context(), b); err != nil {
					t.Error(err)
				}
				for i := range b {
					b[i].Name = b[i].Key[:5]
				}
				if err := p.Confirm(t.Context(), b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var records []ledger.Record
	for n := range items {
		r := numbered(n)
		r.Key = p.Claim("a.pst", r.Key, r.Print).Key
		if c := p.Claim("a.pst", r.Key, r.Print); c.State != ledger.Duplicate {
			t.Fatal(c)
		}
		if records = append(records, r); len(records) == 20 {
			batches <- records
			records = nil
		}
	}
	close(batches)
	running.Wait()
	check(t, l.Close())
	p = place(t, open(t, path), "INBOX", "1")
	for n := range items {
		r := numbered(n)
		if c := p.Claim("a.pst", r.Key, r.Print); c.State != ledger.Same || c.Record.Name != r.Key[:5] {
			t.Fatal(c)
		}
	}
}

func TestOpenInAnotherProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	check(t, use(path))
	db, err := sql.Open("sqlite", path)
	check(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec("BEGIN IMMEDIATE")
	check(t, err)
	if err := use(path); !errors.Is(err, ledger.ErrBusy) || !strings.Contains(err.Error(), "close that program") {
		t.Errorf("the error is: %v", err)
	}
	_, err = db.Exec("ROLLBACK")
	check(t, err)
	check(t, db.Close())
	check(t, use(path))
}
