package compare_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailmill/load/compare"
)

func TestY(t *testing.T) {
	dir := os.Getenv("TREE")
	n := 0
	filepath.Walk(dir, func(p string, i os.FileInfo, err error) error {
		f, _ := os.Open(p)
		defer f.Close()
		show := func(q compare.Part) bool {
			if n++; n < 12 {
				t.Log(p, q.Key)
				for _, x := range q.Facts {
					t.Logf("   %q = %q", x.Field, x.Value)
				}
			}
			return true
		}
		switch {
		case strings.HasSuffix(p, ".ics"):
			compare.Components(f, show)
		case strings.HasSuffix(p, ".vcf"):
			compare.Cards(f, show)
		}
		return nil
	})
	t.Log(n)
}
