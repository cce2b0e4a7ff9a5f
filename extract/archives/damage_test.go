package archives

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/extract/olm/olmtest"
	"mailmill/formats"
	"mailmill/formats/corpustest"
)

// What came before the cut is read, and that something may be missing is told.
func TestCutShort(t *testing.T) {
	long, random := tinyMbox, rand.New(rand.NewPCG(1, 2))
	for len(long) < 1_000_000 {
		long += fmt.Sprintf("%s\n%x%x\n\n", strings.TrimSuffix(tinyMbox, "\n\n"), random.Uint64(), random.Uint64())
	}
	for name, data := range map[string]string{
		"all.mbox.gz":  gzipOf(long),
		"all.mbox.zst": zstdOf(long),
		"all.tar":      tarOf("1.eml", one, "all.mbox", long),
		"all.tar.gz":   gzipOf(tarOf("1.eml", one, "all.mbox", long)),
		"all.zip":      zipOf("1.eml", one, "all.mbox", long),
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, t.TempDir(), name, data[:len(data)*3/4])
			a := open(t, path)
			got := lines(t, a)
			if len(got) == 0 || !strings.Contains(got[0], "60090117") {
				t.Errorf("%d: %.200q", len(got), got)
			}
			t.Log(len(got), "items")
			if info := a.Info(); info.Incomplete == "" {
				t.Errorf("%+v", info)
			}
		})
	}
}

// A file with a password is told of, and others beside it are read.
func TestEncrypted(t *testing.T) {
	data := []byte(zipOf("1.eml", one, "2.eml", two))
	second := bytes.LastIndex(data, []byte("PK\x01\x02"))
	data[second+8] |= 1
	got := content(t, "some.zip", string(data))
	if len(got) != 2 || !strings.Contains(got[0], "60090117") || !strings.Contains(got[1], "encrypted") {
		t.Errorf("%q", got)
	}
	first := bytes.Index(data, []byte("PK\x01\x02"))
	data[first+8] |= 1
	path := write(t, t.TempDir(), "all.zip", string(data))
	_, err := Open(t.Context(), path, extract.Options{}, nil)
	if !errors.Is(err, extract.ErrUnsupported) || !strings.Contains(err.Error(), "all.zip is encrypted. Unpack it with its password, and name the folder") {
		t.Error(err)
	}
}

// A method that nobody uses any more fails the members that have it.
func TestUnknownMethod(t *testing.T) {
	data := []byte(zipOf("1.eml", one, "2.eml", two))
	second := bytes.LastIndex(data, []byte("PK\x01\x02"))
	data[second+10] = 14
	got := content(t, "some.zip", string(data))
	if len(got) != 2 || !strings.Contains(got[1], "2.eml: ") || !strings.Contains(got[1], "it is compressed with LZMA, which is not read: unpack it with another program") {
		t.Errorf("%q", got)
	}
}

// What cannot be read at all may be mail, whatever it is called.
func TestUnreadMember(t *testing.T) {
	for _, name := range []string{"alice.pst", "Inbox", "mail.zip"} {
		data := []byte(zipOf("1.eml", one, name, "\x01\x02\x03\x04"))
		second := bytes.LastIndex(data, []byte("PK\x01\x02"))
		data[second+10] = 9
		got := content(t, "some.zip", string(data))
		if len(got) != 2 || !strings.Contains(got[1], name+" cannot be read: it is compressed with Deflate64") {
			t.Errorf("%q", got)
		}
		data = []byte(zipOf(name, "\x01\x02\x03\x04"))
		data[bytes.LastIndex(data, []byte("PK\x01\x02"))+10] = 9
		_, err := Open(t.Context(), write(t, t.TempDir(), "all.zip", string(data)), extract.Options{}, nil)
		if err == nil || !strings.Contains(err.Error(), "Deflate64") {
			t.Error(err)
		}
	}
	// What is called as an archive is, and is none, is one that was lost.
	got := content(t, "some.tar", tarOf("1.eml", one, "a.pst", "", "b.pst", strings.Repeat("\x00", 1000), "c.mbox.gz", gzipOf("\x01\x02\x03\x04"), "d.zip", docx, "notes.txt.gz", gzipOf("\x01\x02\x03\x04"), "e.zip", zipOf("a.jpg", "\xFF\xD8\xFF\xE0")))
	if len(got) != 5 {
		t.Errorf("%q", got)
	}
}

// A message that is damaged in its archive is read as far as it goes, and says so.
func TestDamagedMember(t *testing.T) {
	data := []byte(zipOf("1.eml", one))
	at := bytes.LastIndex(data, []byte("PK\x01\x02"))
	data[at+16]++ // its sum
	got := content(t, "some.zip", string(data))
	if len(got) != 1 || !strings.Contains(got[0], `60090117 [] "one"`) || !strings.Contains(got[0], "checksum") {
		t.Errorf("%q", got)
	}
}

func TestOutlookForMac(t *testing.T) {
	data := string(olmtest.Zip(
		olmtest.XML("Local/Notes/Notes.xml", olmtest.E("notes", olmtest.E("note", olmtest.T("OPFNoteCopyTitle", "Milk")))),
	))
	want := content(t, "a.olm", data)
	if len(want) == 0 {
		t.Fatal("nothing in it")
	}
	same(t, content(t, "a.tar.gz", gzipOf(tarOf("x/a.olm", data))), want)
}

