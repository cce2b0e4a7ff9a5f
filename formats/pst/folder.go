package pst

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"time"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ltp"
	"mailmill/formats/pst/internal/ndb"
)

// maxFolderDepth bounds how deep folders are followed where the package does so itself.
const maxFolderDepth = 256

// Folder is a folder (MS-PST 2.4.4): its properties, and the tables of the folders and messages in it.
type Folder struct {
	Properties
	NID    NID
	Parent NID // as the file's index has it; the root is its own
	name   string
}

// Folder returns a folder. One whose properties are damaged but which exists is returned with an error: it has no
// name then, but can have children and contents.
func (f *File) Folder(id NID) (*Folder, error) {
	n, ok := f.db.Node(id)
	if !ok {
		return nil, fmt.Errorf("folder %v: %w", id, ErrNotFound)
	}
	if k := KindOf(id); k != KindFolder && k != KindSearchFolder {
		return nil, fmt.Errorf("node %v is no folder", id)
	}
	p, err := f.openProperties(id)
	if err != nil {
		err = fmt.Errorf("folder %v: %w", id, err)
		p.f = f
	}
	folder := &Folder{Properties: p, NID: id, Parent: n.Parent}
	folder.name = folder.text(mapi.PidTagDisplayName)
	return folder, err
}

// Name returns the folder's name (PidTagDisplayName), empty where it has none or has lost it. It is not unique.
func (d *Folder) Name() string { return d.name }

// IsSearch reports whether the folder is a search: what it lists are messages of other folders.
func (d *Folder) IsSearch() bool { return d.NID.Type() == ndb.TypeSearchFolder }

// Class returns the container class (PidTagContainerClass), such as "IPF.Note" or "IPF.Appointment", empty for none.
func (d *Folder) Class() string { return d.text(0x3613) }

// Count returns the number of messages as the folder has it (PidTagContentCount), which may not be that of its table's
// rows.
func (d *Folder) Count() int {
	v, _ := d.Lookup(0x3602)
	return int(v.Int())
}

// Children returns the folders in this one, in the order of its table. An error says that the table is damaged: what it
// has lost has been taken from the file's index as far as possible. Folders that exist but are damaged themselves are
// returned without properties.
//
// In a damaged file a folder can be in itself, or in two others: who descends has to remember where it has been.
func (d *Folder) Children() ([]*Folder, error) {
	var (
		folders []*Folder
		errs    []error
		seen    = map[NID]bool{d.NID: true}
	)
	add := func(id NID, row ltp.Row) {
		if seen[id] {
			return
		}
		seen[id] = true
		folder, err := d.f.Folder(id)
		if err != nil {
			errs = append(errs, err)
		}
		if folder == nil {
			return
		}
		folder.row = row
		if folder.name == "" {
			folder.name = folder.text(mapi.PidTagDisplayName)
		}
		folders = append(folders, folder)
	}
	damaged := d.rows(ndb.TypeHierarchyTable, func(row ltp.Row) bool {
		add(NID(row.ID), row)
		return true
	})
	if damaged != nil {
		errs = append(errs, fmt.Errorf("list of folders in %s: %w", d.describe(), damaged))
		for _, c := range d.f.childrenOf(d.NID) {
			if k := KindOf(c.node); k == KindFolder || k == KindSearchFolder {
				add(c.node, ltp.Row{})
			}
		}
	}
	return folders, errors.Join(errs...)
}

func (d *Folder) describe() string {
	if d.name != "" {
		return fmt.Sprintf("%q (%v)", d.name, d.NID)
	}
	return fmt.Sprintf("folder %v", d.NID)
}

// rows calls use with the rows of one of the folder's tables and returns what is wrong with the table. A folder without
// the table has no rows, unless there are nodes in the folder that the table would list.
func (d *Folder) rows(table int, use func(ltp.Row) bool) error {
	t, err := d.f.openTable(d.NID.WithType(table))
	if err != nil {
		if errors.Is(err, ErrNotFound) && !d.lacks(table) {
			return nil
		}
		return err
	}
	damage := cmp.Or(d.f.db.Doubt(d.NID.WithType(table)), t.Err())
	for row, err := range t.Rows() {
		if err != nil {
			if damage == nil {
				damage = err
			}
			continue
		}
		if !use(row) {
			break
		}
	}
	return damage
}

