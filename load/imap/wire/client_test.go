package wire_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailmill/load/imap/imaptest"
	"mailmill/load/imap/wire"
)

// client connects and hands over, until the test ends.
func client(t *testing.T, o wire.Options) *imapclient.Client {
	t.Helper()
	c, err := dial(t, o).Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// go-imap does over the connection what a target needs.
func TestClient(t *testing.T) {
	for _, o := range []imaptest.Options{{}, {TLS: true}, {Without: []string{"COMPRESS=DEFLATE"}}} {
		s := imaptest.Start(t, o)
		opts := options(s)
		opts.Compress = true
		if o.TLS {
			opts.Security, opts.TLS = wire.ImplicitTLS, &tls.Config{RootCAs: s.Roots()}
		}
		conn := dial(t, opts)
		if _, err := conn.Append(t.Context(), "INBOX", batch(3, 5000)); err != nil {
			t.Fatal(err)
		}
		c, err := conn.Client()
		if err != nil {
			t.Fatal(err)
		}
		if !c.Caps().Has(imap.CapUIDPlus) || !c.Caps().Has(imap.CapIMAP4rev1) {
			t.Errorf("go-imap knows of %v", c.Caps())
		}
		if err := c.Create("Entwürfe", &imap.CreateOptions{SpecialUse: []imap.MailboxAttr{imap.MailboxAttrDrafts}}).Wait(); err != nil {
			t.Fatal(err)
		}
		if err := c.Subscribe("Entwürfe").Wait(); err != nil {
			t.Fatal(err)
		}
		if use := s.SpecialUse("Entwürfe"); use != `\Drafts` {
			t.Errorf("special use %q", use)
		}
		list, err := c.List("", "*", &imap.ListOptions{ReturnSpecialUse: true, ReturnSubscribed: true}).Collect()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 2 || list[0].Mailbox != "Entwürfe" || !slices.Contains(list[0].Attrs, imap.MailboxAttrDrafts) {
			t.Errorf("%+v", list)
		}
		if space, err := c.Namespace().Wait(); err != nil || len(space.Personal) != 1 || space.Personal[0].Delim != '/' {
			t.Errorf("%+v %v", space, err)
		}
		if status, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true}).Wait(); err != nil || *status.NumMessages != 3 {
			t.Errorf("%+v %v", status, err)
		}
		if roots, err := c.GetQuotaRoot("INBOX").Wait(); err != nil {
			t.Errorf("%+v %v", roots, err)
		}
		if data, err := c.Select("INBOX", nil).Wait(); err != nil || data.NumMessages != 3 || !slices.Contains(data.PermanentFlags, imap.FlagWildcard) {
			t.Errorf("%+v %v", data, err)
		}
		all := imap.UIDSet{imap.UIDRange{Start: 1}}
		section := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Message-ID"}}
		body := &imap.FetchItemBodySection{Peek: true}
		messages, err := c.Fetch(all, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{section, body}}).Collect()
		if err != nil || len(messages) != 3 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		for i, m := range messages {
			if int(m.UID) != i+1 || m.RFC822Size != 5000 || string(m.FindBodySection(body)) != string(mail(i, 5000)) || !strings.HasPrefix(string(m.FindBodySection(section)), "Message-ID: <") {
				t.Errorf("message %d: %+v", i, m.UID)
			}
		}
		if err := c.Store(imap.UIDSetNum(2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close(); err != nil {
			t.Error(err)
		}
		if gone, err := c.UIDExpunge(imap.UIDSetNum(2)).Collect(); err != nil || len(gone) != 1 {
			t.Errorf("%v %v", gone, err)
		}
		if n := len(s.Messages("INBOX")); n != 2 {
			t.Errorf("%d messages, want 2", n)
		}
		if err := c.Logout().Wait(); err != nil {
			t.Error(err)
		}
		c.Close()
	}
}

// What makes go-imap give up or wait for ever is dealt with below it.
func TestGuard(t *testing.T) {
	tests := []struct {
		name string
		do   imaptest.Action
		text string
		want string // of the error; empty: it works
	}{
		{"unknown response", imaptest.Before, "* XYZZY (a \"b\" {5}\r\nhello) c\r\n* 4 VANISHED 2\r\n", ""},
		{"unknown code", imaptest.Before, "* OK [XYZZY 1] (((((\r\n", ""},
		{"text like a literal", imaptest.Before, "* OK what {5}\r\n", ""},
		{"capabilities without an end", imaptest.Before, "* CAPABILITY 0(\r\n* OK [CAPABILITY 0(] x\r\n", ""},
		{"code without an end", imaptest.Before, "* OK [XYZZY (\r\n", ""},
		{"string without an end", imaptest.Before, "* LIST () \"/\r\n", "a quoted string without an end"},
		{"huge name", imaptest.Send, "* LIST () NIL {2000000}\r\n", "a literal of 2000000 bytes that is no body"},
		{"silence", imaptest.Swallow, "", "did not move"},
		{"stall", imaptest.Stall, "", "did not move"},
		{"long line", imaptest.Flood, "* OK ", "a line of more than"},
		{"huge literal", imaptest.Send, "* LIST () NIL {99999999999999}\r\n", "a literal of"},
		{"flood", imaptest.Flood, "* LIST () \"/\" \"x\"\r\n", "during a command"},
		{"nesting", imaptest.Flood, "* LIST " + strings.Repeat("(", 2000), "within each other"},
		{"goodbye", imaptest.Drop, "* BYE too much of you\r\n", "BYE too much of you"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := imaptest.Start(t, imaptest.Options{})
			s.Fault(imaptest.Fault{Command: "STATUS", Do: test.do, Text: test.text})
			o := options(s)
			o.Timeout = 400 * time.Millisecond
			c := client(t, o)
			time.Sleep(500 * time.Millisecond) // idle for longer than the timeout: nobody waits
			begun := time.Now()
			_, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait()
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			if test.want == "" && err != nil {
				t.Error(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q in it", err, test.want)
			}
			if test.want == "" {
				if err := c.Noop().Wait(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A server that tells of more and more messages comes to an end.
func TestGuardFetch(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	s.Deliver("INBOX", imaptest.Message{Body: mail(1, 100)})
	s.Fault(imaptest.Fault{Command: "UID FETCH", Do: imaptest.Flood, Text: "* 1 FETCH (UID 1 FLAGS ())\r\n"})
	c := client(t, options(s))
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	cmd := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, Flags: true})
	for cmd.Next() != nil {
	}
	if err := cmd.Close(); err == nil || !strings.Contains(err.Error(), "more messages than the 1") {
		t.Error(err)
	}
}
