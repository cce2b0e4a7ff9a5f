package archives

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mailmill/extract"
	"mailmill/extract/bundle"
	"mailmill/extract/mbox"
	"mailmill/extract/pim"
)

// headLen is how much of a file is looked at.
const headLen = 4096

// form is how a file of a kind is read.
type form uint8

// The forms.
const (
	unread     form = iota // it is not
	inPST                  // extract/pst
	inMbox                 // extract/mbox
	inMail                 // extract/mail: one message
	inEMLX                 // extract/mail: one message as Apple Mail keeps it
	inCompound             // extract/msg, where it is no other compound file
	inTNEF                 // extract/msg
	inLines                // extract/pim: iCalendar and vCard
	inOLM                  // extract/olm
	inTar                  // a tree in a tar
	inZip                  // a tree in a zip
	inPacked               // one file, compressed
	inMaildir              // extract/maildir: a folder
	inMH                   // extract/maildir: a folder
)

// kind is a kind of file.
type kind struct {
	// name with its article: "a zip archive".
	name string
	form form
	// archive says that the kind can hold mail, so that it is told of when it is left out.
	archive bool
	advice  string
	// compression is that of what is packed.
	compression bundle.Compression
}

var (
	outlookFile  = &kind{name: "an Outlook data file", form: inPST, archive: true}
	mboxFile     = &kind{name: "an mbox", form: inMbox, archive: true}
	mailFile     = &kind{name: "a single mail (.eml)", form: inMail, archive: true}
	emlxFile     = &kind{name: "a single mail of Apple Mail's (.emlx)", form: inEMLX, archive: true}
	compoundFile = &kind{name: "a compound file, as Outlook messages (.msg) and old Office documents are", form: inCompound, archive: true}
	tnefFile     = &kind{name: "a TNEF file (winmail.dat)", form: inTNEF, archive: true}
	calendarFile = &kind{name: "a calendar (.ics) or an address book (.vcf)", form: inLines, archive: true}
	cardFile     = &kind{name: "an address book (.vcf)", form: inLines, archive: true}
	zipFile      = &kind{name: "a zip archive", form: inZip, archive: true}
	tarFile      = &kind{name: "a tar archive", form: inTar, archive: true}
	gzipFile     = &kind{name: "a gzip file", form: inPacked, archive: true, compression: bundle.Gzip}
	zstdFile     = &kind{name: "a zstd file", form: inPacked, archive: true, compression: bundle.Zstd}
	bzip2File    = &kind{name: "a bzip2 file", form: inPacked, archive: true, compression: bundle.Bzip2}
	xzFile       = &kind{name: "an xz file", form: inPacked, archive: true, compression: bundle.XZ}
	appleDouble  = &kind{name: "what a Mac keeps of another file (AppleDouble)"}
	office       = &kind{name: "an Office document or a program"}
	addressBook  = &kind{name: "a personal address book of Outlook's (.pab)", archive: true, advice: "Import it into Outlook and export it as a .pst file"}
	zeroFile     = &kind{name: "nothing but zeros", advice: "Fetch it again: it was allocated, but never written"}
	headlessFile = &kind{name: unknown, advice: "Fetch it again, or look for an older copy: its beginning says how the rest is to be read"}
	webPage      = &kind{name: "a web page", advice: "It may tell why a download did not succeed: open it in a browser"}
	wideText     = &kind{name: "a text in UTF-16", archive: true, advice: "If there is mail in it, make it UTF-8 first: iconv -f UTF-16 -t UTF-8"}
	picture      = &kind{name: "a picture"}
	program      = &kind{name: "a program"}
	sound        = &kind{name: "a recording of sound or video"}
	encrypted    = &kind{name: "an encrypted file", archive: true, advice: decryptAdvice}
	zipPart      = &kind{name: "a part of a zip archive in several parts", archive: true, advice: unpackAdvice}
	diskImage    = &kind{name: "an image of a disk", archive: true, advice: "If there is mail on it, mount it and name the files"}
)

// unknown is the name of kinds that have none.
const unknown = "nothing known"

const (
	decryptAdvice = "If there is mail in it, decrypt it first, with the program that made it"
	unpackAdvice  = "If there is mail in it, unpack it first, and name the folder"
	// readAdvice says what kinds are read.
	readAdvice = "mailmill reads Outlook data files (.pst, .ost), mbox, Maildir, MH, .eml, .emlx, .msg, .olm, .ics, .vcf, and tar, zip, gz, zst, bz2 and xz around them"
)

