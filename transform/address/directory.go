package address

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/transform/address/directory"
)

// Directory holds what a directory knows of people, so that half a million of them take little memory: their texts lie in
// a few large blocks, and what they answer to is but hashed.
type Directory struct {
	seeds   [2]maphash.Seed
	blocks  [][]byte
	objects []object
	claims  [claimParts][]claimant // by the first byte of the hash
	order   sync.Once
}

// object is one recipient.
type object struct {
	smtp, name, where ref
	typ               formats.ObjectType
	fixed             bool
}

// ref is a text in the blocks: its block, where it begins there and its length.
type ref struct {
	block uint32
	at, n uint16
}

// claimant is an object that answers to a text. The text itself is not kept: of no two texts of any directory are both
// hashes the same.
type claimant struct {
	hash  uint64
	check uint32
	of    uint32 // the object's number, and the kind in the highest bits
}

const (
	claimParts = 256
	kindShift  = 29
	maxObjects = 1 << kindShift
)

func (c *claimant) object() uint32  { return c.of % maxObjects }
func (c *claimant) kind() claimKind { return claimKind(c.of >> kindShift) }

// claimKind says why an object answers to a text; the stronger come first.
type claimKind uint8

const (
	claimFixed claimKind = iota
	claimLegacy
	claimGUID
	claimX500
	claimMail // a further mail address
	claimName
)

const blockSize = math.MaxUint16

