package directory

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"mailmill/formats/codepage"
	"mailmill/formats/ldif"
	"mailmill/formats/mapi"
	"mailmill/formats/oab"
)

// headSize is how much of a file is looked at to recognise it.
const headSize = 64 << 10

func readFile(ctx context.Context, location string, o *Options, emit func(Object) error) error {
	f := newFile(location, o, emit)
	opened, err := open(ctx, location)
	if err != nil {
		return &Error{Where: location, What: "cannot be read", Err: err}
	}
	defer opened.Close()
	err = f.read(ctx, opened)
	var known *Error
	if err != nil && !errors.As(err, &known) && !errors.Is(err, errStopped) {
		err = &Error{Where: location, What: "cannot be read", Err: err}
	}
	return err
}

// open returns a file that can be read twice: once to see what it is. What cannot be, such as the output of another
// program, is copied to a temporary file without a name.
func open(ctx context.Context, path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		// Its text repeats the path.
		var pathErr *os.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = errors.New("it is a folder; name the file in it")
	case info.Mode().IsRegular():
		return file, nil
	default:
		var copied *os.File
		copied, err = os.CreateTemp("", "directory")
		if err != nil {
			break
		}
		os.Remove(copied.Name()) // Windows keeps it until it is closed, and then it stays.
		if _, err = io.Copy(copied, &interruptible{ctx, file}); err == nil {
			_, err = copied.Seek(0, io.SeekStart)
		}
		file.Close()
		if err != nil {
			copied.Close()
			return nil, err
		}
		return copied, nil
	}
	file.Close()
	return nil, err
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// read recognises the file and reads it as what it is.
func (f *file) read(ctx context.Context, source io.ReadSeeker) error {
	head := make([]byte, headSize)
	n, err := io.ReadFull(source, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	head = head[:n]
	if advice := f.foreign(head); advice != nil {
		return advice
	}
	if _, err := source.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := &interruptible{ctx, source}
	if oab.Signed(head) {
		return f.readOAB(in)
	}

	t, err := f.textOf(in, source, head)
	if err != nil {
		return err
	}
	start, err := t.r.Peek(headSize)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return err
	}
	switch sniff(start) {
	case "":
		return &Error{Where: f.location, What: "it is empty"}
	case "json":
		return f.readJSON(t)
	case "ldif":
		return f.readLDIF(t)
	case "vcard":
		return f.readVCard(t)
	case "xml":
		return &Error{Where: f.location, What: "XML is not read", Advice: exportAdvice}
	}
	return f.readTable(t)
}

// foreign names files that are no directory although somebody may take them for one.
func (f *file) foreign(head []byte) error {
	is := func(signature string) bool { return bytes.HasPrefix(head, []byte(signature)) }
	var what, advice string
	switch {
	case is("PK\x03\x04"):
		what, advice = "it is a ZIP archive or an Excel workbook", "Unpack it, or save the sheet as \"CSV UTF-8\""
	case is("\xD0\xCF\x11\xE0"):
		what, advice = "it is a workbook or another file of Office", "Save the sheet as \"CSV UTF-8\""
	case is("!BDN"):
		what, advice = "it is a mailbox archive, not a directory", "Archives are sources; their address books are learnt from without asking"
	case is("\x1F\x8B"), is("\x28\xB5\x2F\xFD"), is("BZh"), is("\xFD7zXZ"):
		what, advice = "it is compressed", "Unpack it first"
	case is("%PDF"):
		what = "it is a PDF file"
	case is("SQLite format 3\x00"):
		what = "it is a database"
	default:
		return nil
	}
	return &Error{Where: f.location, What: what, Advice: advice}
}

// text is a file's text, in UTF-8 or a code page in which ASCII is ASCII.
type text struct {
	r    *bufio.Reader
	cp   int
	wide bool // it was in UTF-16
	cut  bool // it ends within a line
}

// textOf finds out a file's encoding. The whole of it decides whether it is UTF-8: one name in another encoding may come
// late, and means that the names before it were ASCII by chance.
func (f *file) textOf(in io.Reader, source io.ReadSeeker, head []byte) (*text, error) {
	if f.o.CodePage != 0 && !codepage.Known(f.o.CodePage) {
		return nil, &Error{Where: f.location, What: fmt.Sprintf("code page %d is not known", f.o.CodePage)}
	}
	cp, _ := codepage.ByteOrderMark(head)
	if cp == 0 {
		cp = unmarked(head)
	}
	switch cp {
	case codepage.UTF16LE:
		in = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(in)
	case codepage.UTF16BE:
		in = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Reader(in)
	case 12000, 12001:
		in = utf32.UTF32(utf32.LittleEndian, utf32.UseBOM).NewDecoder().Reader(in)
	default:
		valid, last, err := scan(in)
		if err != nil {
			return nil, err
		}
		if _, err := source.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		t := &text{r: bufio.NewReaderSize(in, 256<<10), cp: codepage.UTF8, cut: last != '\n'}
		if cp == codepage.UTF8 {
			if _, err := t.r.Discard(3); err != nil {
				return nil, err
			}
		} else if !valid {
			t.cp = codepage.Default
			if f.o.CodePage != 0 {
				t.cp = f.o.CodePage
			}
		}
		return t, nil
	}
	return &text{r: bufio.NewReaderSize(in, 256<<10), cp: codepage.UTF8, wide: true}, nil
}

