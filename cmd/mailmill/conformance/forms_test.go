package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailmill/formats/corpustest"
)

// formMail is a mail as forms.py reads it from any form.
type formMail struct {
	Folder []string `json:"folder"`
	SHA256 string   `json:"sha256"` // of what all forms have in common
	State  string   `json:"state"`  // letters as in an mbox; empty where the form has none
}

func formMails(t *testing.T, form, target string) []formMail {
	t.Helper()
	var mails []formMail
	for line := range bytes.Lines(python(t, "forms.py", "mails", form, target)) {
		var m formMail
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		mails = append(mails, m)
	}
	return mails
}

// sorted returns mails in an order that depends on them alone.
func sorted(mails []formMail) []string {
	var list []string
	for _, m := range mails {
		list = append(list, fmt.Sprintf("%q %s", m.Folder, m.SHA256))
	}
	slices.Sort(list)
	return list
}

// Whatever form an archive is converted to, it holds the same messages in the same folders, byte for byte, once line
// ends, the quoting of "From " and the state in an mbox are taken away. Python's readers say so.
func TestFormsHoldTheSame(t *testing.T) {
	t.Parallel()
	corpustest.Program(t, "zstd")
	sources := []string{corpustest.Sample()}
	for _, name := range []string{"pst/aspose-outlook-1.pst", "pst/4k-page.ost", "synthetic/tiny.pst", "synthetic/small.pst"} {
		sources = append(sources, corpustest.File(t, name))
	}
	generated, _ := corpustest.Generate(t, "-preset", "small", "-seed", "77")
	sources = append(sources, generated)
	for _, source := range sources {
		t.Run(filepath.Base(source), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write := func(format, name string) string {
				target := filepath.Join(dir, format, name)
				mailmill(t, "convert", "--only", "mail", "--format", format, source, target).want(t, 0, 3)
				return target
			}

			want := formMails(t, "mbox", write("mbox", "out"))
			if len(want) == 0 {
				t.Fatal("there is no mail")
			}
			// Trees: the archives hold what the folder holds, with its times.
			for _, format := range []string{"mbox", "eml", "maildir"} {
				folder := filepath.Join(dir, format, "out")
				if format != "mbox" {
					write(format, "out")
					got := formMails(t, format, folder)
					if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
						t.Errorf("%s: -mbox +%s\n%s", format, format, diff)
					}
					if format == "maildir" {
						compareStates(t, want, got)
					}
				}
				tree := python(t, "forms.py", "tree", folder)
				for _, ending := range []string{"tar", "tar.zst", "tar.gz", "zip"} {
					if got := python(t, "forms.py", "tree", write(format, "all."+ending)); !bytes.Equal(tree, got) {
						t.Errorf("%s, %s: -folder +archive\n%s", format, ending, cmp.Diff(string(tree), string(got)))
					}
				}
			}

			// One file: the same mails in the order of the folders.
			stdout := filepath.Join(dir, "stdout")
			out := mailmill(t, "convert", "--only", "mail", "-q", source, "-").want(t, 0, 3)
			if err := os.WriteFile(stdout, out.stdout, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, target := range []string{write("mbox", "a.mbox"), write("mbox", "a.mbox.zst"), write("mbox", "a.mbox.gz"), stdout} {
				got := formMails(t, "single", target)
				if len(got) != len(want) {
					t.Errorf("%s holds %d mails, want %d", target, len(got), len(want))
					continue
				}
				for i, m := range got {
					if m.SHA256 != want[i].SHA256 || m.State != want[i].State {
						t.Errorf("%s: mail %d is %+v, want %+v", target, i, m, want[i])
					}
				}
			}
		})
	}
}

// compareStates checks that a Maildir tells of each mail what an mbox does.
func compareStates(t *testing.T, mbox, maildir []formMail) {
	t.Helper()
	states := func(mails []formMail) map[string]string {
		byMail := make(map[string]string)
		for _, m := range mails {
			id := strings.Join(m.Folder, "\x00") + m.SHA256
			byMail[id] += m.State + " "
		}
		return byMail
	}
	got := states(maildir)
	for id, state := range states(mbox) {
		one, two := strings.Fields(state), strings.Fields(got[id])
		slices.Sort(one)
		slices.Sort(two)
		if !slices.Equal(one, two) {
			t.Errorf("%.60q: mbox says %q, Maildir %q", id, state, got[id])
		}
	}
}
