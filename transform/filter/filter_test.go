package filter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/transform/filter"
)

func TestParseKinds(t *testing.T) {
	got, err := filter.ParseKinds("task, Mail,calendar")
	if want := (filter.Kinds{formats.KindMail, formats.KindEvent, formats.KindTask}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	got, err = filter.ParseKinds("events,lists,notes")
	if want := (filter.Kinds{formats.KindEvent, formats.KindGroup, formats.KindNote}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := filter.ParseKinds("mail,mial"); err == nil || !strings.Contains(err.Error(), `"mial"`) {
		t.Errorf("error: %v", err)
	}
}

func TestFolders(t *testing.T) {
	all := []string{"", "Inbox", "Inbox/Projects", "Inbox/Projects/2014", "Inbox 2", "Sent", "Archive/Projects", "Büro", "a[b"}
	tests := []struct {
		include, exclude string
		want             string
	}{
		{"", "", ",Inbox,Inbox/Projects,Inbox/Projects/2014,Inbox 2,Sent,Archive/Projects,Büro,a[b"},
		{"Inbox", "", "Inbox"},
		{"inbox/", "", "Inbox"},
		{"Inbox//Projects", "", "Inbox/Projects"},
		{"Inbox/*", "", "Inbox/Projects"},
		{"Inbox/**", "", "Inbox,Inbox/Projects,Inbox/Projects/2014"},
		{"**/projects", "", "Inbox/Projects,Archive/Projects"},
		{"**/Projects/**", "", "Inbox/Projects,Inbox/Projects/2014,Archive/Projects"},
		{"Inbox/**/2014", "", "Inbox/Projects/2014"},
		{"Inbox*", "", "Inbox,Inbox 2"},
		{"**", "Inbox/**", ",Inbox 2,Sent,Archive/Projects,Büro,a[b"},
		{"Inbox/**", "**/Projects", "Inbox,Inbox/Projects/2014"},
		{"Inbox ?", "", "Inbox 2"},
		{"Inbox [0-9]", "", "Inbox 2"},
		{"Inbox [!0-9]", "", "none"},
		{"BÜRO", "", "Büro"},
		{"Bu\u0308ro", "", "Büro"},
		{`a\[b`, "", "a[b"},
		{"a[[]b", "", "a[b"},
		{"(Inbox|Sent)", "", "none"},
	}
	for _, tt := range tests {
		list := func(s string) []string {
			if s == "" {
				return nil
			}
			return []string{s}
		}
		f, err := filter.NewFolders(list(tt.include), list(tt.exclude))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, path := range all {
			folder := new(formats.Folder)
			if path != "" {
				folder.Path = strings.Split(path, "/")
			}
			if f.Wanted(&formats.Entry{Folder: folder}) {
				got = append(got, path)
			}
		}
		want := strings.Split(tt.want, ",")
		if tt.want == "none" {
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("include %q, exclude %q: %q, want %q", tt.include, tt.exclude, got, want)
		}
	}
	if _, err := filter.NewFolders([]string{"a[b"}, nil); err == nil {
		t.Error("a set without its end is accepted")
	}
}

func TestDates(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2014, 3, n, 0, 0, 0, 0, time.UTC) }
	d := filter.Dates{Since: day(2), Until: day(4)}
	for _, tt := range []struct {
		name string
		item formats.Item
		want bool
	}{
		{"before", formats.Item{Entry: formats.Entry{Date: day(1)}}, false},
		{"the first instant", formats.Item{Entry: formats.Entry{Date: day(2)}}, true},
		{"the end", formats.Item{Entry: formats.Entry{Date: day(4)}}, false},
		{"sent before it was received", formats.Item{Entry: formats.Entry{Date: day(3)}, Received: day(5)}, true},
		{"received only", formats.Item{Received: day(5)}, false},
		{"changed only", formats.Item{Modified: day(3)}, true},
		{"undated", formats.Item{}, true},
	} {
		if keep, err := d.Apply(t.Context(), &tt.item); keep != tt.want || err != nil {
			t.Errorf("%s: %v, %v", tt.name, keep, err)
		}
	}
}

// Whatever a folder is called, a pattern can name it, and no pattern does harm.
func TestAnyFolder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if f, err := filter.NewFolders([]string{rapid.StringOf(rapid.SampledFrom([]rune(`ab/*?[]!^-\\.(|`))).Draw(t, "pattern")}, nil); err == nil {
			f.Match(&formats.Folder{Path: []string{"ab", "a[b"}})
		}
		name := strings.Trim(rapid.String().Draw(t, "name"), "/")
		var quoted strings.Builder
		for _, r := range name {
			if strings.ContainsRune(`*?[\`, r) {
				quoted.WriteByte('\\')
			}
			quoted.WriteRune(r)
		}
		f, err := filter.NewFolders([]string{quoted.String()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Match(&formats.Folder{Path: []string{name}}) {
			t.Fatalf("%q does not match %q", quoted.String(), name)
		}
		if f.Match(&formats.Folder{Path: []string{name + "x"}}) {
			t.Fatalf("%q matches %q", quoted.String(), name+"x")
		}
	})
}