// NewDirectory returns an empty directory.
func NewDirectory() *Directory {
	return &Directory{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// ReadDirectory reads a directory, as [directory.Read] does; nothing of one that cannot be read to its end.
func ReadDirectory(ctx context.Context, location string, o directory.Options) (*Directory, error) {
	d := NewDirectory()
	for obj, err := range directory.Read(ctx, location, o) {
		if err != nil {
			return nil, err
		}
		if err := d.Add(&obj); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func objectType(t directory.Type) formats.ObjectType {
	switch t {
	case directory.User, directory.Contact:
		return formats.ObjectPerson
	case directory.Group:
		return formats.ObjectGroup
	case directory.Room:
		return formats.ObjectRoom
	case directory.Equipment:
		return formats.ObjectEquipment
	}
	return formats.ObjectUnknown
}

var errTooMany = errors.New("there is no room for more objects")

// Add adds an object. One without a mail address answers nothing and is left out. A Directory is filled by one goroutine
// and not added to any more once a book uses it.
func (d *Directory) Add(o *directory.Object) error {
	smtp := mapi.CleanAddress(o.SMTP)
	if mapi.ShapeOf(smtp) != mapi.ShapeSMTP {
		return nil
	}
	if len(d.objects) >= maxObjects {
		return errTooMany
	}
	id := uint32(len(d.objects))
	obj := object{smtp: d.store(smtp), typ: objectType(o.Type), fixed: o.Fixed, where: d.store(o.Where)}
	if len(o.Names) > 0 {
		obj.name = d.store(o.Names[0])
	}
	d.objects = append(d.objects, obj)
	if o.Fixed {
		switch {
		case o.LegacyDN != "":
			d.claim(id, claimFixed, keyOf(o.LegacyDN))
		case len(o.Other) > 0:
			d.claim(id, claimFixed, mapi.SMTPKey(o.Other[0]))
		case len(o.Names) > 0:
			d.claim(id, claimFixed, nameMark+formats.NameKey(o.Names[0]))
		}
		return nil
	}
	if o.LegacyDN != "" {
		d.claim(id, claimLegacy, keyOf(o.LegacyDN))
	}
	for _, dn := range o.X500 {
		d.claim(id, claimX500, keyOf(dn))
	}
	if o.GUID != "" {
		d.claim(id, claimGUID, guidMark+strings.ToLower(o.GUID))
	}
	for _, addr := range o.Other {
		d.claim(id, claimMail, mapi.SMTPKey(addr))
	}
	if len(o.Names) > 0 {
		d.claim(id, claimName, nameMark+formats.NameKey(o.Names[0]))
	}
	return nil
}

// guidMark begins the keys of objectGUIDs.
const guidMark = "guid:"

// Len returns the number of objects.
func (d *Directory) Len() int { return len(d.objects) }

// store keeps a text; what is longer than a block is cut.
func (d *Directory) store(s string) ref {
	s = s[:min(len(s), blockSize)]
	if s == "" {
		return ref{}
	}
	last := len(d.blocks) - 1
	if last < 0 || len(d.blocks[last])+len(s) > blockSize {
		d.blocks = append(d.blocks, make([]byte, 0, blockSize))
		last++
	}
	r := ref{uint32(last), uint16(len(d.blocks[last])), uint16(len(s))}
	d.blocks[last] = append(d.blocks[last], s...)
	return r
}

func (d *Directory) text(r ref) []byte {
	if r.n == 0 {
		return nil
	}
	return d.blocks[r.block][r.at : int(r.at)+int(r.n)]
}

func (d *Directory) claim(id uint32, kind claimKind, key string) {
	if key == "" || key == nameMark || key == guidMark {
		return
	}
	h := maphash.String(d.seeds[0], key)
	part := &d.claims[h>>56]
	*part = append(*part, claimant{hash: h, check: uint32(maphash.String(d.seeds[1], key)), of: uint32(kind)<<kindShift | id})
}

// sort puts the claimants in order, by which find looks them up.
func (d *Directory) sort() {
	d.order.Do(func() {
		for _, part := range d.claims {
			slices.SortFunc(part, func(a, b claimant) int {
				return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.check, b.check), cmp.Compare(a.of, b.of))
			})
		}
	})
}

// claimed is an object that answers to a key.
type claimed struct {
	d    *Directory
	id   uint32
	kind claimKind
}

func (c claimed) smtp() string            { return string(c.d.text(c.d.objects[c.id].smtp)) }
func (c claimed) name() string            { return string(c.d.text(c.d.objects[c.id].name)) }
func (c claimed) where() string           { return string(c.d.text(c.d.objects[c.id].where)) }
func (c claimed) typ() formats.ObjectType { return c.d.objects[c.id].typ }
func compareClaimed(a, b claimed) int     { return int(a.kind) - int(b.kind) }

// find adds the objects that answer to a key.
func (d *Directory) find(list []claimed, key string) []claimed {
	h := maphash.String(d.seeds[0], key)
	part := d.claims[h>>56]
	i, found := slices.BinarySearchFunc(part, h, func(c claimant, h uint64) int { return cmp.Compare(c.hash, h) })
	if !found {
		return list
	}
	for check := uint32(maphash.String(d.seeds[1], key)); i < len(part) && part[i].hash == h; i++ {
		if c := &part[i]; c.check == check {
			list = append(list, claimed{d, c.object(), c.kind()})
		}
	}
	return list
}

// Use adds a directory to what the book knows.
func (b *Book) Use(d *Directory) {
	d.sort()
	b.mu.Lock()
	b.directories = append(b.directories, d)
	b.mu.Unlock()
}

// alsoReaches reports whether directories have a mail address as a further one of somebody with another.
func (b *Book) alsoReaches(mailKey, smtp string) bool {
	for _, d := range b.directories {
		for _, c := range d.find(nil, mailKey) {
			if c.kind == claimMail && c.smtp() == smtp {
				return true
			}
		}
	}
	return false
}

// found is what directories say of a key.
type found struct {
	smtp  string
	where string
	name  string
	typ   formats.ObjectType
	fixed bool
	// conflict holds the addresses of the objects that contradict each other; nothing is believed then.
	conflict []string
}

// inDirectories looks a key up: what a person has fixed comes first, then an object's own distinguished name, its GUID,
// and the names that also reach it. Objects of equal standing with different addresses are a conflict.
func (b *Book) inDirectories(key string) (found, bool) {
	var list []claimed
	for _, d := range b.directories {
		list = d.find(list, key)
		if guid := guidOf(key); guid != "" {
			list = d.find(list, guidMark+guid)
		}
	}
	// By a name, or a mail address, only who was given an answer is looked up.
	list = slices.DeleteFunc(list, func(c claimed) bool { return c.kind >= claimMail })
	if len(list) == 0 {
		return found{}, false
	}
	return settle(list), true
}

// settle chooses among objects that answer to one key.
func settle(list []claimed) found {
	slices.SortStableFunc(list, compareClaimed)
	best := list[0].kind
	var answers []string
	var f found
	for _, c := range list {
		if c.kind != best {
			break
		}
		smtp := c.smtp()
		if !slices.ContainsFunc(answers, func(a string) bool { return mapi.SMTPKey(a) == mapi.SMTPKey(smtp) }) {
			answers = append(answers, smtp)
		}
		// Of several that agree the least in order is shown, so that the order of directories does not matter.
		if of := (found{smtp: smtp, where: c.where(), name: c.name(), typ: c.typ(), fixed: c.kind == claimFixed}); f.smtp == "" || of.smtp < f.smtp || of.smtp == f.smtp && of.where < f.where {
			f = of
		}
	}
	if len(answers) > 1 {
		slices.Sort(answers)
		f.smtp, f.conflict = "", answers
	}
	return f
}

// guidOf returns the GUID of a distinguished name that is nothing but one: "/o=nt5/ou=<guid>/cn=<guid>".
func guidOf(key string) string {
	if !strings.HasPrefix(key, "/o=nt5/") {
		return ""
	}
	i := strings.LastIndex(key, "/cn=")
	if i < 0 {
		return ""
	}
	digits := strings.NewReplacer("-", "", "{", "", "}", "").Replace(key[i+4:])
	if len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return ""
	}
	// Without hyphens it is the bytes as they are stored, of which the first three groups are turned round.
	if len(key[i+4:]) == 32 {
		g := digits
		digits = g[6:8] + g[4:6] + g[2:4] + g[0:2] + g[10:12] + g[8:10] + g[14:16] + g[12:14] + g[16:]
	}
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

// keyOf returns the key of an address that a directory or a person wrote.
func keyOf(stored string) string {
	stored = mapi.CleanAddress(stored)
	if mapi.ShapeOf(stored) == mapi.ShapeSMTP {
		return mapi.SMTPKey(stored)
	}
	return Key(stored)
}
