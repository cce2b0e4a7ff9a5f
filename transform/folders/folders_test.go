package folders_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/transform/folders"
)

func TestSafe(t *testing.T) {
	tests := []struct{ name, want string }{
		{"Inbox", "Inbox"},
		{"Büro & Söhne", "Büro & Söhne"},
		{"Bu\u0308ro", "Büro"},
		{"受信トレイ", "受信トレイ"},
		{"", "_"},
		{" ", "_"},
		{".", "_"},
		{"..", "__"},
		{"../../etc/passwd", "_._.._etc_passwd"},
		{".hidden", "_hidden"},
		{"a/b\\c", "a_b_c"},
		{`<>:"|?*`, "_______"},
		{"a\x00b\x1b[31m\r\n", "a_b_[31m__"},
		{"a\u202egnp.exe", "a_gnp.exe"},
		{"Offers.", "Offers_"},
		{"Offers. .", "Offers. _"},
		{"  Offers\u00a0", "Offers"},
		{"CON", "CON_"},
		{"con.txt", "con_.txt"},
		{"Com1 .x", "Com1_.x"},
		{"LPT³", "LPT³_"},
		{"COM10", "COM10"},
		{"Console", "Console"},
		{"nul", "nul_"},
		{"a\xffb", "a\uFFFDb"},
	}
	for _, tt := range tests {
		if got := folders.Safe(tt.name, folders.MaxName); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.name, got, tt.want)
		}
	}
	long := folders.Safe(strings.Repeat("é", 200), folders.MaxName)
	if len(long) > folders.MaxName || len(long) < 250 || !strings.Contains(long, "é~") {
		t.Errorf("a long name becomes %q", long)
	}
	if other := folders.Safe(strings.Repeat("é", 201), folders.MaxName); other == long {
		t.Error("two long names become one")
	}
}

// checkSafe fails unless a name is one that every common file system takes.
func checkSafe(t rapid.TB, name string, limit int) {
	t.Helper()
	bad := func(why string) { t.Fatalf("%q %s", name, why) }
	switch {
	case name == "" || name == "." || name == "..":
		bad("is no name")
	case len(name) > limit:
		bad("is too long")
	case !utf8.ValidString(name):
		bad("is no UTF-8")
	case !norm.NFC.IsNormalString(name):
		bad("is not composed")
	case strings.ContainsAny(name, `<>:"/\|?*`):
		bad("holds a character that Windows refuses")
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") || strings.HasPrefix(name, " ") || strings.HasPrefix(name, "."):
		bad("begins or ends badly")
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			bad("holds a control character")
		}
	}
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	stem = strings.TrimRight(stem, " ")
	for _, d := range []string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} {
		if stem == d {
			bad("is a device")
		}
	}
	if len(stem) >= 4 && (stem[:3] == "COM" || stem[:3] == "LPT") && utf8.RuneCountInString(stem) == 4 && strings.ContainsAny(stem[3:], "0123456789¹²³") {
		bad("is a device")
	}
}

// drawName draws names that like to collide.
func drawName() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"Inbox", "inbox", "INBOX", "Inbox.mbox", "Inbox (2)", "Inbox.", "Inbox ", "In/box", "In_box", "é", "e\u0301", "É", "ß", "SS", "CON", "con.", "", ".", "..", "Top folder", "ﬁ", "fi", "a\u200db", "ab"}),
		rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.IntRange(200, 400), func(n int) string { return strings.Repeat("ü", n) }),
	)
}

func TestSafeAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, limit := drawName().Draw(t, "name"), rapid.IntRange(16, folders.MaxName).Draw(t, "limit")
		safe := folders.Safe(name, limit)
		checkSafe(t, safe, limit)
		if again := folders.Safe(safe, limit); again != safe {
			t.Fatalf("%q becomes %q, and that %q", name, safe, again)
		}
	})
}

// drawTree draws folders in an archive's order.
func drawTree(t *rapid.T) []*formats.Folder {
	list := []*formats.Folder{{}}
	for range rapid.IntRange(0, 40).Draw(t, "folders") {
		above := list[rapid.IntRange(0, len(list)-1).Draw(t, "parent")]
		path := append(append([]string(nil), above.Path...), drawName().Draw(t, "name"))
		list = append(list, &formats.Folder{Path: path})
	}
	return list
}

func TestTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawTree(t)
		tree := folders.NewTree(list, "", ".mbox")
		taken := make(map[string]string)
		take := func(path, what string) {
			if other, ok := taken[folders.Fold(path)]; ok {
				t.Fatalf("%s of %q is that of %s", path, what, other)
			}
			taken[folders.Fold(path)] = what
		}
		for i, f := range list {
			place := tree.Place(f)
			if len(place) > folders.MaxPath {
				t.Fatalf("the path has %d bytes", len(place))
			}
			for _, name := range strings.Split(place, "/") {
				checkSafe(t, name, folders.MaxName-len(".mbox"))
			}
			take(place, fmt.Sprintf("folder %d", i))
			take(place+".mbox", fmt.Sprintf("file %d", i))
		}
		again := folders.NewTree(list, "", ".mbox")
		for _, f := range list {
			if again.Place(f) != tree.Place(f) {
				t.Fatalf("%q has another place in another run", f.Path)
			}
		}
	})
}

// A tree of ordinary names is mirrored as it is.
func TestTreeMirrors(t *testing.T) {
	paths := [][]string{{"Inbox"}, {"Inbox", "Projects"}, {"Inbox", "Projects", "2014"}, {"inbox"}, {"inbox", "Projects"}, {"Inbox"}, {"Inbox", "Late"}, {"Sent", "Implied"}, {"Inbox.mbox"}, nil}
	want := []string{"Inbox", "Inbox/Projects", "Inbox/Projects/2014", "inbox (2)", "inbox (2)/Projects", "Inbox (3)", "Inbox (3)/Late", "Sent/Implied", "Inbox.mbox (2)", "Top folder"}
	var list []*formats.Folder
	for _, p := range paths {
		list = append(list, &formats.Folder{Path: p})
	}
	tree := folders.NewTree(list, "", ".mbox")
	for i, f := range list {
		if got := tree.Place(f); got != want[i] {
			t.Errorf("%q: %q, want %q", f.Path, got, want[i])
		}
	}
}

func TestDeepTree(t *testing.T) {
	var path []string
	var list []*formats.Folder
	for i := range 300 {
		path = append(path, fmt.Sprintf("Level with a name of some length %d", i))
		list = append(list, &formats.Folder{Path: append([]string(nil), path...)})
	}
	tree := folders.NewTree(list)
	seen := make(map[string]bool)
	for _, f := range list {
		place := tree.Place(f)
		if len(place) > folders.MaxPath || seen[place] {
			t.Fatalf("level %d has the place %s", len(f.Path), place)
		}
		seen[place] = true
	}
}

func TestManyOfOneName(t *testing.T) {
	var names folders.Names
	last := ""
	for range 20_000 {
		last = names.Take("Same")
	}
	if last != "Same (20000)" {
		t.Error(last)
	}
}

func FuzzSafe(f *testing.F) {
	for _, seed := range []string{"Inbox", "..", "CON.x", "a\u0301.", strings.Repeat("x", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		checkSafe(t, folders.Safe(name, 100), 100)
		folders.Fold(name)
	})
}
