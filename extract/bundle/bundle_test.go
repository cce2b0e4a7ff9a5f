package bundle_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"mailmill/extract/bundle"
	"mailmill/formats/corpustest"
)

var when = time.Date(2014, 3, 2, 9, 30, 0, 0, time.UTC)

// files are what the archives of these tests hold.
var files = []struct{ name, content string }{
	{"Inbox/1.eml", "Subject: one\r\n\r\nHello\r\n"},
	{"Inbox/2.eml", "Subject: two\r\n\r\n" + strings.Repeat("Hello again\r\n", 300)},
	{"Büro/empty", ""},
	{"Sent.mbox", "From a@example.org Thu Jan  1 00:00:00 1970\nSubject: x\n\n\n"},
}

func tarOf(t testing.TB) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.content)), Mode: 0o600, ModTime: when}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, f.content)
	}
	w.Close()
	return b.Bytes()
}

func zipOf(t testing.TB, method uint16) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zstd.ZipMethodWinZip, zstd.ZipCompressor())
	for _, f := range files {
		out, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: method, Modified: when})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(out, f.content)
	}
	w.Close()
	return b.Bytes()
}

func openTar(t testing.TB, b []byte) (*bundle.FS, error) {
	s := new(bundle.Store)
	t.Cleanup(func() { s.Close() })
	return bundle.Tar(t.Context(), bytes.NewReader(b), int64(len(b)), s, bundle.NewBudget(int64(len(b))))
}

func openZip(t testing.TB, b []byte) (*bundle.FS, error) {
	return bundle.Zip(t.Context(), bytes.NewReader(b), int64(len(b)), bundle.NewBudget(int64(len(b))))
}

// check compares an archive with the files that went into it.
func check(t *testing.T, f *bundle.FS, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if f.Incomplete != nil {
		t.Error(f.Incomplete)
	}
	var names []string
	for _, want := range files {
		names = append(names, want.name)
		got, err := fs.ReadFile(f, want.name)
		if err != nil || string(got) != want.content {
			t.Errorf("%s: %q, %v", want.name, got, err)
		}
		info, err := f.Stat(want.name)
		if err != nil || !info.ModTime().Equal(when) || info.Size() != int64(len(want.content)) {
			t.Errorf("%s: %v, %v", want.name, info, err)
		}
	}
	if err := fstest.TestFS(f, names...); err != nil {
		t.Error(err)
	}
}

func TestTar(t *testing.T) {
	f, err := openTar(t, tarOf(t))
	check(t, f, err)
}

func TestZip(t *testing.T) {
	for _, method := range []uint16{zip.Store, zip.Deflate, zstd.ZipMethodWinZip} {
		t.Run(fmt.Sprint(method), func(t *testing.T) {
			b := zipOf(t, method)
			f, err := openZip(t, b)
			check(t, f, err)
			// What unpacks itself has a program before it.
			f, err = openZip(t, append([]byte(strings.Repeat("MZ program ", 99)), b...))
			check(t, f, err)
			f, err = openZip(t, append(b, "trailing"...))
			if err != nil || len(entries(f)) != len(files) {
				t.Errorf("%v %v", entries(f), err)
			}
		})
	}
}

// entries are the names of all files.
func entries(f *bundle.FS) (names []string) {
	if f == nil {
		return nil
	}
	fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	return names
}

// What came before the cut is read, wherever an archive is cut, and what is missing is told.
func TestCutShort(t *testing.T) {
	for name, open := range map[string]func(testing.TB, []byte) (*bundle.FS, error){"tar": openTar, "zip": openZip} {
		t.Run(name, func(t *testing.T) {
			whole, end := tarOf(t), 1023
			if name == "zip" {
				whole, end = zipOf(t, zip.Deflate), 1
			}
			last := 0
			for n := 1; n < len(whole)-end; n += 7 {
				f, err := open(t, whole[:n])
				if err != nil {
					if !errors.Is(err, bundle.ErrFormat) {
						t.Fatalf("%d: %v", n, err)
					}
					continue
				}
				if f.Incomplete == nil {
					t.Errorf("%d bytes of %d are whole", n, len(whole))
				}
				got := 0
				for _, want := range files {
					b, err := fs.ReadFile(f, want.name)
					if err == nil && string(b) == want.content {
						got++
					} else if err == nil {
						t.Errorf("%d: %s is %q without an error", n, want.name, b)
					}
				}
				if got < last {
					t.Errorf("%d bytes give %d files, fewer %d", n, got, last)
				}
				last = got
			}
			if last < len(files)-1 {
				t.Errorf("the longest gives %d", last)
			}
		})
	}
}

