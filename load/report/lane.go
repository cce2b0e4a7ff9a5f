package report

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Lane is the way to one server at a moment.
type Lane struct {
	Name                           string // of the server
	Items                          int    // that it has taken
	ItemsPerSecond, BytesPerSecond float64
	Connections                    int // that are at work
	Retries                        int
	// Waiting is how long nothing more is sent, and Why says what for: the server asked for it, in its own words.
	Waiting time.Duration
	Why     string
}

// line writes a lane in so many columns, the most important first. What does not fit is left out.
func (l *Lane) line(room int) string {
	var b strings.Builder
	put := func(s string) {
		if b.Len() == 0 || text.StringWidth(b.String()+s) <= room {
			b.WriteString(s)
		}
	}
	fmt.Fprintf(&b, "  %s items/s", Count(int(l.ItemsPerSecond+0.5)))
	if l.Waiting > 0 {
		b.Reset()
		b.WriteString("  waits " + shortly(l.Waiting))
		if l.Why != "" {
			why := ": " + Printable(l.Why)
			b.WriteString(firstColumns(why, max(room-text.StringWidth(b.String()), 0)))
		}
	}
	put("   " + Bytes(int64(l.BytesPerSecond)) + "/s")
	put("   " + Plural(l.Connections, "connection"))
	switch {
	case l.Retries == 1:
		put("   1 retry")
	case l.Retries > 1:
		put("   " + Count(l.Retries) + " retries")
	}
	return b.String()
}

// attributes returns a lane as a log has it.
func (l *Lane) attributes() slog.Attr {
	args := []any{
		"items", l.Items, "items_per_s", int(l.ItemsPerSecond + 0.5), "speed", Bytes(int64(l.BytesPerSecond)) + "/s",
		"connections", l.Connections, "retries", l.Retries,
	}
	if l.Waiting > 0 {
		args = append(args, "waits", shortly(l.Waiting), "why", Printable(l.Why))
	}
	return slog.Group(Printable(l.Name), args...)
}
