package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailmill/formats/corpustest"
	"mailmill/formats/maildir"
	"mailmill/load/servertest"
)

// A Maildir is served by Dovecot as the archive is: every folder, and every mail with its flags, its keywords, the
// moment of its delivery, and the bytes that an EML file has.
func TestMaildirIsServed(t *testing.T) {
	t.Parallel()
	sources := []string{corpustest.Sample()}
	for _, name := range []string{"pst/aspose-outlook-1.pst", "pst/4k-page.ost", "synthetic/small.pst"} {
		sources = append(sources, corpustest.File(t, name))
	}
	for _, source := range sources {
		t.Run(filepath.Base(source), func(t *testing.T) {
			t.Parallel()
			dir := convert(t, "maildir", source)
			served := servertest.Maildir(t, dir)

			// Where the items of each folder are, as Dovecot names it.
			names := make(map[string][]string)
			for place, folder := range places(t, dir) {
				if place == "." {
					names["INBOX"] = folder
				} else {
					names[strings.ReplaceAll(strings.TrimPrefix(place, "."), ".", "/")] = folder
				}
			}
			for _, f := range served.Folders {
				_, isOurs := names[f.Folder]
				if f.Folder != "INBOX" && isOurs != f.Selectable() || isOurs && !f.Subscribed {
					t.Errorf("folder %q: %q, subscribed %v", f.Folder, f.Attributes, f.Subscribed)
				}
			}

			var want, got []servedAs
			for _, it := range list(t, "--only", "mail", source) {
				m := servedAs{strings.Join(it.Folder, "\x00"), it.Key, it.Received, []string{}}
				if m.Received == "" {
					m.Received = it.Date
				}
				m.Received = seconds(m.Received)
				for _, flag := range it.Flags {
					m.Flags = append(m.Flags, imapFlags[flag])
				}
				for _, k := range it.Keywords {
					m.Flags = append(m.Flags, maildir.Keyword(k))
				}
				slices.Sort(m.Flags)
				m.Flags = slices.Compact(m.Flags)
				want = append(want, m)
			}
			for _, m := range served.Mails {
				flags := slices.DeleteFunc(m.Flags, func(f string) bool { return f == `\Recent` })
				slices.Sort(flags)
				got = append(got, servedAs{strings.Join(names[m.Folder], "\x00"), maildir.ParseName(m.GUID).Unique, m.Received, flags})
			}
			slices.SortFunc(want, servedAs.compare)
			slices.SortFunc(got, servedAs.compare)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-archive +Dovecot\n%s", diff)
			}

			var bytes, emls []string
			for _, m := range served.Mails {
				bytes = append(bytes, m.SHA256)
			}
			err := filepath.WalkDir(convert(t, "eml", source), func(path string, d fs.DirEntry, err error) error {
				if err != nil || !strings.HasSuffix(path, ".eml") || d.IsDir() {
					return err
				}
				raw, err := os.ReadFile(path)
				sum := sha256.Sum256(raw)
				emls = append(emls, hex.EncodeToString(sum[:]))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(bytes)
			slices.Sort(emls)
			if !slices.Equal(bytes, emls) {
				t.Error("Dovecot serves other bytes than the EML files have")
			}
		})
	}
}

// servedAs is what both sides tell of a mail.
type servedAs struct {
	Folder, Key, Received string
	Flags                 []string
}

func (m servedAs) compare(other servedAs) int {
	return strings.Compare(m.Folder+"\x00"+m.Key, other.Folder+"\x00"+other.Key)
}

var imapFlags = map[string]string{
	"seen": `\Seen`, "answered": `\Answered`, "forwarded": "$Forwarded", "flagged": `\Flagged`, "draft": `\Draft`, "deleted": `\Deleted`,
}

// places returns the folders of an archive by where they were written.
func places(t *testing.T, dir string) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, ".mailmill.json"))
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Folders []struct {
			Path   string
			Folder []string
		}
	}
	if err := json.Unmarshal(data, &record); err != nil {
		t.Fatal(err)
	}
	byPlace := make(map[string][]string)
	for _, f := range record.Folders {
		byPlace[f.Path] = f.Folder
	}
	return byPlace
}
