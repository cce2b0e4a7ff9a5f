package imap

import (
	"strings"
	"testing"
	"unicode/utf8"

	goimap "github.com/emersion/go-imap/v2"

	"mailmill/formats/maildir"
)

// FuzzHead reads headers as servers send them. Where they fold a field makes no difference.
func FuzzHead(f *testing.F) {
	f.Add("Message-ID: <a@example.org>\r\nSubject: x\r\n\r\n")
	f.Add("message-id:\r\n <a@example.org>\r\n\r\n")
	f.Add("\x00: \r\n\t")
	f.Fuzz(func(t *testing.T, head string) {
		// What follows the header is none of it.
		if idOf([]byte("Message-ID: <1@example.org>\r\n\r\n")) != idOf([]byte("MESSAGE-ID:\r\n <1@example.org>\r\n\r\n"+head)) {
			t.Errorf("%q hides what stands before it", head)
		}
		idOf([]byte(head))
	})
}

// FuzzListing takes names and attributes of mailboxes as servers send them, and makes names beside them.
func FuzzListing(f *testing.F) {
	f.Add("Sent", `\Sent`, "/", "a/b")
	f.Add("INBOX.x", `\NoInferiors`, ".", "..")
	f.Fuzz(func(t *testing.T, box, attr, delim, folder string) {
		c, _ := utf8.DecodeRuneInString(delim)
		l := listingOf(c, "", "x")
		l.add(box, []goimap.MailboxAttr{goimap.MailboxAttr(attr)})
		safe := rules{delim: c}.safe(folder)
		if safe == "" || encodedLen(safe) > longestPart || strings.ContainsRune(safe, c) && c != '_' && c != utf8.RuneError {
			t.Errorf("%q becomes %q", folder, safe)
		}
		if again, err := maildir.DecodeUTF7(maildir.EncodeUTF7(safe)); err != nil || again != safe {
			t.Errorf("%q is read back as %q: %v", safe, again, err)
		}
	})
}