// unmarked recognises UTF-16 without a byte order mark by the zeros of its ASCII.
func unmarked(head []byte) int {
	head = head[:min(len(head)&^1, 256)]
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	switch half := len(head) / 2; {
	case half > 0 && zeros[0] == 0 && zeros[1] > half*3/4:
		return codepage.UTF16LE
	case half > 0 && zeros[1] == 0 && zeros[0] > half*3/4:
		return codepage.UTF16BE
	}
	return 0
}

// scan reads a file to its end, and returns whether it is UTF-8 and its last byte.
func scan(r io.Reader) (valid bool, last byte, err error) {
	buf := make([]byte, 256<<10)
	kept := 0
	valid = true
	for {
		n, err := r.Read(buf[kept:])
		part := buf[:kept+n]
		if n > 0 {
			last = part[len(part)-1]
		}
		// A character may be cut at the end.
		whole := len(part)
		for back := 1; back <= min(utf8.UTFMax-1, len(part)); back++ {
			if c := part[len(part)-back]; utf8.RuneStart(c) {
				if c >= utf8.RuneSelf && !utf8.FullRune(part[len(part)-back:]) {
					whole -= back
				}
				break
			}
		}
		valid = valid && utf8.Valid(part[:whole])
		kept = copy(buf, part[whole:])
		if err == io.EOF {
			return valid && kept == 0, last, nil
		}
		if err != nil {
			return false, 0, err
		}
	}
}

// utf8Of decodes a value. In the file's own encoding it refers to the value, else to what is appended to arena.
func (t *text) utf8Of(arena, value []byte) (newArena, decoded []byte) {
	if t.cp == codepage.UTF8 {
		return arena, value
	}
	start := len(arena)
	arena, _ = codepage.Append(arena, t.cp, value)
	return arena, arena[start:len(arena):len(arena)]
}

