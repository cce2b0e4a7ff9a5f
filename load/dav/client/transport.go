package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// writeBuffer is how much of a request leaves at once: most of them are smaller.
const writeBuffer = 32 << 10

// mostHeader bounds an answer's header.
const mostHeader = 256 << 10

// dialFunc makes a connection.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// newTransport returns what keeps connections. The certificate of the insecure host is not verified.
func newTransport(conf *tls.Config, insecure string, connections int, timeout time.Duration, dial dialFunc) *http.Transport {
	if conf == nil {
		conf = new(tls.Config)
	}
	verified := conf.Clone()
	verified.InsecureSkipVerify = false
	dialer := &net.Dialer{Timeout: min(timeout, 30*time.Second)}
	if dial == nil {
		dial = dialer.DialContext
	}
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: dial,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			mine := verified.Clone()
			mine.ServerName = host
			mine.NextProtos = []string{"h2", "http/1.1"}
			mine.InsecureSkipVerify = insecure != "" && strings.EqualFold(host, insecure)
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, dialer.Timeout)
			defer cancel()
			secure := tls.Client(conn, mine)
			if err := secure.HandshakeContext(ctx); err != nil {
				conn.Close()
				return nil, untrusted(host, err)
			}
			return secure, nil
		},
		TLSClientConfig:        verified, // behind a proxy
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    connections + 2, // writes, and reading beside them
		IdleConnTimeout:        90 * time.Second,
		WriteBufferSize:        writeBuffer,
		MaxResponseHeaderBytes: mostHeader,
		// A server that knows nothing of it stays silent: then the body follows.
		ExpectContinueTimeout: time.Second,
		// QUIRK: servers that compress change the ETag of what they send (Apache's mod_deflate appends "-gzip").
		DisableCompression: true,
		// A connection that is dead does not swallow one request after the other.
		HTTP2: &http.HTTP2Config{SendPingTimeout: max(timeout/2, time.Second), PingTimeout: 15 * time.Second},
	}
}

// untrusted tells what is wrong with a server's TLS from a connection that broke.
func untrusted(host string, err error) error {
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
	)
	switch {
	case errors.As(err, &certificate):
		return &TLSError{host, fmt.Errorf("%w; trust its authority (--tls-ca), or allow it for this host (--insecure)", err)}
	case errors.As(err, &record), errors.As(err, &alert):
		return &TLSError{host, err}
	}
	return err
}
