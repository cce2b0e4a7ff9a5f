package wire_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
)

// pipe is a server's end of a connection, and how a client gets the other one.
func pipe(t *testing.T) (func(context.Context, string, string) (net.Conn, error), net.Conn) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	return func(context.Context, string, string) (net.Conn, error) { return client, nil }, server
}

func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
