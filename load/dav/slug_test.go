package dav

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSlugsAreNamesThatAllServersTake(t *testing.T) {
	for title, want := range map[string]string{"Calendar": "calendar", "Team/Old stuff": "team-old-stuff", "Café": "cafe"} {
		if got := slugOf(title); got != want {
			t.Errorf("%q is %q, not %q", title, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		title := rapid.String().Draw(t, "title")
		slug := slugOf(title)
		if slug == "" || len(slug) > longestSlug+5 || slug[0] == '-' || slug[len(slug)-1] == '-' || strings.Trim(slug, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("%q is %q", title, slug)
		}
		if slug != slugOf(title) {
			t.Errorf("%q is not always %q", title, slug)
		}
	})
}
