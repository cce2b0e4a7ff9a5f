package files

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/transform/folders"
)

// Items of one folder have names of their own, whatever their subjects and keys, and none is that of a folder in it.
func TestItemNames(t *testing.T) {
	const taken = "2014-03-02 x 00000000.eml"
	rapid.Check(t, func(t *rapid.T) {
		n := &itemNames{extension: ".eml", reserved: map[string]bool{taken: true}}
		seen := map[string]bool{taken: true}
		keys := []string{strings.Repeat("0", 32), "00000000" + strings.Repeat("1", 24), strings.Repeat("a", 32), "0000000a" + strings.Repeat("1", 24)}
		count := make(map[string]int)
		for range rapid.IntRange(0, 30).Draw(t, "items") {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			it := &formats.Item{Key: key}
			if count[key]++; count[key] > 1 {
				it.Key += "-" + string(rune('0'+count[key]%10)) + strings.Repeat("0", count[key]/10)
			}
			it.Subject = rapid.OneOf(rapid.SampledFrom([]string{"x", "X", "x 00000000", "", "..", "CON", "a/b"}), rapid.String()).Draw(t, "subject")
			if rapid.Bool().Draw(t, "dated") {
				it.Date = time.Date(2014, 3, 2, 0, 0, 0, 0, time.UTC)
			}
			name := n.name(it)
			if seen[folders.Fold(name)] || len(name) > folders.MaxName || folders.Safe(name, folders.MaxName) != name {
				t.Fatalf("%q is taken or unsafe", name)
			}
			seen[folders.Fold(name)] = true
		}
	})
}
