package compound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/richardlehane/mscfb"
	"pgregory.net/rapid"
)

func written(t interface{ Fatal(...any) }, root *Storage) []byte {
	var b bytes.Buffer
	if err := Write(&b, root); err != nil {
		t.Fatal(err)
	}
	if n, err := Size(root); err != nil || n != int64(b.Len()) {
		t.Fatal(fmt.Errorf("a size of %d, and %d bytes: %w", n, b.Len(), err))
	}
	return b.Bytes()
}

// flat lists the streams of a storage by their paths.
func flat(t interface{ Fatal(...any) }, s *Storage, path string, into map[string]string) {
	for _, st := range s.Streams {
		b, err := st.Bytes(1 << 30)
		if err != nil {
			t.Fatal(err)
		}
		into[path+st.Name] = string(b)
	}
	for _, sub := range s.Storages {
		into[path+sub.Name+"/"] = string(sub.Class[:])
		flat(t, sub, path+sub.Name+"/", into)
	}
}

// byLibrary lists what another reader finds.
func byLibrary(t interface{ Fatal(...any) }, b []byte) map[string]string {
	doc, err := mscfb.New(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for f, err := doc.Next(); err == nil; f, err = doc.Next() {
		path := strings.Join(append(slices.Clone(f.Path), f.Name), "/")
		if f.FileInfo().IsDir() {
			continue
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		found[path] = string(b)
	}
	return found
}

func draw(t *rapid.T, depth int) *Storage {
	s := &Storage{Name: "Root Entry"}
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z_#äЖ]{1,5}`), 0, 20, strings.ToUpper).Draw(t, "names")
	for _, n := range names {
		if depth < 4 && rapid.IntRange(0, 3).Draw(t, "storage") == 0 {
			sub := draw(t, depth+1)
			sub.Name = n
			sub.Class[0] = byte(depth)
			s.Storages = append(s.Storages, sub)
			continue
		}
		size := rapid.SampledFrom([]int{0, 1, 63, 64, 65, 4095, 4096, 4097, 20000}).Draw(t, "size")
		s.Streams = append(s.Streams, BytesStream(n, bytes.Repeat([]byte(n), size)[:size]))
	}
	return s
}

// TestRoundTrip reads what was written, here and with another reader.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := draw(t, 0)
		b := written(t, root)
		want, got := make(map[string]string), make(map[string]string)
		flat(t, root, "", want)
		back, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil || back.Err != nil {
			t.Fatal(err, back.Err)
		}
		flat(t, back, "", got)
		if len(got) != len(want) {
			t.Fatal("it has", len(got), "entries, of", len(want))
		}
		for path, content := range want {
			if got[path] != content {
				t.Fatal(path, "differs")
			}
		}
		for path, content := range byLibrary(t, b) {
			if want[path] != content {
				t.Fatal(path, "differs for the other reader")
			}
		}
	})
}

// TestManySectors needs more sectors for the table of sectors than the header can name.
func TestManySectors(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	root := &Storage{Streams: []*Stream{BytesStream("large", large), BytesStream("small", []byte("x"))}}
	b := written(t, root)
	back, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil || back.Err != nil {
		t.Fatal(err, back.Err)
	}
	got, err := back.Stream("LARGE").Bytes(1 << 30)
	if err != nil || !bytes.Equal(got, large) {
		t.Error("the large stream differs", err)
	}
	if byLibrary(t, b)["large"] != string(large) {
		t.Error("it differs for the other reader")
	}
	if _, err := back.Stream("large").Bytes(1000); !errors.Is(err, ErrTooLarge) {
		t.Error("a stream longer than wanted:", err)
	}
}

func sample(t testing.TB) []byte {
	return written(t, &Storage{
		Streams:  []*Stream{BytesStream("a", bytes.Repeat([]byte("a"), 5000)), BytesStream("b", []byte("small"))},
		Storages: []*Storage{{Name: "in", Streams: []*Stream{BytesStream("c", bytes.Repeat([]byte("c"), 9000))}}},
	})
}

// directory finds an entry of a file by its name.
func directory(t testing.TB, b []byte, name string) []byte {
	var wide []byte
	for _, c := range name {
		wide = append(wide, byte(c), 0)
	}
	at := bytes.Index(b[512:], append(wide, 0, 0))
	if at < 0 || at%128 != 0 {
		t.Fatalf("no entry %q", name)
	}
	return b[512+at:]
}

