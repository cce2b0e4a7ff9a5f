package files

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/load"
)

// recordName is the file that says what mailmill wrote into a folder.
const recordName = ".mailmill.json"

// record is the content of a .mailmill.json file.
type record struct {
	Version string            `json:"version,omitempty"`
	Format  string            `json:"format"`
	Options map[string]string `json:"options,omitempty"`
	Sources []recordSource    `json:"sources"`
	Files   []recordFile      `json:"files"`
	Folders []recordFolder    `json:"folders,omitempty"`
}

type recordSource struct {
	Name     string `json:"name"`
	Size     int64  `json:"size,omitempty"`
	Modified string `json:"modified,omitempty"`
}

// recordFile is a file that was written.
type recordFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	// Modified is the time of its last change, where that does not come from the clock.
	Modified string `json:"modified,omitempty"`
	XXH128   string `json:"xxh128"`
	Items    int    `json:"items"`
	// Shared says that others have a part in what the file holds: it is added to, and never removed.
	Shared bool `json:"shared,omitempty"`
	// Flags and Keywords are the state of a mail in a file that has no place for it. An empty list of flags says that there
	// are none, whatever the file's header says.
	Flags    []string `json:"flags,omitzero"`
	Keywords []string `json:"keywords,omitempty"`
}

// stamp returns a time of last change as the record has it: in seconds, which is what archives and most file systems can tell.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "" // it will be the clock's
	}
	return t.UTC().Format(time.RFC3339)
}

// recordFolder says where the items of a folder went.
type recordFolder struct {
	Source string   `json:"source"`
	Folder []string `json:"folder"`
	Path   string   `json:"path"`

	extension string
}

// head returns the record of a run without what it wrote.
func (o *Options) head() record {
	head := record{Version: o.Version, Format: o.Format.Name(), Options: o.Record, Sources: []recordSource{}}
	for _, s := range o.Sources {
		// Names of files are bytes, and JSON has none but those of text.
		head.Sources = append(head.Sources, recordSource{strings.ToValidUTF8(s.Name, "\uFFFD"), s.Size, s.Modified})
	}
	return head
}

// repeats reports whether a run writes what another one wrote: the same options and archives. An archive may have
// changed meanwhile.
func (r *record) repeats(old *record) bool {
	if r.Format != old.Format || len(r.Options) != len(old.Options) {
		return false
	}
	for name, value := range r.Options {
		if v, ok := old.Options[name]; !ok || v != value {
			return false
		}
	}
	return slices.EqualFunc(r.Sources, old.Sources, func(a, b recordSource) bool { return a.Name == b.Name })
}

// changed says what somebody has done to a file, who would lose that.
func changed(name string) string { return name + " was changed since it was written" }

// otherRun says that a place was written by another command.
const otherRun = "it was written with other options or from other archives"

// damagedRecord is the error for a record that is none. What a decoder says of it is for programs.
type damagedRecord struct{ cause error }

func (*damagedRecord) Error() string   { return recordName + " is damaged" }
func (e *damagedRecord) Unwrap() error { return e.cause }

func isDamaged(err error) bool {
	_, ok := errors.AsType[*damagedRecord](err)
	return ok
}

// parseRecord reads a record. Its error is that of the reader, or a *damagedRecord.
func parseRecord(r io.Reader) (*record, error) {
	rec := new(record)
	in := &reader{r: r}
	if err := json.NewDecoder(in).Decode(rec); err != nil {
		if in.err != nil && in.err != io.EOF {
			return nil, in.err
		}
		return nil, &damagedRecord{err}
	}
	return rec, nil
}

// reader keeps the error that it ended with.
type reader struct {
	r   io.Reader
	err error
}

func (r *reader) Read(p []byte) (n int, err error) {
	n, r.err = r.r.Read(p)
	return n, r.err
}

// recorder writes a record while the run is under way: it may tell of more files than memory should hold.
type recorder struct {
	out     *bufio.Writer
	files   int
	bytes   int64
	folders []recordFolder
	entered map[string]bool
}

// newRecorder begins a record.
func newRecorder(w io.Writer, head record) (*recorder, error) {
	if w == nil {
		w = io.Discard
	}
	r := &recorder{out: bufio.NewWriterSize(w, 64<<10), entered: make(map[string]bool)}
	head.Files = nil
	begin, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	// The list of files stays open: "files":null} is its end.
	r.out.Write(begin[:len(begin)-len("null}")])
	r.out.WriteString("[")
	return r, nil
}

// enter notes that the items of a folder come now that go into files of an extension. They come together, once.
func (r *recorder) enter(it *formats.Item, place, extension string) error {
	if r.entered[place+extension] {
		return &load.Fatal{Err: fmt.Errorf("the items of %s do not come together", place)}
	}
	r.entered[place+extension] = true
	path := []string{}
	if it.Folder != nil {
		path = append(path, it.Folder.Path...)
	}
	r.folders = append(r.folders, recordFolder{it.Source, path, recordPlace(place), extension})
	return nil
}

// recordPlace returns a place as the record has it: the top is a place, too.
func recordPlace(place string) string { return cmp.Or(place, ".") }

// forget drops the note of a folder entered not long ago: all of its items failed on the way.
func (r *recorder) forget(place, extension string) {
	for i, f := range slices.Backward(r.folders) {
		if f.Path == recordPlace(place) && f.extension == extension {
			r.folders = slices.Delete(r.folders, i, i+1)
			return
		}
	}
}

// file notes a file that is whole, with its hash.
func (r *recorder) file(f recordFile, sum digest) error {
	f.XXH128 = sum.String()
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if r.files > 0 {
		r.out.WriteByte(',')
	}
	r.out.WriteByte('\n')
	r.files++
	r.bytes += f.Size
	_, err = r.out.Write(line)
	return err
}

// close ends the record.
func (r *recorder) close() error {
	r.out.WriteString("\n]")
	if len(r.folders) > 0 {
		r.out.WriteString(`,"folders":[`)
		// Files of several extensions may be in one place.
		r.folders = slices.CompactFunc(r.folders, func(a, b recordFolder) bool {
			return a.Source == b.Source && a.Path == b.Path && slices.Equal(a.Folder, b.Folder)
		})
		for i, f := range r.folders {
			line, err := json.Marshal(f)
			if err != nil {
				return err
			}
			if i > 0 {
				r.out.WriteByte(',')
			}
			r.out.WriteByte('\n')
			r.out.Write(line)
		}
		r.out.WriteString("\n]")
	}
	r.out.WriteString("}\n")
	return r.out.Flush()
}
