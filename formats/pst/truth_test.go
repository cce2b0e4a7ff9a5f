package pst

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
)

// truth is what the generator of a synthetic file says of an item.
type truth struct {
	NID        string `json:"nid"`
	Kind       string
	Class      string
	Subject    string
	Path       []string `json:"folder_path"`
	BodySHA    string   `json:"body_sha256"`
	Recipients []struct{ Name string }
	Attach     []attachmentTruth `json:"attachments"`
}

type attachmentTruth struct {
	Name     string
	Method   int
	Size     int
	SHA256   string
	Embedded *truth
}

// TestTruth compares synthetic files with what is known of their content.
func TestTruth(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny", "small"} {
		t.Run(name, func(t *testing.T) {
			f := open(t, corpustest.File(t, "synthetic/"+name+".pst"))
			file, err := os.Open(corpustest.File(t, "synthetic/"+name+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			items := 0
			lines := bufio.NewScanner(file)
			lines.Buffer(nil, 16<<20)
			for lines.Scan() {
				var want truth
				if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
					t.Fatal(err)
				}
				id, err := strconv.ParseUint(want.NID, 0, 32)
				if err != nil {
					t.Fatal(err)
				}
				m, err := f.Message(NID(id))
				if err != nil {
					t.Error(err)
					continue
				}
				checkTruth(t, m, want)
				items++
			}
			if listed := count(t, f); listed != items {
				t.Errorf("the folders list %d items, the truth has %d", listed, items)
			}
			if w, _ := f.Warnings(); len(w) > 0 {
				t.Errorf("warnings: %v", w)
			}
		})
	}
}

func checkTruth(t *testing.T, m mapi.Message, want truth) {
	t.Helper()
	if got := text(t, m, 0x001A); got != want.Class {
		t.Errorf("%s: class %q, want %q", want.NID, got, want.Class)
	}
	if got := text(t, m, 0x0037); want.Kind == "mail" && trimPrefixMark(got) != want.Subject {
		t.Errorf("%s: subject %q, want %q", want.NID, got, want.Subject)
	}
	if body := text(t, m, 0x1000); want.BodySHA != "" && sum([]byte(body)) != want.BodySHA {
		t.Errorf("%s: body %.40q…", want.NID, body)
	}
	list, err := m.Attachments()
	if err != nil {
		t.Errorf("%s: %v", want.NID, err)
	}
	if len(list) != len(want.Attach) && want.Kind == "mail" {
		t.Errorf("%s: %d attachments, want %d", want.NID, len(list), len(want.Attach))
		return
	}
	for i, a := range want.Attach {
		checkAttachment(t, list[i], a)
	}
}

func checkAttachment(t *testing.T, a mapi.Attachment, want attachmentTruth) {
	t.Helper()
	name := text(t, a, 0x3707)
	if name == "" && want.Name != "" {
		name = text(t, a, 0x3704)
	}
	if name == "" && want.Name != "" {
		name = text(t, a, 0x3001)
	}
	if name != want.Name {
		t.Errorf("attachment %q, want %q", name, want.Name)
	}
	if want.Embedded != nil {
		m, err := a.Embedded()
		if err != nil {
			t.Errorf("attachment %q: %v", name, err)
			return
		}
		checkTruth(t, m, *want.Embedded)
		return
	}
	if want.SHA256 == "" {
		return
	}
	r, err := a.Open()
	if err != nil {
		t.Errorf("attachment %q: %v", name, err)
		return
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil || n != int64(want.Size) || n != a.DataSize() || hex.EncodeToString(h.Sum(nil)) != want.SHA256 {
		t.Errorf("attachment %q: %d bytes (%d told) of %d, or wrong ones: %v", name, n, a.DataSize(), want.Size, err)
	}
}

// trimPrefixMark removes the mark before subjects that tells how long their prefix is (MS-PST 2.5.3.1.1.1).
func trimPrefixMark(s string) string {
	if len(s) >= 2 && s[0] == 1 {
		return s[2:]
	}
	return s
}

func text(t *testing.T, p mapi.Properties, id mapi.ID) string {
	t.Helper()
	v, err := p.Lookup(id)
	if err != nil {
		t.Error(err)
	}
	return v.Text(1252)
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// open opens a file and closes it when the test ends.
func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// count counts the messages of all folders, associated ones included.
func count(t testing.TB, f *File) int {
	t.Helper()
	n := 0
	walk(t, f, func(*Folder, *Entry) { n++ })
	return n
}

// walk calls visit with every message of every folder, which must be sound.
func walk(t testing.TB, f *File, visit func(*Folder, *Entry)) {
	t.Helper()
	root, err := f.Root()
	if err != nil {
		t.Fatal(err)
	}
	var folder func(*Folder)
	folder = func(d *Folder) {
		if !d.IsSearch() {
			for _, list := range []func(func(*Entry, error) bool){d.Contents(), d.Associated()} {
				for e, err := range list {
					if err == nil {
						err = e.Err
					}
					if err != nil {
						t.Error(err)
						continue
					}
					visit(d, e)
				}
			}
		}
		children, err := d.Children()
		if err != nil {
			t.Error(err)
		}
		for _, c := range children {
			folder(c)
		}
	}
	folder(root)
}
