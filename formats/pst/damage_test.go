package pst

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// survey is what can be read of a damaged file.
type survey struct {
	whole   map[NID]bool // messages read without an error
	damaged map[NID]bool // messages read in part
	failed  map[NID]error
	absent  map[NID]bool // listed, but not in the index
	errs    []error
}

func surveyOf(t testing.TB, f *File) survey {
	t.Helper()
	s := survey{map[NID]bool{}, map[NID]bool{}, map[NID]error{}, map[NID]bool{}, nil}
	seen := map[NID]bool{}
	var folder func(d *Folder)
	folder = func(d *Folder) {
		if seen[d.NID] {
			return
		}
		seen[d.NID] = true
		for e, err := range d.Contents() {
			switch {
			case err != nil:
				s.errs = append(s.errs, err)
			case d.IsSearch():
			case e.Err != nil:
				s.absent[e.NID] = true
			default:
				s.add(f, e)
			}
		}
		for _, err := range d.Associated() {
			if err != nil {
				s.errs = append(s.errs, err)
			}
		}
		children, err := d.Children()
		if err != nil {
			s.errs = append(s.errs, err)
		}
		for _, c := range children {
			folder(c)
		}
	}
	root, err := f.Root()
	if err != nil {
		s.errs = append(s.errs, err)
	}
	if root != nil {
		folder(root)
	}
	return s
}

func (s *survey) add(f *File, e *Entry) {
	m, err := f.Message(e.NID)
	if err != nil {
		s.failed[e.NID] = err
		return
	}
	if err := read(m, 0); err != nil {
		s.damaged[e.NID] = true
		return
	}
	s.whole[e.NID] = true
}

