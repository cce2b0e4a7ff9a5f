package pim

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"mailmill/formats"
	"mailmill/formats/ical"
)

// uidSum stands for the UID of components of one name.
type uidSum [2]uint64

func sumOf(name, uid string) uidSum {
	sum := sha256.Sum256([]byte(name + "\x00" + uid))
	return uidSum{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}

// occurrence is one of a series that is looked for.
type occurrence struct {
	piece int32
	uid   uidSum
}

// scan looks through the file.
func (a *Archive) scan(size int64) error {
	var (
		masters     = make(map[uidSum]int32) // the first of a UID
		last        = make(map[int32]int32)  // pieces of an item: the last one
		occurrences []occurrence
		zones       []definition
		named       = make(map[zoneName]bool)
		before      = int32(-1) // the item that the component before was, or belonged to
		beforeUID   uidSum
		adjacent    = make(map[int32]int32) // occurrences that follow something of their UID
	)
	calendars, rest, err := ical.Scan(io.NewSectionReader(a.r, 0, size), func(o ical.Object) error {
		if len(a.pieces) >= mostPieces || o.Calendar > math.MaxInt32 {
			return errors.New("there is more in the file than can be")
		}
		n := int32(len(a.pieces))
		if o.Name != "VTIMEZONE" { // which is not used by naming itself
			for _, id := range o.Zones {
				named[zoneName{o.Calendar, id}] = true
			}
		}
		p := piece{offset: o.Offset, length: uint32(min(o.End-o.Offset, math.MaxUint32)), calendar: int32(o.Calendar), kind: o.Kind}
		if o.Name == "VCARD" {
			p.flag |= pieceCard
		}
		if o.Name == "VTIMEZONE" {
			p.flag |= pieceNothing
			zones = append(zones, definition{n, o.TZID})
		}
		if p.kind != formats.KindOther && p.flag&pieceCard == 0 {
			uid := sumOf(o.Name, o.UID)
			switch {
			case o.Occurrence && o.UID != "":
				p.flag |= pieceOccurrence
				occurrences = append(occurrences, occurrence{n, uid})
				if before >= 0 && beforeUID == uid {
					adjacent[n] = before
				}
			case o.UID != "":
				if _, known := masters[uid]; !known {
					masters[uid] = n
				}
				before, beforeUID = n, uid
			default:
				before = -1
			}
		} else if o.Name != "VTIMEZONE" {
			before = -1
		}
		a.pieces = append(a.pieces, p)
		return nil
	})
	if err != nil {
		return err
	}
	a.calendars = calendars
	for range len(calendars) + 1 {
		a.zones = append(a.zones, new(ical.Zones))
	}
	// An occurrence belongs to the series before it or, where that has another UID, to the first with its own. In what this
	// program wrote it stands behind its series: one that does not was an item of its own.
	for _, o := range occurrences {
		p := &a.pieces[o.piece]
		master, ok := adjacent[o.piece]
		if !ok && (p.calendar < 0 || !a.calendars[p.calendar].Ours()) {
			master, ok = masters[o.uid]
		}
		if !ok {
			continue
		}
		p.flag |= pieceNothing
		p.kind = a.pieces[master].kind
		end, known := last[master]
		if !known {
			end = master
		}
		a.pieces[end].next = o.piece
		last[master] = o.piece
	}
	for i := range a.pieces {
		if a.pieces[i].flag&pieceNothing == 0 {
			a.entries = append(a.entries, int32(i))
		}
	}
	if rest.Strays > 0 {
		a.info.Warnings = append(a.info.Warnings, fmt.Sprintf("%d lines stand outside of every calendar and card", rest.Strays))
	}
	if rest.Open {
		a.info.Incomplete = "nothing ends its last calendar or card, as if the file were cut short"
	}
	return a.defineZones(zones, named)
}

// definition is a component that defines a time zone.
type definition struct {
	piece int32
	id    string
}

// zoneName is the name of a time zone in a calendar.
type zoneName struct {
	calendar int
	id       string
}

// mostZone is how large the definition of a time zone may be.
const mostZone = 1 << 20

// defineZones reads the time zones of the calendars. One that nothing in its calendar names goes with the first item that
// is there; without any it counts as what is no item to a person.
func (a *Archive) defineZones(zones []definition, named map[zoneName]bool) error {
	if len(zones) == 0 {
		return nil
	}
	first := make(map[int32]int) // entries of the calendars
	for i := len(a.entries) - 1; i >= 0; i-- {
		if p := &a.pieces[a.entries[i]]; p.kind != formats.KindOther && p.flag&pieceCard == 0 {
			first[p.calendar] = i
		}
	}
	var alone []int32
	a.unnamed = make(map[int][]string)
	for _, z := range zones {
		p := &a.pieces[z.piece]
		host, hosted := first[p.calendar]
		if p.length > mostZone || z.id == "" || !hosted {
			p.flag &^= pieceNothing
			alone = append(alone, z.piece)
			continue
		}
		if !named[zoneName{int(p.calendar), z.id}] {
			a.unnamed[host] = append(a.unnamed[host], z.id)
		}
		b, err := a.text(p)
		if err != nil {
			return err
		}
		a.zonesOf(p.calendar).Add(b, ical.ReadOptions{CodePage: a.opt.CodePage})
	}
	if len(alone) > 0 {
		entries := slices.Concat(a.entries, alone)
		slices.Sort(entries)
		a.shift(entries)
	}
	return nil
}

// shift has the archive have other entries, and those that zones go with where they are now.
func (a *Archive) shift(entries []int32) {
	unnamed := make(map[int][]string, len(a.unnamed))
	for i, ids := range a.unnamed {
		at, _ := slices.BinarySearch(entries, a.entries[i])
		unnamed[at] = ids
	}
	a.entries, a.unnamed = entries, unnamed
}
