package wire_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"mailmill/load/imap/imaptest"
	"mailmill/load/imap/wire"
	"mailmill/load/servertest"
)

// The bare writer sends prepared bytes: no client is faster.
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
			size := int64(benchMessages * len(body))
			b.Run(fmt.Sprintf("%s/%v/bare", where, trip), func(b *testing.B) {
				b.SetBytes(size)
				for b.Loop() {
					bare(b, addr, commands)
				}
			})
			for _, flight := range []int{1, 4} {
				b.Run(fmt.Sprintf("%s/%v/append/%d", where, trip, flight), func(b *testing.B) {
					b.SetBytes(size)
					b.ReportAllocs()
					m := message(body)
					m.Flags = m.Flags[:1]
					var batch []wire.Message
					for range benchBatch {
						batch = append(batch, m)
					}
					for b.Loop() {
						c, err := wire.Dial(b.Context(), wire.Options{
							Address: addr, Security: wire.Plain, Insecure: true, Credentials: wire.Credentials{User: "u1", Password: password},
						})
						if err != nil {
							b.Fatal(err)
						}
						var pending []*wire.Pending
						for range benchMessages / benchBatch {
							pending = append(pending, c.Start(b.Context(), "INBOX", batch))
							if len(pending) == flight {
								if _, err := pending[0].Wait(); err != nil {
									b.Fatal(err)
								}
								pending = pending[1:]
							}
						}
						for _, p := range pending {
							if _, err := p.Wait(); err != nil {
								b.Fatal(err)
							}
						}
						c.Close()
					}
				})
			}
		}
	}
}
