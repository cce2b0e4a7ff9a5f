package oab_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"mailmill/formats/oab"
	"mailmill/formats/oab/oabtest"
)

func book() []byte {
	return oabtest.Details(
		oabtest.Record{
			0x3001001F: "Müller, Felix",
			0x3003001E: "/o=Org/ou=Site/cn=Recipients/cn=felix",
			0x39FE001F: "felix@org.example",
			0x39050003: uint32(0x40000000),
			0x3A40000B: true,
			0x800F101F: []string{"SMTP:felix@org.example", "X500:/o=Old/cn=felix"},
			0x8C6D0102: []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		},
		oabtest.Record{
			0x3001001F: "Latin \xFC",
			0x39050003: uint32(7),
			0x3A400003: uint32(0x12345),
			0x68051003: []uint32{0x800F101F, 3},
			0x8C9E1102: [][]byte{bytes.Repeat([]byte("x"), 300), nil},
		},
		oabtest.Record{0x3001001F: "Nobody"},
	)
}

func TestReader(t *testing.T) {
	r, err := oab.NewReader(bytes.NewReader(book()))
	if err != nil {
		t.Fatal(err)
	}
	if r.Count != 3 || !r.Has(oab.IDProxyAddresses) || r.Has(oab.IDAccount) {
		t.Errorf("count %d, proxies %v, alias %v", r.Count, r.Has(oab.IDProxyAddresses), r.Has(oab.IDAccount))
	}
	rec, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := rec.Text(oab.IDDisplayName); got != "Müller, Felix" {
		t.Errorf("name %q", got)
	}
	if got := rec.Text(oab.IDEmailAddress); got != "/o=Org/ou=Site/cn=Recipients/cn=felix" {
		t.Errorf("dn %q", got)
	}
	if got := rec.Texts(oab.IDProxyAddresses); !slices.Equal(got, []string{"SMTP:felix@org.example", "X500:/o=Old/cn=felix"}) {
		t.Errorf("proxies %q", got)
	}
	if n, ok := rec.Int(oab.IDDisplayTypeEx); n != 0x40000000 || !ok {
		t.Errorf("type %x, %v", n, ok)
	}
	if got := rec.Bytes(oab.IDObjectGUID); len(got) != 16 || rec.Truncated(oab.IDProxyAddresses) {
		t.Errorf("GUID %x", got)
	}

	rec, err = r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := rec.Text(oab.IDDisplayName); got != "Latin ü" || !rec.Truncated(oab.IDProxyAddresses) || rec.Truncated(oab.IDAccount) {
		t.Errorf("%q, %v", got, rec.Truncated(oab.IDProxyAddresses))
	}
	if rec.Text(oab.IDEmailAddress) != "" || rec.Texts(oab.IDProxyAddresses) != nil || rec.Number != 2 {
		t.Errorf("the second record has values of the first")
	}
	if rec, err = r.Next(); err != nil || rec.Text(oab.IDDisplayName) != "Nobody" {
		t.Fatal(rec, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Error(err)
	}
}

func TestOtherFiles(t *testing.T) {
	start := func(words ...uint32) []byte {
		var b []byte
		for _, w := range words {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
		return b
	}
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"compressed", start(3, 1, 0x8000, 100), oab.ErrCompressed},
		{"changes", start(3, 2, 0x8000, 100), oab.ErrPatch},
		{"version 2 details", start(7, 0xABCD, 0), oab.ErrOldVersion},
		{"version 2 browse", start(10, 0xABCD, 5), oab.ErrOldVersion},
		{"text", []byte("DN,objectClass,mail\n"), oab.ErrNotOAB},
		{"empty", nil, oab.ErrNotOAB},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := oab.NewReader(bytes.NewReader(test.data)); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if oab.Signed(test.data) == errors.Is(test.want, oab.ErrNotOAB) {
				t.Error("Signed disagrees")
			}
		})
	}
}

// However a file is cut, that is an error and not a shorter book.
func TestCut(t *testing.T) {
	whole := book()
	for n := range whole {
		r, err := oab.NewReader(bytes.NewReader(whole[:n]))
		for err == nil {
			_, err = r.Next()
		}
		if err == io.EOF {
			t.Fatalf("the first %d bytes pass for a book", n)
		}
	}
}

func TestSizes(t *testing.T) {
	data := book()
	binary.LittleEndian.PutUint32(data[12:], 0xFFFFFFFF)
	if _, err := oab.NewReader(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), "size") {
		t.Error(err)
	}
	data = book()
	binary.LittleEndian.PutUint32(data[16:], 0x0FFFFFFF)
	if _, err := oab.NewReader(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), "rows") {
		t.Error(err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(book())
	f.Add(book()[:100])
	f.Add(oabtest.Details())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := oab.NewReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		for {
			rec, err := r.Next()
			if err != nil {
				return
			}
			_ = rec.Text(oab.IDDisplayName)
			_ = rec.Truncated(oab.IDDisplayName)
			for _, s := range rec.Texts(oab.IDProxyAddresses) {
				if len(s) > 4*len(data) {
					t.Fatal("a longer string than the file")
				}
			}
		}
	})
}
