package mbox_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailmill/extract"
	"mailmill/extract/maildir"
	"mailmill/extract/mbox"
	"mailmill/formats/corpustest"
	"mailmill/load/servertest"
)

// putsByIMAP puts mails into an account: into the inbox, and into a folder that is not ASCII.
const putsByIMAP = `
import imaplib, os, sys
host, port, folder = sys.argv[1:4]
with imaplib.IMAP4(host, int(port)) as imap:
    imap.login("u1", os.environ["PASSWORD"])
    imap.create(folder)
    date = '"04-Mar-2021 05:06:07 +0000"'
    for box in ("INBOX", folder):
        for flags, text in (
            (r"(\Seen \Answered)", "Subject: 1\r\n\r\nFrom here\r\n>From there\r\n"),
            (r"(\Flagged $Forwarded Work B&APw-ro)", "Subject: 2\r\n\r\n\r\nFrom x Thu Mar  4 05:06:07 2021\r\nA: b\r\n\r\n\r\n"),
            ("()", "Subject: 3\r\nKeywords: Home\r\n\r\n" + "long line " * 20000 + "\r\n"),
            (r"(\Draft \Deleted)", "Subject: 4\r\n\r\nx\r\n"),
        ):
            answer = imap.append(box, flags, date, text.encode())
            if answer[0] != "OK":
                sys.exit(str(answer))
`

// What Dovecot stores is read as what was sent to it, however it stores it.
func TestDovecot(t *testing.T) {
	python := corpustest.Program(t, "python3")
	for _, tt := range []struct {
		name, folder string
		options      servertest.Options
	}{
		{"Maildir++", "Entw&APw-rfe.Sub", nil},
		{"fs, compressed", "Entw&APw-rfe/Sub", servertest.Options{"LAYOUT": "fs", "ZLIB_SAVE": "gz"}},
		{"mbox", "Sub", servertest.Options{"LOCATION": "mbox:~/mail:INBOX=~/mail/inbox", "SPECIAL_USE": "no", "SEP": "/"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := servertest.Dovecot(t, tt.options)
			host, port, err := net.SplitHostPort(s.IMAP)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(python, "-c", putsByIMAP, host, port, tt.folder)
			cmd.Env = append(os.Environ(), "PASSWORD="+s.Password)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			s.Stop(t)
			var got []shown
			if tt.name == "mbox" {
				for _, name := range []string{"inbox", "Sub"} {
					got = append(got, openPath(t, find(t, s.Dir, name, false))...)
				}
			} else {
				a, err := maildir.Open(os.DirFS(filepath.Dir(find(t, s.Dir, "cur", true))), ".", extract.Options{})
				if err != nil {
					t.Fatal(err)
				}
				got = list(t, a, a.Entries(t.Context()))
			}
			var want, have []string
			for _, folder := range []string{"inbox", strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(tt.folder), "&apw-", "ü"), ".", "/")} {
				for _, m := range []shown{
					{Message: "Subject: 1\n\nFrom here\n>From there\n", Flags: []string{"seen", "answered"}},
					{Message: "Subject: 2\n\n\nFrom x Thu Mar  4 05:06:07 2021\nA: b\n\n\n", Flags: []string{"forwarded", "flagged"}, Keywords: []string{"Büro", "Work"}},
					{Message: "Subject: 3\nKeywords: Home\n\n" + strings.Repeat("long line ", 20000) + "\n", Keywords: []string{"Home"}},
					{Message: "Subject: 4\n\nx\n", Flags: []string{"draft", "deleted"}},
				} {
					want = append(want, fmt.Sprintf("%s %v %q %s %d %.60q", folder, m.Flags, m.Keywords, when, len(m.Message), m.Message))
				}
			}
			for _, m := range got {
				slices.Sort(m.Keywords)
				have = append(have, fmt.Sprintf("%s %v %q %s %d %.60q", strings.ToLower(m.Folder), m.Flags, m.Keywords, m.Received, len(m.Message), m.Message))
			}
			slices.Sort(want)
			slices.Sort(have)
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("-sent +read\n%s", diff)
			}
		})
	}
}

func openPath(t *testing.T, path string) []shown {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := mbox.Open(path, f, info.Size(), time.Time{}, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return list(t, a, a.Entries(t.Context()))
}

// find returns the first file or directory of a name below a directory; of directories the one nearest to it.
func find(t *testing.T, dir, name string, isDir bool) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what another user of the server keeps
		}
		if d.Name() == name && d.IsDir() == isDir && (found == "" || strings.Count(path, "/") < strings.Count(found, "/")) && !strings.Contains(path, ".imap") {
			found = path
		}
		return nil
	})
	if err != nil || found == "" {
		t.Fatalf("no %s in %s: %v", name, dir, err)
	}
	return found
}
