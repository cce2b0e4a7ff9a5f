package archives

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"mailmill/extract/bundle"
	"mailmill/formats"
)

// record is what the file .mailmill.json tells of the tree that it lies in, beside what is in the tree's files: the state
// of mails in files of their own, and the names that folders had before they became names of files.
type record struct {
	dir     string
	states  map[string]state    // by path below dir
	folders map[string][]string // by place below dir
	// there, if it is not nil, tells which files are worth remembering.
	there func(name string) bool
}

// state is that of a mail.
type state struct {
	known    bool // the flags, be there none
	flags    formats.Flags
	keywords []string
}

// maxRecord bounds how much of a record is read: that of five million mails.
const maxRecord = 1 << 30

// readRecord reads the record of a folder. One that is damaged tells what it does up to there: it costs names and states,
// and no item. It is nil where there is none.
func readRecord(files fs.FS, dir string) *record {
	f, err := files.Open(path.Join(dir, recordName))
	if err != nil {
		return nil
	}
	defer f.Close()
	r := &record{dir: dir, states: make(map[string]state), folders: make(map[string][]string)}
	if packed, ok := files.(*bundle.FS); ok {
		// Few bytes may unpack to a long list of what is not there.
		r.there = func(name string) bool {
			_, err := packed.Stat(path.Join(dir, name))
			return err == nil
		}
	}
	r.parse(io.LimitReader(f, maxRecord)) //nolint:errcheck // see above
	return r
}

var errNoRecord = errors.New("not a record")

func (r *record) parse(in io.Reader) error {
	d := json.NewDecoder(in)
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(err, errNoRecord)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		switch name {
		case "files":
			err = each(d, r.file)
		case "folders":
			err = each(d, r.folder)
		default:
			err = d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each decodes the elements of a list, one after the other. What is no list has none.
func each[T any](d *json.Decoder, take func(*T)) error {
	t, err := d.Token()
	if err != nil || t == nil {
		return err
	}
	if t != json.Delim('[') {
		return errNoRecord
	}
	for d.More() {
		v := new(T)
		if err := d.Decode(v); err != nil {
			return err
		}
		take(v)
	}
	_, err = d.Token()
	return err
}

type recordFile struct {
	Path     string   `json:"path"`
	Flags    []string `json:"flags"`
	Keywords []string `json:"keywords"`
}

func (r *record) file(f *recordFile) {
	if (f.Flags != nil || len(f.Keywords) > 0) && (r.there == nil || r.there(f.Path)) {
		r.states[f.Path] = state{f.Flags != nil, formats.ParseFlags(f.Flags), f.Keywords}
	}
}

type recordFolder struct {
	Folder []string `json:"folder"`
	Path   string   `json:"path"`
}

func (r *record) folder(f *recordFolder) {
	if f.Path != "." && len(f.Folder) > 0 {
		r.folders[f.Path] = f.Folder
	}
}

// below returns a path as the record has it; false for one that is not below the record's folder.
func (r *record) below(name string) (string, bool) {
	if r == nil {
		return "", false
	}
	if r.dir == "." {
		return name, true
	}
	return strings.CutPrefix(name, r.dir+"/")
}

// state returns that of the mail in a file.
func (r *record) state(name string) state {
	if below, ok := r.below(name); ok {
		return r.states[below]
	}
	return state{}
}

// names returns the names of the folder that a place was made of, given those that the place has. Names above those of
// the folder are those of sources, and stay.
func (r *record) names(place string, names []string) []string {
	below, ok := r.below(place)
	if !ok {
		return names
	}
	folder := r.folders[below]
	if len(folder) == 0 || len(folder) > len(names) {
		return names
	}
	return append(names[:len(names)-len(folder):len(names)-len(folder)], folder...)
}
