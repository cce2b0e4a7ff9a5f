package mbox_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailmill/extract"
	"mailmill/extract/maildir"
	"mailmill/extract/mbox"
	"mailmill/extract/mh"
	"mailmill/formats/corpustest"
)

// pythonWrites has Python's mailbox module write the messages that it is given into mailboxes of its three kinds.
const pythonWrites = `
import json, mailbox, sys
dir = sys.argv[1]
box = mailbox.mbox(dir + "/x.mbox")
maildir = mailbox.Maildir(dir + "/maildir", factory=None)
sub = maildir.add_folder("Sub")
mh = mailbox.MH(dir + "/mh")
msgs = json.load(sys.stdin)
seqs = {}
for m in msgs:
    raw = m["Raw"].encode("latin-1")
    e = mailbox.mboxMessage(raw)
    e.set_from("a@example.org", (2021, 3, 4, 5, 6, 7, 3, 63, 0))
    e.set_flags(m["Mbox"])
    box.add(e)
    e = mailbox.MaildirMessage(raw)
    e.set_subdir("cur" if m["Maildir"] else "new")
    e.set_flags(m["Maildir"])
    e.set_date(1614834367)
    maildir.add(e)
    sub.add(raw)
    n = mh.add(raw)
    for s in m["MH"]:
        seqs.setdefault(s, []).append(n)
box.flush()
mh.set_sequences(seqs)
`

// pythonReads has Python's mailbox module read an mbox file.
const pythonReads = `
import json, mailbox, sys
box = mailbox.mbox(sys.argv[1])
print(json.dumps([box.get_bytes(k).decode("latin-1") for k in box.keys()]))
`

// Mailboxes that Python writes are read as what they were given.
func TestPython(t *testing.T) {
	python := corpustest.Program(t, "python3")
	type message struct {
		Raw, Mbox, Maildir string
		MH                 []string
		flags              []string
	}
	messages := []message{
		{Raw: "Subject: 1\nMessage-ID: <1@example.org>\n\none\n", Mbox: "ROAF", Maildir: "FRS", MH: []string{"replied", "flagged"}, flags: []string{"seen", "answered", "flagged"}},
		{Raw: "Subject: 2\nMessage-ID: <2@example.org>\n\nFrom here\n\nFrom there\n\n\n", Mbox: "O", MH: []string{"unseen"}},
		{Raw: "Subject: 3\nMessage-ID: <3@example.org>\n\n\xfc\x80 \x00\n", Mbox: "R", Maildir: "S", flags: []string{"seen"}},
		{Raw: "Subject: 4\nMessage-ID: <4@example.org>\n\n" + strings.Repeat("line\n", 100_000), Mbox: "D", Maildir: "T", MH: []string{"unseen", "deleted"}, flags: []string{"deleted"}},
	}
	type asJSON struct {
		Raw, Mbox, Maildir string
		MH                 []string
	}
	var input []asJSON
	for _, m := range messages {
		runes := make([]rune, 0, len(m.Raw))
		for i := range len(m.Raw) {
			runes = append(runes, rune(m.Raw[i]))
		}
		if m.MH == nil {
			m.MH = []string{}
		}
		input = append(input, asJSON{string(runes), m.Mbox, m.Maildir, m.MH})
	}
	in, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(python, "-c", pythonWrites, dir)
	cmd.Stdin = strings.NewReader(string(in))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	check := func(t *testing.T, a extract.Archive, folder, received string, count int) {
		t.Helper()
		var want, got []string
		for _, m := range messages {
			flags := m.flags
			if folder == "Sub" {
				flags = nil
			}
			want = append(want, fmt.Sprintf("%v %.60q %d", flags, m.Raw, len(m.Raw)))
		}
		for _, s := range list(t, a, a.Entries(t.Context())) {
			if s.Folder != folder {
				continue
			}
			got = append(got, fmt.Sprintf("%v %.60q %d", s.Flags, s.Message, len(s.Message)))
			if received != "" && s.Received != received {
				t.Errorf("received %s", s.Received)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || len(got) != count {
			t.Errorf("-Python +mailmill\n%s", diff)
		}
	}
	path := filepath.Join(dir, "x.mbox")
	t.Run("mbox", func(t *testing.T) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		a, err := mbox.Open(path, f, info.Size(), info.ModTime(), extract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, "x", when, len(messages))
	})
	t.Run("maildir", func(t *testing.T) {
		a, err := maildir.Open(os.DirFS(filepath.Join(dir, "maildir")), ".", extract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, "Inbox", when, len(messages))
		check(t, a, "Sub", "", len(messages))
	})
	t.Run("MH", func(t *testing.T) {
		a, err := mh.Open(os.DirFS(dir), "mh", extract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, a, "mh", "", len(messages))
	})
	t.Run("the same file by both", func(t *testing.T) {
		out, err := exec.Command(python, "-c", pythonReads, path).Output()
		if err != nil {
			t.Fatal(err)
		}
		var theirs []string
		if err := json.Unmarshal(out, &theirs); err != nil {
			t.Fatal(err)
		}
		if len(theirs) != len(messages) {
			t.Errorf("Python finds %d messages", len(theirs))
		}
	})
}
