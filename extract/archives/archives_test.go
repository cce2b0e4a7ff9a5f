package archives

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"mailmill/extract"
	"mailmill/extract/bundle"
	"mailmill/formats"
	"mailmill/formats/corpustest"
)

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// People give all sorts of files to a program. Each gets a sentence that says what is wrong, and a reason that the
// command tells its exit status by.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name, content string
		reason        error
		says          string
	}{
		{"alice.docx", docx, extract.ErrNotArchive, "is not an archive of mail but an Office document"},
		{"photos.zip", zipOf("a.jpg", "\xFF\xD8\xFF\xE0"), extract.ErrEmpty, "is a zip archive without mail. mailmill reads Outlook data files (.pst, .ost), mbox, Maildir"},
		{"cut.zip", "PK\x03\x04\x14\x00", extract.ErrUnreadable, "cannot be read: the zip is cut short, its index is missing. Fetch it again"},
		{"notes.txt", "Dear diary, today", extract.ErrNotArchive, `is not an archive of mail. It begins with "Dear diary, today"`},
		{"notes.pst", "Dear diary, today", extract.ErrNotArchive, `is not an Outlook data file. It begins with "Dear diary, today"`},
		{"letter.txt", "From the desk of Bob\n\nDear Alice", extract.ErrNotArchive, `It begins with "From the desk of Bob"`},
		{"recipe.txt", "Subject: pancakes\nWhat: flour, eggs\n", extract.ErrNotArchive, `It begins with "Subject: pancakes"`},
		{"config.yml", "from: a\nto: b\n", extract.ErrNotArchive, `It begins with "from: a"`},
		{"grüße.txt", "Grüße aus München, mein Herz", extract.ErrNotArchive, `It begins with "Grüße aus München, me"`},
		{"photo.pst", "\xFF\xD8\xFF\xE0\x00\x10JFIF", extract.ErrNotArchive, "is not an Outlook data file but a picture"},
		{"setup.exe", "MZ\x90\x00", extract.ErrNotArchive, "but a program"},
		{"login.pst", "\n<!DOCTYPE html>\n<html>", extract.ErrNotArchive, "but a web page. It may tell why a download did not succeed"},
		{"vault.pst", "LUKS\xBA\xBE\x00\x02", extract.ErrUnsupported, "is an encrypted file. If there is mail in it, decrypt it first"},
		{"vault.vhd", "\xEB\x58\x90-FVE-FS-", extract.ErrUnsupported, "is an encrypted file"},
		{"disk.img", "\xEB\x52\x90NTFS    ", extract.ErrUnsupported, "is an image of a disk"},
		{"mail.pst.b64", "IUJETkG8D2tTTRcAEwABAQAA", extract.ErrUnsupported, "is an Outlook data file in Base64. Decode it first"},
		{"mac.bin", "\x00\x05a.pst" + strings.Repeat("\x00", 121) + "!BDN\x00\x00\x00\x00SM", extract.ErrUnsupported, "is an Outlook data file behind 128 bytes of something else. Cut those off: tail -c +129 FILE"},
		{"go.mod", "module mailmill\n\ngo 1.26\n", extract.ErrNotArchive, `It begins with "module mailmill"`},
		{"blob", "\x01\x02\xFE\xFF\x00\x00\x00\x00\x00", extract.ErrNotArchive, "It begins with the bytes 01 02 FE FF 00 00 00 00"},
		{"zero.pst", string(make([]byte, 9000)), extract.ErrNotArchive, "holds nothing but zeros. Fetch it again: it was allocated"},
		{"headless.pst", string(make([]byte, 20000)) + strings.Repeat("mail", 3000), extract.ErrNotArchive, "has lost its beginning: there is nothing but zeros. Fetch it again, or look for an older copy"},
		{"empty.pst", "", extract.ErrEmpty, "is empty"},
		{"one.msg", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", extract.ErrNotArchive, "is not an Outlook message"},
		{"book.pab", "!BDN\x00\x00\x00\x00AB", extract.ErrUnsupported, "personal address book"},
		{"mail.tar.gz", "\x1F\x8B\x08", extract.ErrUnreadable, "cannot be read: what gzip compressed is cut short after 3 bytes"},
		{"diary.gz", gzipOf("Dear diary, today"), extract.ErrNotArchive, `is a gzip file of nothing known. It begins with "Dear diary, today"`},
		{"nothing.gz", gzipOf(""), extract.ErrEmpty, `is a gzip file of nothing`},
		{"mail.7z", "7z\xBC\xAF\x27\x1C", extract.ErrUnsupported, "is a 7-Zip archive. If there is mail in it, unpack it first, and name the folder"},
		{"mail.zip", strings.Repeat("\x01", 100) + "PK\x05\x06\x02" + strings.Repeat("\x00", 17), extract.ErrUnsupported, "is a part of a zip archive in several parts. If there is mail in it, unpack it first"},
		{"mail.mbox.lz4", "\x04\x22\x4D\x18\x64", extract.ErrUnsupported, "is an lz4 file. Unpack it first: lz4 -d"},
		{"mail.mbox.Z", "\x1F\x9D\x90", extract.ErrUnsupported, "is a file that compress has packed (.Z). Unpack it first: gzip -d"},
		{"old.edb", "\x01\x02\x03\x04\xEF\xCD\xAB\x89", extract.ErrUnsupported, "Exchange server"},
	} {
		path := write(t, dir, tt.name, tt.content)
		_, err := Open(t.Context(), path, extract.Options{}, nil)
		var se *extract.SourceError
		if !errors.As(err, &se) || !errors.Is(err, tt.reason) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), path+" ") || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %s", tt.name, err)
		}
	}
	_, err := Open(t.Context(), filepath.Join(dir, "nowhere.pst"), extract.Options{}, nil)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere.pst is not there") {
		t.Error(err)
	}
	if _, err := Open(t.Context(), t.TempDir(), extract.Options{}, nil); !errors.Is(err, extract.ErrEmpty) || !strings.Contains(err.Error(), "is a folder without mail") {
		t.Error(err)
	}
}

