package mapi_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailmill/formats/mapi"
)

const exampleObject = "040000008200E00074C5B7101A82E008 07D80319 5025D461E473C801 0000000000000000 10000000 2A5844B3A444F74A9C246C60886F116B"

// The example of MS-OXOCAL: an occurrence that was moved.
func TestParseGlobalObjectID(t *testing.T) {
	b := unhex(t, exampleObject)
	g, err := mapi.ParseGlobalObjectID(b)
	if err != nil {
		t.Fatal(err)
	}
	if when, ok := g.Instance(); !ok || when.Format("2006-01-02") != "2008-03-25" {
		t.Errorf("it is the occurrence of %v", when)
	}
	if when := g.CreatedAt().Format("2006-01-02 15:04:05"); when != "2008-02-20 17:16:51" {
		t.Errorf("it was created at %s", when)
	}
	clean := strings.Replace(strings.ReplaceAll(exampleObject, " ", ""), "07D80319", "00000000", 1)
	if g.UID() != clean || g.Clean().UID() != clean {
		t.Errorf("its UID is %s", g.UID())
	}
	if !bytes.Equal(g.Encode(), b) || !bytes.Equal(g.Clean().Encode(), unhex(t, clean)) {
		t.Errorf("it is written as %x", g.Encode())
	}
	if _, ok := g.Clean().Instance(); ok {
		t.Error("the series is an occurrence")
	}
	// Other systems change the case.
	if back, err := mapi.GlobalObjectIDFromUID(strings.ToLower(clean)); err != nil || back.UID() != clean {
		t.Errorf("%s comes back as %s, %v", clean, back.UID(), err)
	}
}

func TestGlobalObjectIDForeign(t *testing.T) {
	head := "040000008200E00074C5B7101A82E008 00000000 0000000000000000 0000000000000000 "
	for _, c := range []struct{ what, hex, uid string }{
		{"with its NUL", "15000000 7643616C2D556964 01000000 6131406578 2E646500", "a1@ex.de"},
		{"without", "14000000 7643616C2D556964 01000000 6131406578 2E6465", "a1@ex.de"},
		{"with several", "18000000 7643616C2D556964 01000000 6131406578 2E6465 00000000", "a1@ex.de"},
		{"in UTF-8", "0F000000 7643616C2D556964 01000000 C3BC00", "ü"},
		{"with a size that is too large", "FF000000 7643616C2D556964 01000000 6131406578 2E6465", "a1@ex.de"},
		{"with a date", "15000000 7643616C2D556964 01000000 6131406578 2E646500", "a1@ex.de"},
	} {
		g, err := mapi.ParseGlobalObjectID(unhex(t, head+c.hex))
		if tooLarge := strings.Contains(c.what, "large"); (err != nil) != tooLarge || errors.Is(err, mapi.ErrNoGlobalObjectID) {
			t.Errorf("%s: %v", c.what, err)
		}
		if g.UID() != c.uid {
			t.Errorf("%s: the UID is %q", c.what, g.UID())
		}
	}
	// Nothing after the prefix is no UID.
	if g, _ := mapi.ParseGlobalObjectID(unhex(t, head+"0C000000 7643616C2D556964 01000000")); !strings.HasPrefix(g.UID(), "04000000") {
		t.Errorf("the UID is %q", g.UID())
	}
	for _, b := range [][]byte{nil, unhex(t, exampleObject)[:39], make([]byte, 56), unhex(t, "00112233445566778899AABBCCDDEEFF")} {
		if _, err := mapi.ParseGlobalObjectID(b); !errors.Is(err, mapi.ErrNoGlobalObjectID) {
			t.Errorf("%x: %v", b, err)
		}
	}
	for _, uid := range []string{"", "a\x00b", "\xFF", strings.Repeat("x", 1<<16)} {
		if _, err := mapi.GlobalObjectIDFromUID(uid); err == nil {
			t.Errorf("%.20q is a UID", uid)
		}
	}
}

func TestGlobalObjectIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uid := rapid.String().Filter(func(s string) bool { return s != "" && strings.IndexByte(s, 0) < 0 }).Draw(t, "UID")
		g, err := mapi.GlobalObjectIDFromUID(uid)
		if err != nil {
			t.Fatal(err)
		}
		g.Year, g.Month, g.Day, g.Created = rapid.Uint16().Draw(t, "year"), rapid.Byte().Draw(t, "month"), rapid.Byte().Draw(t, "day"), rapid.Uint64().Draw(t, "created")
		g.Trailing = rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(t, "trailing")
		back, err := mapi.ParseGlobalObjectID(g.Encode())
		if err != nil || back.UID() != uid || !bytes.Equal(back.Encode(), g.Encode()) {
			t.Fatalf("%+v comes back as %+v, %v", g, back, err)
		}
	})
}

func FuzzParseGlobalObjectID(f *testing.F) {
	f.Add(unhex(f, exampleObject))
	f.Add(unhex(f, "040000008200E00074C5B7101A82E008 00000000 0000000000000000 0000000000000000 0F000000 7643616C2D556964 01000000 C3BC00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := mapi.ParseGlobalObjectID(b)
		if err != nil {
			return
		}
		if !bytes.Equal(g.Encode(), b) {
			t.Fatalf("%x is written as %x", b, g.Encode())
		}
		g.Instance()
		if back, err := mapi.GlobalObjectIDFromUID(g.UID()); err == nil && back.UID() != g.UID() {
			t.Fatalf("%q comes back as %q", g.UID(), back.UID())
		}
	})
}
