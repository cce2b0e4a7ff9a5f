package mime

import (
	"net/mail"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestParseDate compares dates of the usual form, and of almost that form, with the standard library's reader.
func TestParseDate(t *testing.T) {
	forms := []string{
		"Mon, 02 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700", "02 Jan 2006 15:04:05 -0700 (MST)",
		"Mon, 2 Jan 2006 15:04 -0700", "Mon, 2 Jan 06 15:04:05 MST",
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-4e9, 9e9).Draw(t, "time"), 0)
		zone := time.FixedZone("EST", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "zone"))
		text := at.In(zone).Format(rapid.SampledFrom(forms).Draw(t, "form"))
		if rapid.Bool().Draw(t, "changed") {
			b := []byte(text)
			b[rapid.IntRange(0, len(b)-1).Draw(t, "place")] = rapid.SampledFrom([]byte("0123459 :+-,JanFeb()")).Draw(t, "byte")
			text = string(b)
		}
		want, wantErr := mail.ParseDate(text)
		got, err := ParseDate(text)
		if (err == nil) != (wantErr == nil) || err == nil && !got.Equal(want) {
			t.Fatalf("%q: %v, %v; the library reads %v, %v", text, got, err, want, wantErr)
		}
	})
}