// magics are what files begin with, at an offset.
var magics = []struct {
	offset int
	magic  string
	kind   *kind
}{
	{0, "!BDN", outlookFile},
	{0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", compoundFile},
	{0, "\x78\x9F\x3E\x22", tnefFile},
	{0, "\xCF\xAD\x12\xFE", &kind{name: "a mailbox of Outlook Express (.dbx)", archive: true, advice: "Import it into Outlook and export it as a .pst file"}},
	{4, "\xEF\xCD\xAB\x89", &kind{name: "a database of an Exchange server (.edb)", archive: true, advice: "Export the mailboxes as .pst files"}},
	{0, "PK\x03\x04", zipFile},
	{0, "PK\x05\x06", zipFile},
	{0, "PK00PK\x03\x04", zipFile}, // APPNOTE 8.5.4: it was to have several parts, and has one
	{0, "PK\x07\x08", zipPart},
	{0, "\x1F\x8B", gzipFile},
	{0, "\x28\xB5\x2F\xFD", zstdFile},
	{0, "BZh", bzip2File},
	{0, "\xFD7zXZ\x00", xzFile},
	{0, "\x00\x05\x16\x07", appleDouble},
	{0, "\x1F\x9D", &kind{name: "a file that compress has packed (.Z)", archive: true, advice: "Unpack it first: gzip -d"}},
	{0, "\x04\x22\x4D\x18", &kind{name: "an lz4 file", archive: true, advice: "Unpack it first: lz4 -d"}},
	{0, "LZIP\x01", &kind{name: "an lzip file", archive: true, advice: "Unpack it first: lzip -d"}},
	{0, "\x5D\x00\x00\x80\x00", &kind{name: "an lzma file", archive: true, advice: "Unpack it first: xz -d"}},
	{0, "7z\xBC\xAF\x27\x1C", &kind{name: "a 7-Zip archive", archive: true, advice: unpackAdvice}},
	{0, "Rar!", &kind{name: "a RAR archive", archive: true, advice: unpackAdvice}},
	{0, "MSCF", &kind{name: "a cabinet archive (.cab)", archive: true, advice: unpackAdvice}},
	{0, "IUJETk", &kind{name: "an Outlook data file in Base64", archive: true, advice: "Decode it first: base64 -d"}},
	{0, "begin 6", &kind{name: "a uuencoded file", archive: true, advice: "Decode it first: uudecode"}},
	{0, "-----BEGIN PGP MESSAGE", encrypted},
	{0, "age-encryption.org/", encrypted},
	{0, "Salted__", encrypted},
	{0, "LUKS\xBA\xBE", encrypted},
	{3, "-FVE-FS-", encrypted},
	{3, "NTFS    ", diskImage},
	{54, "FAT1", diskImage},
	{82, "FAT32", diskImage},
	{0, "vhdxfile", diskImage},
	{0, "conectix", diskImage},
	{0, "KDMV", diskImage},
	{0, "QFI\xFB", diskImage},
	{0, "%PDF", &kind{name: "a PDF document"}},
	{0, "{\\rtf", &kind{name: "an RTF document"}},
	{0, "\xFF\xD8\xFF", picture},
	{0, "\x89PNG\r\n", picture},
	{0, "GIF8", picture},
	{0, "II*\x00", picture},
	{0, "MM\x00*", picture},
	{8, "WEBP", picture},
	{8, "WAVE", sound},
	{0, "ID3", sound},
	{0, "OggS", sound},
	{0, "fLaC", sound},
	{4, "ftyp", sound},
	{0, "\x1A\x45\xDF\xA3", sound},
	{0, "MZ", program},
	{0, "\x7FELF", program},
	{0, "\xCF\xFA\xED\xFE", program},
	{0, "\xCA\xFE\xBA\xBE", program},
	{0, "#!", &kind{name: "a script"}},
	{0, "<?xml", &kind{name: "an XML file"}},
	{0, "regf", &kind{name: "a part of the Windows registry"}},
	{0, "SQLite format 3\x00", &kind{name: "an SQLite database"}},
}

// recognise tells a file's kind by its beginning. The name, which may be empty, decides only where what stands there may be
// one thing or another. It is never nil.
func recognise(head []byte, name string) *kind {
	if bytes.HasPrefix(head, []byte("!BDN")) && len(head) >= 10 && string(head[8:10]) == "AB" {
		// MS-PST 2.2.2.6, wMagicClient
		return addressBook
	}
	// A tar begins with the name of a file, which may be anything.
	if bundle.IsTar(head) {
		return tarFile
	}
	if isDocument(head) {
		return office
	}
	for _, m := range magics {
		if len(head) > m.offset && bytes.HasPrefix(head[m.offset:], []byte(m.magic)) && (m.offset == 0 || !isASCII(head[:m.offset+len(m.magic)])) {
			return m.kind
		}
	}
	// RFC 8878 3.1.2: a frame to be skipped may be the first.
	if len(head) >= 8 && head[0]&0xF0 == 0x50 && string(head[1:4]) == "\x2A\x4D\x18" {
		return zstdFile
	}
	if k := text(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), name); k != nil {
		return k
	}
	if at := dataFile(head); at > 0 {
		return &kind{
			name: fmt.Sprintf("an Outlook data file behind %d bytes of something else", at), archive: true,
			advice: fmt.Sprintf("Cut those off: tail -c +%d FILE >whole.pst", at+1),
		}
	}
	if len(bytes.TrimLeft(head, "\x00")) == 0 {
		return zeroFile
	}
	if isWide(head) {
		return wideText
	}
	if ext := extension(name); ext == ".eml" {
		return mailFile // however broken
	}
	if mbox.Recognise(head) {
		return mboxFile // the rest of one
	}
	return &kind{name: unknown, advice: "It begins with " + quote(head)}
}

