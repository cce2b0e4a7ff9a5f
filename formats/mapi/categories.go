package mapi

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"mailmill/formats/codepage"
)

const (
	// CategoryListClass is the class of the message, among those that belong to the calendar folder's configuration, that
	// holds the mailbox's categories (MS-OXOCFG 2.2.5.2.2).
	CategoryListClass = "IPM.Configuration.CategoryList"
	// PropRoamingXMLStream is the property with the list (PidTagRoamingXmlStream, MS-OXOCFG 2.2.2.3).
	PropRoamingXMLStream ID = 0x7C08
)

// CategoryList is the list of a mailbox's categories, with their colours (MS-OXOCFG 2.2.5.2.2). What an item is marked
// with are the names alone.
type CategoryList struct {
	// Default is the name of the category that a click gives.
	Default string
	// LastSavedSession counts sessions of Outlook.
	LastSavedSession int
	// LastSaved is in UTC; zero for never.
	LastSaved  time.Time
	Categories []Category
	// Attrs are attributes that are not known; they are written again (MS-OXOCFG 3.1.4.2.3).
	Attrs []xml.Attr
}

// Category is an entry of a [CategoryList]. All times are in UTC, and zero for never.
type Category struct {
	// Name is unique in the list without regard to case.
	Name  string
	Color CategoryColor
	// Shortcut is the key that gives the category: 0 none, 1 Ctrl+F2 to 11 Ctrl+F12.
	Shortcut int
	// Uses is how often it was given.
	Uses int
	// LastUsed is when it was last given or changed; the others when it was last given to an item of the kind.
	LastUsed, LastUsedMail, LastUsedCalendar, LastUsedContacts, LastUsedTasks, LastUsedNotes, LastUsedJournal time.Time
	// LastSession is the value that LastSavedSession had when it was last given.
	LastSession int
	// ID stays the same when the category is renamed.
	ID GUID
	// RenameOnFirstUse says that Outlook asks for a name when it is first given.
	RenameOnFirstUse bool
	Attrs            []xml.Attr
}

// CategoryColor is a colour of Outlook's, [NoColor] or 0 to 24.
type CategoryColor int

// NoColor is the colour of a category without one.
const NoColor CategoryColor = -1

var categoryColors = [...]string{
	"Red", "Orange", "Peach", "Yellow", "Green", "Teal", "Olive", "Blue", "Purple", "Maroon", "Steel", "Dark Steel", "Gray",
	"Dark Gray", "Black", "Dark Red", "Dark Orange", "Dark Peach", "Dark Yellow", "Dark Green", "Dark Teal", "Dark Olive",
	"Dark Blue", "Dark Purple", "Dark Maroon",
}

// String returns the colour's name as Outlook has it, "None" where there is none.
func (c CategoryColor) String() string {
	if c < 0 || int(c) >= len(categoryColors) {
		return "None"
	}
	return categoryColors[c]
}

const (
	categoryNamespace = "CategoryList.xsd"
	// Times are in UTC (MS-OXOCFG 3.1.4.2.3), which Outlook leaves unsaid. It writes milliseconds, Exchange more.
	categoryTime     = "2006-01-02T15:04:05.000"
	categoryTimeLong = "2006-01-02T15:04:05.0000000"
)

// categoryNever is what a time is that has not come yet.
var categoryNever = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)

// ParseCategoryList decodes a PidTagRoamingXmlStream. With an error come the categories before the fault, and those of
// which single attributes cannot be read.
func ParseCategoryList(b []byte) (CategoryList, error) {
	var l CategoryList
	var errs []error
	switch {
	case bytes.HasPrefix(b, []byte("\xFF\xFE")):
		b = []byte(codepage.UTF16(b[2:]))
	default:
		b = bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))
	}
	// QUIRK: the stream of some ends with a NUL.
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimRight(b, "\x00")))
	d.Strict = false
	d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		if strings.HasPrefix(strings.ToLower(label), "utf-16") {
			return r, nil // it has been decoded
		}
		cp, ok := codepage.ByLabel(label)
		if !ok {
			return nil, fmt.Errorf("the character set %q is not known", label)
		}
		text, err := io.ReadAll(r)
		s, _ := codepage.Decode(cp, text)
		return strings.NewReader(s), err
	}
	seen := false
	for {
		token, err := d.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				errs = append(errs, err)
			}
			break
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case start.Name.Local == "categories":
			seen = true
			errs = append(errs, l.set(start.Attr))
		case start.Name.Local == "category" && seen:
			c := Category{Color: NoColor}
			err := c.set(start.Attr)
			if c.Name == "" {
				errs = append(errs, errors.New("a category has no name"))
				continue
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("the category %.100q: %w", c.Name, err))
			}
			l.Categories = append(l.Categories, c)
		}
	}
	if !seen {
		errs = append(errs, errors.New("it is no list of categories"))
	}
	if err := errors.Join(errs...); err != nil {
		return l, fmt.Errorf("the list of categories: %w", err)
	}
	return l, nil
}

// categoryAttr is an attribute: its name and the field that holds it, a *string, *int, *CategoryColor, *bool,
// *time.Time or *GUID.
type categoryAttr struct {
	name  string
	field any
}

func (l *CategoryList) attrs() []categoryAttr {
	return []categoryAttr{{"default", &l.Default}, {"lastSavedSession", &l.LastSavedSession}, {"lastSavedTime", &l.LastSaved}}
}

