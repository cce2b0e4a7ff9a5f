package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var updateReadme = flag.Bool("update-readme", false, "write the table of what Outlook shows into the README anew")

// The README has the table of what Outlook shows that is tested, and every option.
func TestReadme(t *testing.T) {
	path := filepath.Join("..", "..", "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := os.ReadFile(filepath.Join("..", "..", "extract", "outlook", "testdata", "shown.md"))
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- shown -->\n", "<!-- /shown -->\n"
	before, rest, _ := strings.Cut(string(readme), begin)
	table, after, ok := strings.Cut(rest, end)
	switch want := strings.TrimSpace(string(shown)) + "\n"; {
	case !ok:
		t.Errorf("%s has no place for the table", path)
	case *updateReadme:
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case table != want:
		t.Errorf("%s does not have the table that is tested; run with -update-readme", path)
	}
	a := &app{stdout: &output{w: &strings.Builder{}}, stderr: &output{w: &strings.Builder{}}}
	for _, c := range a.rootCommand().Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && f.Name != "null" && !f.Hidden && !strings.Contains(before+after, "--"+f.Name) {
				t.Errorf("%s says nothing of %s --%s", path, c.Name(), f.Name)
			}
		})
	}
}
