package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailmill/formats/corpustest"
)

// Mail goes from a PST through every form in which it can lie in files, and is what it was: in the same folders, with the same
// bytes, keys, flags, keywords and dates.
func TestChain(t *testing.T) {
	t.Parallel()
	archive := filepath.Join(corpustest.Dir(t), "synthetic", "small.pst")
	dir := t.TempDir()
	var first []string
	from := archive
	for i, step := range []struct {
		to      string
		options []string
	}{
		{"1", nil},
		{"2", []string{"--format", "maildir"}},
		{"3", []string{"--format", "eml"}},
		{"4.tar.zst", []string{"--format", "eml"}},
		{"5.zip", nil},
		{"6.tar.gz", []string{"--format", "maildir"}},
		{"7", nil},
	} {
		to := filepath.Join(dir, step.to)
		mailmill(t, append(append([]string{"convert", "-q", "--only", "mail"}, step.options...), from, to)...).want(t, 0)
		got := states(t, to)
		if i == 0 {
			if first = got; len(first) < 200 {
				t.Fatalf("%d mails", len(first))
			}
		} else if diff := cmp.Diff(first, got); diff != "" {
			t.Fatalf("%s differs from the first:\n%s", step.to, diff[:min(len(diff), 3000)])
		}
		from = to
	}
	// The names of folders are those of the archive, whatever files can be called.
	if diff := cmp.Diff(foldersOf(t, archive), foldersOf(t, from)); diff != "" {
		t.Errorf("folders (-archive +end):\n%s", diff)
	}
	// And the bytes are the same: what is left of the first tree and the last is told apart by nothing but its order.
	mailmill(t, "verify", "--only", "mail", filepath.Join(dir, "1"), from).want(t, 0)
}

// state is what list tells of a mail that does not depend on where it lies.
type state struct {
	Type        string   `json:"type"`
	Key         string   `json:"key"`
	Folder      []string `json:"folder"`
	Subject     string   `json:"subject"`
	Date        string   `json:"date"`
	Received    string   `json:"received"`
	Flags       []string `json:"flags"`
	Keywords    []string `json:"keywords"`
	Text        string   `json:"text_sha256"`
	HTML        string   `json:"html_sha256"`
	Attachments []struct {
		Name   string `json:"name"`
		Type   string `json:"type"`
		SHA256 string `json:"sha256"`
	} `json:"attachments"`
}

func listedStates(t *testing.T, source string) (list []state) {
	t.Helper()
	for line := range bytes.Lines(mailmill(t, "list", "--json", "--digest", "--only", "mail", source).want(t, 0).stdout) {
		var s state
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		if s.Type == "item" {
			list = append(list, s)
		}
	}
	return list
}

func states(t *testing.T, source string) (list []string) {
	t.Helper()
	for _, s := range listedStates(t, source) {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	slices.Sort(list)
	return list
}

func foldersOf(t *testing.T, source string) (list []string) {
	t.Helper()
	for _, s := range listedStates(t, source) {
		list = append(list, fmt.Sprintf("%q", s.Folder))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
