package mapi

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// GUID is a globally unique identifier in the byte order of files: the first three groups little-endian
// (MS-DTYP 2.3.4.2).
type GUID [16]byte

// ParseGUID reads the usual notation, "00020329-0000-0000-c000-000000000046", with or without braces.
func ParseGUID(s string) (GUID, error) {
	digits := strings.NewReplacer("-", "", "{", "", "}", "").Replace(s)
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != 16 {
		return GUID{}, fmt.Errorf("%q is no GUID", s)
	}
	g := GUID(b)
	g[0], g[1], g[2], g[3] = b[3], b[2], b[1], b[0]
	g[4], g[5] = b[5], b[4]
	g[6], g[7] = b[7], b[6]
	return g, nil
}

func (g GUID) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g[:]), binary.LittleEndian.Uint16(g[4:]),
		binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

// office returns one of the many sets xxxxxxxx-0000-0000-C000-000000000046.
func office(first uint32) GUID {
	g := GUID{8: 0xC0, 15: 0x46}
	binary.LittleEndian.PutUint32(g[:], first)
	return g
}

// The property sets (MS-OXPROPS 1.3.2).
var (
	PSMAPI              = office(0x00020328)
	PSPublicStrings     = office(0x00020329)
	PSInternetHeaders   = office(0x00020386)
	PSAppointment       = office(0x00062002)
	PSTask              = office(0x00062003)
	PSAddress           = office(0x00062004)
	PSCommon            = office(0x00062008)
	PSLog               = office(0x0006200A)
	PSNote              = office(0x0006200E)
	PSSharing           = office(0x00062040)
	PSPostRSS           = office(0x00062041)
	PSMeeting           = GUID{0x90, 0xDA, 0xD8, 0x6E, 0x0B, 0x45, 0x1B, 0x10, 0x98, 0xDA, 0x00, 0xAA, 0x00, 0x3F, 0x13, 0x05}
	PSCalendarAssistant = GUID{0x07, 0x0E, 0x00, 0x11, 0x1B, 0xB5, 0xD6, 0x40, 0xAF, 0x21, 0xCA, 0xA8, 0x5E, 0xDA, 0xB1, 0xD0}
	PSUnifiedMessaging  = GUID{0x8E, 0x15, 0x42, 0x44, 0xA9, 0xA3, 0x80, 0x4E, 0xB9, 0x00, 0x31, 0x7A, 0x21, 0x0C, 0xC1, 0x5B}
	PSAirSync           = GUID{0x49, 0x55, 0x03, 0x71, 0x39, 0x07, 0xCB, 0x4D, 0x91, 0x63, 0x00, 0xF0, 0x58, 0x0D, 0xBB, 0xDF}
)

// Name names a property: within a set, by a number or, where String is not empty, by a string. Names are compared
// with ==.
type Name struct {
	Set    GUID
	LID    uint32 // the long identifier, 0 for names that are strings
	String string
}

// Long returns the name with a number.
func Long(set GUID, lid uint32) Name { return Name{Set: set, LID: lid} }

// Named returns the name with a string.
func Named(set GUID, s string) Name { return Name{Set: set, String: s} }
