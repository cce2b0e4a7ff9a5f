package servertest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailmill/load/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func message(i int) []byte {
	return fmt.Appendf(nil, "From: a@example.org\r\nSubject: %d\r\nMessage-ID: <%[1]d@example.org>\r\n\r\ntext\r\n", i)
}

func messages(n int) (all [][]byte) {
	for i := range n {
		all = append(all, message(i))
	}
	return all
}

// What the bare client sends is there as sent, also after the server was restarted and after it was killed.
func TestMail(t *testing.T) {
	for name, start := range map[string]func(testing.TB, servertest.Options) *servertest.Server{"dovecot": servertest.Dovecot, "cyrus": servertest.Cyrus} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			address := s.IMAP
			servertest.BareIMAP(t, s.IMAP, "u1", s.Password, 2, map[string][][]byte{"One": messages(120), "Two": messages(7)})
			check := func() {
				t.Helper()
				count := map[string]int{}
				served := servertest.Mails(t, s, "u1")
				for _, m := range served.Mails {
					count[m.Folder]++
					if m.MessageID == "" || m.SHA256 == "" || m.Received != "2023-01-02T10:00:00Z" {
						t.Errorf("%+v", m)
					}
				}
				if count["One"] != 120 || count["Two"] != 7 {
					t.Errorf("%v", count)
				}
			}
			check()
			s.Restart(t, nil)
			check()
			s.Kill(t)
			if conn, err := net.Dial("tcp", s.IMAP); err == nil {
				conn.Close()
				t.Error("there is still somebody")
			}
			s.Start(t, nil)
			check()
			if s.IMAP != address {
				t.Errorf("at %s, and was at %s", s.IMAP, address)
			}
		})
	}
}

// Events and cards that are put there are there.
func TestCalendarsAndCards(t *testing.T) {
	for name, start := range map[string]func(testing.TB, servertest.Options) *servertest.Server{
		"cyrus": servertest.Cyrus, "radicale": servertest.Radicale, "xandikos": servertest.Xandikos,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			events, cards := map[string][]byte{}, map[string][]byte{}
			for i := range 5 {
				events[fmt.Sprintf("e%d.ics", i)] = fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\nBEGIN:VEVENT\r\nUID:e%d\r\n"+
					"DTSTAMP:20230101T000000Z\r\nDTSTART:20230102T100000Z\r\nDURATION:PT1H\r\nSUMMARY:s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", i)
				cards[fmt.Sprintf("c%d.vcf", i)] = fmt.Appendf(nil, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:c%d\r\nFN:n\r\nN:n;;;;\r\nEND:VCARD\r\n", i)
			}
			servertest.BareDAV(t, s, "u1", s.Calendars("u1")+"new/", 2, events)
			servertest.BareDAV(t, s, "u1", s.Contacts("u1")+"book/", 2, cards)
			s.Restart(t, nil)
			count := map[string]int{}
			for _, home := range []string{s.Calendars("u1"), s.Contacts("u1")} {
				for _, r := range servertest.Resources(t, s, home, "u1") {
					if r.UID+".ics" == r.Name || r.UID+".vcf" == r.Name {
						count[r.UID[:1]+" in "+r.Collection]++
					}
				}
				if name == "radicale" {
					break // which has both in one home
				}
			}
			if len(count) != 2 || count["e in new"] != 5 || count["c in book"] != 5 {
				t.Errorf("%v", count)
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// A network does what it is told, and is sound again afterwards.
func TestNetwork(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { echo.Close() })
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	meter := servertest.Count(t, echo.Addr().String())
	n := servertest.Between(t, meter.Addr)
	dial := func() (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", n.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(time.Minute))
		return conn, bufio.NewReader(conn)
	}
	say := func(conn net.Conn, r *bufio.Reader) error {
		io.WriteString(conn, "hello\n")
		line, err := r.ReadString('\n')
		if err == nil && line != "hello\n" {
			return fmt.Errorf("%q", line)
		}
		return err
	}

	conn, r := dial()
	reached := make(chan struct{})
	meter.AtByte(6, func() { close(reached) })
	if err := say(conn, r); err != nil {
		t.Fatal(err)
	}
	<-reached
	if meter.Sent() != 6 {
		t.Errorf("%d bytes", meter.Sent())
	}

	n.Delay(t, 60*time.Millisecond)
	for range 3 {
		start := time.Now()
		if err := say(conn, r); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 60*time.Millisecond {
			t.Errorf("an answer takes %v", took)
		}
	}
	n.Heal(t)

	n.CutAfter(t, 3)
	before := meter.Sent()
	io.WriteString(conn, "hello\n")
	rest, err := io.ReadAll(r)
	arrives(meter, before+3)
	if len(rest) > 3 || meter.Sent() != before+3 {
		t.Errorf("%q, %v, %d bytes", rest, err, meter.Sent()-before)
	}
	n.Heal(t)

	conn, r = dial()
	n.Silence(t)
	before = meter.Sent()
	conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	err = say(conn, r)
	arrives(meter, before+6)
	if err == nil || !strings.Contains(err.Error(), "timeout") || meter.Sent() != before+6 {
		t.Errorf("%v, %d bytes", err, meter.Sent()-before)
	}
	n.Heal(t)

	n.Stall(t)
	conn, r = dial()
	before = meter.Sent()
	conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if err := say(conn, r); err == nil || !strings.Contains(err.Error(), "timeout") || meter.Sent() != before {
		t.Errorf("%v, %d bytes", err, meter.Sent()-before)
	}
	n.Heal(t)

	n.Down()
	if conn, err := net.Dial("tcp", n.Addr); err == nil {
		conn.Close()
		t.Error("there is still somebody")
	}
	n.Up(t)
	conn, r = dial()
	if err := say(conn, r); err != nil {
		t.Error(err)
	}
}

// arrives waits until so many bytes went to the server, which takes a moment, but not for ever.
func arrives(m *servertest.Meter, sent int64) {
	for end := time.Now().Add(30 * time.Second); m.Sent() < sent && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}
