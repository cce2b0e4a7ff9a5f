package report

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"pgregory.net/rapid"

	"mailmill/load"
)

// A lane says what matters most in the room that there is, and no server's words get out of it.
func TestLanes(t *testing.T) {
	fast := Lane{ItemsPerSecond: 870.4, BytesPerSecond: 11e6, Connections: 4}
	tired := Lane{ItemsPerSecond: 3, BytesPerSecond: 0, Connections: 1, Retries: 2, Waiting: 12 * time.Second, Why: "429 Too Many\x1b[2J Requests"}
	lost := Lane{ItemsPerSecond: 30, BytesPerSecond: 5e5, Connections: 2, Retries: 1, Why: "the connection was lost"}
	for _, tt := range []struct {
		lane Lane
		room int
		want string
	}{
		{fast, 80, "  870 items/s   11 MB/s   4 connections"},
		{fast, 24, "  870 items/s   11 MB/s"},
		{tired, 90, "  waits 12 s: 429 Too Many\uFFFD[2J Requests   0 B/s   1 connection   2 retries"},
		{tired, 30, "  waits 12 s: 429 Too Many\uFFFD[2J"},
		{lost, 90, "  30 items/s   500 kB/s   2 connections   1 retry: the connection was lost"},
		{lost, 52, "  30 items/s   500 kB/s   2 connections   1 retry"},
	} {
		if got := tt.lane.line(tt.room); got != tt.want {
			t.Errorf("in %d columns %q, want %q", tt.room, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		l := Lane{Retries: rapid.IntRange(0, 3).Draw(t, "retries"), Why: rapid.String().Draw(t, "why"), Waiting: time.Duration(rapid.IntRange(0, 3).Draw(t, "waiting")) * time.Second}
		room := rapid.IntRange(1, 100).Draw(t, "room")
		if got := l.line(room); text.StringWidth(got) > room || strings.ContainsFunc(got, unprintable) {
			t.Fatalf("%q in %d columns", got, room)
		}
	})
}

// The time left follows what the last half minute was like, not the whole run.
func TestTimeLeftIsOfNow(t *testing.T) {
	var s speeds
	p := load.Progress{Found: 10_000}
	at := func(second, done int) {
		p.Elapsed, p.Done = time.Duration(second)*time.Second, done
		s.add(&p)
	}
	for second := range 60 {
		at(second, 100*second) // a hundred a second
	}
	for second := 60; second <= 120; second++ {
		at(second, 6000+(second-60)) // one a second since
	}
	left, ok := s.left(&p)
	if want := 3940 * time.Second; !ok || left < want*9/10 || left > want*11/10 {
		t.Errorf("%v left, %v; at the present speed it is %v", left, ok, want)
	}
	if items, _ := s.recent(&p); items != 1 {
		t.Errorf("%d items a second, not one", items)
	}
	for second := 121; second <= 160; second++ {
		at(second, 6060)
	}
	if left, ok := s.left(&p); ok {
		t.Errorf("nothing moves, and yet it takes %v", left)
	}
}

// Whoever watches a log sees the lanes, too.
func TestTickerHasLanes(t *testing.T) {
	var out bytes.Buffer
	ticker := &Ticker{Log: slog.New(slog.NewTextHandler(&out, nil)), Doing: "comparing", Lanes: []func() Lane{func() Lane {
		return Lane{Name: "mail.example.org", Items: 40, ItemsPerSecond: 12, Connections: 3, Waiting: 4 * time.Second, Why: "NO [LIMIT]"}
	}}}
	ticker.Progress(load.Progress{Found: 100, Done: 50, Elapsed: 61 * time.Second})
	for _, want := range []string{"msg=comparing", "mail.example.org.items=40", "mail.example.org.items_per_s=12", "mail.example.org.connections=3", `mail.example.org.waits="4 s"`, `mail.example.org.why="NO [LIMIT]"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in %s", want, &out)
		}
	}
}

func TestPlanOfServer(t *testing.T) {
	p := Plan{Target: "imaps://alice@mail.example.org/", Items: 1, Bytes: 2500, One: "mailbox", Several: "mailboxes"}
	if got, want := p.String(), "1 item with 2.5 kB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.New = []string{"A\x1b[2J"}
	if got, want := p.String(), "1 new mailbox (A\uFFFD[2J) and 1 item with 2.5 kB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.New = strings.Split("a b c d e f g h i j k l", " ")
	if got, want := p.String(), "12 new mailboxes (a, b, c, d, e, f, g, h, i, j, …) and 1 item with 2.5 kB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var out bytes.Buffer
	p.New = p.New[:2]
	NewJournal(NewLines(&out)).Plan(&p)
	if want := `{"type":"plan","schema":1,"target":"imaps://alice@mail.example.org/","items":1,"bytes":2500,"new":["a","b"]}` + "\n"; out.String() != want {
		t.Errorf("%s, want %s", &out, want)
	}
}
