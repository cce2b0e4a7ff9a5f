package imap

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	goimap "github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/maildir"
)

func TestSafeNames(t *testing.T) {
	tests := []struct {
		delim      rune
		name, want string
	}{
		{'/', "Projekte", "Projekte"},
		{'/', "a/b", "a_b"},
		{'.', "a.b/c", "a_b_c"},
		{'/', "a.b", "a.b"},
		{'/', "R&D", "R&D"},
		{'/', "100% *", "100_ _"},
		{'/', `say "hi\"`, "say _hi__"},
		{'/', "Büro", "Büro"},
		{'/', "Bu\u0308ro", "Büro"}, // as a Mac writes it
		{'/', "🎉 Feier", "🎉 Feier"},
		{'/', "受信トレイ", "受信トレイ"},
		{'/', "#news", "_news"},
		{'/', "~root", "_root"},
		{'/', "C#~", "C#~"},
		{'/', ".", "_"},
		{'/', "..", "__"},
		{'/', "", "_"},
		{'/', "  \u00a0 ", "_"},
		{'/', " Offers ", "Offers"},
		{'/', "a\x00b\r\nc\x7f", "a_b__c_"},
		{'/', "a\xffb", "a\uFFFDb"},
		{'/', "a\u202egnp", "a_gnp"},
		{'^', "a^b", "a_b"},
	}
	for _, tt := range tests {
		if got := (rules{delim: tt.delim}).safe(tt.name); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 300), strings.Repeat("受", 100), strings.Repeat("é", 300), strings.Repeat("e\u0301\u0302", 200), strings.Repeat("&", 300)} {
		n := rules{delim: '/'}
		safe := n.safe(long)
		if encodedLen(safe) > longestPart || encodedLen(safe) < longestPart-20 || !utf8.ValidString(safe) || safe[len(safe)-5] != '~' {
			t.Errorf("%.20q… becomes %q, %d bytes", long, safe, encodedLen(safe))
		}
		if other := n.safe(long + "x"); other == safe {
			t.Errorf("two long names become %q", safe)
		}
	}
}

