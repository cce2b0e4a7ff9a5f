package pst

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestTree(t *testing.T) {
	s := standard()
	s.folder(0x8082, 0x80A2, "Projects")
	s.folder(0x8082, 0x80C2, "Projects") // names may repeat: giving them file names is done elsewhere
	s.folder(0x80C2, 0x80E2, "A/B")
	s.folder(top, 0x8102, "Quick Step Settings").class("IPF.Configuration")
	s.folder(top, 0x8122, "Sync").with(idHidden, mapi.Value{Type: mapi.Boolean, Data: []byte{1}})
	s.folder(0x8122, 0x8142, "Below")
	s.kids[pst.NIDRoot] = append(s.kids[pst.NIDRoot], row{id: 0x2223, cols: props{mapi.PidTagDisplayName: str("Unread Mail")}})

	a := s.open(extract.Options{})
	equal(t, "visible", paths(a.Folders()), []string{"", "Inbox", "Inbox/Projects", "Inbox/Projects", "Inbox/Projects/A/B"})
	if got := a.Folders()[4].Path; len(got) != 3 {
		t.Errorf("path %q", got)
	}
	equal(t, "all", paths(s.open(extract.Options{Hidden: true}).Folders()), []string{
		"", "Inbox", "Inbox/Projects", "Inbox/Projects", "Inbox/Projects/A/B",
		"Quick Step Settings (hidden)", "Sync (hidden)", "Sync/Below (hidden)", "Root (hidden)", "Search Root (hidden)",
	})
	if notes := a.Info().Notes; len(notes) != 1 || !strings.Contains(notes[0], `search folders are left out, as their items lie in other folders: "Unread Mail"`) {
		t.Errorf("notes %q", notes)
	}
}

// The folder on top is found without the store's help, in data files and in caches of a server's mailbox.
func TestTopFolder(t *testing.T) {
	t.Run("by name", func(t *testing.T) {
		s := newFake()
		s.folder(pst.NIDRoot, 0x8042, "Views")
		s.folder(pst.NIDRoot, top, "Oberste Ebene der persönlichen Ordner")
		s.folder(top, 0x8082, "Posteingang")
		equal(t, "folders", paths(s.open(extract.Options{}).Folders()), []string{"", "Posteingang"})
	})
	t.Run("one level down", func(t *testing.T) {
		s := newFake()
		s.folder(pst.NIDRoot, 0x8062, "Root - Mailbox")
		s.folder(0x8062, 0x8042, "Finder")
		s.folder(0x8062, top, "IPM_SUBTREE")
		s.folder(top, 0x8082, "Inbox")
		equal(t, "folders", paths(s.open(extract.Options{}).Folders()), []string{"", "Inbox"})
	})
	t.Run("by size", func(t *testing.T) {
		s := newFake()
		s.folder(pst.NIDRoot, 0x8042, "a")
		s.folder(pst.NIDRoot, top, "b")
		s.folder(top, 0x8082, "c")
		a := s.open(extract.Options{})
		equal(t, "folders", paths(a.Folders()), []string{"", "c"})
		if w := a.Info().Warnings; len(w) != 1 {
			t.Errorf("warnings %q", w)
		}
	})
	t.Run("nothing but the root", func(t *testing.T) {
		equal(t, "folders", paths(newFake().open(extract.Options{}).Folders()), []string{""})
	})
}

func TestRoles(t *testing.T) {
	roles := func(a *Archive) (list []string) {
		for _, f := range a.Folders() {
			if f.Role != formats.RoleNone {
				list = append(list, fmt.Sprintf("%s=%d", f, f.Role))
			}
		}
		return list
	}
	want := func(folders ...string) (list []string) {
		for i, f := range folders {
			if f != "" {
				list = append(list, fmt.Sprintf("%s=%d", f, i+1))
			}
		}
		return list
	}
	t.Run("by identifier", func(t *testing.T) {
		s := standard()
		for i, id := range []pst.NID{0x80A2, 0x80C2, 0x80E2, 0x8102, 0x8122} {
			s.folder(top, id, string(rune('a'+i)))
		}
		s.props.entry(idSent, 0x80A2).entry(idDeleted, 0x80E2).entry(idOutbox, 0x8122)
		more := mapi.Value{Type: mapi.MultiBinary, Elems: [][]byte{{}, {}, {}, {}, entryID(0x8102).Data}}
		s.folders[0x8082].entry(idDrafts, 0x80C2).with(idMoreFolders, more)
		s.folders[0x8082].with(mapi.PidTagDisplayName, str("whatever"))
		s.receive = []row{{id: 1, cols: props{idReceiveFolder: num(int(pst.NIDRoot)), mapi.PidTagMessageClass: str("")}}, {id: 2, cols: props{idReceiveFolder: num(0x8082), mapi.PidTagMessageClass: str("IPM")}}}
		// A name says less than an identifier.
		s.folder(top, 0x8142, "Sent Items")
		equal(t, "roles", roles(s.open(extract.Options{})), want("whatever", "a", "b", "c", "d", "e"))
	})
	t.Run("by name", func(t *testing.T) {
		for _, names := range [][]string{
			{"Inbox", "Sent Items", "Drafts", "Deleted Items", "Junk E-mail", "Outbox", "Archive"},
			{"Posteingang", "Gesendete Elemente", "Entwürfe", "Gelöschte Elemente", "Junk-E-Mail", "Postausgang", "Archiv"},
			{"Boîte de réception", "Éléments envoyés", "Brouillons", "ÉLÉMENTS SUPPRIMÉS", "Courrier indésirable", "Boîte d'envoi", ""},
			{"Входящие", "Отправленные", "Черновики", "Удаленные", "Нежелательная почта", "Исходящие", "Архив"},
			{"受信トレイ", "送信済みアイテム", "下書き", "削除済みアイテム", "迷惑メール", "送信トレイ", ""},
		} {
			s := newFake()
			s.folder(pst.NIDRoot, top, "Top of Personal Folders")
			for i, n := range names {
				if n != "" {
					s.folder(top, pst.NID(0x9002+0x20*i), n).class("IPF.Note")
				}
			}
			equal(t, names[0], roles(s.open(extract.Options{})), want(names...))
		}
	})
	t.Run("no role for what is no mail folder", func(t *testing.T) {
		s := standard()
		s.folder(top, 0x80A2, "Archive").class("IPF.Contact")
		s.folder(0x8082, 0x80C2, "Sent Items")
		equal(t, "roles", roles(s.open(extract.Options{})), want("Inbox"))
	})
}

