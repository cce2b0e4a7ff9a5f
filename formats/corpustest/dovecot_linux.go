package corpustest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Served is what a real Dovecot says of a Maildir. Names of folders and keywords are as IMAP has them on the wire.
type Served struct {
	Folders []ServedFolder
	Mails   []ServedMail
}

// ServedFolder is a mailbox.
type ServedFolder struct {
	Folder     string
	Attributes []string
	Subscribed bool
}

// Selectable reports whether the mailbox is there, and not only its children.
func (f *ServedFolder) Selectable() bool {
	return !slices.Contains(f.Attributes, `\NonExistent`) && !slices.Contains(f.Attributes, `\Noselect`)
}

// ServedMail is a message in a mailbox.
type ServedMail struct {
	Folder   string
	GUID     string // the name of its file without flags
	Flags    []string
	Received string // INTERNALDATE, RFC 3339 in UTC
	Size     int64
	SHA256   string // of the message as it is served
}

//go:embed dovecot.py
var dovecotClient []byte

// nobody is the user that Dovecot works as where the test is root's: it serves no mail to root.
const nobody = 65534

// Dovecot has a copy of a Maildir served by Dovecot, with "/" between names, and asks for everything in it. No daemon
// is started: its imap program speaks on a pipe to who may read the mail anyway.
func Dovecot(t testing.TB, maildir string) *Served {
	t.Helper()
	var program string
	for _, path := range []string{"/usr/lib/dovecot/imap", "/usr/libexec/dovecot/imap"} {
		if _, err := os.Stat(path); err == nil {
			program = path
		}
	}
	if program == "" {
		Missing(t, "dovecot is not installed (its imap program is not there)")
	}
	python := Program(t, "python3")

	// Another user has to get there, and paths of tests are closed to others and may be long.
	dir, err := os.MkdirTemp("/tmp", "served")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if out, err := exec.Command("cp", "-a", maildir, filepath.Join(dir, "mail")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = nobody, nobody
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("client.py", string(dovecotClient))
	write("dovecot.conf", fmt.Sprintf(`mail_location = maildir:%s/mail
base_dir = %[1]s/run
first_valid_uid = %d
first_valid_gid = %d
mail_uid = %[2]d
mail_gid = %[3]d
ssl = no
namespace inbox {
  inbox = yes
  separator = /
}
`, dir, uid, gid))
	command := program + " -c " + filepath.Join(dir, "dovecot.conf")
	if os.Getuid() == 0 {
		command = fmt.Sprintf("setpriv --reuid %d --regid %d --clear-groups %s", uid, gid, command)
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "-I", "-B", filepath.Join(dir, "client.py"), command)
	cmd.Env = append(os.Environ(), "USER=tester", "HOME="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asking Dovecot: %v\n%s", err, stderr.String())
	}
	served := new(Served)
	for line := range bytes.Lines(out) {
		var both struct {
			ServedMail
			Attributes []string
			Subscribed bool
		}
		if err := json.Unmarshal(line, &both); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if both.GUID != "" {
			served.Mails = append(served.Mails, both.ServedMail)
		} else {
			served.Folders = append(served.Folders, ServedFolder{both.Folder, both.Attributes, both.Subscribed})
		}
	}
	return served
}