// docx is as much of an Office document as tells it from other zips.
var docx = zipOf("[Content_Types].xml", "<Types/>", "word/document.xml", "<x/>")

// zipOf returns a zip of files: name, content, name, content.
func zipOf(files ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		out, err := w.CreateHeader(&zip.FileHeader{Name: files[i], Method: zip.Deflate, Modified: when})
		if err != nil {
			panic(err)
		}
		io.WriteString(out, files[i+1])
	}
	w.Close()
	return b.String()
}

func tarOf(files ...string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o600, ModTime: when}); err != nil {
			panic(err)
		}
		io.WriteString(w, files[i+1])
	}
	w.Close()
	return b.String()
}

var when = time.Date(2014, 3, 2, 9, 30, 0, 0, time.UTC)

func gzipOf(content string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, content)
	w.Close()
	return b.String()
}

func zstdOf(content string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(content), nil))
}

// The kinds are told by what is in a file. What it is called counts only where that leaves room for doubt.
func TestRecognise(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		form          form
	}{
		{"a.jpg", "!BDN\x00\x00\x00\x00SM", inPST},
		{"x", "From a@example.org Thu Jan  1 00:00:00 1970\nSubject: x\n\n", inMbox},
		{"x", "From - Thu Jan  1 00:00:00 1970\r\nX-Mozilla-Status: 0001\r\n", inMbox},
		{"x", "\xEF\xBB\xBF\r\nFrom x\nSubject: y\n", inMbox},
		{"x", "From x\n>From y Thu Jan  1 00:00:00 1970\nTo: a\n", inMbox},
		{"a.mbox", "From x", inMbox},
		{"x", "From x", unread},
		{"x.mbox", "Subject: x\n\nno line before it", inMail},
		{"x", "Subject: x\r\nFrom: y\r\n\r\n", inMail},
		{"x", "Received: from x\r\n\tby y\r\n\r\n", inMail},
		{"x.eml", "X-Odd: 1\r\nX-Strange: 2\r\n\r\n", inMail},
		{"x.eml", "no header at all", inMail},
		{"x.eml", "\xEF\xBB\xBFSubject: x\r\n", inMail},
		{"x.eml", "From : a@example.org\nDate: Thu, 1 Jan 1970 00:00:00 +0000\n\n", inMail},
		{"x", "From : a@example.org (10:00)\nSubject: x\n\n", inMail},
		{"x.eml", "From a@example.org Thu Jan  1 00:00:00 1970\nSubject: x\n\n", inMbox},
		{"x.eml", "!BDN\x00\x00\x00\x00SM", inPST},
		{"x.txt", "Subject: x\nFrom: y\n", unread},
		{"x", "X-Odd: 1\r\nX-Strange: 2\r\n\r\n", unread},
		{"1", "2048      \nReceived: x\nSubject: y\n\n", inEMLX},
		{"1.txt", "2048\n1024\n", unread},
		{"x", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", inCompound},
		{"x", "\x78\x9F\x3E\x22", inTNEF},
		{"x", "BEGIN:VCALENDAR\r\n", inLines},
		{"x", "\xEF\xBB\xBF\nbegin:vCalendar\n", inLines},
		{"x", "Begin:VCard\nversion:2.1\n", inLines},
		{"x", zipOf("a", "b"), inZip},
		{"x", "PK\x05\x06" + strings.Repeat("\x00", 18), inZip},
		{"x", tarOf("a", "b"), inTar},
		{"x", tarOf("From x 10:00", "b"), inTar},
		{"x", tarOf("BEGIN:VCALENDAR", "b"), inTar},
		{"x", gzipOf("x"), inPacked},
		{"x", zstdOf("x"), inPacked},
		{"x", "\x50\x2A\x4D\x18\x01\x00\x00\x00x" + zstdOf("x"), inPacked},
		{"x", "BZh9", inPacked},
		{"x", "\xFD7zXZ\x00", inPacked},
		{"x", "PK00" + zipOf("a", "b"), inZip},
		{"x", "Subject:WEBP\nFrom: y\n", inMail},
		{"x", "From: a@example.org\nTo: b@example.org\nSubject: " + strings.Repeat("x", 35) + "FAT32\n", inMail},
		{"x", "\xEB\x58\x90" + strings.Repeat("\x00", 79) + "FAT32   ", unread},
		{"x", "", unread},
	} {
		if k := recognise([]byte(tt.content), tt.name); k.form != tt.form {
			t.Errorf("%s %.40q is %s", tt.name, tt.content, k.name)
		}
	}
}

