package archives

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"mailmill/extract"
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
		{"alice.docx", "PK\x03\x04\x14\x00", extract.ErrNotArchive, "is not an Outlook data file but a zip archive or an Office document"},
		{"notes.txt", "Dear diary, today", extract.ErrNotArchive, `is not an Outlook data file. It begins with "Dear diary, today"`},
		{"grüße.txt", "Grüße aus München, mein Herz", extract.ErrNotArchive, `It begins with "Grüße aus München, me"`},
		{"photo.pst", "\xFF\xD8\xFF\xE0\x00\x10JFIF", extract.ErrNotArchive, "is not an Outlook data file but a picture"},
		{"setup.exe", "MZ\x90\x00", extract.ErrNotArchive, "but a program"},
		{"login.pst", "\n<!DOCTYPE html>\n<html>", extract.ErrNotArchive, "but a web page. It may tell why a download did not succeed"},
		{"vault.pst", "LUKS\xBA\xBE\x00\x02", extract.ErrUnsupported, "is an encrypted file. If there are Outlook data files in it, decrypt it first"},
		{"vault.vhd", "\xEB\x58\x90-FVE-FS-", extract.ErrUnsupported, "is an encrypted file"},
		{"disk.img", "\xEB\x52\x90NTFS    ", extract.ErrUnsupported, "is an image of a disk"},
		{"mail.pst.b64", "IUJETkG8D2tTTRcAEwABAQAA", extract.ErrUnsupported, "is an Outlook data file in Base64. Decode it first"},
		{"mac.bin", "\x00\x05a.pst" + strings.Repeat("\x00", 121) + "!BDN\x00\x00\x00\x00SM", extract.ErrUnsupported, "is an Outlook data file behind 128 bytes of something else. Cut those off: tail -c +129 FILE"},
		{"go.mod", "module mailmill\n\ngo 1.26\n", extract.ErrNotArchive, `It begins with "module mailmill"`},
		{"blob", "\x01\x02\xFE\xFF\x00\x00\x00\x00\x00", extract.ErrNotArchive, "It begins with the bytes 01 02 FE FF 00 00 00 00"},
		{"zero.pst", string(make([]byte, 9000)), extract.ErrNotArchive, "holds nothing but zeros. Fetch it again: it was allocated"},
		{"headless.pst", string(make([]byte, 20000)) + strings.Repeat("mail", 3000), extract.ErrNotArchive, "has lost its beginning: there is nothing but zeros. Fetch it again, or look for an older copy"},
		{"empty.pst", "", extract.ErrEmpty, "is empty"},
		{"all.mbox", "From a@example.org Thu Jan  1 00:00:00 1970\n", extract.ErrUnsupported, "is an mbox. mailmill reads Outlook data files (.pst, .ost) so far"},
		{"one.eml", "Received: from x\r\n", extract.ErrUnsupported, "is a single mail (.eml)"},
		{"bom.eml", "\xEF\xBB\xBFSubject: x\r\n", extract.ErrUnsupported, "is a single mail (.eml)"},
		{"one.msg", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", extract.ErrUnsupported, "Outlook messages (.msg)"},
		{"book.pab", "!BDN\x00\x00\x00\x00AB", extract.ErrUnsupported, "personal address book"},
		{"mail.tar.gz", "\x1F\x8B\x08", extract.ErrUnsupported, "unpack it first"},
		{"mail.tar", strings.Repeat("x", 257) + "ustar\x00", extract.ErrUnsupported, "is a tar archive"},
		{"cal.ics", "BEGIN:VCALENDAR\r\n", extract.ErrUnsupported, "is a calendar"},
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
	if _, err := Open(t.Context(), dir, extract.Options{}, nil); !errors.Is(err, extract.ErrNotArchive) || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
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
	write(t, dir, "old.mbox", "From x")
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

	for _, name := range []string{"mails/1.eml", "mails/2.eml", "mails/3.eml"} {
		write(t, dir, name, "Subject: x\r\n")
	}
	_, skipped, err = Find(t.Context(), dir, "")
	if err != nil || len(skipped) != 3 || !strings.Contains(skipped[1].Error(), "holds 3 files like "+filepath.Join(dir, "mails", "1.eml")+", which is a single mail (.eml)") {
		t.Errorf("skipped %v, %v", skipped, err)
	}

	if files, _, err := Find(t.Context(), filepath.Join(dir, "old.mbox"), ""); err != nil || len(files) != 1 {
		t.Errorf("a file that is named is not judged here: %v %v", files, err)
	}
	if _, _, err := Find(t.Context(), filepath.Join(dir, "nowhere"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, _, err := Find(t.Context(), t.TempDir(), ""); !errors.Is(err, extract.ErrEmpty) || !strings.Contains(err.Error(), "without Outlook data files") {
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
	f.Add([]byte("!BDN"))
	f.Add([]byte("\xC3"))
	f.Fuzz(func(t *testing.T, head []byte) {
		k := recognise(head)
		if k.name == "" {
			t.Fatal("no name")
		}
		err := k.refusal("x")
		if err == nil || bytes.ContainsAny([]byte(err.Error()), "\x00\n\x1b") {
			t.Fatalf("%q", err)
		}
	})
}
