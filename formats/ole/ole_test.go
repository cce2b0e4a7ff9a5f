package ole

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
)

// entry is a stream at the root of a compound file.
type entry struct {
	name string
	data []byte
}

// compoundFile writes a version 3 compound file with 512-byte sectors: header, FAT, directory, mini FAT, mini stream and
// streams, each in one piece.
func compoundFile(entries ...entry) []byte {
	const sector, free, end = 512, 0xFFFFFFFF, 0xFFFFFFFE
	pad := func(b []byte, to int) []byte {
		for len(b)%to != 0 {
			b = append(b, 0)
		}
		return b
	}
	var body []byte
	fat := []uint32{0xFFFFFFFD}
	place := func(data []byte) uint32 {
		if len(data) == 0 {
			return end
		}
		start := uint32(len(fat))
		data = pad(bytes.Clone(data), sector)
		for i := 0; i < len(data); i += sector {
			fat = append(fat, uint32(len(fat)+1))
		}
		fat[len(fat)-1] = end
		body = append(body, data...)
		return start
	}
	dirEntry := func(name string, kind byte, child, right, start uint32, size int) []byte {
		b := make([]byte, 128)
		for i, u := range utf16.Encode([]rune(name)) {
			binary.LittleEndian.PutUint16(b[2*i:], u)
		}
		binary.LittleEndian.PutUint16(b[64:], uint16(2*len(utf16.Encode([]rune(name)))+2))
		b[66], b[67] = kind, 1
		binary.LittleEndian.PutUint32(b[68:], free)
		binary.LittleEndian.PutUint32(b[72:], right)
		binary.LittleEndian.PutUint32(b[76:], child)
		binary.LittleEndian.PutUint32(b[116:], start)
		binary.LittleEndian.PutUint32(b[120:], uint32(size))
		return b
	}
	var mini []byte
	var miniFAT []byte
	dir := make([]byte, 128)
	for i, e := range entries {
		start := uint32(end)
		if len(e.data) >= 4096 {
			start = place(e.data)
		} else if len(e.data) > 0 {
			start = uint32(len(mini) / 64)
			mini = pad(append(mini, e.data...), 64)
			for n := int(start) + 1; n < len(mini)/64; n++ {
				miniFAT = binary.LittleEndian.AppendUint32(miniFAT, uint32(n))
			}
			miniFAT = binary.LittleEndian.AppendUint32(miniFAT, end)
		}
		right := uint32(free)
		if i+1 < len(entries) {
			right = uint32(i + 2)
		}
		dir = append(dir, dirEntry(e.name, 2, free, right, start, len(e.data))...)
	}
	child := uint32(free)
	if len(entries) > 0 {
		child = 1
	}
	for len(miniFAT)%sector != 0 {
		miniFAT = binary.LittleEndian.AppendUint32(miniFAT, free)
	}
	miniStart := place(mini)
	copy(dir, dirEntry("Root Entry", 5, child, free, miniStart, len(mini)))
	dirStart, miniFATStart := place(dir), place(miniFAT)

	h := make([]byte, sector)
	copy(h, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
	for off, v := range map[int]uint16{24: 0x3E, 26: 3, 28: 0xFFFE, 30: 9, 32: 6} {
		binary.LittleEndian.PutUint16(h[off:], v)
	}
	// The FAT is one sector: 128 entries, 63 KB, are enough here.
	for off, v := range map[int]uint32{44: 1, 48: dirStart, 56: 4096, 60: miniFATStart, 64: uint32(len(miniFAT) / sector), 68: end} {
		binary.LittleEndian.PutUint32(h[off:], v)
	}
	for i := range 109 {
		binary.LittleEndian.PutUint32(h[76+4*i:], free)
	}
	binary.LittleEndian.PutUint32(h[76:], 0)
	table := make([]byte, 0, sector)
	for i := range sector / 4 {
		v := uint32(free)
		if i < len(fat) {
			v = fat[i]
		}
		table = binary.LittleEndian.AppendUint32(table, v)
	}
	return append(append(h, table...), body...)
}

// packaged writes a native stream as the object packager does.
func packaged(label, path string, data []byte, wide string) []byte {
	b := binary.LittleEndian.AppendUint16(nil, 2)
	b = append(append(append(append(b, label...), 0), path...), 0)
	b = append(b, 0, 0, 3, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(path)+1))
	b = append(append(b, path...), 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	if wide != "" {
		for _, s := range []string{`C:\Temp\` + wide, wide, `C:\` + wide} {
			u := utf16.Encode([]rune(s))
			b = binary.LittleEndian.AppendUint32(b, uint32(len(u)))
			for _, c := range u {
				b = binary.LittleEndian.AppendUint16(b, c)
			}
		}
	}
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func content(t testing.TB, o *Object) string {
	t.Helper()
	r, err := o.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExtract(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	dib := make([]byte, 52) // one black pixel and its palette
	dib[0], dib[4], dib[8], dib[12], dib[14] = 40, 1, 1, 1, 1
	docx := []byte("PK\x03\x04..........................[Content_Types].xml....PK\x03\x04....word/document.xml")
	tests := []struct {
		name           string
		entries        []entry
		file, ext, typ string
		content        string // empty: the whole compound file
	}{
		{
			"file dropped into the mail",
			[]entry{{"\x01CompObj", []byte("x")}, {"\x01Ole10Native", packaged("plan.txt", `C:\My Documents\plan.txt`, []byte("the plan"), "")}},
			"plan.txt", ".txt", "application/octet-stream", "the plan",
		},
		{
			"large file, wide name wins",
			[]entry{{"\x01Ole10Native", packaged("pl?n.pdf", `C:\pl?n.pdf`, append([]byte("%PDF-1.4 "), large...), "płan.pdf")}},
			"płan.pdf", ".pdf", "application/pdf", "%PDF-1.4 " + string(large),
		},
		{"name in Windows-1252", []entry{{"\x01Ole10Native", packaged("Men\xFC.txt", "x", []byte("y"), "")}}, "Menü.txt", ".txt", "application/octet-stream", "y"},
		{"name only in the path", []entry{{"\x01Ole10Native", packaged("", `D:\a\b.csv`, []byte("1,2"), "")}}, "b.csv", ".csv", "application/octet-stream", "1,2"},
		{"empty file", []entry{{"\x01Ole10Native", packaged("a.txt", "a.txt", []byte(""), "")}}, "a.txt", ".txt", "application/octet-stream", "-"},
		{"picture of Paint's", []entry{{"\x01Ole10Native", append([]byte{8, 0, 0, 0}, "BM123456"...)}}, "", ".bmp", "image/bmp", "BM123456"},
		{"native data of an unknown program", []entry{{"\x01Ole10Native", append([]byte{3, 0, 0, 0}, "???"...)}}, "", ".ole", "application/octet-stream", ""},
		{"Office package", []entry{{"Package", docx}}, "", ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", string(docx)},
		{"PDF", []entry{{"CONTENTS", []byte("%PDF-1.7")}}, "", ".pdf", "application/pdf", "%PDF-1.7"},
		{"pasted picture", []entry{{"\x01CompObj", []byte("x")}, {"CONTENTS", dib}}, "", ".bmp", "image/bmp", "BM\x42\x00\x00\x00\x00\x00\x00\x00\x3E\x00\x00\x00" + string(dib)},
		{"contents of an unknown program", []entry{{"CONTENTS", []byte("???")}, {"More", []byte("x")}}, "", ".ole", "application/octet-stream", ""},
		{"Word", []entry{{"1Table", []byte("x")}, {"WordDocument", []byte("x")}}, "", ".doc", "application/msword", ""},
		{"Excel", []entry{{"Workbook", large}}, "", ".xls", "application/vnd.ms-excel", ""},
		{"Excel 95", []entry{{"Book", []byte("x")}}, "", ".xls", "application/vnd.ms-excel", ""},
		{"PowerPoint", []entry{{"PowerPoint Document", []byte("x")}}, "", ".ppt", "application/vnd.ms-powerpoint", ""},
		{"something else", []entry{{"Whatever", []byte("x")}}, "", ".ole", "application/octet-stream", ""},
		{"nothing", nil, "", ".ole", "application/octet-stream", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := compoundFile(tt.entries...)
			obj, err := Extract(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			if obj.Name != tt.file || obj.Ext != tt.ext || obj.MediaType != tt.typ {
				t.Errorf("got %q %q %q, want %q %q %q", obj.Name, obj.Ext, obj.MediaType, tt.file, tt.ext, tt.typ)
			}
			want := tt.content
			switch want {
			case "":
				want = string(file)
			case "-":
				want = ""
			}
			for range 2 {
				if got := content(t, obj); got != want {
					t.Errorf("content has %d bytes, want %d: %.40q", len(got), len(want), got)
				}
			}
		})
	}
}

func TestExtractReadsWhatIsNoCompoundFile(t *testing.T) {
	for _, s := range []string{"", "\xD0\xCF", "PK\x03\x04 is something else entirely"} {
		if _, err := Extract(strings.NewReader(s), int64(len(s))); !errors.Is(err, ErrNotCompound) {
			t.Errorf("%.10q: %v", s, err)
		}
	}
}

// A size that the file cannot hold must neither be believed nor be turned into a silent end of the data.
func TestCutShort(t *testing.T) {
	file := compoundFile(entry{"CONTENTS", bytes.Repeat([]byte("%PDF-"), 2000)})
	cut := file[:len(file)/2]
	if obj, err := Extract(bytes.NewReader(cut), int64(len(cut))); err == nil {
		t.Errorf("the directory is lost, yet %+v was found", obj)
	}
	// With the directory in front of the stream the stream alone is cut.
	damaged := bytes.Clone(file)
	binary.LittleEndian.PutUint32(damaged[512+4*5:], 0xFFFFFFFE) // ends the chain after five sectors
	obj, err := Extract(bytes.NewReader(damaged), int64(len(damaged)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := obj.Open()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err == nil {
		t.Errorf("%d bytes and no error", len(b))
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(compoundFile(entry{"\x01Ole10Native", packaged("a.txt", `C:\a.txt`, []byte("data"), "ä.txt")}))
	f.Add(compoundFile(entry{"Package", bytes.Repeat([]byte("PK\x03\x04word/"), 600)}))
	f.Add(compoundFile(entry{"WordDocument", []byte("x")}, entry{"CONTENTS", nil}))
	f.Fuzz(func(t *testing.T, b []byte) {
		obj, err := Extract(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if obj.Size > int64(len(b)) || obj.Size < 0 {
			t.Fatalf("a file of %d bytes in one of %d", obj.Size, len(b))
		}
		r, err := obj.Open()
		if err != nil {
			return
		}
		if n, err := io.Copy(io.Discard, r); err == nil && n != obj.Size {
			t.Fatalf("%d bytes without an error, not %d", n, obj.Size)
		}
	})
}