// read reads all of a message and returns the errors met.
func read(m mapi.Message, depth int) error {
	var errs []error
	all := func(p mapi.Properties) {
		for _, err := range p.All() {
			errs = append(errs, err)
		}
	}
	all(m)
	if d, ok := m.(*Message); ok {
		errs = append(errs, d.Damage())
	}
	recipients, err := m.Recipients()
	errs = append(errs, err)
	for _, r := range recipients {
		all(r)
	}
	attachments, err := m.Attachments()
	errs = append(errs, err)
	for _, a := range attachments {
		all(a)
		if r, err := a.Open(); err == nil {
			_, err = discard(r)
			errs = append(errs, err)
		} else if !errors.Is(err, mapi.ErrNoData) {
			errs = append(errs, err)
		}
		if embedded, err := a.Embedded(); err == nil && depth < 8 {
			errs = append(errs, read(embedded, depth+1))
		} else if err != nil && !errors.Is(err, mapi.ErrNoData) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// TestCase39KnownDamage damages the sample in each way that files are known to be damaged in, and says what may be lost by it.
func TestCase39KnownDamage(t *testing.T) {
	t.Parallel()
	all := surveyOf(t, sample(t).open(t))
	total := len(all.whole)
	if total < 200 || len(all.errs)+len(all.damaged)+len(all.failed)+len(all.absent) > 0 {
		t.Fatalf("the sample itself: %d whole, %v", total, all.errs)
	}
	anyMail := func(im image) nodeEntry {
		for _, n := range im.nodes() {
			if NID(n.nid).Type() == ndb.TypeMessage && n.sub != 0 && n.data&2 == 0 {
				return n
			}
		}
		t.Fatal("no message")
		return nodeEntry{}
	}
	inbox := func(im image) nodeEntry { return im.node(t, NID(anyMail(im).parent).WithType(ndb.TypeContentsTable)) }

	for _, c := range []struct {
		name   string
		damage func(image) image
		whole  int    // messages to be read whole, at least
		lists  bool   // whether a list of folders or messages is damaged
		warns  string // in a warning
	}{
		{"allocation not valid", func(im image) image { im[248] = 0; im.sealHeader(); return im }, total, false, ""},
		{"header checksum", func(im image) image { im[4]++; im[524]++; return im }, total, false, "checksum of the header"},
		{"cut short", func(im image) image { return im[:len(im)*9/10] }, 0, true, "bytes of the"},
		{"node leaf zeroed", func(im image) image {
			leaves, _ := im.leaves(im.nbt())
			clear(im[leaves[len(leaves)/2]:][:512])
			return im
		}, total - 15, false, "entries from"},
		{"node page with a wrong checksum", func(im image) image {
			leaves, _ := im.leaves(im.nbt())
			im[leaves[3]+500]++
			return im
		}, total, false, "wrong checksum"},
		{"node page with too many entries", func(im image) image {
			leaves, _ := im.leaves(im.nbt())
			im[leaves[len(leaves)/2]+488] = 255
			return im
		}, total, false, "one wrong byte is put right"},
		{"node page of a wrong level", func(im image) image {
			leaves, _ := im.leaves(im.nbt())
			at := leaves[len(leaves)/2]
			im[at+491] = 3
			im.sealPage(at)
			return im
		}, total - 15, false, "level 3"},
		{"node tree with a loop", func(im image) image {
			root := im.nbt()
			le.PutUint64(im[root+24+16:], root)
			im.sealPage(root)
			return im
		}, 0, false, "in the tree twice"},
		{"block leaf zeroed", func(im image) image {
			leaves, _ := im.leaves(im.bbt())
			clear(im[leaves[len(leaves)/2]:][:512])
			return im
		}, total - 40, false, "entries from"},
		{"block of a message overwritten by another", func(im image) image {
			blocks := im.blocks()
			b, other := blocks[anyMail(im).data], blocks[inbox(im).data]
			le.PutUint64(b.entry[8:], other.offset())
			le.PutUint16(b.entry[16:], le.Uint16(other.entry[16:]))
			im.sealPage(b.page)
			return im
		}, total - 1, false, "another block"},
		{"block with bytes changed", func(im image) image {
			b := im.blocks()[anyMail(im).data]
			im[b.offset()+uint64(b.size()/2)] ^= 0x55
			return im
		}, total - 1, false, "wrong checksum"},
		{"blocks with a size too large", func(im image) image {
			for _, b := range im.blocks() {
				le.PutUint16(b.entry[16:], 0xFFFF)
				im.sealPage(b.page)
			}
			return im
		}, total, false, "65535 bytes by the index"},
		{"blocks with a size too small", func(im image) image {
			for _, b := range im.blocks() {
				le.PutUint16(b.entry[16:], 5)
				im.sealPage(b.page)
			}
			return im
		}, total, false, "5 bytes by the index"},
		{"blocks without a size", func(im image) image {
			for _, b := range im.blocks() {
				le.PutUint16(b.entry[16:], 0)
				im.sealPage(b.page)
			}
			return im
		}, total, false, "0 bytes by the index"},
		{"block outside the file", func(im image) image {
			b := im.blocks()[anyMail(im).data]
			le.PutUint64(b.entry[8:], 1<<40)
			im.sealPage(b.page)
			return im
		}, total - 1, false, "outside the file"},
		{"block with a wrong signature", func(im image) image {
			b := im.blocks()[anyMail(im).data]
			im[b.offset()+uint64(b.slot())-14]++
			return im
		}, total, false, "signature"},
		{"list of messages destroyed", func(im image) image {
			b := im.blocks()[inbox(im).data]
			if b.bid()&2 != 0 {
				b = im.blocks()[le.Uint64(im[b.offset()+8:])]
			}
			clear(im[b.offset():][:b.size()])
			im.sealBlock(b)
			return im
		}, total, true, ""},
		{"list of folders destroyed", func(im image) image {
			b := im.blocks()[im.node(t, NIDRoot.WithType(ndb.TypeHierarchyTable)).data]
			clear(im[b.offset():][:b.size()])
			im.sealBlock(b)
			return im
		}, total, true, ""},
		{"listed message without a node", func(im image) image {
			n := anyMail(im)
			leaves, _ := im.leaves(im.nbt())
			for _, at := range leaves {
				p, count := im[at:][:512], int(im[at+488])
				for i := range count - 1 {
					if le.Uint32(p[32*i:]) == n.nid {
						copy(p[32*i:], p[32*(i+1):32*count])
						p[488]--
						im.sealPage(at)
						return im
					}
				}
			}
			t.Fatal("not found")
			return im
		}, total - 1, false, ""},
		{"list of blocks that claims to be larger", func(im image) image {
			for _, b := range im.blocks() {
				if data := im[b.offset():]; b.bid()&2 != 0 && data[0] == 1 {
					le.PutUint16(data[2:], 0xFFFF)
					le.PutUint32(data[4:], 0xFFFFFFFF)
					im.sealBlock(b)
					return im
				}
			}
			t.Fatal("no list of blocks")
			return im
		}, total - 1, false, ""},
		{"heap with a map outside of its block", func(im image) image {
			b := im.blocks()[anyMail(im).data]
			// The first byte decodes to another offset of the map.
			im[b.offset()], im[b.offset()+1] = im[b.offset()+1], im[b.offset()]
			im.sealBlock(b)
			return im
		}, total - 1, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			im := c.damage(slices.Clone(sample(t)))
			f := im.open(t)
			s := surveyOf(t, f)
			if len(s.whole) < c.whole {
				t.Errorf("%d messages whole of %d, want %d: %v", len(s.whole), total, c.whole, s.failed)
			}
			for nid := range s.whole {
				if !all.whole[nid] {
					t.Errorf("message %v was not there before", nid)
				}
			}
			if (len(s.errs) > 0) != c.lists {
				t.Errorf("errors %v", s.errs)
			}
			known := len(s.whole) + len(s.damaged) + len(s.failed) + len(s.absent)
			if known != total && !c.lists {
				t.Errorf("%d messages of %d are accounted for", known, total)
			}
			list, _ := f.Warnings()
			found := slices.ContainsFunc(list, func(w Warning) bool { return strings.Contains(w.String(), c.warns) })
			if !found && c.warns != "" {
				t.Errorf("warnings %v, want one with %q", list, c.warns)
			}
		})
	}
}

func discard(r io.ReadCloser) (int64, error) {
	defer r.Close()
	return io.Copy(io.Discard, r)
}
