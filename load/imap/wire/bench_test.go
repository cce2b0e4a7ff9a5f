package wire_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"mailmill/load/imap/imaptest"
	"mailmill/load/imap/wire"
	"mailmill/load/servertest"
)

// bare sends prepared bytes: nothing can be faster.
func bare(b *testing.B, addr string, commands [][]byte) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	br := bufio.NewReader(conn)
	fmt.Fprint(conn, "a LOGIN u1 secret\r\n")
	for answers := 0; answers < 1; {
		line, err := br.ReadBytes('\n')
		if err != nil {
			b.Fatal(err)
		}
		if bytes.HasPrefix(line, []byte("a ")) {
			answers++
		}
	}
	go func() {
		for _, c := range commands {
			conn.Write(c)
		}
	}()
	for answers := 0; answers < len(commands); {
		line, err := br.ReadBytes('\n')
		if err != nil {
			b.Fatal(err)
		}
		if bytes.HasPrefix(line, []byte("a OK")) {
			answers++
		}
	}
}

const (
	benchMessages = 5000
	benchBatch    = 50
)

// BenchmarkAppend compares appending with sending prepared bytes.
func BenchmarkAppend(b *testing.B) {
	body := mail(1, 4096)
	for _, where := range []string{"discard", "dovecot"} {
		for _, trip := range []time.Duration{0, 20 * time.Millisecond} {
			addr, password := "", "secret"
			if where == "dovecot" {
				s := servertest.Dovecot(b, servertest.Options{"FORMAT": "mdbox", "FSYNC": "never"})
				addr, password = s.IMAP, s.Password
			} else {
				addr = imaptest.Start(b, imaptest.Options{Discard: true}).Addr()
			}
			if trip > 0 {
				addr = servertest.Slow(b, addr, trip).Addr
			}
			var commands [][]byte
			for range benchMessages / benchBatch {
				c := []byte("a APPEND INBOX")
				for range benchBatch {
					c = fmt.Appendf(c, " (\\Seen) \"02-Jan-2020 03:04:05 +0000\" {%d+}\r\n%s", len(body), body)
				}
				commands = append(commands, append(c, "\r\n"...))
			}
			for _, flight := range []int{1, 2, 4, 8} {
				b.Run(fmt.Sprintf("%s/%v/%d", where, trip, flight), func(b *testing.B) {
					b.ReportAllocs()
					m := message(body)
					m.Flags = m.Flags[:1]
					batch := slices.Repeat([]wire.Message{m}, benchBatch)
					var bareTook, took []time.Duration
					for b.Loop() {
						// In turns: whatever else the machine does concerns both.
						begun := time.Now()
						bare(b, addr, commands)
						bareTook = append(bareTook, time.Since(begun))
						begun = time.Now()
						appendAll(b, addr, password, batch, flight)
						took = append(took, time.Since(begun))
					}
					b.ReportMetric(benchMessages/slices.Min(took).Seconds(), "messages/s")
					b.ReportMetric(slices.Min(bareTook).Seconds()/slices.Min(took).Seconds(), "of-bare")
				})
			}
		}
	}
}

// appendAll stores the messages in batches, so many of which are on their way at once.
func appendAll(b *testing.B, addr, password string, batch []wire.Message, flight int) {
	c, err := wire.Dial(b.Context(), wire.Options{
		Address: addr, Security: wire.Plain, Insecure: true, Credentials: wire.Credentials{User: "u1", Password: password},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var pending []*wire.Pending
	wait := func() {
		if _, err := pending[0].Wait(); err != nil {
			b.Fatal(err)
		}
		pending = pending[1:]
	}
	for range benchMessages / benchBatch {
		if len(pending) == flight {
			wait()
		}
		pending = append(pending, c.Start(b.Context(), "INBOX", batch))
	}
	for len(pending) > 0 {
		wait()
	}
}
