package mapi_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats/mapi"
)

const someCategories = `<?xml version="1.0"?>
<categories default="Rot &amp; Grün" lastSavedSession="5" lastSavedTime="2007-12-28T03:01:50.429" xmlns="CategoryList.xsd">
	<category name="Rot &amp; Grün" color="0" keyboardShortcut="1" usageCount="7" lastTimeUsedNotes="1601-01-01T00:00:00.000" lastTimeUsedMail="2007-12-27T10:00:00.5" lastTimeUsed="2007-12-28T03:01:50.4290001Z" lastSessionUsed="3" guid="{2B7FC69C-7046-44A2-8FF3-007D7467DC82}" renameOnFirstUse="1"/>
	<category name="none" color="-1" newInOutlook99="x" guid="{8B5C5BC5-0EF7-4D9F-9FFD-7A4D6A4B0D33}"></category>
	<category name="odd" color="77"/>
</categories>`

func TestParseCategoryList(t *testing.T) {
	guid, err := mapi.ParseGUID("2B7FC69C-7046-44A2-8FF3-007D7467DC82")
	if err != nil {
		t.Fatal(err)
	}
	second, err := mapi.ParseGUID("8B5C5BC5-0EF7-4D9F-9FFD-7A4D6A4B0D33")
	if err != nil {
		t.Fatal(err)
	}
	want := mapi.CategoryList{
		Default: "Rot & Grün", LastSavedSession: 5, LastSaved: time.Date(2007, 12, 28, 3, 1, 50, 429e6, time.UTC),
		Categories: []mapi.Category{
			{
				Name: "Rot & Grün", Color: 0, Shortcut: 1, Uses: 7, LastUsedMail: time.Date(2007, 12, 27, 10, 0, 0, 5e8, time.UTC),
				LastUsed: time.Date(2007, 12, 28, 3, 1, 50, 429000100, time.UTC), LastSession: 3, ID: guid, RenameOnFirstUse: true,
			},
			{Name: "none", Color: mapi.NoColor, ID: second, Attrs: []xml.Attr{{Name: xml.Name{Local: "newInOutlook99"}, Value: "x"}}},
			{Name: "odd", Color: mapi.NoColor},
		},
	}
	utf16 := append([]byte("\xFF\xFE"), utf16le(strings.ReplaceAll(strings.Replace(someCategories, "?>", ` encoding="UTF-16"?>`, 1), "ü", "~"))...)
	for i := range utf16 {
		if utf16[i] == '~' {
			utf16[i] = 0xFC
		}
	}
	for what, b := range map[string][]byte{
		"plain": []byte(someCategories), "with a byte order mark": []byte("\xEF\xBB\xBF" + someCategories), "with NULs": []byte(someCategories + "\x00\x00"),
		"in UTF-16":  utf16,
		"in Latin 1": []byte(strings.ReplaceAll(strings.Replace(someCategories, "?>", ` encoding="windows-1252"?>`, 1), "ü", "\xFC")),
	} {
		got, err := mapi.ParseCategoryList(b)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	for what, c := range map[string]struct {
		text string
		n    int
	}{
		"cut short":          {someCategories[:strings.Index(someCategories, "odd")], 2},
		"nothing":            {"", 0},
		"something else":     {"<UserConfiguration/>", 0},
		"a wrong number":     {strings.Replace(someCategories, `"7"`, `"many"`, 1), 3},
		"a wrong time":       {strings.Replace(someCategories, `T10:00:00.5`, ``, 1), 3},
		"no name":            {strings.Replace(someCategories, `"odd"`, `""`, 1), 2},
		"an unknown charset": {strings.Replace(someCategories, "?>", ` encoding="klingon"?>`, 1), 0},
	} {
		if l, err := mapi.ParseCategoryList([]byte(c.text)); err == nil || len(l.Categories) != c.n {
			t.Errorf("%s: %d categories, %v", what, len(l.Categories), err)
		}
	}
	if c := want.Categories; c[0].Color.String() != "Red" || c[1].Color.String() != "None" || mapi.CategoryColor(24).String() != "Dark Maroon" || mapi.CategoryColor(25).String() != "None" {
		t.Error("the colours have other names")
	}
}

func TestCategoryListRoundTrip(t *testing.T) {
	text := rapid.String().Filter(func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool {
			return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD
		})
	})
	when := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "never") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "second"), 100*rapid.Int64Range(0, 9999999).Draw(t, "tick")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		want := mapi.CategoryList{Default: text.Draw(t, "default"), LastSavedSession: int(rapid.Int32().Draw(t, "session")), LastSaved: when.Draw(t, "saved")}
		names := rapid.SliceOfNDistinct(text.Filter(func(s string) bool { return s != "" }), 0, 5, strings.ToLower).Draw(t, "names")
		for _, name := range names {
			c := mapi.Category{
				Name: name, Color: mapi.CategoryColor(rapid.IntRange(-1, 24).Draw(t, "color")), Shortcut: rapid.IntRange(0, 11).Draw(t, "shortcut"),
				Uses: rapid.IntRange(0, 99).Draw(t, "uses"), LastSession: rapid.IntRange(0, 99).Draw(t, "session"),
				ID: mapi.GUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")), RenameOnFirstUse: rapid.Bool().Draw(t, "rename"),
			}
			for _, field := range []*time.Time{&c.LastUsed, &c.LastUsedMail, &c.LastUsedCalendar, &c.LastUsedContacts, &c.LastUsedTasks, &c.LastUsedNotes, &c.LastUsedJournal} {
				*field = when.Draw(t, "used")
			}
			if rapid.Bool().Draw(t, "more") {
				c.Attrs = []xml.Attr{{Name: xml.Name{Local: "more"}, Value: text.Draw(t, "more")}}
			}
			want.Categories = append(want.Categories, c)
		}
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := mapi.ParseCategoryList(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestEncodeCategoryListRefuses(t *testing.T) {
	for what, l := range map[string]mapi.CategoryList{
		"no name":            {Categories: []mapi.Category{{}}},
		"a name twice":       {Categories: []mapi.Category{{Name: "a"}, {Name: "A"}}},
		"a 26th colour":      {Categories: []mapi.Category{{Name: "a", Color: 25}}},
		"a NUL":              {Categories: []mapi.Category{{Name: "a\x00"}}},
		"a broken character": {Default: "\xFF"},
		"an attribute's end": {Attrs: []xml.Attr{{Name: xml.Name{Local: `a="1" b`}}}},
	} {
		if b, err := l.Encode(); err == nil {
			t.Errorf("%s is written as %s", what, b)
		}
	}
}

func FuzzParseCategoryList(f *testing.F) {
	f.Add([]byte(someCategories))
	f.Add(append([]byte("\xFF\xFE"), utf16le(`<categories xmlns="CategoryList.xsd"><category name="x"/></categories>`)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, _ := mapi.ParseCategoryList(b)
		if len(l.Categories) > len(b)/8 {
			t.Fatal("it grew")
		}
		again, err := l.Encode()
		if err != nil {
			return
		}
		back, err := mapi.ParseCategoryList(again)
		if err != nil || !cmp.Equal(back, l) {
			t.Fatalf("%s\n%s\n%v", again, cmp.Diff(l, back), err)
		}
	})
}
