package olm

import (
	"archive/zip"
	"strings"

	"mailmill/extract"
	"mailmill/formats"
)

// read lists the members, and makes folders of where they are.
func (a *Archive) read(z *zip.Reader) {
	t := &tree{known: make(map[string]*formats.Folder)}
	for _, f := range z.File {
		t.account(f.Name)
	}
	docs := make(map[*formats.Folder][]*doc)
	for _, f := range z.File {
		name := strings.Trim(f.Name, "/")
		isFolder := strings.HasSuffix(f.Name, "/")
		if strings.Contains("/"+name+"/", "/"+attachmentsName+"/") {
			if !isFolder {
				a.add(name, f)
			}
			continue
		}
		path, class, ok := t.place(name, isFolder)
		if isFolder {
			if ok {
				t.folder(path, class)
			}
			continue
		}
		m := a.add(name, f)
		if !strings.HasSuffix(strings.ToLower(name), ".xml") {
			a.warn("%s is left out: it is neither XML nor an attachment", name)
			continue
		}
		if !ok {
			continue // Categories.xml
		}
		folder := t.folder(path, class)
		docs[folder] = append(docs[folder], &doc{member: m, folder: folder})
	}
	a.folders = t.sorted()
	for _, f := range a.folders {
		for _, d := range docs[f] {
			d.index = len(a.docs)
			a.docs = append(a.docs, d)
		}
	}
	if accounts := t.mailAccounts; len(accounts) == 1 {
		a.info.Owner = address("", accounts[0])
	}
}

// add makes a member known. Of two with one name the first counts, as for other programs.
func (a *Archive) add(name string, f *zip.File) *member {
	m := &member{f}
	if a.members[name] == nil {
		a.members[name] = m
	} else {
		a.warn("the archive has two files called %s", name)
	}
	return m
}

// tree makes the tree of folders.
type tree struct {
	accounts     []string
	mailAccounts []string // those with an address
	known        map[string]*formats.Folder
	list         []*formats.Folder
}

// localAccount is what Outlook calls the folders that belong to no account.
const localAccount = "On My Computer"

// accountOf splits a member's name into its account and what is below that.
func accountOf(name string) (account, rest string, ok bool) {
	top, rest, _ := strings.Cut(name, "/")
	switch top {
	case localName:
		return localAccount, rest, rest != ""
	case accountsName:
		account, rest, _ = strings.Cut(rest, "/")
		return account, rest, account != "" && rest != ""
	}
	return "", name, false
}

func (t *tree) account(name string) {
	account, _, ok := accountOf(name)
	if !ok {
		return
	}
	for _, known := range t.accounts {
		if known == account {
			return
		}
	}
	t.accounts = append(t.accounts, account)
	if account != localAccount {
		t.mailAccounts = append(t.mailAccounts, account)
	}
}

// place returns the folder that a member is in, or that it is: false for what is in none. Where there are several accounts
// their names come first.
func (t *tree) place(name string, isFolder bool) (path []string, class string, ok bool) {
	account, rest, ok := accountOf(name)
	if !ok {
		return nil, "", false
	}
	if len(t.accounts) > 1 {
		path = append(path, account)
	}
	parts := strings.Split(rest, "/")
	if !isFolder {
		parts = parts[:len(parts)-1]
	}
	if len(parts) > 0 && parts[0] == messagesName {
		class = "IPF.Note"
	} else if len(parts) > 0 {
		class = classes[parts[0]]
	}
	for _, p := range parts {
		if p != messagesName && p != "" {
			path = append(path, strings.ToValidUTF8(p, "\uFFFD"))
		}
	}
	if isFolder && (len(path) == 0 || rest == messagesName) {
		return nil, "", false
	}
	return path, class, true
}

// classes are those of folders that hold no mail, by their names, which are English in every archive.
var classes = map[string]string{
	"Address Book": "IPF.Contact", "Calendar": "IPF.Appointment", "Tasks": "IPF.Task", "Notes": "IPF.StickyNote",
}

// maxLevels bounds how deep folders lie in each other.
const maxLevels = 200

// folder returns a folder, and makes it and those that it is in.
func (t *tree) folder(path []string, class string) *formats.Folder {
	path = path[:min(len(path), maxLevels)]
	key := strings.Join(path, "/")
	if f := t.known[key]; f != nil {
		return f
	}
	top := 1
	if len(t.accounts) > 1 {
		top = 2
	}
	if len(path) > 1 {
		t.folder(path[:len(path)-1], class)
	}
	f := &formats.Folder{Path: path[:len(path):len(path)], Class: class}
	if class == "IPF.Note" && len(path) == top {
		f.Role = extract.RoleOf(path[top-1])
	}
	t.known[key] = f
	t.list = append(t.list, f)
	return f
}

// sorted returns the folders in the order of the tree: each before those in it, and otherwise as they came.
func (t *tree) sorted() []*formats.Folder {
	below := make(map[string][]*formats.Folder)
	for _, f := range t.list {
		key := ""
		if n := len(f.Path); n > 0 {
			key = strings.Join(f.Path[:n-1], "/")
		}
		if len(f.Path) > 0 {
			below[key] = append(below[key], f)
		}
	}
	var list []*formats.Folder
	if top := t.known[""]; top != nil {
		list = append(list, top)
	}
	var walk func(key string)
	walk = func(key string) {
		for _, f := range below[key] {
			list = append(list, f)
			walk(strings.Join(f.Path, "/"))
		}
	}
	walk("")
	return list
}