// documentNames are what the first file in a zip is called, or its folder, where the zip is a document or a program: those of
// Office (ECMA-376 part 2), of OpenDocument and EPUB, of Java and Android.
var documentNames = []string{"[Content_Types].xml", "_rels/", "docProps/", "word/", "xl/", "ppt/", "customXml/", "mimetype", "META-INF/", "AndroidManifest.xml"}

// isDocument reports whether a zip is one for other programs.
func isDocument(head []byte) bool {
	const fixed = 30 // APPNOTE 4.3.7, local file header
	if len(head) < fixed || string(head[:4]) != "PK\x03\x04" {
		return false
	}
	length := int(head[26]) | int(head[27])<<8
	name := string(head[fixed:min(fixed+length, len(head))])
	return slices.ContainsFunc(documentNames, func(document string) bool {
		return name == document || strings.HasSuffix(document, "/") && strings.HasPrefix(name, document)
	})
}

// isASCII reports whether bytes are of a text, which may have any word anywhere.
func isASCII(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r > '~' || r < ' ' && !strings.ContainsRune("\t\r\n", r) })
}

// isWide reports whether a file begins as ASCII text in UTF-16 does, with its mark.
func isWide(head []byte) bool {
	return len(head) >= 4 && (head[0] == 0xFF && head[1] == 0xFE && head[3] == 0 || head[0] == 0xFE && head[1] == 0xFF && head[2] == 0)
}

// text tells the kind of a file that begins as text does; nil for none.
func text(head []byte, name string) *kind {
	begin := bytes.TrimLeft(head, " \t\r\n")
	switch folded := bytes.ToLower(begin[:min(len(begin), 32)]); {
	case bytes.HasPrefix(folded, []byte("begin:vcard")):
		return cardFile
	case pim.Recognise(head):
		return calendarFile
	case bytes.HasPrefix(folded, []byte("<!doctype html")), bytes.HasPrefix(folded, []byte("<html")):
		return webPage
	}
	ext := extension(name)
	line, rest, _ := bytes.Cut(bytes.TrimLeft(head, "\r\n"), []byte("\n"))
	switch {
	case isFrom(line, rest), bytes.HasPrefix(line, []byte("From ")) && (ext == ".mbox" || ext == ".mbx"):
		return mboxFile
	case isHeader(head, ext):
		return mailFile
	case isNumber(line) && isHeader(rest, ".emlx"):
		return emlxFile
	}
	return nil
}

// isFrom reports whether a line begins a message in an mbox: it has a time of day, or what follows is a header. A letter
// may begin with the same word.
func isFrom(line, rest []byte) bool {
	if sender, ok := bytes.CutPrefix(line, []byte("From ")); !ok || bytes.HasPrefix(bytes.TrimLeft(sender, " \t"), []byte(":")) {
		return false // RFC 5322 4.5: a field may have blanks before its colon
	}
	for i := 5; i+4 < len(line); i++ {
		if line[i+2] == ':' && isNumber(line[i:i+2]) && isNumber(line[i+3:i+5]) {
			return true
		}
	}
	for bytes.HasPrefix(rest, []byte(">From ")) {
		_, rest, _ = bytes.Cut(rest, []byte("\n")) // QUIRK: of forwarding by uucp
	}
	name, _ := fieldName(rest)
	return name != ""
}

