package dav

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"mailmill/formats"
	"mailmill/load/dav/client"
	"mailmill/transform/folders"
)

// Source is an archive of the run, as far as collections depend on it.
type Source struct {
	Name string
	// Folders are those of the archive in the order of its tree.
	Folders []*formats.Folder
}

// planner says where items go: which collections there are, which are to be made, and what they are called.
//
// A folder's events, tasks, and notes with journal entries go to collections of their own, as many servers want one type
// of component for each. What the folder is for (its container class) has the folder's name, anything else that with what
// it is: "Inbox (tasks)". Where a folder of a second archive has the same name, both fill the same collection.
type planner struct {
	contacts  bool
	prefix    string
	folderMap map[string]string
	direct    *client.Collection // everything goes there
	homes     []string
	existing  []client.Collection

	mains map[*formats.Folder]bool // the archive's own calendar and address book
	of    map[wish]*collection
	named map[name]*collection
	slugs map[string]*collection // that were given in this run
}

// wish is what a folder has for collections.
type wish struct {
	source string
	folder *formats.Folder
	component
}

type name struct {
	title string
	component
}

// collection is one that exists or is to be made.
type collection struct {
	client.Collection
	component component
	exists    bool
	made      bool  // by this run, or to be
	refused   error // why it takes nothing
	place     *place
	report    int // its place in the report; -1 until something comes
}

func newPlanner(o *Options) *planner {
	p := &planner{
		contacts:  o.Contacts,
		prefix:    strings.Trim(o.Prefix, "/ "),
		folderMap: make(map[string]string, len(o.FolderMap)),
		mains:     make(map[*formats.Folder]bool),
		of:        make(map[wish]*collection),
		named:     make(map[name]*collection),
		slugs:     make(map[string]*collection),
	}
	for from, to := range o.FolderMap {
		p.folderMap[strings.Trim(from, "/")] = strings.Trim(to, "/")
	}
	own := events
	if p.contacts {
		own = cards
	}
	for _, s := range o.Sources {
		if f := mainOf(s.Folders, own); f != nil {
			p.mains[f] = true
		}
	}
	return p
}

// mainOf returns the folder that is an archive's own calendar or address book: the one at the top with the name that Outlook
// gives it. It is nil where there is none.
//
// That there is only one does not make it that: when the archive has got another, everything would be stored once more, in
// another collection.
func mainOf(list []*formats.Folder, own component) *formats.Folder {
	for _, f := range list {
		if of, ok := componentOf(f); ok && of == own && len(f.Path) == 1 && !f.Hidden &&
			slices.Contains(mainNames[own], strings.ToLower(f.Path[0])) {
			return f
		}
	}
	return nil
}

// mainNames are what Outlook calls a mailbox's own calendar and address book in the languages it speaks, in small letters.
var mainNames = map[component][]string{
	events: {
		"calendar", "kalender", "calendrier", "calendario", "agenda", "calendário", "kalenteri", "kalendarz", "kalendář", "kalendár", "naptár",
		"календарь", "календар", "takvim", "ημερολόγιο", "לוח שנה", "التقويم", "予定表", "일정", "日历", "行事曆",
		"calendari", "kalendar", "koledar", "kalendorius", "kalendārs", "lịch", "ปฏิทิน",
	},
	cards: {
		"contacts", "kontakte", "contactos", "contatti", "contactpersonen", "contatos", "kontakter", "kontaktpersoner", "yhteystiedot", "kontakty", //nolint:misspell // it is Spanish
		"névjegyek", "контакты", "контакти", "kişiler", "επαφές", "אנשי קשר", "جهات الاتصال", "連絡先", "연락처", "联系人", "連絡人",
		"kontakti", "stiki", "kontaktai", "liên hệ", "ที่ติดต่อ",
	},
}

// componentOf tells what a folder is for, by its container class; false for mail.
func componentOf(f *formats.Folder) (component, bool) {
	if f == nil {
		return 0, false
	}
	for _, c := range []struct {
		class string
		component
	}{{"ipf.appointment", events}, {"ipf.task", tasks}, {"ipf.stickynote", journals}, {"ipf.journal", journals}, {"ipf.contact", cards}} {
		class := strings.ToLower(f.Class)
		if class == c.class || strings.HasPrefix(class, c.class+".") {
			return c.component, true
		}
	}
	return 0, false
}

// collection returns where the items of a source's folder go that have a component.
func (p *planner) collection(source string, f *formats.Folder, c component) *collection {
	w := wish{source, f, c}
	if known := p.of[w]; known != nil {
		return known
	}
	found := p.find(source, f, c)
	p.of[w] = found
	return found
}

func (p *planner) find(source string, f *formats.Folder, c component) *collection {
	if p.direct != nil {
		return p.known(name{component: c}, p.direct)
	}
	title, mapped := p.title(source, f, c)
	n := name{title, c}
	if known := p.named[n]; known != nil {
		return known
	}
	if p.mains[f] && !mapped && p.prefix == "" {
		if i := p.defaultOf(c); i >= 0 {
			return p.known(n, &p.existing[i])
		}
	}
	return p.byName(n, slugOf(p.slugText(f, title)))
}

// known returns a collection that is on the server.
func (p *planner) known(n name, there *client.Collection) *collection {
	if known := p.named[n]; known != nil {
		return known
	}
	found := &collection{Collection: *there, component: n.component, exists: true, report: -1}
	if !takes(there, n.component) {
		found.refused = &componentError{cmp.Or(there.Name, there.Href), n.component}
	}
	// Components that go to one collection share its place.
	for _, other := range p.named {
		if other.Href == found.Href && other.refused == nil && found.refused == nil {
			found = other
		}
	}
	p.named[n] = found
	return found
}

