// Package pst reads Outlook's data files as archives: PST files, and the caches of mailboxes, OST files.
//
// [Open] reads the file's index and its folders; how long that takes depends on their number, not on what they hold. The
// entries come from the folders' tables, which have subject, class, date and size of every item. The items
// themselves are read one by one, by package extract/outlook.
//
// The folders that a person sees are those below the store's top folder; what is outside of it, or says that it is
// hidden, or holds what programs keep for themselves, is left out unless [extract.Options] say otherwise. Search
// folders hold nothing: they list what lies elsewhere. What the tables have lost and the file's index still has, or what
// was found in a damaged file without either, is found under "Recovered items", as are deleted items on demand.
package pst

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mailmill/extract"
	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// Archive is an opened data file.
type Archive struct {
	store   store
	opt     extract.Options
	convert *outlook.Converter
	tree    *tree
	folders []*folder
	// recovered holds what no table lists.
	recovered *formats.Folder
	cards     cards

	mu       sync.Mutex
	info     extract.Info
	warnings []warning
	said     map[string]bool // the texts of warnings
}

// warning is something wrong that an archive tells of.
type warning struct {
	text string
	// err is the reason, and node the folder or table whose it is; nil and 0 where the text says all.
	node pst.NID
	err  error
}

var _ extract.Archive = (*Archive)(nil)

// newArchive reads the tree of folders.
func newArchive(path string, s store, o extract.Options) *Archive {
	f := s.Facts()
	a := &Archive{store: s, opt: o, said: make(map[string]bool), recovered: &formats.Folder{Path: []string{recovered}}}
	a.info = extract.Info{Path: path, Format: f.format, Size: f.size, Incomplete: f.incomplete}
	props, err := s.Properties()
	if err != nil || props == nil {
		props = noProperties{}
	}
	a.info.CodePage, a.info.CodePageReason = codePage(props, f.ansi, o.CodePage)
	a.convert = outlook.New(outlook.Options{
		CodePage: a.info.CodePage, KeepEX: o.KeepEX, FollowUps: o.FollowUps, Card: a.card,
		Zone: sync.OnceValue(a.zone), Owner: sync.OnceValue(a.owner),
	})
	a.tree = buildTree(s, a.info.CodePage, o.Recover)
	if a.tree.missing && a.info.Incomplete == "" {
		a.info.Incomplete = "a folder is listed that the file's index does not have"
	}
	a.folders = a.tree.visible(o.Hidden)
	for _, f := range a.folders {
		if f.err != nil {
			a.doubts("the properties of %v are damaged", f)
		}
	}
	a.info.Owner = owner(props, a.info.CodePage)
	a.info.Notes = a.notes(f.password)
	for _, w := range a.tree.warnings {
		a.warn(w)
	}
	return a
}

// The properties of the message store that people are told about (MS-PST 2.4.3).
const (
	idOwnerEntry mapi.ID = 0x661B
	idOwnerName  mapi.ID = 0x661C
	idLocale     mapi.ID = 0x66A1
)

// codePage returns the code page for 8-bit strings of messages that do not tell theirs.
func codePage(store mapi.Properties, ansi bool, wanted int) (cp int, reason string) {
	if wanted != 0 {
		return wanted, "as told"
	}
	if !ansi {
		return codepage.Default, "the file's strings are Unicode, but for exceptions"
	}
	v, _ := store.Lookup(mapi.PidTagMessageCodepage)
	if cp := int(v.Int()); cp != 0 && codepage.Known(cp) {
		return cp, "the message store's"
	}
	for _, id := range [...]mapi.ID{mapi.PidTagMessageLocaleId, idLocale} {
		v, _ := store.Lookup(id)
		if lcid := v.Int(); lcid > 0 {
			return codepage.FromLCID(uint32(lcid)), fmt.Sprintf("that of the message store's locale 0x%04x", lcid)
		}
	}
	return codepage.Default, "the file has 8-bit strings and does not tell their code page: taken for Western European"
}

// owner returns whose mailbox it is.
func owner(store mapi.Properties, cp int) *formats.Address {
	name, _ := store.Lookup(idOwnerName)
	entry, _ := store.Lookup(idOwnerEntry)
	a := &formats.Address{Name: strings.TrimSpace(name.Text(cp)), Via: formats.ViaNone}
	if e, err := mapi.ParseEntryID(entry.Bytes(), cp); err == nil {
		a.Stored = e.Address
		a.Name = cmp.Or(a.Name, e.Name)
		if mapi.IsSMTP(e.Address) {
			a.SMTP, a.Via = e.Address, formats.ViaStored
		}
	}
	if a.Name == "" && a.Stored == "" {
		return nil
	}
	return a
}

