package servertest

import (
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Network is what lies between clients and a server. It is fast and sound until it is told otherwise; what it is told
// holds for connections that are open as well as for new ones.
type Network struct {
	Addr  string // where clients dial
	proxy *toxiproxy.Proxy
}

// Between puts a network before an address.
func Between(t testing.TB, addr string) *Network {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	n := &Network{proxy: toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", addr)}
	if err := n.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	n.Addr = n.proxy.Listen
	t.Cleanup(n.proxy.Stop)
	return n
}

// Slow puts a network before an address that an answer needs so long to come back on.
func Slow(t testing.TB, addr string, roundTrip time.Duration) *Network {
	t.Helper()
	n := Between(t, addr)
	n.Delay(t, roundTrip)
	return n
}

// Delay makes an answer take so long to come back; bytes follow each other as fast as ever.
func (n *Network) Delay(t testing.TB, roundTrip time.Duration) {
	half := strconv.FormatInt(int64(roundTrip/2/time.Millisecond), 10)
	n.add(t, "latency", "upstream", `"latency":`+half)
	n.add(t, "latency", "downstream", `"latency":`+half)
}

// CutAfter breaks each connection once so many bytes more went to the server: these arrive, and their answers
// do not.
func (n *Network) CutAfter(t testing.TB, bytes int64) {
	n.add(t, "limit_data", "upstream", `"bytes":`+strconv.FormatInt(bytes, 10))
}

// Silence swallows the server's answers. What is sent to it still arrives.
func (n *Network) Silence(t testing.TB) { n.add(t, "timeout", "downstream", `"timeout":0`) }

// Stall swallows everything, in both directions, without breaking a connection.
func (n *Network) Stall(t testing.TB) {
	n.add(t, "timeout", "upstream", `"timeout":0`)
	n.Silence(t)
}

// Heal ends whatever was wrong. Connections that lost bytes break.
func (n *Network) Heal(t testing.TB) { n.proxy.Toxics.ResetToxics(t.Context()) }

// Down breaks all connections and refuses new ones.
func (n *Network) Down() { n.proxy.Stop() }

// Up takes connections again.
func (n *Network) Up(t testing.TB) {
	if err := n.proxy.Start(); err != nil {
		t.Fatal(err)
	}
}

func (n *Network) add(t testing.TB, kind, stream, attributes string) {
	t.Helper()
	json := `{"type":"` + kind + `","stream":"` + stream + `","attributes":{` + attributes + `}}`
	if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(json)); err != nil {
		t.Fatalf("a network with %s: %v", kind, err)
	}
}

// Meter passes on everything and counts what goes to the server, over all connections.
type Meter struct {
	Addr string // where clients dial
	sent atomic.Int64

	mu sync.Mutex
	at int64
	do func()
}

// Count puts a meter before an address.
func Count(t testing.TB, addr string) *Meter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &Meter{Addr: listener.Addr().String()}
	var running sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			running.Go(func() {
				_, _ = io.Copy(io.MultiWriter(server, m), client)
				server.Close()
			})
			running.Go(func() {
				_, _ = io.Copy(client, server)
				client.Close()
			})
		}
	})
	return m
}

// Sent returns how many bytes went to the server so far.
func (m *Meter) Sent() int64 { return m.sent.Load() }

// AtByte calls do once, as soon as so many bytes went to the server. It replaces what was to be done before.
func (m *Meter) AtByte(n int64, do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.do = n, do
}

// Write counts.
func (m *Meter) Write(p []byte) (int, error) {
	sent := m.sent.Add(int64(len(p)))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.do != nil && sent >= m.at {
		m.do()
		m.do = nil
	}
	return len(p), nil
}
