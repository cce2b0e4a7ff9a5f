package mapi

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// GlobalObjectID identifies a meeting, the same in every mailbox that has it: PidLidGlobalObjectId and
// PidLidCleanGlobalObjectId (MS-OXOCAL 2.2.1.27, 2.2.1.28). That of a task (PidLidTaskGlobalId) is no more than 16 bytes.
type GlobalObjectID struct {
	// Year, Month and Day are the original date of the occurrence that the object is, in the series' zone. They are 0 for
	// a series, and for a single appointment.
	Year       uint16
	Month, Day uint8
	// Created is the FILETIME of creation, 0 where the identifier was not made by Outlook.
	Created uint64
	// Reserved are the eight bytes after it, zeros.
	Reserved [8]byte
	// Data is 16 bytes that are unique, or a foreign UID: see [GlobalObjectID.Foreign].
	Data []byte
	// Trailing are bytes that follow, which belong to the identifier although no size counts them.
	Trailing []byte
}

// globalObject is what all of them begin with.
var globalObject = [16]byte{0x04, 0x00, 0x00, 0x00, 0x82, 0x00, 0xE0, 0x00, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08}

const (
	globalObjectHeader = 16 + 4 + 8 + 8 + 4
	// foreignPrefix precedes a UID that another program made up (MS-OXCICAL 2.1.3.1.1.20.26).
	foreignPrefix = "vCal-Uid\x01\x00\x00\x00"
)

// ErrNoGlobalObjectID says that bytes are no [GlobalObjectID] at all.
var ErrNoGlobalObjectID = errors.New("it is no global object identifier")

// ParseGlobalObjectID decodes PidLidGlobalObjectId. The error wraps [ErrNoGlobalObjectID] where b is something else; with
// another error comes an identifier of which the size is wrong, with the data that is there.
func ParseGlobalObjectID(b []byte) (GlobalObjectID, error) {
	var g GlobalObjectID
	if len(b) < globalObjectHeader || !bytes.HasPrefix(b, globalObject[:]) {
		return g, fmt.Errorf("%w: %d bytes that begin with %X", ErrNoGlobalObjectID, len(b), b[:min(len(b), len(globalObject))])
	}
	g.Year = binary.BigEndian.Uint16(b[16:])
	g.Month, g.Day = b[18], b[19]
	g.Created = binary.LittleEndian.Uint64(b[20:])
	g.Reserved = [8]byte(b[28:])
	size, rest := binary.LittleEndian.Uint32(b[36:]), b[globalObjectHeader:]
	if uint64(size) > uint64(len(rest)) {
		g.Data = rest
		return g, fmt.Errorf("the global object identifier has %d bytes of data, and says %d", len(rest), size)
	}
	g.Data = rest[:size:size]
	if g.Trailing = rest[size:]; len(g.Trailing) == 0 {
		g.Trailing = nil
	}
	return g, nil
}

// Encode encodes the identifier. [ParseGlobalObjectID] is its inverse.
func (g GlobalObjectID) Encode() []byte {
	b := make([]byte, 0, globalObjectHeader+len(g.Data)+len(g.Trailing))
	b = append(b, globalObject[:]...)
	b = binary.BigEndian.AppendUint16(b, g.Year)
	b = append(b, g.Month, g.Day)
	b = binary.LittleEndian.AppendUint64(b, g.Created)
	b = append(b, g.Reserved[:]...)
	b = appendBlock(b, g.Data)
	return append(b, g.Trailing...)
}

// Clean returns the identifier of the series that an occurrence belongs to, the same for all of them (MS-OXOCAL 2.2.1.28).
func (g GlobalObjectID) Clean() GlobalObjectID {
	g.Year, g.Month, g.Day = 0, 0, 0
	return g
}

// Instance returns the original date of the occurrence as a midnight in UTC, which it is not, and whether the identifier
// is that of an occurrence.
func (g GlobalObjectID) Instance() (time.Time, bool) {
	t := time.Date(int(g.Year), time.Month(g.Month), int(g.Day), 0, 0, 0, 0, time.UTC)
	if g.Year < 1601 || g.Year > 4500 || t.Month() != time.Month(g.Month) || t.Day() != int(g.Day) {
		return time.Time{}, false
	}
	return t, true
}

// CreatedAt returns the time of creation, the zero time where there is none.
func (g GlobalObjectID) CreatedAt() time.Time { return FileTime(g.Created) }

// Foreign returns the UID that another program gave the meeting, and whether it did (MS-OXCICAL 2.1.3.1.1.20.26). NULs
// with which it ends are no part of it.
func (g GlobalObjectID) Foreign() (uid string, ok bool) {
	b, ok := bytes.CutPrefix(g.Data, []byte(foreignPrefix))
	if !ok {
		return "", false
	}
	if i := indexNUL(b); i >= 0 {
		b = b[:i]
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), len(b) > 0
}

// UID returns the UID that the meeting has in iCalendar, the same for a series and its occurrences (MS-OXCICAL
// 2.1.3.1.1.20.26): the foreign one, or the clean identifier in hexadecimal digits. Those are to be compared without regard
// to case.
func (g GlobalObjectID) UID() string {
	if uid, ok := g.Foreign(); ok {
		return uid
	}
	return strings.ToUpper(hex.EncodeToString(g.Clean().Encode()))
}

// GlobalObjectIDFromUID is the inverse of [GlobalObjectID.UID]: it returns the identifier of which the UID has the digits, and
// else one that holds the UID as foreign. It fails on a UID that is empty, not UTF-8, has a NUL or is too long.
func GlobalObjectIDFromUID(uid string) (GlobalObjectID, error) {
	if b, err := hex.DecodeString(uid); err == nil {
		if g, err := ParseGlobalObjectID(b); err == nil {
			return g.Clean(), nil
		}
	}
	if uid == "" || !utf8.ValidString(uid) || strings.IndexByte(uid, 0) >= 0 || len(uid) > math.MaxUint16 {
		return GlobalObjectID{}, fmt.Errorf("no global object identifier can hold the UID %.100q", uid)
	}
	// Outlook ends it with a NUL, and readers need one.
	return GlobalObjectID{Data: []byte(foreignPrefix + uid + "\x00")}, nil
}
