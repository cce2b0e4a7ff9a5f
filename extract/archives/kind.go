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
	outlookFile = &kind{name: "an Outlook data file", archive: true}
	mboxFile    = &kind{name: "an mbox", archive: true, advice: laterAdvice}
	mailFile    = &kind{name: "a single mail (.eml)", archive: true, advice: laterAdvice}
	addressBook = &kind{name: "a personal address book of Outlook's (.pab)", archive: true, advice: "Import it into Outlook and export it as a .pst file"}
	zipFile     = &kind{name: "a zip archive or an Office document", advice: unpackAdvice}
	tarFile     = &kind{name: "a tar archive", archive: true, advice: unpackAdvice}
	zeroFile    = &kind{name: "nothing but zeros", advice: "Fetch it again: it was allocated, but never written"}
)

const (
	laterAdvice  = "mailmill reads Outlook data files (.pst, .ost) so far"
	unpackAdvice = "If there are Outlook data files in it, unpack it first"
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
	{0, "%PDF", &kind{name: "a PDF document"}},
	{0, "SQLite format 3\x00", &kind{name: "an SQLite database"}},
}

// kinds returns the kinds of archives in their order.
func kinds() []*kind {
	list := []*kind{mailFile, addressBook}
	for _, m := range magics {
		list = append(list, m.kind)
	}
	return list
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
	if isHeader(head) {
		return mailFile
	}
	if len(bytes.TrimLeft(head, "\x00")) == 0 {
		return zeroFile
	}
	return &kind{name: "nothing known", advice: "It begins with " + quote(head)}
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
	case k.name == "nothing known":
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