func TestNoPermission(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("whoever runs this test may read everything")
	}
	path := write(t, t.TempDir(), "a.pst", "!BDN")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, extract.Options{}, nil); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "may not be read") {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	const pst = "!BDN\x00\x00\x00\x00SM"
	for _, name := range []string{"b/2.pst", "b/10.pst", "a.ost", "c.backup"} {
		write(t, dir, name, pst)
	}
	write(t, dir, "b/readme.txt", "hello")
	write(t, dir, "b/empty.pst", "")
	write(t, dir, "b/old.7z", "7z\xBC\xAF\x27\x1C")
	files, skipped, err := Find(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		rel, _ := filepath.Rel(dir, f)
		names = append(names, filepath.ToSlash(rel))
	}
	if got := strings.Join(names, " "); got != "a.ost b/10.pst b/2.pst c.backup" {
		t.Errorf("found %s", got)
	}
	if len(skipped) != 2 || !errors.Is(skipped[0], extract.ErrEmpty) || !errors.Is(skipped[1], extract.ErrUnsupported) {
		t.Errorf("skipped %v", skipped)
	}

	// What is no mailbox of its own is one source together, behind the others.
	for _, name := range []string{"mails/1.eml", "mails/2.eml", "mails/3.eml"} {
		write(t, dir, name, "Subject: x\r\n")
	}
	write(t, dir, "m.tar.gz", gzipOf(tarOf("1.eml", "Subject: x\r\n")))
	write(t, dir, "m.mbox.gz", gzipOf("From a@example.org Thu Jan  1 00:00:00 1970\n\n"))
	for _, name := range []string{"c/1.7z", "c/2.7z"} {
		write(t, dir, name, "7z\xBC\xAF\x27\x1C")
	}
	files, skipped, err = Find(t.Context(), dir, "")
	if err != nil || len(files) != 6 || files[5] != dir || files[4] != filepath.Join(dir, "m.tar.gz") {
		t.Errorf("found %v, %v", files, err)
	}
	if len(skipped) != 2 || !strings.Contains(skipped[1].Error(), "holds 3 files like "+filepath.Join(dir, "b", "old.7z")+", which is a 7-Zip archive") {
		t.Errorf("skipped %v", skipped)
	}

	if files, _, err := Find(t.Context(), filepath.Join(dir, "b/old.7z"), ""); err != nil || len(files) != 1 {
		t.Errorf("a file that is named is not judged here: %v %v", files, err)
	}
	if _, _, err := Find(t.Context(), filepath.Join(dir, "nowhere"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, _, err := Find(t.Context(), t.TempDir(), ""); !errors.Is(err, extract.ErrEmpty) || !strings.Contains(err.Error(), "without mail") {
		t.Error(err)
	}
	if files, _, err := Find(t.Context(), "-", ""); err != nil || len(files) != 1 {
		t.Errorf("%v %v", files, err)
	}
}

func TestOpen(t *testing.T) {
	path := corpustest.File(t, "pst/empty.pst")
	a, err := Open(t.Context(), path, extract.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if info := a.Info(); info.Path != path || info.Format != "Outlook data file, Unicode" || info.Size != 271360 {
		t.Errorf("%+v", info)
	}
}

func TestStandardInput(t *testing.T) {
	content, err := os.ReadFile(corpustest.File(t, "pst/empty.pst"))
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = stdin }()
	go func() {
		w.Write(content)
		w.Close()
	}()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	a, err := Open(t.Context(), "-", extract.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Info(); got.Path != "-" || got.Size != int64(len(content)) {
		t.Errorf("%+v", got)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("%v is left behind", left)
	}
}

// Whatever a file begins with has a name that a sentence can be made of.
func FuzzRecognise(f *testing.F) {
	f.Add([]byte("!BDN"), "x")
	f.Add([]byte("\xC3"), "x.eml")
	f.Add([]byte("From x\n>From y\nTo: z\n"), "")
	f.Add([]byte("Subject : x\n y\nTo: z\n"), "x.txt")
	f.Fuzz(func(t *testing.T, head []byte, name string) {
		k := recognise(head, name)
		if k.name == "" {
			t.Fatal("no name")
		}
		err := k.refusal("x")
		if err == nil || bytes.ContainsAny([]byte(err.Error()), "\x00\n\x1b") {
			t.Fatalf("%q", err)
		}
	})
}

// Whatever is packed in whatever ends, and every entry is an item or a failure.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(zipOf(home[:12]...)))
	f.Add([]byte(tarOf(home[12:24]...)))
	f.Add([]byte(gzipOf(tinyMbox)))
	f.Add([]byte(zstdOf(zipOf("1.eml", one, "x.gz", gzipOf(two)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := new(session)
		defer s.store.Close()
		a, err := s.open(t.Context(), body{ReaderAt: bytes.NewReader(data), path: "x", size: int64(len(data)), budget: bundle.NewBudget(int64(len(data)))})
		if err != nil {
			return
		}
		listed := make(map[*formats.Folder]bool)
		for _, folder := range a.Folders() {
			listed[folder] = true
		}
		for e, err := range a.Entries(t.Context()) {
			if err != nil {
				return
			}
			if e.Folder == nil || !listed[e.Folder] {
				t.Errorf("%s is in %q", e.ID, e.Folder)
			}
			if it, err := a.Read(t.Context(), e); (it == nil) == (err == nil) {
				t.Errorf("%s: %v %v", e.ID, it, err)
			}
		}
		a.Close()
	})
}

// In a folder nobody wants to hear of documents, or of archives of pictures.
func TestFindNoMail(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.docx", docx)
	write(t, dir, "b.zip", zipOf("a.jpg", "\xFF\xD8\xFF\xE0", "c.docx", docx))
	write(t, dir, "c.tgz", gzipOf(tarOf("main.go", "package main")))
	write(t, dir, "d.zip", zipOf("a.jpg", "\xFF\xD8\xFF\xE0", "c.7z", "7z\xBC\xAF\x27\x1C"))
	write(t, dir, "e.tgz", gzipOf(tarOf("main.go", "package main", "x/mail", tinyMbox)))
	sources, skipped, err := Find(t.Context(), dir, "")
	if err != nil || len(skipped) > 0 || len(sources) != 2 || filepath.Base(sources[0]) != "d.zip" || filepath.Base(sources[1]) != "e.tgz" {
		t.Errorf("%v %v %v", sources, skipped, err)
	}
}

// What is called as archives of mail are, and is none, is told of: nobody else says that a mailbox is missing.
func TestFindDamaged(t *testing.T) {
	dir := t.TempDir()
	damaged := map[string]string{
		"a.pst":     strings.Repeat("\x00", 10000),
		"b.pst":     "<!DOCTYPE html><html>",
		"c.ost.gz":  "no gzip file",
		"d.mbox.gz": gzipOf("\x01\x02\x03\x04"),
		"e.zip":     "\x01\x02\x03\x04",
		"f.tar.zst": zstdOf("\x01\x02\x03\x04"),
	}
	for name, data := range damaged {
		write(t, dir, name, data)
	}
	write(t, dir, "._a.pst", "\x00\x05\x16\x07\x00\x02\x00\x00")
	write(t, dir, "notes.txt.gz", gzipOf("\x01\x02\x03\x04"))
	_, skipped, _ := Find(t.Context(), dir, "")
	for _, err := range skipped {
		var source *extract.SourceError
		if !errors.As(err, &source) || damaged[filepath.Base(source.Path)] == "" {
			t.Error(err)
		}
	}
	if len(skipped) != len(damaged) {
		t.Errorf("%q", skipped)
	}
	// One that is called as what is read with the folder is an item that has failed.
	write(t, dir, "g.mbox", "\x01\x02\x03\x04")
	if sources, _, err := Find(t.Context(), dir, ""); err != nil || len(sources) != 1 || sources[0] != dir {
		t.Errorf("%q %v", sources, err)
	}
	if got := lines(t, open(t, dir)); len(got) != 1 || !strings.Contains(got[0], "g.mbox is not an archive of mail") {
		t.Errorf("%q", got)
	}
}

// A link to a folder that is named is the folder.
func TestFindLink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mail/1.eml", "Subject: x\r\n")
	write(t, dir, "mail/a.pst", "!BDN\x00\x00\x00\x00SM")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("mail", link); err != nil {
		t.Skip("no links here: ", err)
	}
	sources, skipped, err := Find(t.Context(), link, "")
	if err != nil || len(skipped) > 0 || len(sources) != 2 || sources[0] != filepath.Join(link, "a.pst") || sources[1] != link {
		t.Errorf("%q %v %v", sources, skipped, err)
	}
}