func TestDamage(t *testing.T) {
	le := binary.LittleEndian
	tests := map[string]struct {
		damage func(b []byte) []byte
		lost   string // the stream that cannot be read
		dir    bool   // the directory is damaged
	}{
		"cut short": {func(b []byte) []byte { return b[:len(b)-1000] }, "in/c", false},
		"a chain in a circle": {func(b []byte) []byte {
			e := directory(t, b, "a")
			s := le.Uint32(e[116:])
			le.PutUint32(b[512+4*(s+1):], s)
			return b
		}, "a", false},
		"a chain that leads out": {func(b []byte) []byte {
			e := directory(t, b, "a")
			s := le.Uint32(e[116:])
			le.PutUint32(b[512+4*s:], 70000)
			return b
		}, "a", false},
		"a size out of reach": {func(b []byte) []byte { le.PutUint32(directory(t, b, "a")[120:], 1<<31); return b }, "a", false},
		"an entry that is its own neighbour": {func(b []byte) []byte {
			e := directory(t, b, "in")
			le.PutUint32(e[76:], 0)
			return b
		}, "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := test.damage(sample(t))
			root, err := Read(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			damaged := root.Err
			var walk func(s *Storage, path string)
			walk = func(s *Storage, path string) {
				damaged = errors.Join(damaged, s.Err)
				for _, st := range s.Streams {
					_, err := st.Bytes(1 << 40)
					if (err != nil) != (path+st.Name == test.lost) {
						t.Errorf("%s: %v", path+st.Name, err)
					}
				}
				for _, sub := range s.Storages {
					walk(sub, path+sub.Name+"/")
				}
			}
			walk(root, "")
			if (damaged != nil) != test.dir {
				t.Errorf("the directory: %v", damaged)
			}
		})
	}
	for _, b := range [][]byte{nil, []byte("PK"), make([]byte, 600)} {
		if _, err := Read(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrFormat) {
			t.Errorf("%.10q: %v", b, err)
		}
	}
}

// TestDeepStorages reads a directory whose storages lie in each other more deeply than memory for their paths would last.
func TestDeepStorages(t *testing.T) {
	var list []*Stream
	for i := range 20000 {
		list = append(list, BytesStream(fmt.Sprintf("%05d", i), nil))
	}
	b := written(t, &Storage{Streams: list})
	for at := 512; at+128 <= len(b); at += 128 {
		if e := b[at:]; e[66] == typeStream {
			e[66] = typeStorage
			binary.LittleEndian.PutUint32(e[76:], binary.LittleEndian.Uint32(e[68:]))
			binary.LittleEndian.PutUint32(e[68:], noEntry)
		}
	}
	root, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if len(root.Storages) == 0 {
		t.Error("nothing is left")
	}
}

// TestSharedSectors has many streams in the same sectors: reading them all would take far longer than the file is.
func TestSharedSectors(t *testing.T) {
	large := bytes.Repeat([]byte("x"), 1<<20)
	var list []*Stream
	for i := range 200 {
		list = append(list, BytesStream(fmt.Sprintf("%03d", i), nil))
	}
	b := written(t, &Storage{Streams: append(list, BytesStream("large", large))})
	of := directory(t, b, "large")[116:128]
	for i := range 200 {
		copy(directory(t, b, fmt.Sprintf("%03d", i))[116:128], of)
	}
	root, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	n, lost := 0, 0
	for _, s := range root.Streams {
		b, err := s.Bytes(1 << 30)
		n += len(b)
		if err != nil {
			lost++
		}
	}
	if n > 3*len(b) || lost < 190 {
		t.Errorf("%d bytes of %d, %d streams lost", n, len(b), lost)
	}
}

func TestWriteRefuses(t *testing.T) {
	short := NewStream("short", 10, func() (io.Reader, error) { return strings.NewReader("123"), nil })
	for name, root := range map[string]*Storage{
		"two of a name":   {Streams: []*Stream{BytesStream("a", nil), BytesStream("A", nil)}},
		"a long name":     {Streams: []*Stream{BytesStream(strings.Repeat("x", 32), nil)}},
		"a short stream":  {Streams: []*Stream{short}},
		"an endless size": {Streams: []*Stream{NewStream("x", 1<<40, nil)}},
	} {
		if err := Write(io.Discard, root); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(f))
	f.Add(written(f, &Storage{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		total := 0
		var walk func(s *Storage)
		walk = func(s *Storage) {
			for _, st := range s.Streams {
				b, _ := st.Bytes(1 << 40)
				total += len(b)
			}
			for _, sub := range s.Storages {
				walk(sub)
			}
		}
		walk(root)
		if total > 4*len(b) {
			t.Errorf("%d bytes from %d", total, len(b))
		}
	})
}
