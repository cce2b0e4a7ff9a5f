package files

import (
	"io"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/transform/folders"
)

// EML is the format with a file for each mail, as RFC 5322 has it, with CRLF.
var EML Format = eml{}

type eml struct{}

const emlExtension = ".eml"

func (eml) Name() string { return "eml" }
func (eml) joined() bool { return false }

func (eml) encode(w io.Writer, it *formats.Item) (virtual int64, err error) {
	return 0, mime.Write(w, it.Mail)
}

func (eml) places(list []*formats.Folder) places { return folders.NewTree(list) }

func (eml) plan(p *plan, place string) {
	p.folder(place)
	p.anyFile(place, emlExtension)
}

func (eml) layout(t *Target) layout {
	// What folders are called, folded, where a file could be.
	reserved := make(map[string]map[string]bool)
	for _, s := range t.sources {
		for f := range s.Places() {
			place := s.place(f)
			above, name := parent(place), folders.Fold(place[strings.LastIndexByte(place, '/')+1:])
			if strings.HasSuffix(name, emlExtension) {
				if reserved[above] == nil {
					reserved[above] = make(map[string]bool)
				}
				reserved[above][name] = true
			}
		}
	}
	return &split{target: t, open: func(_ *source, place string) (shelf, error) {
		names := itemNames{extension: emlExtension, reserved: reserved[place]}
		return &emlShelf{t.tree, place, names}, t.tree.folder(place)
	}}
}

// emlShelf is a folder of EML files.
type emlShelf struct {
	tree  tree
	place string
	names itemNames
}

func (s *emlShelf) name(e *encoded) string { return s.place + "/" + s.names.name(e.item) }
func (s *emlShelf) close(time.Time) error  { return nil }
func (s *emlShelf) drop()                  { s.tree.drop(s.place) }