// Names lead nowhere, and no two files are one.
func TestNames(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"../../etc/passwd", "/abs", "C:\\mail\\x.eml", "a", "a/b", "a", "a", "./c", "..", "x\xff\xfe"} {
		out, _ := w.Create(name)
		io.WriteString(out, name)
	}
	w.Close()
	f, err := openZip(t, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(entries(f), " "); got != "a/b a (2) a (3) a (4) abs c etc/passwd mail/x.eml x\u00a0■" {
		t.Errorf("%q", got)
	}
}

func TestLinks(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "cur/1", Size: 5})
	io.WriteString(w, "Hello")
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: ".Copy/cur/1", Linkname: "cur/1"})
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: ".Copy/cur/2", Linkname: "cur/2"})
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "s", Linkname: "/etc/passwd"})
	w.Close()
	f, err := openTar(t, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(f, ".Copy/cur/1"); err != nil || string(got) != "Hello" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := fs.ReadFile(f, ".Copy/cur/2"); err == nil || !strings.Contains(err.Error(), "not in the archive") {
		t.Error(err)
	}
	if _, err := f.Stat("s"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A name that is in UTF-8 beside the one that is in whatever code page.
func TestUnicodeNames(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	old := "\x82\xe5\xae\xa4" // code page 866
	for _, sum := range []uint32{crc32.ChecksumIEEE([]byte(old)), 1} {
		extra := slices.Concat([]byte{0x75, 0x70, 5 + 8, 0, 1}, le32(sum), []byte("Вход"))
		w.CreateHeader(&zip.FileHeader{Name: old, NonUTF8: true, Extra: extra})
	}
	w.Close()
	f, err := openZip(t, b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(entries(f), " "); got != "éσ«ñ Вход" {
		t.Errorf("%q", got)
	}
}

// What began in another volume cannot be read, and is told of.
func TestVolume(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Typeflag: 'M', Name: "Inbox.mbox", Size: 5, Format: tar.FormatGNU})
	io.WriteString(w, "Hello")
	w.WriteHeader(&tar.Header{Name: "1.eml", Size: 5})
	io.WriteString(w, "Hello")
	w.Close()
	f, err := openTar(t, b.Bytes())
	if err != nil || strings.Join(entries(f), " ") != "1.eml" || f.Incomplete == nil || !strings.Contains(f.Incomplete.Error(), "Inbox.mbox") {
		t.Errorf("%v %v %v", entries(f), f.Incomplete, err)
	}
}

// Tars that were joined, and what lies behind damage.
func TestResume(t *testing.T) {
	b := tarOf(t)
	f, err := openTar(t, append(bytes.Clone(b), b...))
	if err != nil || len(entries(f)) != 2*len(files) || f.Incomplete != nil {
		t.Errorf("%v %v %v", entries(f), err, f.Incomplete)
	}
	broken := bytes.Clone(b)
	copy(broken[1024:], strings.Repeat("x", 512)) // the second header
	f, err = openTar(t, broken)
	if err != nil || len(entries(f)) != len(files)-1 || f.Incomplete == nil {
		t.Errorf("%v %v", entries(f), err)
	}
}

// Behind damage, or where it is cut short, the files of a tar in a tar are not found again as those of the outer one.
func TestResumeBehindTar(t *testing.T) {
	inner := tarOf(t)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, file := range []struct{ name, content string }{{"all.tar", string(inner)}, {"1.eml", "Hello"}, {"2.eml", "Hello"}} {
		w.WriteHeader(&tar.Header{Name: file.name, Size: int64(len(file.content))})
		io.WriteString(w, file.content)
	}
	w.Close()
	whole := b.Bytes()
	broken := bytes.Clone(whole)
	copy(broken[512+len(inner):], strings.Repeat("x", 512)) // the second header
	for _, b := range [][]byte{broken, whole[:len(inner)-512]} {
		f, err := openTar(t, b)
		if err != nil || f.Incomplete == nil {
			t.Fatalf("%v %v", err, f)
		}
		if got := strings.Join(entries(f), " "); got != "2.eml all.tar" && got != "all.tar" {
			t.Error(got)
		}
	}
}

func TestCompression(t *testing.T) {
	text := []byte(strings.Repeat("Hello, world. ", 1000))
	pack := map[bundle.Compression]func(t *testing.T) []byte{
		bundle.Gzip: func(*testing.T) []byte {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			w.Write(text)
			w.Close()
			return b.Bytes()
		},
		bundle.Zstd: func(*testing.T) []byte {
			w, _ := zstd.NewWriter(nil)
			return w.EncodeAll(text, nil)
		},
	}
	for _, c := range []bundle.Compression{bundle.Bzip2, bundle.XZ} {
		pack[c] = func(t *testing.T) []byte {
			cmd := exec.Command(corpustest.Program(t, c.String()), "-c")
			cmd.Stdin = bytes.NewReader(text)
			b, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	for c, pack := range pack {
		t.Run(c.String(), func(t *testing.T) {
			b := pack(t)
			unpack := func(b []byte) ([]byte, error) {
				r, err := c.NewReader(bytes.NewReader(b))
				if err != nil {
					return nil, err
				}
				defer r.Close()
				return io.ReadAll(r)
			}
			if got, err := unpack(b); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if got, err := unpack(append(bytes.Clone(b), b...)); err != nil || len(got) != 2*len(text) {
				t.Errorf("two in one: %d bytes, %v", len(got), err)
			}
			for _, n := range []int{1, 5, len(b) / 2, len(b) - 1} {
				if got, err := unpack(b[:n]); !errors.Is(err, bundle.ErrFormat) || !bytes.HasPrefix(text, got) {
					t.Errorf("cut after %d: %d bytes, %v", n, len(got), err)
				}
			}
			broken := errors.New("the disk is on fire")
			r, err := c.NewReader(io.MultiReader(bytes.NewReader(b[:len(b)/2]), failing{broken}))
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if !errors.Is(err, broken) || errors.Is(err, bundle.ErrFormat) {
				t.Error(err)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Copies are the same in memory and in the file, and what ends early is known to.
func TestStore(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	s := new(bundle.Store)
	defer s.Close()
	for _, size := range []int{0, 1, 1 << 20, 1<<20 + 1, 5 << 20} {
		want := bytes.Repeat([]byte{byte(size), 2, 3}, size/3+1)[:size]
		for _, told := range []int64{-1, int64(size), 7} {
			c, err := s.Copy(t.Context(), bytes.NewReader(want), told, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, size)
			if n, err := c.ReadAt(got, 0); n != size || err != nil && err != io.EOF || !bytes.Equal(got, want) || c.Size != int64(size) || c.Err != nil {
				t.Errorf("%d told %d: %d %v %v", size, told, n, err, c.Err)
			}
		}
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("%v can be seen", left)
	}
	if _, err := s.Copy(t.Context(), failing{fs.ErrPermission}, -1, nil); !errors.Is(err, fs.ErrPermission) || errors.Is(err, bundle.ErrNoRoom) {
		t.Error(err)
	}
	if _, err := s.Copy(t.Context(), strings.NewReader("x"), 1<<60, nil); !errors.Is(err, bundle.ErrNoRoom) {
		t.Error(err)
	}
	t.Setenv("TMPDIR", temp+"/nowhere")
	var other bundle.Store
	if _, err := other.Copy(t.Context(), strings.NewReader("x"), 2<<20, nil); !errors.Is(err, bundle.ErrNoRoom) {
		t.Error(err)
	}
}

// A member that is not what the index says is not whole, and says so.
func TestWrongSum(t *testing.T) {
	b := zipOf(t, zip.Deflate)
	sum := crc32.ChecksumIEEE([]byte(files[0].content))
	for _, at := range []int{bytes.LastIndex(b, le32(sum)), bytes.LastIndex(b, le32(uint32(len(files[0].content))))} {
		broken := bytes.Clone(b)
		broken[at]--
		f, err := openZip(t, broken)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(f, files[0].name); !errors.Is(err, bundle.ErrFormat) || len(got) > len(files[0].content) {
			t.Errorf("%q %v", got, err)
		}
	}
}

func le32(v uint32) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)} }

func TestIsTar(t *testing.T) {
	whole := tarOf(t)
	if !bundle.IsTar(whole) || bundle.IsTar(whole[:511]) || bundle.IsTar(make([]byte, 512)) {
		t.Error("wrong")
	}
	old := bytes.Clone(whole[:512])
	clear(old[257:]) // the seventh edition's has zeros behind the name of the link
	var sum int
	for i, c := range old {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int(c)
	}
	copy(old[148:], fmt.Sprintf("%6o\x00 ", sum))
	if !bundle.IsTar(old) {
		t.Error("an old tar is none")
	}
	old[0]++
	if bundle.IsTar(old) {
		t.Error("a wrong sum is right")
	}
}
