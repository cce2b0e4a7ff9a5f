package conformance

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailmill/formats/corpustest"
	"mailmill/load/imap/imaptest"
)

// A server that lies, babbles or breaks the protocol costs an error that says what it does, and neither memory nor a hang;
// and once it is sound again, the same command has everything there once.
func TestServersThatLie(t *testing.T) {
	t.Parallel()
	archive := corpustest.Sample()
	want := sumsOfMails(t, archive)
	for name, fault := range map[string]imaptest.Fault{
		"a greeting without an end":             {Command: "GREETING", Do: imaptest.Flood, Text: "* OK x"},
		"a greeting that is none":               {Command: "GREETING", Do: imaptest.Send, Text: "220 smtp.example.org ESMTP\r\n"},
		"a line without an end":                 {Command: "LIST", Do: imaptest.Flood, Text: "* LIST () \"/\" a"},
		"lines without an end":                  {Command: "LIST", Do: imaptest.Flood, Text: "* LIST () \"/\" a\r\n"},
		"a literal larger than the world":       {Command: "LIST", Do: imaptest.Before, Text: "* LIST () \"/\" {99999999999}\r\n"},
		"a literal that is not what it says":    {Command: "LIST", Do: imaptest.Before, Text: "* LIST () \"/\" {3}\r\nabcdefgh\r\n"},
		"lists in lists":                        {Command: "LIST", Do: imaptest.Flood, Text: "(((((((("},
		"data that nobody asked for":            {Command: "APPEND", After: 5, At: imaptest.End, Do: imaptest.Before, Text: "* 1 FETCH (BODY[] {10}\r\n0123456789)\r\n* X-UNKNOWN (a \"b\" {1}\r\nc)\r\n* 4294967295 EXISTS\r\n"},
		"answers to commands that nobody gave":  {Command: "APPEND", After: 5, At: imaptest.End, Do: imaptest.Before, Text: "zzz OK [APPENDUID 1 1:4294967295] done\r\n"},
		"UIDs that cannot be":                   {Command: "APPEND", After: 5, At: imaptest.End, Do: imaptest.Before, Text: "* OK [APPENDUID 0 4294967295:1,5:*] x\r\n"},
		"an answer without an end":              {Command: "APPEND", After: 5, At: imaptest.End, Do: imaptest.Flood, Text: "* OK [X "},
		"goodbye in the middle":                 {Command: "APPEND", After: 5, At: imaptest.End, Do: imaptest.Send, Text: "* BYE going down\r\n"},
		"no":                                    {Command: "APPEND", After: 5, Do: imaptest.Refuse, Text: "NO [CANNOT] not today"},
		"a request to wait":                     {Command: "APPEND", After: 5, Do: imaptest.Refuse, Text: "NO [LIMIT] Request is throttled. Suggested Backoff Time: 300 milliseconds"},
		"nothing, and the connection is closed": {Command: "APPEND", After: 5, At: 100, Do: imaptest.Drop},
	} {
		for _, repeat := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", always"}[repeat], func(t *testing.T) {
				t.Parallel()
				s := imaptest.Start(t, imaptest.Options{})
				fault := fault
				fault.Repeat = repeat
				s.Fault(fault)
				ledger := filepath.Join(t.TempDir(), "ledger")
				args := []string{"convert", "-q", "--ledger", ledger, "--insecure", "127.0.0.1", "--only", "mail", "--mail", "imap://u1@" + s.Addr(), archive}
				start := time.Now()
				p := startProcess(t, []string{"MAILMILL_PASSWORD=secret"}, args...)
				// What patience answers need not be waited for.
				patient := time.AfterFunc(3*time.Second, func() {
					s.Heal()
					s.Hangup()
				})
				r := p.wait()
				patient.Stop()
				if r.status == 1 || r.status != 0 && strings.TrimSpace(r.stderr) == "" {
					t.Errorf("exit status %d, and it says %q", r.status, r.stderr)
				}
				if p.peak() > residentLimit {
					t.Errorf("held %d MiB", p.peak()>>10)
				}
				t.Logf("exit status %d after %v: %s", r.status, time.Since(start).Round(time.Millisecond), tail(strings.TrimSpace(r.stderr), 300))
				s.Heal()
				startProcess(t, []string{"MAILMILL_PASSWORD=secret"}, args...).wait().want(t, 0)
				if n := s.Count(); n != len(want) {
					t.Errorf("%d messages are there, want %d", n, len(want))
				}
			})
		}
	}
}