func (c *Category) attrs() []categoryAttr {
	return []categoryAttr{
		{"name", &c.Name},
		{"color", &c.Color},
		{"keyboardShortcut", &c.Shortcut},
		{"usageCount", &c.Uses},
		{"lastTimeUsedNotes", &c.LastUsedNotes},
		{"lastTimeUsedJournal", &c.LastUsedJournal},
		{"lastTimeUsedContacts", &c.LastUsedContacts},
		{"lastTimeUsedTasks", &c.LastUsedTasks},
		{"lastTimeUsedCalendar", &c.LastUsedCalendar},
		{"lastTimeUsedMail", &c.LastUsedMail},
		{"lastTimeUsed", &c.LastUsed},
		{"lastSessionUsed", &c.LastSession},
		{"guid", &c.ID},
		{"renameOnFirstUse", &c.RenameOnFirstUse},
	}
}

func (l *CategoryList) set(attrs []xml.Attr) (err error) {
	l.Attrs, err = setAttrs(l.attrs(), attrs)
	return err
}

func (c *Category) set(attrs []xml.Attr) (err error) {
	c.Attrs, err = setAttrs(c.attrs(), attrs)
	return err
}

// setAttrs reads attributes into their fields and returns those that are not known.
func setAttrs(known []categoryAttr, attrs []xml.Attr) (unknown []xml.Attr, err error) {
	var errs []error
next:
	for _, a := range attrs {
		if a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		for _, k := range known {
			if a.Name.Space == "" && a.Name.Local == k.name {
				if err := parseAttr(k.field, a.Value); err != nil {
					errs = append(errs, fmt.Errorf("its %s is %.100q", k.name, a.Value))
				}
				continue next
			}
		}
		if a.Name.Space == "" {
			unknown = append(unknown, a)
		}
	}
	return unknown, errors.Join(errs...)
}

func parseAttr(field any, s string) (err error) {
	switch f := field.(type) {
	case *string:
		*f = s
	case *int:
		var n int64
		n, err = strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		*f = int(n)
	case *CategoryColor:
		var n int64
		if n, err = strconv.ParseInt(strings.TrimSpace(s), 10, 32); err != nil || n >= int64(len(categoryColors)) || n < -1 {
			n = int64(NoColor)
		}
		*f = CategoryColor(n)
	case *bool:
		s = strings.TrimSpace(s)
		*f = s == "1" || s == "true"
	case *time.Time:
		*f, err = time.ParseInLocation("2006-01-02T15:04:05", strings.TrimSuffix(strings.TrimSpace(s), "Z"), time.UTC)
		if f.Year() < 1900 {
			*f = time.Time{}
		}
	case *GUID:
		*f, err = ParseGUID(strings.TrimSpace(s))
	}
	return err
}

// Encode encodes the list as UTF-8. [ParseCategoryList] is its inverse, to 100 ns. It fails on texts that XML
// cannot hold, on colours that there are not and on names that are empty or there twice.
func (l CategoryList) Encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\"?>\r\n<categories")
	if err := writeAttrs(&b, l.attrs(), l.Attrs); err != nil {
		return nil, fmt.Errorf("a list of categories cannot be written: %w", err)
	}
	b.WriteString(" xmlns=\"" + categoryNamespace + "\">\r\n")
	names := make(map[string]bool, len(l.Categories))
	for _, c := range l.Categories {
		folded := strings.ToLower(c.Name)
		switch {
		case c.Name == "":
			return nil, errors.New("a category cannot be written: it has no name")
		case names[folded]:
			return nil, fmt.Errorf("the category %.100q cannot be written: there are two of the name", c.Name)
		case c.Color < NoColor || int(c.Color) >= len(categoryColors):
			return nil, fmt.Errorf("the category %.100q cannot be written: there is no colour %d", c.Name, int(c.Color))
		}
		names[folded] = true
		b.WriteString("\t<category")
		if err := writeAttrs(&b, c.attrs(), c.Attrs); err != nil {
			return nil, fmt.Errorf("the category %.100q cannot be written: %w", c.Name, err)
		}
		b.WriteString("/>\r\n")
	}
	b.WriteString("</categories>\r\n")
	return b.Bytes(), nil
}

func writeAttrs(b *bytes.Buffer, known []categoryAttr, unknown []xml.Attr) error {
	write := func(name, value string) error {
		if !validXML(value) {
			return fmt.Errorf("its %s has characters that XML does not allow", name)
		}
		b.WriteString(" " + name + "=\"")
		if err := xml.EscapeText(b, []byte(value)); err != nil {
			return err
		}
		b.WriteByte('"')
		return nil
	}
	for _, k := range known {
		if err := write(k.name, formatAttr(k.field)); err != nil {
			return err
		}
	}
	for _, a := range unknown {
		if a.Name.Space != "" || a.Name.Local == "" || strings.ContainsAny(a.Name.Local, " \t\r\n\"'<>&=/") {
			return fmt.Errorf("it has an attribute of the name %.100q", a.Name.Local)
		}
		if err := write(a.Name.Local, a.Value); err != nil {
			return err
		}
	}
	return nil
}

func formatAttr(field any) string {
	switch f := field.(type) {
	case *string:
		return *f
	case *int:
		return strconv.Itoa(*f)
	case *CategoryColor:
		return strconv.Itoa(int(*f))
	case *bool:
		if *f {
			return "1"
		}
		return "0"
	case *time.Time:
		if f.IsZero() {
			return categoryNever.Format(categoryTime)
		}
		if f.Nanosecond()%int(time.Millisecond) != 0 {
			return f.UTC().Format(categoryTimeLong)
		}
		return f.UTC().Format(categoryTime)
	case *GUID:
		return "{" + strings.ToUpper(f.String()) + "}"
	}
	return ""
}

// validXML reports whether XML 1.0 has all of the characters (section 2.2).
func validXML(s string) bool {
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		case r < 0x20 && r != '\t' && r != '\n' && r != '\r', r >= 0xFFFE && r <= 0xFFFF:
			return false
		}
	}
	return true
}
