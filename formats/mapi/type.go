package mapi

import "fmt"

// Type is a property type (MS-OXCDATA 2.11.1).
type Type uint16

// The types. A multi-valued type is a single-valued one with [MultiValue] set.
const (
	Unspecified    Type = 0x0000
	Null           Type = 0x0001
	Integer16      Type = 0x0002
	Integer32      Type = 0x0003
	Floating32     Type = 0x0004
	Floating64     Type = 0x0005
	Currency       Type = 0x0006
	FloatingTime   Type = 0x0007
	ErrorCode      Type = 0x000A
	Boolean        Type = 0x000B
	Object         Type = 0x000D
	Integer64      Type = 0x0014
	String8        Type = 0x001E
	String         Type = 0x001F
	Time           Type = 0x0040
	GUIDType       Type = 0x0048
	ServerID       Type = 0x00FB
	Restriction    Type = 0x00FD
	RuleAction     Type = 0x00FE
	Binary         Type = 0x0102
	MultiValue     Type = 0x1000
	MultiString8        = MultiValue | String8
	MultiString         = MultiValue | String
	MultiBinary         = MultiValue | Binary
	MultiInteger32      = MultiValue | Integer32
)

// IsMulti reports whether the type is multi-valued.
func (t Type) IsMulti() bool { return t&MultiValue != 0 }

// Single returns the type of one value of a multi-valued type, and other types as they are.
func (t Type) Single() Type { return t &^ MultiValue }

// Width returns the size in bytes of a single value of the type, and 0 for types of variable size.
func (t Type) Width() int {
	switch t.Single() {
	case Integer16, Boolean:
		return 2
	case Integer32, Floating32, ErrorCode:
		return 4
	case Floating64, Currency, FloatingTime, Integer64, Time:
		return 8
	case GUIDType:
		return 16
	}
	return 0
}

// ID is a property identifier, the upper half of a property tag. From 0x8000 on it is a stand-in for a [Name] and means
// something in one file only.
type ID uint16

// IsNamed reports whether the identifier stands for a name.
func (id ID) IsNamed() bool { return id >= 0x8000 && id != 0xFFFF }

func (id ID) String() string { return fmt.Sprintf("0x%04X", uint16(id)) }

// Tag is a property tag: identifier and type.
type Tag uint32

// MakeTag makes a tag.
func MakeTag(id ID, t Type) Tag { return Tag(id)<<16 | Tag(t) }

// ID returns the tag's identifier.
func (t Tag) ID() ID { return ID(t >> 16) }

// Type returns the tag's type.
func (t Tag) Type() Type { return Type(t) }

func (t Tag) String() string { return fmt.Sprintf("0x%08X", uint32(t)) }