// lacks reports whether the index has nodes that a table of the folder should have.
func (d *Folder) lacks(table int) bool {
	for _, c := range d.f.childrenOf(d.NID) {
		if listedIn(KindOf(c.node)) == table {
			return true
		}
	}
	return false
}

func listedIn(k Kind) int {
	switch k {
	case KindFolder, KindSearchFolder:
		return ndb.TypeHierarchyTable
	case KindMessage:
		return ndb.TypeContentsTable
	case KindAssociated:
		return ndb.TypeAssociatedTable
	}
	return -1
}

// Entry is a row of a folder's table: a message that has not been read. Its properties are the columns of the table, a
// small part of the message's own.
type Entry struct {
	Properties
	NID NID
	// Err says why the message cannot be read: it wraps ErrNotFound if there is none.
	Err error
	// Recovered says that the entry is from the file's index, because the folder's table has lost it. It has no
	// properties.
	Recovered bool
}

// Class returns the message class (PidTagMessageClass), such as "IPM.Note".
func (e *Entry) Class() string { return e.text(mapi.PidTagMessageClass) }

// Size returns the size of the message in bytes (PidTagMessageSize), attachments included; 0 where it is not told.
func (e *Entry) Size() int64 {
	v, _ := e.Lookup(0x0E08)
	return v.Int()
}

// Flags returns the message flags (PidTagMessageFlags, MS-OXCMSG 2.2.1.6).
func (e *Entry) Flags() int {
	v, _ := e.Lookup(0x0E07)
	return int(v.Int())
}

// Delivered returns when the message was received (PidTagMessageDeliveryTime), the zero time if it was not.
func (e *Entry) Delivered() time.Time {
	v, _ := e.Lookup(0x0E06)
	return v.Time()
}

// Submitted returns when the message was sent (PidTagClientSubmitTime), the zero time if it was not.
func (e *Entry) Submitted() time.Time {
	v, _ := e.Lookup(0x0039)
	return v.Time()
}

// Contents yields the messages of the folder in the order of its table, each once. An error with a nil Entry says what
// is wrong with the table; after it come those messages that the table has lost as far as the file's index has them.
//
// In a search folder these are messages of other folders.
func (d *Folder) Contents() iter.Seq2[*Entry, error] {
	if d.IsSearch() {
		return d.entries(ndb.TypeSearchContents)
	}
	return d.entries(ndb.TypeContentsTable)
}

// Associated is Contents for the messages that belong to the folder's configuration and are not shown.
func (d *Folder) Associated() iter.Seq2[*Entry, error] { return d.entries(ndb.TypeAssociatedTable) }

func (d *Folder) entries(table int) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		stopped := false
		seen := make(map[NID]struct{})
		damage := d.rows(table, func(row ltp.Row) bool {
			e := &Entry{Properties: Properties{f: d.f, row: row}, NID: NID(row.ID)}
			if _, again := seen[e.NID]; again {
				d.f.db.Warn("%s lists message %v twice", d.describe(), e.NID)
				return true
			}
			seen[e.NID] = struct{}{}
			if _, ok := d.f.db.Node(e.NID); !ok {
				e.Err = fmt.Errorf("message %v is listed in %s: %w", e.NID, d.describe(), ErrNotFound)
			}
			stopped = !yield(e, nil)
			return !stopped
		})
		if stopped || damage == nil {
			return
		}
		if !yield(nil, fmt.Errorf("list of messages in %s: %w", d.describe(), damage)) {
			return
		}
		for _, c := range d.f.childrenOf(d.NID) {
			if _, listed := seen[c.node]; listed || listedIn(KindOf(c.node)) != table {
				continue
			}
			if !yield(&Entry{Properties: Properties{f: d.f}, NID: c.node, Recovered: true}, nil) {
				return
			}
		}
	}
}

var _ mapi.Properties = (*Folder)(nil)
