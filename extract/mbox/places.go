package mbox

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/formats"
	"mailmill/formats/mbox"
)

// places are the folders of a file.
type places struct {
	once sync.Once // for what finds them all
	top  *formats.Folder

	mu   sync.Mutex
	list []*formats.Folder // those that labels name
	byID map[string]*formats.Folder
	used bool // the file's own folder has something in it
}

// mostFolders bounds the folders that labels name. What is in others is in the file's own.
const mostFolders = 10_000

func newPlaces(path []string) *places {
	f := &formats.Folder{Path: path}
	if len(path) == 1 {
		f.Role = extract.RoleOf(path[0])
	}
	return &places{top: f, byID: make(map[string]*formats.Folder)}
}

// folders returns those that are known.
func (p *places) folders() []*formats.Folder {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.Clone(p.list)
	slices.SortFunc(list, func(a, b *formats.Folder) int { return slices.Compare(a.Path, b.Path) })
	if p.used || len(list) == 0 {
		list = append([]*formats.Folder{p.top}, list...)
	}
	return list
}

// labelled returns the folder that labels name.
func (p *places) labelled(path []string, role formats.Role) *formats.Folder {
	key := strings.Join(path, "\x00")
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.byID[key]
	if f == nil {
		if len(p.list) >= mostFolders {
			p.used = true
			return p.top
		}
		f = &formats.Folder{Path: path, Role: role}
		p.byID[key] = f
		p.list = append(p.list, f)
	}
	return f
}

// entry returns the entry of a message with such a header. shown is false for one that is there on demand only.
func (p *places) entry(env *mbox.Envelope, head []byte, o extract.Options) (e formats.Entry, shown bool) {
	state, _ := cutState(env, head)
	e.ID = id(env.Offset)
	if env.Takeout() {
		place := mbox.Place(state.Labels)
		e.Folder = p.labelled(place.Folder, place.Role)
	} else {
		e.Folder = p.top
		p.mu.Lock()
		p.used = true
		p.mu.Unlock()
	}
	mail.Peek(&e, tellers(head), o.CodePage)
	e.Hidden, e.Recovered = state.Internal, state.Expunged
	return e, (o.Hidden || !e.Hidden) && (o.Recover || !e.Recovered)
}

// tellers returns the fields of a header that tell something of an entry: there are many messages, and most fields are of
// no interest.
func tellers(head []byte) []byte {
	var b []byte
	taken := false
	for line := range bytes.Lines(head) {
		if line[0] != ' ' && line[0] != '\t' {
			taken = slices.ContainsFunc(tellerNames[:], func(name string) bool {
				return len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name)
			})
		}
		if taken && len(b) < longestTellers {
			b = append(b, line...)
		}
	}
	return append(b, '\n')
}

const longestTellers = 16 << 10

var tellerNames = [...]string{"Subject", "Date", "Content-Type", "X-PST-Message-Class"}

// unnamed is the folder of what comes without a name.
const unnamed = "Mail"

// folderOf returns the folder that a file is: it is called as the file, without what says how that is packed.
//
// QUIRK: Apple Mail keeps the folder "Inbox" in a file "Inbox.mbox/mbox".
func folderOf(path string) []string {
	path = filepath.ToSlash(path)
	dir, name := path[:strings.LastIndexByte(path, '/')+1], path[strings.LastIndexByte(path, '/')+1:]
	if name == "-" || name == "" {
		return []string{unnamed}
	}
	if name == "mbox" {
		above := strings.TrimSuffix(dir, "/")
		if in, ok := cutSuffix(above[strings.LastIndexByte(above, '/')+1:], extension); ok {
			return []string{in}
		}
	}
	for _, packed := range []string{".gz", ".zst", ".bz2", ".xz"} {
		name, _ = cutSuffix(name, packed)
	}
	name, _ = cutSuffix(name, extension)
	return []string{name}
}

const extension = ".mbox"

// cutSuffix cuts a suffix off a name, in whatever case, but leaves something of it.
func cutSuffix(name, suffix string) (string, bool) {
	if at := len(name) - len(suffix); at > 0 && strings.EqualFold(name[at:], suffix) {
		return name[:at], true
	}
	return name, false
}