// sniff recognises text by how it begins: "json", "ldif", "vcard", "xml", "table", or "" where it is empty.
func sniff(start []byte) string {
	lines := 0
	for line := range bytes.Lines(start) {
		if lines++; lines > 10_000 {
			break
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		switch {
		case line[0] == '#':
			if hasPrefixFold(line, "#type ") {
				return "table"
			}
			continue
		case line[0] == '{', line[0] == '[':
			return "json"
		case line[0] == '<':
			return "xml"
		case hasPrefixFold(line, "begin:vcard"):
			return "vcard"
		}
		name, rest, ok := bytes.Cut(line, []byte{':'})
		if ok && (equalFold(name, "dn") || equalFold(name, "version") && string(bytes.TrimSpace(rest)) == "1" ||
			equalFold(name, "search") || equalFold(name, "ref")) {
			return "ldif"
		}
		return "table"
	}
	if lines > 0 && bytes.IndexByte(start, '#') >= 0 {
		return "ldif" // with comments only
	}
	return ""
}

const ldifAdvice = "Export entries with ldifde -f FILE, or ldapsearch -LLL -E pr=500/noprompt"

func (f *file) readLDIF(t *text) error {
	r := ldif.NewReader(t.r)
	var e entry
	r.Keep = func(name string) bool { return fieldOf(name) != fieldNone }
	skipped := make(map[string]int)
	var arena []byte
	for {
		le, err := r.Next()
		if err == io.EOF {
			break
		}
		var syntax *ldif.SyntaxError
		if errors.As(err, &syntax) {
			return f.fail(syntax.Line, "", "%s", syntax.What)
		}
		if err != nil {
			return err
		}
		if !le.HasDN {
			if err := f.searchResult(le); err != nil {
				return err
			}
			continue
		}
		if le.Change != "" && le.Change != "add" {
			skipped[le.Change]++
			continue
		}
		e.reset()
		arena = arena[:0]
		for i := range le.Attributes {
			a := &le.Attributes[i]
			if isRange := strings.HasPrefix(a.Options, "range="); isRange && !strings.HasSuffix(a.Options, "*") {
				f.o.notice(f.at(a.Line), "only a part of the values of %s was exported (%s)", a.Name, a.Options)
			} else if a.Options != "" && !isRange && fieldOf(a.Name).holdsAddresses() {
				continue // an address in a language is no address
			}
			value := a.Value
			if field := fieldOf(a.Name); field != fieldGUID && (!utf8.Valid(value) || bytes.IndexByte(value, 0) >= 0) {
				arena, value = t.binaryText(arena, value)
			}
			e.add(fieldOf(a.Name), value)
		}
		if err := f.give(e.object(f.where(le.Line))); err != nil {
			return err
		}
	}
	f.whole(t)
	for change, n := range skipped {
		f.o.notice(f.location, "%d records with changetype %q left out: only whole entries tell who somebody is", n, change)
	}
	return f.some(ldifAdvice)
}

// whole tells of a file that may have been cut off where it could not be noticed otherwise.
func (f *file) whole(t *text) {
	if t.cut {
		f.o.notice(f.location, "the file ends within a line. If a program wrote it, it is cut off, and its last address may be too short")
	}
}

// binaryText decodes a value that is text in no UTF-8.
//
// QUIRK: scripts of all sorts put UTF-16 into base64, as PowerShell's Unicode encoding does.
func (t *text) binaryText(arena, value []byte) (newArena, decoded []byte) {
	cp := t.cp
	if len(value)%2 == 0 && !(cp != codepage.UTF8 && bytes.IndexByte(value, 0) < 0) {
		if cp = unmarked(value); cp == 0 && t.wide {
			cp = codepage.UTF16LE
		}
	}
	if cp == 0 || cp == codepage.UTF8 {
		cp = codepage.Default
	}
	start := len(arena)
	arena, _ = codepage.Append(arena, cp, value)
	return arena, bytes.TrimPrefix(arena[start:len(arena):len(arena)], []byte("\uFEFF"))
}

// searchResult looks at what ldapsearch writes of its own.
func (f *file) searchResult(e *ldif.Entry) error {
	for i := range e.Attributes {
		a := &e.Attributes[i]
		switch a.Name {
		case "ref":
			f.o.notice(f.at(a.Line), "part of the directory is on another server, which was not asked: %q", clip(string(a.Value)))
		case "result":
			code, _, _ := strings.Cut(string(a.Value), " ")
			if code != "0" {
				return f.fail(a.Line, "Ask in pages: ldapsearch -E pr=500/noprompt", "the server answered with a part of the directory only: result %q", clip(string(a.Value)))
			}
		}
	}
	return nil
}

func (f *file) readOAB(in io.Reader) error {
	r, err := oab.NewReader(in)
	const advice = "Outlook keeps an unpacked one as udetails.oab below %LOCALAPPDATA%\\Microsoft\\Outlook\\Offline Address Books"
	switch {
	case errors.Is(err, oab.ErrCompressed):
		return &Error{Where: f.location, What: err.Error(), Advice: advice + "; oabextract unpacks this one"}
	case errors.Is(err, oab.ErrPatch), errors.Is(err, oab.ErrOldVersion):
		return &Error{Where: f.location, What: err.Error() + ", is not read", Advice: advice}
	case err != nil:
		return &Error{Where: f.location, What: "the offline address book is damaged", Err: err, Advice: "Copy it while Outlook is closed"}
	}
	if !r.Has(oab.IDProxyAddresses) {
		f.o.notice(f.location, "the address book has no proxy addresses: older distinguished names of a person are not known by it")
	}
	var e entry
	truncated := 0
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return &Error{Where: f.location, What: "the offline address book is damaged", Err: err, Advice: "Copy it while Outlook is closed"}
		}
		if rec.Truncated(oab.IDProxyAddresses) {
			truncated++
		}
		e.reset()
		for _, p := range [...]struct {
			id mapi.ID
			f  field
		}{
			{oab.IDEmailAddress, fieldLegacyDN},
			{oab.IDProxyAddresses, fieldProxies},
			{oab.IDSMTPAddress, fieldPrimary},
			{oab.IDTargetAddress, fieldTarget},
			{oab.IDDisplayName, fieldDisplay},
			{oab.IDGivenName, fieldGiven},
			{oab.IDSurname, fieldSurname},
			{oab.IDAccount, fieldAlias},
		} {
			for _, s := range rec.Texts(p.id) {
				e.add(p.f, []byte(s))
			}
		}
		obj := e.object(fmt.Sprintf("%s: record %d", f.name, rec.Number))
		obj.GUID = guid(rec.Bytes(oab.IDObjectGUID))
		if n, ok := rec.Int(oab.IDDisplayTypeEx); ok {
			obj.Type = typeByDisplay(n)
		} else if n, ok := rec.Int(oab.IDDisplayType); ok {
			obj.Type = typeByDisplay(n & 0xFF)
		}
		if err := f.give(obj); err != nil {
			return err
		}
	}
	if truncated > 0 {
		f.o.notice(f.location, "of %d recipients the address book lacks some addresses, being limited in size; an export of the directory has them", truncated)
	}
	return f.some("")
}

// clip shortens what a file says to what fits into a message.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