// byName finds a collection by the name that we would give it, by that which people see, or says that it is to be made.
func (p *planner) byName(n name, slug string) *collection {
	for _, s := range []string{slug, slug + "-" + mark(n.title+"\x00"+n.String())} {
		i := slices.IndexFunc(p.existing, func(c client.Collection) bool { return strings.EqualFold(client.Base(c.Href), s) })
		switch {
		case p.slugs[s] != nil:
			continue // another name of this run has it
		case i >= 0 && takes(&p.existing[i], n.component):
			found := p.known(n, &p.existing[i])
			p.slugs[s] = found
			return found
		case i >= 0:
			continue
		}
		named := slices.IndexFunc(p.existing, func(c client.Collection) bool { return c.Name == n.title && takes(&c, n.component) })
		if named >= 0 {
			return p.known(n, &p.existing[named])
		}
		made := &collection{component: n.component, made: true, report: -1, Collection: client.Collection{Name: n.title, Color: colorOf(n.title)}}
		if len(p.homes) > 0 {
			made.Href = client.Join(p.homes[0], s+"/")
		} else {
			made.refused = fmt.Errorf("the server says of no place where %q could be made; name a collection by --folder-map or its URL", n.title)
		}
		if n.component != cards {
			made.Components = []string{n.String()}
		}
		p.named[n], p.slugs[s] = made, made
		return made
	}
	refused := &collection{component: n.component, refused: fmt.Errorf("what has the name %q on the server takes no %s; choose another collection with --folder-map", slug, n.component)}
	p.named[n] = refused
	return refused
}

// title returns what people see as the name of a folder's collection, and whether the user gave it.
func (p *planner) title(source string, f *formats.Folder, c component) (title string, mapped bool) {
	var names []string
	if f != nil {
		names = f.Path
	}
	if len(names) == 0 {
		names = []string{folders.TopName}
	}
	title = strings.Join(names, "/")
	for n := len(names); n > 0 && !mapped; n-- {
		if to, ok := p.folderMap[strings.Join(names[:n], "/")]; ok {
			title, mapped = strings.Join(append([]string{to}, names[n:]...), "/"), true
		}
	}
	if p.prefix != "" && !mapped {
		title = strings.ReplaceAll(p.prefix, folders.SourceMark, folders.SourceName(source)) + "/" + title
	}
	if own, ok := componentOf(f); c != cards && (ok && own != c || !ok && c != events) {
		title += " (" + [...]string{"events", "tasks", "notes"}[c] + ")"
	}
	return title, mapped
}

// slugText returns what the last part of a collection's URL is made of. Some servers have calendars and address books in
// one place.
func (p *planner) slugText(f *formats.Folder, title string) string {
	if own, _ := componentOf(f); p.contacts && own != cards {
		return title + " contacts"
	}
	return title
}

// defaultOf returns the collection that is the user's own for a component: one that has the name that servers give it. It
// is -1 where that is not clear.
//
// That there is only one does not make it the default: the next run would find those that this one makes.
func (p *planner) defaultOf(c component) int {
	for _, usual := range []string{"default", "personal", "calendar", "contacts", "addressbook", "home", "card"} {
		i := slices.IndexFunc(p.existing, func(x client.Collection) bool {
			return takes(&x, c) && strings.EqualFold(client.Base(x.Href), usual)
		})
		if i >= 0 {
			return i
		}
	}
	return -1
}

// takes reports whether a collection takes a component (RFC 4791 5.2.3: all of them where it does not say).
func takes(c *client.Collection, of component) bool {
	return c.Writable() && (of == cards || c.Takes(of.String()))
}

// componentError says that a collection does not take what an item is.
type componentError struct {
	collection string
	component
}

func (e *componentError) Error() string {
	return fmt.Sprintf("the collection %q takes no %s (%s): leave them out with --only, or name a collection that takes them with --folder-map",
		e.collection, componentKinds[e.component], e.component)
}

// longestSlug is the length of a collection's name in its URL, before what tells it from others.
const longestSlug = 40

// slugOf returns the last part of a collection's URL: small letters, digits and "-". What of a title is lost in that is
// made up for by a hash.
func slugOf(title string) string {
	var b strings.Builder
	lost := false
	for _, r := range norm.NFKD.String(title) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
		case r >= 0x300 && r < 0x370: // accents
		default:
			lost = lost || r >= 0x80
			if s := b.String(); s != "" && s[len(s)-1] != '-' {
				b.WriteByte('-')
			}
		}
	}
	slug := strings.Trim(b.String(), "-")
	if len(slug) > longestSlug {
		slug, lost = strings.TrimRight(slug[:longestSlug], "-"), true
	}
	switch {
	case slug == "":
		return "folder-" + mark(title)
	case lost:
		return slug + "-" + mark(title)
	}
	return slug
}

// mark returns four digits that tell texts apart.
func mark(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:2])
}

// colors are those that new collections get, so that they can be told apart.
var colors = [...]string{"#3465A4", "#4E9A06", "#C17D11", "#75507B", "#CC0000", "#06989A", "#F57900", "#555753"}

func colorOf(title string) string {
	sum := sha256.Sum256([]byte(title))
	return colors[int(sum[2])%len(colors)]
}
