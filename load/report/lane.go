package report

import (
	"fmt"
	"log/slog"
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
	// Waiting is how long nothing more is sent, and Why says what for, in the server's own words, or why something was begun
	// anew.
	Waiting time.Duration
	Why     string
}

// line writes a lane in so many columns, the most important first. What does not fit is left out.
func (l *Lane) line(room int) string {
	line := fmt.Sprintf("  %s items/s", Count(int(l.ItemsPerSecond+0.5)))
	if l.Waiting > 0 {
		line = "  waits " + shortly(l.Waiting) + l.because(room-text.StringWidth("  waits "+shortly(l.Waiting)))
	}
	put := func(s string) {
		if text.StringWidth(line+s) <= room {
			line += s
		}
	}
	put("   " + Bytes(int64(l.BytesPerSecond)) + "/s")
	put("   " + Plural(l.Connections, "connection"))
	if l.Retries > 0 {
		retries := "   1 retry"
		if l.Retries > 1 {
			retries = "   " + Count(l.Retries) + " retries"
		}
		if l.Waiting == 0 {
			retries += l.because(room - text.StringWidth(line+retries))
		}
		put(retries)
	}
	return firstColumns(line, room)
}

// because says why a lane waits, or began anew, in so many columns.
func (l *Lane) because(room int) string {
	if l.Why == "" || room < len(": reason") {
		return ""
	}
	return firstColumns(": "+Printable(l.Why), room)
}

// attributes returns a lane as a log has it.
func (l *Lane) attributes() slog.Attr {
	args := []any{
		"items", l.Items, "items_per_s", int(l.ItemsPerSecond + 0.5), "speed", Bytes(int64(l.BytesPerSecond)) + "/s",
		"connections", l.Connections, "retries", l.Retries,
	}
	if l.Waiting > 0 {
		args = append(args, "waits", shortly(l.Waiting))
	}
	if l.Why != "" {
		args = append(args, "why", Printable(l.Why))
	}
	return slog.Group(Printable(l.Name), args...)
}
