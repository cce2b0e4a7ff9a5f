package msg_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"

	"mailmill/extract"
	"mailmill/extract/msg"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"
)

// compoundFiles are the files of the corpus that are message files: a few are called so and are mails.
func compoundFiles(t *testing.T) []string {
	t.Helper()
	dir := filepath.Join(corpustest.Dir(t), "msg")
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range list {
		path := filepath.Join(dir, f.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(b, []byte("\xD0\xCF\x11\xE0")) {
			files = append(files, path)
		}
	}
	return files
}

// readFile reads the one item of a file.
func readFile(t *testing.T, path string) *formats.Item {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return readOne(t, path, b)
}

// known is what is wrong with files of the corpus.
var known = map[string]string{
	"cd8da2f9-out.msg": "start of the event: nothing says when it is", // an appointment with neither times nor creation date
}

// TestCorpus opens every message file that there is.
func TestCorpus(t *testing.T) {
	files := compoundFiles(t)
	if len(files) < 55 {
		t.Errorf("only %d files", len(files))
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			it := readFile(t, path)
			for _, d := range it.Damage {
				if d.String() != known[filepath.Base(path)] {
					t.Errorf("damage: %v", d)
				}
			}
			if it.Key == "" || it.Identity == "" || it.Class == "" || it.Folder == nil {
				t.Errorf("%+v", it.Entry)
			}
		})
	}
}

// view is what two programs are compared in.
type view struct {
	subject, text, html string
	from, to, cc        []string
	files               []string // name, size and hash
	rtf                 bool     // the message was in RTF, and is left so
}

// ownView is what was made of an item; nil for cards.
func ownView(t *testing.T, it *formats.Item) *view {
	t.Helper()
	var d *formats.Details
	switch it.Kind {
	case formats.KindMail:
		var b bytes.Buffer
		if err := mime.Write(&b, it.Mail); err != nil {
			t.Fatal(err)
		}
		return viewOf(t, b.Bytes())
	case formats.KindEvent:
		d = &it.Event.Details
	case formats.KindTask:
		d = &it.Task.Details
	case formats.KindNote:
		d = &it.Note.Details
	case formats.KindJournal:
		d = &it.Journal.Details
	default:
		return nil
	}
	v := &view{subject: words(d.Summary)}
	if d.Text != nil {
		r, err := d.Text.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		v.text = words(string(b))
	}
	return v
}

var address = regexp.MustCompile(`[^\s<>,"]+@[^\s<>,"]+`)

// viewOf reads a message with a library that neither program uses.
func viewOf(t *testing.T, b []byte) *view {
	t.Helper()
	e, err := message.Read(bytes.NewReader(b))
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		t.Fatal(err)
	}
	v := &view{}
	h := mail.Header{Header: e.Header}
	v.subject, _ = h.Subject()
	v.subject = strings.Join(strings.Fields(v.subject), " ")
	addresses := func(name string) (list []string) {
		all, err := h.AddressList(name)
		for _, a := range all {
			list = append(list, strings.ToLower(a.Address))
		}
		if err != nil { // it quotes no names
			list = slices.Compact(address.FindAllString(strings.ToLower(h.Get(name)), -1))
		}
		return list
	}
	v.from, v.to, v.cc = addresses("From"), addresses("To"), addresses("Cc")
	v.part(t, e)
	return v
}

func (v *view) part(t *testing.T, e *message.Entity) {
	if mr := e.MultipartReader(); mr != nil {
		for {
			p, err := mr.NextPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
				v.files = append(v.files, "a multipart that cannot be read")
				return
			}
			v.part(t, p)
		}
	}
	b, err := io.ReadAll(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	typ, params, _ := e.Header.ContentType()
	disposition, dparams, _ := e.Header.ContentDisposition()
	name := dparams["filename"]
	if name == "" {
		name = params["name"]
	}
	switch {
	case typ == "text/plain" && v.text == "" && name == "" && disposition != "attachment":
		v.text = words(string(b))
	case typ == "text/html" && v.html == "" && name == "" && disposition != "attachment":
		v.html = words(string(b))
	case typ == "message/rfc822":
		v.files = append(v.files, "message")
	case typ == "application/rtf" && name == "":
		v.rtf = true
	case typ != "text/calendar":
		v.files = append(v.files, fmt.Sprintf("%s %d %x", name, len(b), sha256.Sum256(b)))
	}
}

// words are those of a text: programs differ in the blanks at the ends of lines and texts.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// differences names what two views differ in. Of a body in RTF msgconvert makes neither text nor HTML.
func differences(kind formats.Kind, a, b *view) map[string]string {
	d := make(map[string]string)
	note := func(what string, x, y any) {
		if xs, ys := fmt.Sprint(x), fmt.Sprint(y); xs != ys {
			d[what] = fmt.Sprintf("%.600q\nof msgconvert %.600q", xs, ys)
		}
	}
	note("subject", a.subject, b.subject)
	if kind != formats.KindMail { // it makes mail of everything
		if !b.rtf || b.text != "" {
			note("text", a.text, b.text)
		}
		return d
	}
	note("from", a.from, b.from)
	note("to", a.to, b.to)
	note("cc", a.cc, b.cc)
	if !b.rtf || b.text != "" {
		note("text", a.text, b.text)
	}
	if !b.rtf || b.html != "" {
		note("html", a.html, b.html)
	}
	slices.Sort(a.files)
	slices.Sort(b.files)
	note("files", a.files, b.files)
	return d
}

// TestMsgconvert compares every mail of the corpus with what Email::Outlook::Message makes of it.
func TestMsgconvert(t *testing.T) {
	program := corpustest.Program(t, "msgconvert")
	if out, err := exec.Command(program, "--help").CombinedOutput(); err != nil && bytes.Contains(out, []byte("Can't locate")) {
		corpustest.Missing(t, "msgconvert lacks a module: %.60s", out)
	}
	files := compoundFiles(t)
	run := exec.Command(program, files...)
	run.Dir = t.TempDir() // where it writes to
	if log, err := run.CombinedOutput(); err != nil {
		t.Fatalf("msgconvert: %v\n%s", err, log)
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			it := readFile(t, path)
			own := ownView(t, it)
			if own == nil {
				return // it makes mail of cards, which have no text of their own
			}
			other, err := os.ReadFile(filepath.Join(run.Dir, strings.TrimSuffix(name, ".msg")+".eml"))
			if err != nil {
				t.Fatal(err)
			}
			found := differences(it.Kind, own, viewOf(t, other))
			for what, detail := range found {
				if disagreements[name][what] == "" {
					t.Errorf("%s: %s", what, detail)
				}
			}
			for what := range disagreements[name] {
				if found[what] == "" {
					t.Errorf("they agree in %s", what)
				}
			}
		})
	}
}

func readOne(t *testing.T, path string, b []byte) *formats.Item {
	t.Helper()
	a, err := msg.Open(path, bytes.NewReader(b), int64(len(b)), modified, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return only(t, a)
}

// only returns the one item of an archive.
func only(t *testing.T, a extract.Archive) *formats.Item {
	t.Helper()
	var item *formats.Item
	for e, err := range a.Entries(context.Background()) {
		if err != nil || item != nil {
			t.Fatal("an error, or a second entry", err)
		}
		if item, err = a.Read(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
	if item == nil {
		t.Fatal("no entry")
	}
	return item
}