func (a *Archive) notes(password bool) []string {
	var notes []string
	if password {
		notes = append(notes, "the file has a password; it is no encryption, only a request to programs to ask for it, and is not needed")
	}
	var searches []string
	for _, name := range a.tree.searches {
		// Outlook makes this one in every file, and some without a name.
		if !strings.HasPrefix(name, "SPAM Search Folder") && name != "" {
			searches = append(searches, strconv.Quote(name))
		}
	}
	if len(searches) > 0 {
		notes = append(notes, "search folders are left out, as their items lie in other folders: "+strings.Join(searches, ", "))
	}
	return notes
}

// warn adds a warning, once. Enumerating entries finds faults too, as often as it is done.
func (a *Archive) warn(w warning) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.said[w.text] && len(a.said) < maxWarnings {
		a.said[w.text] = true
		a.warnings = append(a.warnings, w)
	}
}

// doubts notes damage of a folder that may have cost a name, a flag, a row. The first is enough: warnings tell of all.
func (a *Archive) doubts(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.info.Doubt == "" {
		a.info.Doubt = fmt.Sprintf(format, args...)
	}
}

// maxWarnings bounds what is kept of a file that is wrong in everything.
const maxWarnings = 1000

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info {
	a.mu.Lock()
	defer a.mu.Unlock()
	info := a.info
	info.Notes = slices.Clone(info.Notes)
	info.Warnings = a.store.Warnings()
	for _, w := range a.warnings {
		info.Warnings = append(info.Warnings, w.text)
	}
	return info
}

// Folders implements [extract.Archive]. The folder for recovered items is among them where there may be any.
func (a *Archive) Folders() []*formats.Folder {
	list := make([]*formats.Folder, 0, len(a.folders)+1)
	has := false
	for _, f := range a.folders {
		if f.lost && f.parent == a.tree.root && !has {
			list, has = append(list, a.recovered), true
		}
		list = append(list, f.Folder)
	}
	if !has && (a.opt.Recover || a.info.Incomplete != "") {
		list = append(list, a.recovered)
	}
	return list
}

// Read implements [extract.Archive].
func (a *Archive) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Err != nil {
		return nil, e.Err
	}
	id, flags, hasFlags := unpack(e.Index)
	m, err := a.store.Message(id)
	if err != nil {
		return nil, err
	}
	read := m
	if hasFlags {
		read = &listed{m, flags}
	}
	item, err := a.convert.Item(e, read)
	if err != nil {
		return nil, err
	}
	item.Source = a.info.Path
	if d, ok := m.(damaged); ok {
		if err := d.Damage(); err != nil {
			item.Lose(formats.Damage{Part: "item", Err: err})
		}
	}
	item.Damage = summed(item.Damage)
	return item, nil
}

// maxParts is the number of parts that are named which are damaged for one reason.
const maxParts = 3

// summed has one entry for each reason: a damaged block may hold dozens of properties.
func summed(damage []formats.Damage) []formats.Damage {
	type reason struct {
		first int
		parts []string
	}
	reasons := make(map[string]*reason)
	list := damage[:0]
	for _, d := range damage {
		text := d.Err.Error()
		r := reasons[text]
		if r == nil {
			r = &reason{first: len(list)}
			reasons[text] = r
			list = append(list, d)
		}
		r.parts = append(r.parts, d.Part)
	}
	for _, r := range reasons {
		r.parts = outermost(r.parts)
		if n := len(r.parts); n > maxParts+1 {
			list[r.first].Part = fmt.Sprintf("%s and %d more parts", strings.Join(r.parts[:maxParts], ", "), n-maxParts)
		} else {
			list[r.first].Part = strings.Join(r.parts, ", ")
		}
	}
	return list
}

// outermost leaves out the parts of parts that are named themselves.
func outermost(parts []string) []string {
	named := make(map[string]bool, len(parts))
	for _, p := range parts {
		named[p] = true
	}
	return slices.DeleteFunc(parts, func(p string) bool {
		for at := strings.LastIndex(p, ": "); at > 0; at = strings.LastIndex(p[:at], ": ") {
			if named[p[:at]] {
				return true
			}
		}
		return false
	})
}

// damaged is what messages implement that know what is lost of them, or doubtful, as a whole.
type damaged interface{ Damage() error }

// Close implements [extract.Archive].
func (a *Archive) Close() error { return a.store.Close() }