// isNumber reports whether a line has digits alone, and blanks behind them.
func isNumber(line []byte) bool {
	digits := bytes.TrimRight(line, " \t\r")
	return len(digits) > 0 && len(digits) <= 12 && len(bytes.Trim(digits, "0123456789")) == 0
}

// dataFile returns where in a file's beginning the header of an Outlook data file stands (MS-PST 2.2.2.6, dwMagic and
// wMagicClient); -1 where there is none. What stands before it is the wrapping of some transfer.
func dataFile(head []byte) int {
	for at := 0; ; at++ {
		next := bytes.Index(head[at:], []byte("!BDN"))
		if next < 0 {
			return -1
		}
		at += next
		if len(head) >= at+10 && (string(head[at+8:at+10]) == "SM" || string(head[at+8:at+10]) == "SO") {
			return at
		}
	}
}

// headerFields are what mails begin with.
var headerFields = []string{
	"return-path", "received", "delivered-to", "from", "date", "message-id", "mime-version", "subject", "to", "x-mozilla-status",
	"content-type", "reply-to", "sender", "authentication-results", "dkim-signature", "arc-seal", "x-apparently-to", "envelope-to",
	"x-gmail-labels", "thread-topic", "status", "x-uidl", "x-envelope-from", "received-spf", "x-unsent", "cc",
}

// isHeader reports whether a file begins with a header as mails do: with a field that mails begin with or, where it is
// called as a mail is, with any field. In a file of another kind of text a second field of mails has to be among those
// that follow.
func isHeader(head []byte, ext string) bool {
	known, fields := 0, 0
	for fields < 100 {
		name, rest := fieldName(head)
		if name == "" {
			break
		}
		fields++
		if slices.Contains(headerFields, name) {
			known++
		}
		head = rest
	}
	switch ext {
	case ".eml", ".emlx", ".mht", ".mail":
		return fields > 0
	case ".txt", ".md", ".log", ".yml", ".yaml", ".conf", ".ini", ".csv", ".py", ".js", ".po", ".pot":
		return known >= 3
	}
	return known >= 2 || known == 1 && fields == 1
}

// fieldName returns the name of the header field that a text begins with, in lower case, and what follows the field. The
// name is empty where there is none (RFC 5322 2.2: printable ASCII up to a colon).
func fieldName(head []byte) (name string, rest []byte) {
	for i, c := range head[:min(len(head), 80)] {
		switch {
		case c == ':' && i > 0:
			name = string(bytes.ToLower(bytes.TrimRight(head[:i], " \t")))
			for {
				end := bytes.IndexByte(head, '\n')
				if end < 0 {
					return name, nil
				}
				if head = head[end+1:]; len(head) == 0 || head[0] != ' ' && head[0] != '\t' {
					return name, head
				}
			}
		case c == ' ' || c == '\t':
			// RFC 5322 4.5: blanks before the colon, in old mail
			if next := bytes.TrimLeft(head[i:], " \t"); i == 0 || len(next) == 0 || next[0] != ':' {
				return "", head
			}
		case c < '!' || c > '~':
			return "", head
		}
	}
	return "", head
}

// extension returns the end of a file's name in lower case, ".eml".
func extension(name string) string { return strings.ToLower(path.Ext(name)) }

// refusal is the error for a file of a kind that is not read.
func (k *kind) refusal(path string) error {
	e := &extract.SourceError{Path: path, Advice: k.advice, Err: extract.ErrNotArchive}
	wanted := "an archive of mail"
	if hasArchiveName(path) {
		wanted = "an Outlook data file"
	}
	switch {
	case k.archive:
		e.Problem, e.Err = "is "+k.name, extract.ErrUnsupported
		if e.Advice == "" {
			e.Advice = readAdvice
		}
	case k == zeroFile:
		e.Problem = "holds nothing but zeros"
	case k == headlessFile:
		e.Problem = "has lost its beginning: there is nothing but zeros"
	case k.name == unknown:
		e.Problem = "is not " + wanted
	default:
		e.Problem = "is not " + wanted + " but " + k.name
	}
	return e
}

// quote shows the first bytes of a file: as text if they are text, up to the end of the line.
func quote(head []byte) string {
	n := 0
	for n < len(head) && n < 24 {
		r, size := utf8.DecodeRune(head[n:])
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			break
		}
		n += size
	}
	if n >= 4 || n > 0 && n == len(head) {
		return strconv.Quote(string(head[:n]))
	}
	return fmt.Sprintf("the bytes % X", head[:min(len(head), 8)])
}