// listingOf returns what a server says. A name may be followed by attributes.
func listingOf(delim rune, prefix string, boxes ...string) *listing {
	l := &listing{delim: delim, prefix: prefix, boxes: make(map[string]listed), folded: make(map[string]string), uses: make(map[string]string)}
	for _, b := range append([]string{"INBOX"}, boxes...) {
		name, attrs, _ := strings.Cut(b, " \\")
		var list []goimap.MailboxAttr
		for a := range strings.SplitSeq(attrs, " ") {
			if a != "" {
				list = append(list, goimap.MailboxAttr(`\`+strings.TrimPrefix(a, `\`)))
			}
		}
		l.add(name, list)
	}
	return l
}

func TestMailboxes(t *testing.T) {
	const inbox, sent, trash = formats.RoleInbox, formats.RoleSent, formats.RoleTrash
	type folders []any // paths, each optionally followed by its role
	tests := []struct {
		what    string
		server  *listing
		options Options
		folders folders
		want    []string
	}{
		{
			"a German mailbox on a server with special mailboxes",
			listingOf('/', "", `Sent \Sent`, `Papierkorb \trash`),
			Options{},
			folders{"Posteingang", inbox, "Posteingang/Projekte", "Gesendete Elemente", sent, "Gesendete Elemente/2014", "Gelöschte Elemente", trash, "Entwürfe", formats.RoleDrafts, "Anderes"},
			[]string{"INBOX", "INBOX/Projekte", "Sent", "Sent/2014", "Papierkorb", "Drafts", "Anderes"},
		},
		{
			"without special use, by the names of old",
			listingOf('.', "INBOX.", "INBOX.Sent Items", "INBOX.Trash"),
			Options{},
			folders{"Inbox", inbox, "Sent Items", sent, "Deleted Items", trash, "Junk", formats.RoleJunk, "a.b"},
			[]string{"INBOX", "INBOX.Sent Items", "INBOX.Trash", "INBOX.Junk", "INBOX.a_b"},
		},
		{
			"the inbox's folders beside the others where they share a place",
			listingOf('.', "INBOX."),
			Options{},
			folders{"Inbox", inbox, "Inbox/Projects", "Projects"},
			[]string{"INBOX", "INBOX.Projects", "INBOX.Projects (2)"},
		},
		{
			"a folder that is called like the inbox and another's role",
			listingOf('/', "", `Sent \Sent`),
			Options{},
			folders{"Inbox", inbox, "inbox", "INBOX", "Sent", "Sent Items", sent, "sent"},
			[]string{"INBOX", "inbox (2)", "INBOX (3)", "Sent (2)", "Sent", "sent (3)"},
		},
		{
			"two of one name, and of names that are one to some servers",
			listingOf('/', ""),
			Options{},
			folders{"Same", "Same/a", "Same", "Same/a", "SAME", "Straße", "STRASSE", "é", "e\u0301"},
			[]string{"Same", "Same/a", "Same (2)", "Same (2)/a", "SAME (3)", "Straße", "STRASSE (2)", "é", "é (2)"},
		},
		{
			"a prefix, below which roles do not count",
			listingOf('/', "", `Sent \Sent`),
			Options{Prefix: "Import/{source}"},
			folders{"Inbox", inbox, "Sent Items", sent, "Inbox/a"},
			[]string{"Import/alice/Inbox", "Import/alice/Sent Items", "Import/alice/Inbox/a"},
		},
		{
			"what the user wants",
			listingOf('/', "", `Sent \Sent`),
			Options{FolderMap: map[string]string{"Alt": "Neu/Ablage", "Gesendete Elemente": "Gesendet", "Eingang": "INBOX"}},
			folders{"Alt", "Alt/2014", "Gesendete Elemente", sent, "Eingang", "Eingang/x", "Neu"},
			[]string{"Neu/Ablage", "Neu/Ablage/2014", "Gesendet", "INBOX", "INBOX/x", "Neu"},
		},
		{
			"a mailbox that takes none below it",
			listingOf('/', "", `INBOX \NoInferiors`, `Sent \Sent \NoInferiors`),
			Options{},
			folders{"Inbox", inbox, "Inbox/a", "Inbox/a/b", "Sent Items", sent, "Sent Items/x", "Inbox - a"},
			[]string{"INBOX", "Inbox - a (2)", "Inbox - a (2)/b", "Sent", "Sent - x", "Inbox - a"},
		},
		{
			"a server without a hierarchy",
			listingOf(0, ""),
			Options{},
			folders{"Inbox", inbox, "a", "a/b", "a/b/c"},
			[]string{"INBOX", "a", "a - b", "a - b - c"},
		},
		{
			"a mailbox that is there in another spelling",
			listingOf('/', "", "projects", "projects/Alpha"),
			Options{},
			folders{"Projects", "Projects/ALPHA", "Projects/Beta"},
			[]string{"projects", "projects/Alpha", "projects/Beta"},
		},
		{
			"the top folder, and a parent that is not listed",
			listingOf('/', ""),
			Options{},
			folders{"", "a/b", "Top folder"},
			[]string{"Top folder (2)", "a/b", "Top folder"},
		},
	}
	for _, tt := range tests {
		s := Source{Name: "/home/alice.pst"}
		for _, f := range tt.folders {
			switch f := f.(type) {
			case string:
				folder := &formats.Folder{}
				if f != "" {
					folder.Path = strings.Split(f, "/")
				}
				s.Folders = append(s.Folders, folder)
			case formats.Role:
				s.Folders[len(s.Folders)-1].Role = f
			}
		}
		tt.options.Sources = []Source{s}
		tree := newTree(tt.server, &tt.options)
		for i, f := range s.Folders {
			if got := tree.full(tree.place(tree.sources[s.Name], f)); got != tt.want[i] {
				t.Errorf("%s: %q becomes %q, want %q", tt.what, f.Path, got, tt.want[i])
			}
		}
	}
}

// Several archives of one person are one mailbox, unless they are to be apart.
func TestMailboxesOfSeveral(t *testing.T) {
	for prefix, want := range map[string]string{"": "[INBOX Work INBOX Work]", "old/{source}": "[old/a/Inbox old/a/Work old/a (2)/Posteingang old/a (2)/work]"} {
		o := Options{Prefix: prefix, Sources: []Source{
			{"x/a.pst", []*formats.Folder{{Path: []string{"Inbox"}, Role: formats.RoleInbox}, {Path: []string{"Work"}}}},
			{"y/a.pst", []*formats.Folder{{Path: []string{"Posteingang"}, Role: formats.RoleInbox}, {Path: []string{"work"}}}},
		}}
		tree := newTree(listingOf('/', ""), &o)
		var got []string
		for _, s := range o.Sources {
			for _, f := range s.Folders {
				got = append(got, tree.full(tree.place(tree.sources[s.Name], f)))
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q: %v, want %s", prefix, got, want)
		}
	}
}

// Whatever folders are called, each of an archive has a mailbox of its own, the same in each run, with a name that servers
// take.
func TestMailboxesAlways(t *testing.T) {
	names := rapid.OneOf(
		rapid.SampledFrom([]string{"Inbox", "INBOX", "Sent", "sent", "a/b", "a.b", "a_b", "..", ".", "", "é", "e\u0301", "ß", "SS", "x (2)", "x", "#x", "~x", "Inbox - x", "Level 1"}),
		rapid.String(),
		rapid.Map(rapid.IntRange(100, 400), func(n int) string { return strings.Repeat("ü", n) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		boxes := []string{"Sent" + rapid.SampledFrom([]string{"", ` \Sent`, ` \Sent \NoInferiors`}).Draw(t, "sent"), "x"}
		if rapid.Bool().Draw(t, "no inferiors") {
			boxes = append(boxes, `INBOX \NoInferiors`, `x \NoInferiors`)
		}
		delim := rapid.SampledFrom([]rune{'/', '.', 0}).Draw(t, "delimiter")
		prefix := ""
		if delim == '.' {
			prefix = rapid.SampledFrom([]string{"", "INBOX."}).Draw(t, "prefix")
		}
		s := Source{Name: "a", Folders: []*formats.Folder{{}}}
		for range rapid.IntRange(0, 30).Draw(t, "folders") {
			above := s.Folders[rapid.IntRange(0, len(s.Folders)-1).Draw(t, "parent")]
			s.Folders = append(s.Folders, &formats.Folder{
				Path: append(append([]string(nil), above.Path...), names.Draw(t, "name")),
				Role: rapid.SampledFrom([]formats.Role{0, 0, 0, formats.RoleInbox, formats.RoleSent, formats.RoleTrash}).Draw(t, "role"),
			})
		}
		o := Options{Sources: []Source{s}, Prefix: rapid.SampledFrom([]string{"", "", "Import"}).Draw(t, "import")}
		make := func() []string {
			tree := newTree(listingOf(delim, prefix, boxes...), &o)
			var list []string
			for _, f := range s.Folders {
				list = append(list, tree.full(tree.place(tree.sources["a"], f)))
			}
			return list
		}
		taken, first := map[string]int{}, make()
		for i, name := range first {
			if other, ok := taken[fold(name)]; ok {
				t.Fatalf("%q and %q are both %q", s.Folders[i].Path, s.Folders[other].Path, name)
			}
			taken[fold(name)] = i
			n := rules{delim: delim}.longest()
			if encodedLen(name) > n || strings.ContainsAny(name, "%*\"\\\r\n\x00") || !utf8.ValidString(name) {
				t.Fatalf("%q becomes %q, %d bytes", s.Folders[i].Path, name, encodedLen(name))
			}
			if _, err := maildir.DecodeUTF7(maildir.EncodeUTF7(name)); err != nil {
				t.Fatal(err)
			}
			if delim != 0 {
				for part := range strings.SplitSeq(name, string(delim)) {
					if part == "" || part == "." || part == ".." {
						t.Fatalf("%q becomes %q", s.Folders[i].Path, name)
					}
				}
			}
		}
		for i, name := range make() {
			if first[i] != name {
				t.Fatalf("%q becomes %q, and then %q", s.Folders[i].Path, first[i], name)
			}
		}
	})
}
