package servertest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// How much of it one MULTIAPPEND holds.
const (
	batchMessages = 50
	batchBytes    = 1 << 20
)

// BareIMAP makes mailboxes and fills them with prepared messages by MULTIAPPEND with LITERAL+, over so many connections. On
// each it waits for an answer before the next command, as a client does that has to know what became of it. It returns how
// long that took, logins included.
func BareIMAP(t testing.TB, addr, user, password string, connections int, mailboxes map[string][][]byte) time.Duration {
	t.Helper()
	start := time.Now()
	var names []string
	for name := range mailboxes {
		names = append(names, name)
	}
	first, err := dialBare(addr, user, password)
	if err != nil {
		t.Fatal(err)
	}
	defer first.conn.Close()
	for _, name := range names {
		fmt.Fprintf(first.conn, "a CREATE \"%s\"\r\n", name)
	}
	if err := first.answers(len(names)); err != nil {
		t.Fatal(err)
	}
	commands := make(chan []byte, connections)
	go func() {
		defer close(commands)
		for _, name := range names {
			messages := mailboxes[name]
			for len(messages) > 0 {
				var c bytes.Buffer
				fmt.Fprintf(&c, "a APPEND \"%s\"", name)
				n := 0
				for n < min(len(messages), batchMessages) && (n == 0 || c.Len()+len(messages[n]) < batchBytes) {
					fmt.Fprintf(&c, " (\\Seen) \"02-Jan-2023 10:00:00 +0000\" {%d+}\r\n", len(messages[n]))
					c.Write(messages[n])
					n++
				}
				c.WriteString("\r\n")
				messages = messages[n:]
				commands <- c.Bytes()
			}
		}
	}()
	failed := make(chan error, connections)
	for i := range connections {
		go func() {
			c := first
			if i > 0 {
				var err error
				if c, err = dialBare(addr, user, password); err != nil {
					failed <- err
					return
				}
				defer c.conn.Close()
			}
			failed <- c.send(commands)
		}()
	}
	for range connections {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(start)
}

type bareConn struct {
	conn net.Conn
	r    *bufio.Reader
}

// dialBare logs in, by TLS where that is offered: encryption costs both ends about what everything else does.
func dialBare(addr, user, password string) (*bareConn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &bareConn{conn, bufio.NewReaderSize(conn, 1<<16)}
	greeting, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if strings.Contains(greeting, "STARTTLS") {
		fmt.Fprint(conn, "a STARTTLS\r\n")
		if err := c.answers(1); err != nil {
			return nil, err
		}
		c.conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test on this machine
		c.r.Reset(c.conn)
	}
	fmt.Fprintf(c.conn, "a LOGIN %s %s\r\n", user, password)
	return c, c.answers(1)
}

// answers reads so many tagged answers and returns an error for the last that is not OK.
func (c *bareConn) answers(n int) (failed error) {
	for n > 0 {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, "a ") {
			n--
			if !strings.HasPrefix(line, "a OK") {
				failed = fmt.Errorf("the server says %q", line)
			}
		}
	}
	return failed
}

// send writes commands as they come, and reads the answer to each.
func (c *bareConn) send(commands <-chan []byte) (failed error) {
	for command := range commands {
		if failed != nil {
			continue // whoever makes them is not to wait
		}
		if _, failed = c.conn.Write(command); failed == nil {
			failed = c.answers(1)
		}
	}
	return failed
}

// BareDAV makes a collection, a URL that ends with a slash, and puts prepared resources there by their names, over so many
// connections. The names' endings tell calendars from cards. It returns how long that took.
func BareDAV(t testing.TB, s *Server, user, collection string, connections int, resources map[string][]byte) time.Duration {
	t.Helper()
	start := time.Now()
	method, body, kind := "MKCALENDAR", "", "text/calendar; charset=utf-8"
	for name := range resources {
		if strings.HasSuffix(name, ".vcf") {
			method, body, kind = "MKCOL", mkbook, "text/vcard; charset=utf-8"
		}
	}
	header := http.Header{}
	if body != "" {
		header.Set("Content-Type", "application/xml")
	}
	Request(t, s, user, method, collection, body, header, http.StatusCreated)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	names := make(chan string)
	go func() {
		defer close(names)
		for name := range resources {
			names <- name
		}
	}()
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed error
	)
	for range connections {
		wg.Go(func() {
			for name := range names {
				if err := put(client, s, user, collection+name, kind, resources[name]); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if failed != nil {
		t.Fatal(failed)
	}
	return time.Since(start)
}

const mkbook = `<?xml version="1.0"?><D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:set><D:prop>` +
	`<D:resourcetype><D:collection/><C:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>`

func put(client *http.Client, s *Server, user, at, kind string, body []byte) error {
	req, err := http.NewRequest(http.MethodPut, at, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("If-None-Match", "*")
	if s.Password != "" {
		req.SetBasicAuth(user, s.Password)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s: %s", at, res.Status)
	}
	return nil
}
