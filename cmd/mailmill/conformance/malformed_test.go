package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gomail "github.com/emersion/go-message/mail"
	"github.com/jhillyerd/enmime/v2"

	"mailmill/formats/corpustest"
)

// expected is what is to become of a malformed file: the file beside it says so.
type expected struct {
	outcome string // passes, repaired, damaged, failed, incomplete, fails
	status  int
	found   int // items; -1 for any number
	subject *string
	says    string // a part of what people are told
	judges  string // why all judges are wrong about a subject
}

func readExpected(t *testing.T, path string) (e expected) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case strings.HasPrefix(name, "#"):
		case name == "outcome":
			e.outcome = value
		case name == "status":
			e.status, err = strconv.Atoi(value)
		case name == "found":
			e.found, err = strconv.Atoi(value)
		case name == "subject" || name == "subject:":
			e.subject = &value
		case name == "says":
			e.says = value
		case name == "judges":
			e.judges = value
		default:
			t.Fatalf("%s: %q says nothing", path, lines.Text())
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return e
}

// TestMalformed takes every file in testdata/malformed, and compares what becomes of it with what is written beside it.
//
// A mail that "passes" comes out byte for byte as it went in. One that is "repaired" comes out as other programs want it: with
// CRLF, without the line of an mbox; a calendar or card in the form of its standard. "damaged" is written with what is whole,
// "failed" is one item that is named, "incomplete" an archive of which some may be lost, and what "fails" ends with one sentence.
func TestMalformed(t *testing.T) {
	dir := filepath.Join("testdata", "malformed")
	wants, err := filepath.Glob(filepath.Join(dir, "*.want"))
	if err != nil || len(wants) < 150 {
		t.Fatalf("%d files, %v", len(wants), err)
	}
	for _, want := range wants {
		file := strings.TrimSuffix(want, ".want")
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			malformed(t, file, readExpected(t, want))
		})
	}
}

func malformed(t *testing.T, file string, want expected) {
	out := filepath.Join(t.TempDir(), "out")
	r := mailmill(t, "convert", "--json", "--format", "eml", "--split", file, out).want(t, want.status)
	told := string(r.stdout) + r.stderr
	if want.says != "" && !strings.Contains(told, want.says) {
		t.Errorf("nobody is told %q:\n%s", want.says, tail(told, 1000))
	}
	items, found := itemsOf(t, r.stdout)
	if want.outcome == "fails" {
		// One sentence, with its advice, and nothing that looks like a result.
		if n := strings.Count(strings.TrimSpace(r.stderr), "\n"); n > 0 || !strings.HasPrefix(r.stderr, "mailmill: ") {
			t.Errorf("%d lines:\n%s", n+1, r.stderr)
		}
		if files := filesBelow(t, out); len(files) > 0 {
			t.Errorf("it has left %q", slices.Sorted(maps.Keys(files)))
		}
		return
	}
	if want.found >= 0 && found != want.found {
		t.Errorf("%d items, want %d", found, want.found)
	}
	if want.subject != nil && (len(items) == 0 || items[0].Subject != *want.subject) {
		t.Errorf("subject: %.300q, want %q", fmt.Sprint(items), *want.subject)
	}
	if strings.HasSuffix(file, ".eml") && (want.outcome == "passes" || want.outcome == "damaged") {
		in, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range filesBelow(t, out) {
			if !bytes.Equal(content, in) {
				t.Errorf("%s is not what it was", name)
			}
		}
	}
	// What is said of it goes to terminals and scripts: nothing of the archive may act there.
	if i := strings.IndexFunc(told, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7F }); i >= 0 {
		t.Errorf("a control character among what is told: %q", told[max(0, i-40):min(len(told), i+10)])
	}
}

// toldOf is what the tests want of an item's object.
type toldOf struct {
	Type    string
	Subject string
	Total   struct{ Found int }
}

func itemsOf(t *testing.T, lines []byte) (items []toldOf, found int) {
	t.Helper()
	for d := json.NewDecoder(bytes.NewReader(lines)); ; {
		var o toldOf
		if err := d.Decode(&o); err == io.EOF {
			return items, found
		} else if err != nil {
			t.Fatal(err)
		}
		switch o.Type {
		case "item":
			items = append(items, o)
		case "balance":
			found = o.Total.Found
		}
	}
}

// filesBelow returns the files in a folder, but for mailmill's own.
func filesBelow(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".mailmill") {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return files
}

// TestMalformedJudged asks Python's email, go-message and enmime for the subject of every malformed mail. What mailmill says is
// what at least one of them says, or the file beside the mail says why all three are wrong.
func TestMalformedJudged(t *testing.T) {
	python := corpustest.Program(t, "python3")
	dir := filepath.Join("testdata", "malformed")
	mails, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, append([]string{"-I", "-B", filepath.Join("testdata", "subjects.py")}, mails...)...).Output()
	if err != nil {
		t.Fatalf("Python: %v", err)
	}
	var byPython map[string]*string
	if err := json.Unmarshal(out, &byPython); err != nil {
		t.Fatal(err)
	}
	judged := 0
	for _, file := range mails {
		want := readExpected(t, file+".want")
		if want.outcome == "fails" {
			continue
		}
		items, _ := itemsOf(t, mailmill(t, "list", "--json", file).want(t, 0, 3).stdout)
		if len(items) != 1 {
			t.Errorf("%s: %d items", file, len(items))
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]*string{"Python": byPython[file], "go-message": subjectByGoMessage(content), "enmime": subjectByEnmime(content)}
		agree, asked := false, 0
		for _, s := range said {
			if s != nil {
				asked++
				agree = agree || plain(*s) == plain(items[0].Subject)
			}
		}
		judged += min(asked, 1)
		switch {
		case asked > 0 && !agree && want.judges == "":
			t.Errorf("%s: %.100q, but %s", filepath.Base(file), items[0].Subject, verdicts(said))
		case agree && want.judges != "":
			t.Errorf("%s: a judge agrees; its .want says %q", filepath.Base(file), want.judges)
		}
	}
	if judged < 100 {
		t.Errorf("only %d mails were judged", judged)
	}
}

// plain is a subject without what readers treat in their own ways: blanks, and control characters.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7F || r == '\uFFFD' }), " ")
}

func verdicts(said map[string]*string) string {
	var list []string
	for _, judge := range slices.Sorted(maps.Keys(said)) {
		if s := said[judge]; s != nil {
			list = append(list, fmt.Sprintf("%s says %.100q", judge, *s))
		}
	}
	return strings.Join(list, ", ")
}

func subjectByGoMessage(content []byte) *string {
	r, err := gomail.CreateReader(bytes.NewReader(content))
	if r == nil {
		return nil
	}
	subject, wordErr := r.Header.Subject()
	if err != nil && wordErr != nil {
		return nil
	}
	return &subject
}

func subjectByEnmime(content []byte) *string {
	e, err := enmime.ReadEnvelope(bytes.NewReader(content))
	if err != nil {
		return nil
	}
	subject := e.GetHeader("Subject")
	return &subject
}