// The check of a PST is that of what it is packed in.
func TestCheckPacked(t *testing.T) {
	data, err := os.ReadFile(corpustest.File(t, "pst/empty.pst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.zip", "b.zip"} {
		packed := zipOf("a.pst", string(data))
		if name == "b.zip" {
			packed = zipOf("a.pst", string(data), "1.eml", one)
		}
		a := open(t, write(t, t.TempDir(), name, packed))
		c, err := a.Check(t.Context(), nil)
		if err != nil || c.Blocks == 0 {
			t.Errorf("%s: %+v %v", name, c, err)
		}
	}
	a := open(t, write(t, t.TempDir(), "c.zip", zipOf("1.eml", one)))
	if _, err := a.Check(t.Context(), nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// pipe gives standard input something that cannot be sought in.
func stdin(t *testing.T, data string, o extract.Options) (*Archive, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = r
	t.Cleanup(func() { os.Stdin = before; r.Close() })
	go func() {
		io.WriteString(w, data)
		w.Close()
	}()
	a, err := Open(t.Context(), "-", o, nil)
	if err == nil {
		t.Cleanup(func() { a.Close() })
	}
	return a, err
}

// Mail from a pipe is read in one pass; what needs more is copied. Both hold the same.
func TestPipes(t *testing.T) {
	mbox := []string{`Mail mail 60090117 [] "one" []`, `Mail mail ec42ee83 [seen] "two" []`}
	for _, tt := range []struct {
		name, data string
		spool      bool
		stream     bool
		want       []string
	}{
		{"mbox", tinyMbox, false, true, mbox},
		{"mbox", tinyMbox, true, false, mbox},
		{"mbox.zst", zstdOf(tinyMbox), false, true, mbox},
		{"mbox.gz.zst", zstdOf(gzipOf(tinyMbox)), true, false, mbox},
		{"eml", one, false, false, []string{` mail 60090117 [] "one" []`}},
		{"tar.gz", gzipOf(tarOf("Inbox/1.eml", one, "Sent.mbox", tinyMbox)), false, false, []string{
			`Inbox mail 60090117 [] "one" []`, `Sent mail 60090117 [] "one" []`, `Sent mail ec42ee83 [seen] "two" []`,
		}},
	} {
		a, err := stdin(t, tt.data, extract.Options{Spool: tt.spool})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if a.Once() != tt.stream || a.Info().Path != "-" {
			t.Errorf("%s: a stream is %v, %+v", tt.name, a.Once(), a.Info())
		}
		same(t, lines(t, a), tt.want)
	}
	for data, says := range map[string]string{
		"":                                 "standard input is empty",
		"Dear diary":                       `standard input is not an archive of mail. It begins with "Dear diary"`,
		string(gzipZeros(tinyMbox, 2<<10)): "",
	} {
		a, err := stdin(t, data, extract.Options{})
		if err == nil {
			for _, entryErr := range a.Entries(t.Context()) {
				err = entryErr
			}
			says = "unpacks to more than 250 times its size"
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.10q: %v", data, err)
		}
	}
}

// Who waits for a pipe can be interrupted.
func TestInterruptedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	before := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = before }()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	time.AfterFunc(50*time.Millisecond, func() { cancel(enough) })
	if _, err := Open(ctx, "-", extract.Options{}, nil); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// A mailbox in a folder that somebody writes to while it is read is told of.
func TestFolderChanges(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat(tinyMbox, (2<<20)/len(tinyMbox))
	path := write(t, dir, "Inbox.mbox", long)
	write(t, dir, "1.eml", one)
	var told []error
	a, err := Open(t.Context(), dir, extract.Options{}, func(err error) { told = append(told, err) })
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var last formats.Entry
	for e, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		last = e
	}
	if _, err := a.Read(t.Context(), last); err != nil || a.Changed() != nil {
		t.Fatal(err, a.Changed())
	}
	if err := os.WriteFile(path, []byte(tinyMbox), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(idleTime + 500*time.Millisecond)
	if _, err := a.Read(t.Context(), last); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
	if !errors.Is(a.Changed(), ErrChanged) || len(told) != 1 || !strings.Contains(told[0].Error(), filepath.Join(dir, "Inbox.mbox")+" changed while it was read") {
		t.Error(a.Changed(), told)
	}
}

// What a run writes to is no part of what it reads.
func TestExcept(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "1.eml", one)
	write(t, dir, "out/2.eml", two)
	write(t, dir, "all.mbox", tinyMbox)
	write(t, dir, ".x.mailmill.tmp/3.eml", two)
	a, err := Open(t.Context(), dir, extract.Options{Except: []string{filepath.Join(dir, "out"), filepath.Join(dir, "all.mbox"), "imap://x/"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	same(t, lines(t, a), []string{` mail 60090117 [] "one" []`})
}

// Where there is no room for a copy, the sentence says how much it takes and where.
func TestNoRoom(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("what is free is not known here before it is used up")
	}
	s := new(session)
	defer s.store.Close()
	_, err := s.store.Copy(t.Context(), strings.NewReader(one), 1<<60, nil)
	err = refused("big.zip/alice.pst", err)
	if !errors.Is(err, ErrNoRoom) || !strings.HasPrefix(err.Error(), "big.zip/alice.pst has to be copied to a file in "+os.TempDir()+" first, which does not work: it takes 1099511627776 MB, and ") ||
		!strings.Contains(err.Error(), " MB are free. Make room there, name another folder in "+tempVariable+", or put the archive into a file and name that") {
		t.Error(err)
	}
}
