package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailmill/load"
	"mailmill/load/imap/wire"
)

// dialer makes connections, and patiently makes them again: a server that restarts is back in a while.
type dialer struct {
	options  wire.Options
	log      *slog.Logger
	patience time.Duration
	backoff  func(attempt int) time.Duration
	retried  func(why string)

	tried    chan struct{} // closed when the first login has had its answer
	rejected error         // valid then: what was wrong with it
}

// first connects without patience: what is wrong at the start is told at once. Greeted is called as soon as the server has
// taken the connection: others that are made from then on get as far as their logins, which wait for this one.
func (d *dialer) first(ctx context.Context, greeted func()) (*wire.Conn, error) {
	o := d.options
	o.Greeted = greeted
	conn, err := wire.Dial(ctx, o)
	d.rejected = err
	close(d.tried)
	return conn, err
}

// further connects once, after the first login.
func (d *dialer) further(ctx context.Context) (*wire.Conn, error) {
	o := d.options
	o.Admit = func(ctx context.Context) error {
		select {
		case <-d.tried:
			return d.rejected
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	conn, err := wire.Dial(ctx, o)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return conn, err
}

// hopeless reports whether to connect again is of no use. The login is tried once: a password that was right a moment ago and
// is not now must not lock the account.
func hopeless(err error) bool {
	var auth *wire.AuthError
	var insecure *wire.TLSError
	return errors.As(err, &auth) && !busy(auth.Code) || errors.As(err, &insecure)
}

// again connects until it works, the context ends or patience does.
func (d *dialer) again(ctx context.Context) (*wire.Conn, error) {
	start := time.Now()
	for attempt := 1; ; attempt++ {
		conn, err := d.further(ctx)
		if err == nil || ctx.Err() != nil || hopeless(err) {
			return conn, err
		}
		wait := d.backoff(attempt)
		if time.Since(start)+wait > d.patience {
			return nil, fmt.Errorf("the server could not be reached again for %s: %w", time.Since(start).Round(time.Second), err)
		}
		d.log.Debug("no connection", "attempt", attempt, "wait", wait, "reason", err)
		d.retried("no connection")
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// busy reports whether a login was refused for reasons that pass (RFC 5530 3): too many connections of the user, say.
func busy(code string) bool { return code == "LIMIT" || code == "UNAVAILABLE" || code == "INUSE" }

// sleep waits, or returns the cause of the context's end.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// control is the connection for everything but the storing of messages, and for that, too, where the server takes no other.
// It does one thing at a time.
type control struct {
	dialer *dialer

	mu       sync.Mutex
	conn     *wire.Conn // below the client
	client   *imapclient.Client
	caps     wire.Caps
	selected string // the mailbox that is selected, if any
	writable bool
	count    uint32 // of messages, when it was selected
	closed   bool
}

// mostAttempts is how often something is tried over a new connection each time.
const mostAttempts = 5

// errClosed is what comes of using a target that has ended.
var errClosed = errors.New("the connection was closed")

// do runs f, which is tried again where the connection is lost: it has to be such that this makes no difference. An error
// is a [*wire.ResponseError] where the server refuses.
func (c *control) do(ctx context.Context, f func(*imapclient.Client) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	for range mostAttempts {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err = c.connect(ctx); err != nil {
			return &load.Fatal{Err: err}
		}
		client := c.client
		stop := context.AfterFunc(ctx, func() { client.Close() })
		err = f(client)
		stop()
		var refused *goimap.Error
		var own *wire.ResponseError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &own):
			return err
		case errors.As(err, &refused) && refused.Type != goimap.StatusResponseTypeBye:
			return &wire.ResponseError{Status: string(refused.Type), Code: strings.ToUpper(string(refused.Code)), Text: refused.Text}
		case errors.Is(err, errGone):
			return err
		case errors.Is(err, errStop):
			c.drop()
			return err
		}
		c.dialer.log.Debug("control connection lost", "reason", err)
		c.dialer.retried("the connection was lost")
		c.drop()
	}
	if !wire.Lost(err) {
		err = unreadable{err}
	}
	return &load.Fatal{Err: fmt.Errorf("the connection was lost %d times in a row: %w", mostAttempts, err)}
}

// unreadable is an answer that the library could not read, in its own words.
type unreadable struct{ error }

func (e unreadable) Unwrap() error {
	return &wire.ProtocolError{Doing: "a command", What: e.error.Error()}
}

// connect makes sure of a connection.
func (c *control) connect(ctx context.Context) error {
	if c.closed {
		return errClosed
	}
	if c.client != nil {
		select {
		case <-c.client.Closed():
			c.drop()
		default:
			return nil
		}
	}
	conn, err := c.dialer.again(ctx)
	if err != nil {
		return err
	}
	return c.use(conn)
}

// use takes a connection over.
func (c *control) use(conn *wire.Conn) error {
	c.caps = conn.Caps()
	client, err := conn.Client()
	if err != nil {
		return err
	}
	c.conn, c.client, c.selected = conn, client, ""
	return nil
}

// append stores messages, while nothing else is done. Connecting ends with the first context, storing with the second.
func (c *control) append(stopping, ctx context.Context, mailbox string, messages []wire.Message) ([]wire.Appended, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.connect(stopping); err != nil {
		return nil, err
	}
	results, err := c.conn.Append(ctx, mailbox, messages)
	if err != nil {
		c.dialer.log.Debug("control connection lost", "reason", err)
		c.dialer.retried("the connection was lost")
		c.drop()
	}
	return results, nil
}

func (c *control) drop() {
	if c.client != nil {
		c.client.Close()
		c.client, c.selected = nil, ""
	}
}

// close says goodbye, and waits for an answer where somebody else needs the connection's place.
func (c *control) close(polite, wait bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil && polite {
		client := c.client
		bye := client.Logout()
		if wait {
			timer := time.AfterFunc(goodbye, func() { client.Close() })
			bye.Wait() //nolint:errcheck // it is about to be closed
			timer.Stop()
		}
	}
	c.drop()
	c.closed = true
}

// status is what a server says of a mailbox.
type status struct {
	validity, next, count uint32
}

// errGone is what comes of a mailbox that is another one than it was.
var errGone = errors.New("it was deleted or replaced by another of its name")

// look selects a mailbox anew, for reading, and returns what it is now. What a server said of a mailbox before it was
// selected may be old.
func (c *control) look(ctx context.Context, name string) (s status, err error) {
	err = c.do(ctx, func(client *imapclient.Client) error {
		c.selected = ""
		data, err := client.Select(name, &goimap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			return err
		}
		c.selected, c.writable, c.count = name, false, data.NumMessages
		s = status{validity: data.UIDValidity, next: uint32(data.UIDNext), count: data.NumMessages}
		return nil
	})
	return s, named(err, "EXAMINE")
}

// in runs f with a mailbox selected.
func (c *control) in(ctx context.Context, name string, validity uint32, write bool, f func(*imapclient.Client) error) error {
	return c.do(ctx, func(client *imapclient.Client) error {
		if c.selected != name || write && !c.writable {
			c.selected = ""
			data, err := client.Select(name, &goimap.SelectOptions{ReadOnly: !write}).Wait()
			if err != nil {
				return err
			}
			if data.UIDValidity != validity {
				return errGone
			}
			c.selected, c.writable, c.count = name, write, data.NumMessages
		}
		return f(client)
	})
}

// counting runs f with a mailbox selected anew, for reading, and with the number of messages in it. The library learns
// that number only after its answer to SELECT is there for all to see: its Mailbox may be nil then, or be the one before.
func (c *control) counting(ctx context.Context, name string, validity uint32, f func(client *imapclient.Client, count uint32) error) error {
	return c.do(ctx, func(client *imapclient.Client) error {
		c.selected = ""
		data, err := client.Select(name, &goimap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			return err
		}
		if data.UIDValidity != validity {
			return errGone
		}
		c.selected, c.writable, c.count = name, false, data.NumMessages
		return f(client, data.NumMessages)
	})
}

// permanent returns the keywords that a mailbox can hold. Only SELECT tells: a mailbox that is open for reading has none.
func (c *control) permanent(ctx context.Context, name string) (k *keywords, err error) {
	err = c.do(ctx, func(client *imapclient.Client) error {
		c.selected = ""
		data, err := client.Select(name, nil).Wait()
		if err != nil {
			return err
		}
		c.selected, c.writable, c.count = name, true, data.NumMessages
		k = permitted(data)
		return nil
	})
	return k, named(err, "SELECT")
}

// named gives a refusal the command it is of.
func named(err error, command string) error {
	var refused *wire.ResponseError
	if errors.As(err, &refused) && refused.Command == "" {
		refused.Command = command
	}
	return err
}

// messageInfo is what is fetched of a message beside its body.
type messageInfo struct {
	uid   uint32
	size  int64
	date  time.Time
	flags []string
	head  []byte
}

// mostHead bounds the header fields of a message that are taken from a server.
const mostHead = 64 << 10

// fetch calls visit for messages. A server that leaves any of them out is an error where all says how many there are.
func fetch(client *imapclient.Client, set goimap.NumSet, o *goimap.FetchOptions, all int, visit func(*messageInfo) error) error {
	cmd := client.Fetch(set, o)
	var failed error
	seen := 0
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		info, err := readInfo(m)
		if err == nil && failed == nil && info.uid != 0 {
			seen++
			err = visit(info)
		}
		if failed == nil {
			failed = err
		}
	}
	if err := cmd.Close(); err != nil {
		return err
	}
	if failed == nil && all >= 0 && seen != all {
		return &wire.ProtocolError{Doing: "FETCH", What: fmt.Sprintf("it has %d messages and tells of %d", all, seen)}
	}
	return failed
}

func readInfo(m *imapclient.FetchMessageData) (*messageInfo, error) {
	info := new(messageInfo)
	var failed error
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			info.uid = uint32(item.UID)
		case imapclient.FetchItemDataRFC822Size:
			info.size = item.Size
		case imapclient.FetchItemDataInternalDate:
			info.date = item.Time
		case imapclient.FetchItemDataFlags:
			for _, f := range item.Flags {
				info.flags = append(info.flags, string(f))
			}
		case imapclient.FetchItemDataBodySection:
			if item.Literal != nil {
				head, err := io.ReadAll(io.LimitReader(item.Literal, mostHead))
				info.head = head
				if failed == nil {
					failed = err
				}
			}
		}
	}
	return info, failed
}
