// Package maildir knows the names and small files of a Maildir++, the mailbox in which each mail is a file and each
// folder a directory of the top one:
//
//	cur new tmp               the inbox
//	.Projects.Alpha/cur …     the folder Alpha in the folder Projects
//	subscriptions             the folders that mail programs show
//	dovecot-keywords          in each folder: what the letters a to z in names of files mean
//
// What Maildir has no rule for is as Dovecot has it, which most servers with Maildirs run: names of folders are in
// modified UTF-7 (RFC 3501 5.1.3), names of files tell the sizes, keywords are letters.
//
// A mail's state is in the name of its file, see [Message], and when it was received is the file's time of last change.
// Line ends are LF, see [Writer].
package maildir

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
)

// Separator stands between a file's name and the flags. On file systems of Windows, which refuse it, some programs
// (mbsync) use [WindowsSeparator], and others (Python's) an exclamation mark, which is only read.
const (
	Separator        = ':'
	WindowsSeparator = ';'
	otherSeparator   = "!2,"
)

// Message is what the name of a file in cur tells of a mail.
type Message struct {
	// Time is when the mail was received, in whole seconds; many programs sort by it. The zero time is no time.
	Time time.Time
	// Unique tells the mail from all others of its folder. It is made of letters, digits and hyphens.
	Unique string
	// Size is the number of bytes in the file, and Virtual that with CRLF for LF; 0 is unknown.
	Size, Virtual int64
	Flags         formats.Flags
	// Keywords are letters from a to z, in their order; see [Keywords].
	Keywords string
}

// writer names the program that wrote a file where others have a host.
const writer = "mailmill"

// flagLetters are those of https://cr.yp.to/proto/maildir.html in the order in which they must stand.
var flagLetters = [...]struct {
	letter byte
	flag   formats.Flags
}{
	{'D', formats.FlagDraft},
	{'F', formats.FlagFlagged},
	{'P', formats.FlagForwarded},
	{'R', formats.FlagAnswered},
	{'S', formats.FlagSeen},
	{'T', formats.FlagDeleted},
}

// Name returns the name of the mail's file: "1393752660.0af3….mailmill,S=1234,W=1260:2,FSa".
func (m *Message) Name(separator byte) string {
	b := make([]byte, 0, 128)
	var seconds int64
	if !m.Time.IsZero() {
		seconds = m.Time.Unix()
	}
	b = strconv.AppendInt(b, seconds, 10)
	b = append(b, '.')
	b = append(b, m.Unique...)
	b = append(b, '.')
	b = append(b, writer...)
	if m.Size > 0 {
		b = append(b, ",S="...)
		b = strconv.AppendInt(b, m.Size, 10)
	}
	if m.Virtual > 0 {
		b = append(b, ",W="...)
		b = strconv.AppendInt(b, m.Virtual, 10)
	}
	b = append(b, separator, '2', ',')
	for _, l := range flagLetters {
		if m.Flags&l.flag != 0 {
			b = append(b, l.letter)
		}
	}
	return string(append(b, m.Keywords...))
}

// ParseName takes the name of a file apart, whichever program gave it. What it does not tell is empty; Unique is then
// all that stands before the sizes, or before the flags.
func ParseName(name string) Message {
	var m Message
	base, info := cutInfo(name)
	if letters, ok := strings.CutPrefix(info, "2,"); ok {
		m.parseFlags(letters)
	}
	fields := strings.Split(base, ",")
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			continue
		}
		switch key {
		case "S":
			m.Size = n
		case "W":
			m.Virtual = n
		}
	}
	m.Unique = fields[0]
	seconds, rest, dotted := strings.Cut(fields[0], ".")
	if n, err := strconv.ParseInt(seconds, 10, 64); err == nil && dotted {
		if n != 0 {
			m.Time = time.Unix(n, 0).UTC()
		}
		m.Unique = strings.TrimSuffix(rest, "."+writer)
	}
	return m
}

// Base returns what of a file's name stays the same when a mail's flags change.
func Base(name string) string {
	base, _ := cutInfo(name)
	return base
}

// cutInfo parts a name from the flags at its end.
func cutInfo(name string) (base, info string) {
	i := strings.LastIndexAny(name, string(Separator)+string(WindowsSeparator))
	if i < 0 {
		i = strings.LastIndex(name, otherSeparator)
	}
	if i < 0 {
		return name, ""
	}
	return name[:i], name[i+1:]
}

func (m *Message) parseFlags(letters string) {
	var keywords []byte
	for i := range len(letters) {
		c := letters[i]
		if c == ',' {
			break
		}
		if c >= 'a' && c <= 'z' {
			keywords = append(keywords, c)
			continue
		}
		for _, l := range flagLetters {
			if l.letter == c {
				m.Flags |= l.flag
			}
		}
	}
	slices.Sort(keywords)
	m.Keywords = string(slices.Compact(keywords))
}