func TestPlumbing(t *testing.T) {
	for class, want := range map[string]bool{
		"": false, "IPF.Note": false, "IPF.Contact": false, "IPF.Contact.MOC.ImContactList": true, "ipf.configuration": true,
		"IPF.ConfigurationX": false, "IPF.StoreItems.Signatures": true, "IPF.Contact.PeopleCentricConversation": true,
		"IPF.Note.OutlookHomepage": false, "IPF.Note.SocialConnector.FeedItems": true, "IPF.Files": true,
	} {
		if isPlumbing(class) != want {
			t.Errorf("%q: %v", class, !want)
		}
	}
}

// What a hostile or damaged file does to its folders.
func TestDamagedTree(t *testing.T) {
	t.Run("circle", func(t *testing.T) {
		s := standard()
		s.kids[0x8082] = []row{{id: top, cols: props{}}, {id: 0x8082, cols: props{}}, {id: pst.NIDRoot, cols: props{}}}
		a := s.open(extract.Options{})
		equal(t, "folders", paths(a.Folders()), []string{"", "Inbox"})
		if n := len(a.Info().Warnings); n != 3 {
			t.Errorf("warnings %q", a.Info().Warnings)
		}
	})
	t.Run("node absent", func(t *testing.T) {
		s := standard()
		delete(s.folders, 0x8082)
		delete(s.nodes, 0x8082)
		s.mail(0x8082, 0x200024, "still there")
		a := s.open(extract.Options{})
		equal(t, "folders", paths(a.Folders()), []string{"", "Inbox"})
		equal(t, "items", subjects(t, a), []string{"Inbox: still there"})
	})
	t.Run("list lost", func(t *testing.T) {
		s := standard()
		s.folder(0x8082, 0x80A2, "Projects")
		s.folder(0x80A2, 0x80C2, "Deep")
		s.kids[0x8082], s.broken[0x808D] = nil, errDamaged
		equal(t, "folders", paths(s.open(extract.Options{}).Folders()), []string{"", "Inbox", "Inbox/Projects", "Inbox/Projects/Deep"})
	})
	t.Run("deleted folder", func(t *testing.T) {
		s := standard()
		s.folder(0x8082, 0x80A2, "Deleted")
		s.kids[0x8082] = nil
		equal(t, "folders", paths(s.open(extract.Options{}).Folders()), []string{"", "Inbox"})
		equal(t, "recovered", paths(s.open(extract.Options{Recover: true}).Folders()), []string{"", "Inbox", "Inbox/Deleted", "Recovered items"})
	})
	t.Run("parent gone", func(t *testing.T) {
		s := standard()
		s.folder(0x80A2, 0x80C2, "Orphan")
		s.mail(0x80C2, 0x200024, "kept")
		a := s.open(extract.Options{})
		equal(t, "folders", paths(a.Folders()), []string{"", "Inbox", "Recovered items", "Recovered items/Orphan"})
		equal(t, "items", subjects(t, a), []string{"Recovered items/Orphan: kept"})
	})
	t.Run("names lost", func(t *testing.T) {
		s := standard()
		s.folder(top, 0x80A2, "")
		s.folder(top, 0x80C2, "")
		s.folder(top, 0x80E2, "")
		s.folder(0x80E2, 0x8102, "Projects")
		s.folder(0x8082, 0x8122, "sent items") // elsewhere
		s.folder(top, 0x8142, "Deleted Items")
		s.props.entry(idSent, 0x80A2).entry(idDeleted, 0x80C2)
		a := s.open(extract.Options{})
		equal(t, "folders", paths(a.Folders()), []string{
			"", "Inbox", "Inbox/sent items", "Sent Items", "Folder 0x80c2", "Folder 0x80e2", "Folder 0x80e2/Projects", "Deleted Items",
		})
	})
	t.Run("very deep", func(t *testing.T) {
		s := standard()
		parent := top
		for i := range 20000 {
			id := pst.NID(0x10002 + 0x20*i)
			s.folder(parent, id, "x")
			parent = id
		}
		list := s.open(extract.Options{}).Folders()
		if len(list) != 20002 || len(list[20001].Path) != maxLevels+1 {
			t.Errorf("%d folders, the last one %d levels deep", len(list), len(list[20001].Path))
		}
	})
}
