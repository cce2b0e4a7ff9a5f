package servertest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"mailmill/formats/corpustest"
)

// Served is what an account holds, as Python's imaplib sees it. Names of folders and keywords are as IMAP has them on the
// wire.
type Served struct {
	Folders []Folder
	Mails   []Mail
}

// Folder is a mailbox.
type Folder struct {
	Folder     string
	Attributes []string
	Subscribed bool
}

// Selectable reports whether the mailbox is there, and not only its children.
func (f *Folder) Selectable() bool {
	return !slices.Contains(f.Attributes, `\NonExistent`) && !slices.Contains(f.Attributes, `\Noselect`)
}

// Mail is a message in a mailbox.
type Mail struct {
	Folder    string
	UID       uint32
	GUID      string // with Dovecot: in a Maildir the name of its file without flags
	Flags     []string
	Received  string // INTERNALDATE, RFC 3339 in UTC
	Size      int64
	SHA256    string // of the message as it is served
	MessageID string `json:"message_id"`
}

//go:embed imap.py
var imapClient []byte

// Mails asks for everything that a user has in mailboxes.
func Mails(t testing.TB, s *Server, user string) *Served {
	t.Helper()
	python := corpustest.Program(t, "python3")
	host, port, err := net.SplitHostPort(s.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	client := filepath.Join(t.TempDir(), "imap.py")
	if err := os.WriteFile(client, imapClient, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-I", "-B", client, host, port, user)
	cmd.Env = append(os.Environ(), "PASSWORD="+s.Password)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asking %s: %v\n%s", s.Name, err, stderr.String())
	}
	served := new(Served)
	for line := range bytes.Lines(out) {
		var both struct {
			Mail
			Attributes []string
			Subscribed bool
		}
		if err := json.Unmarshal(line, &both); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if both.UID != 0 {
			served.Mails = append(served.Mails, both.Mail)
		} else {
			served.Folders = append(served.Folders, Folder{both.Mail.Folder, both.Attributes, both.Subscribed})
		}
	}
	return served
}

// Maildir has a copy of a Maildir served by Dovecot, with "/" between names, and asks for everything in it.
func Maildir(t testing.TB, dir string) *Served {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "mail")
	if out, err := exec.Command("cp", "-a", dir, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return Mails(t, Dovecot(t, Options{"LOCATION": "maildir:" + copied, "SEP": "/", "SPECIAL_USE": "no"}), "u1")
}
