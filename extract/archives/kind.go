package archives

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"mailmill/extract"
)

// headLen is how much of a file is looked at.
const headLen = 4096

// kind is a kind of file.
type kind struct {
	// name with its article: "a zip archive".
	name string
	// archive says that the kind can hold mail, so that it is told of when it is left out.
	archive bool
	advice  string
}

var (
	outlookFile  = &kind{name: "an Outlook data file", archive: true}
	mboxFile     = &kind{name: "an mbox", archive: true, advice: laterAdvice}
	mailFile     = &kind{name: "a single mail (.eml)", archive: true, advice: laterAdvice}
	addressBook  = &kind{name: "a personal address book of Outlook's (.pab)", archive: true, advice: "Import it into Outlook and export it as a .pst file"}
	zipFile      = &kind{name: "a zip archive or an Office document", advice: unpackAdvice}
	tarFile      = &kind{name: "a tar archive", archive: true, advice: unpackAdvice}
	zeroFile     = &kind{name: "nothing but zeros", advice: "Fetch it again: it was allocated, but never written"}
	headlessFile = &kind{name: unknown, advice: "Fetch it again, or look for an older copy: its beginning says how the rest is to be read"}
	webPage      = &kind{name: "a web page", advice: "It may tell why a download did not succeed: open it in a browser"}
	picture      = &kind{name: "a picture"}
	program      = &kind{name: "a program"}
	sound        = &kind{name: "a recording of sound or video"}
	encrypted    = &kind{name: "an encrypted file", archive: true, advice: decryptAdvice}
	diskImage    = &kind{name: "an image of a disk", archive: true, advice: "If there are Outlook data files on it, mount it and name those"}
)

// unknown is the name of kinds that have none.
const unknown = "nothing known"

const (
	laterAdvice   = "mailmill reads Outlook data files (.pst, .ost) so far"
	decryptAdvice = "If there are Outlook data files in it, decrypt it first, with the program that made it"
	unpackAdvice  = "If there are Outlook data files in it, unpack it first"
)

// magics are what files begin with, at an offset.
var magics = []struct {
	offset int
	magic  string
	kind   *kind
}{
	{0, "!BDN", outlookFile},
	{0, "From ", mboxFile},
	{0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", &kind{name: "a compound file, as Outlook messages (.msg) and old Office documents are", archive: true, advice: laterAdvice}},
	{0, "\x78\x9F\x3E\x22", &kind{name: "a TNEF file (winmail.dat)", archive: true, advice: laterAdvice}},
	{0, "\xCF\xAD\x12\xFE", &kind{name: "a mailbox of Outlook Express (.dbx)", archive: true, advice: "Import it into Outlook and export it as a .pst file"}},
	{4, "\xEF\xCD\xAB\x89", &kind{name: "a database of an Exchange server (.edb)", archive: true, advice: "Export the mailboxes as .pst files"}},
	{0, "PK\x03\x04", zipFile},
	{0, "PK\x05\x06", zipFile},
	{257, "ustar", tarFile},
	{0, "\x1F\x8B", &kind{name: "a gzip archive", archive: true, advice: unpackAdvice}},
	{0, "\x28\xB5\x2F\xFD", &kind{name: "a zstd archive", archive: true, advice: unpackAdvice}},
	{0, "BZh", &kind{name: "a bzip2 archive", archive: true, advice: unpackAdvice}},
	{0, "\xFD7zXZ\x00", &kind{name: "an xz archive", archive: true, advice: unpackAdvice}},
	{0, "7z\xBC\xAF\x27\x1C", &kind{name: "a 7-Zip archive", archive: true, advice: unpackAdvice}},
	{0, "Rar!", &kind{name: "a RAR archive", archive: true, advice: unpackAdvice}},
	{0, "BEGIN:VCALENDAR", &kind{name: "a calendar (.ics)", archive: true, advice: laterAdvice}},
	{0, "BEGIN:VCARD", &kind{name: "an address book (.vcf)", archive: true, advice: laterAdvice}},
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

// recognise tells a file's kind by its beginning. It is never nil.
func recognise(head []byte) *kind {
	if bytes.HasPrefix(head, []byte("!BDN")) && len(head) >= 10 && string(head[8:10]) == "AB" {
		// MS-PST 2.2.2.6, wMagicClient
		return addressBook
	}
	for _, m := range magics {
		if len(head) > m.offset && bytes.HasPrefix(head[m.offset:], []byte(m.magic)) {
			return m.kind
		}
	}
	head = bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF"))
	switch begin := bytes.ToLower(bytes.TrimLeft(head[:min(len(head), 64)], " \t\r\n")); {
	case isHeader(head):
		return mailFile
	case bytes.HasPrefix(begin, []byte("<!doctype html")), bytes.HasPrefix(begin, []byte("<html")):
		return webPage
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
	return &kind{name: unknown, advice: "It begins with " + quote(head)}
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
	"content-type", "reply-to", "sender", "authentication-results", "dkim-signature", "arc-seal",
}

// isHeader reports whether a file begins with a header field as mails do.
func isHeader(head []byte) bool {
	name, _, ok := bytes.Cut(head[:min(len(head), 80)], []byte(":"))
	if !ok {
		return false
	}
	name = bytes.ToLower(name)
	for _, f := range headerFields {
		if string(name) == f {
			return true
		}
	}
	return false
}

// refusal is the error for a file of a kind that is not read.
func (k *kind) refusal(path string) error {
	e := &extract.SourceError{Path: path, Advice: k.advice, Err: extract.ErrNotArchive}
	switch {
	case k.archive:
		e.Problem, e.Err = "is "+k.name, extract.ErrUnsupported
	case k == zeroFile:
		e.Problem = "holds nothing but zeros"
	case k == headlessFile:
		e.Problem = "has lost its beginning: there is nothing but zeros"
	case k.name == unknown:
		e.Problem = "is not an Outlook data file"
	default:
		e.Problem = "is not an Outlook data file but " + k.name
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
