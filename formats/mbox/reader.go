package mbox

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// ErrFormat is returned for a file that has no message near its beginning.
var ErrFormat = errors.New("mbox: the file does not begin with a line \"From \"")

// Envelope is what an mbox file says of a message outside of the message.
type Envelope struct {
	// From is the envelope sender; empty where it is MAILER-DAEMON or "-", the names that stand for none.
	From string
	// Date is when the message was delivered; zero where that cannot be read. A date without a zone is in UTC.
	Date time.Time
	// Offset is where the message's "From " line begins, in bytes from the beginning of the file, and Start where the
	// message itself does.
	Offset, Start int64
}

// Recognise reports whether a file that begins with head is an mbox file: behind empty lines and a byte order mark at most
// it begins with a line "From " with a date, or with a header after it; or it has a line with both within head, as a file
// has that lost its beginning. A letter may begin with "From " too.
func Recognise(head []byte) bool {
	s := NewScanner(bytes.NewReader(head))
	env, err := s.Next()
	if err != nil {
		return false
	}
	dated, field := !env.Date.IsZero(), isField(head[env.Start:])
	return dated && field || s.Garbage() == 0 && (dated || field)
}

// ParseEnvelope reads the line "From " that b begins with. What it returns has no offset; its Start is the length of the
// line. ok is false where b begins with something else, or is shorter than the line.
func ParseEnvelope(b []byte) (env Envelope, ok bool) {
	i := bytes.IndexByte(b[:min(len(b), maxFromLine+1)], '\n')
	if i < 0 || !bytes.HasPrefix(b, fromMark) {
		return env, false
	}
	env, _ = parseFrom(string(b[:i]))
	env.Start = int64(i) + 1
	return env, true
}

// MaxEnvelope is the length of the longest line that [ParseEnvelope] reads, with its end.
const MaxEnvelope = maxFromLine + 1

// maxDecided is how much of a message is read, where a line may be quoted, before it is said how lines are.
const maxDecided = 1 << 20

// Reader reads the messages of an mbox file of any kind. Where they begin the [Scanner] says; how their lines are quoted
// [Quoting] says, by the first megabyte of each.
type Reader struct {
	s *Scanner

	quoting Quoting
	decided bool   // on quoting
	last    byte   // of the message as it stands in the file
	held    []byte // of the message, until it is decided
	out     []byte // of the message, to be returned
	at      int
	err     error // of the file, io.EOF included, where the message ends
	seq     int   // of the message
}

// NewReader returns a reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{s: NewScanner(r)} }

// Next returns the next message: its envelope and its content, with CRLF line ends whatever they are in the file, and
// without what the writer has added but for the fields of its state: see [CutState]. What has not been read of the
// message before is skipped, and its content can no longer be read. At the end of the file the error is io.EOF.
//
// What stands before the file's first message is skipped, if it is no more than a megabyte.
func (r *Reader) Next() (Envelope, io.Reader, error) {
	env, err := r.s.Next()
	if err != nil {
		return Envelope{}, nil, err
	}
	r.seq++
	*r = Reader{s: r.s, seq: r.seq, last: '\n', held: r.held[:0], out: r.out[:0]}
	return env, content{r, r.seq}, nil
}

// content reads the message of a number.
type content struct {
	r   *Reader
	seq int
}

// Read implements [io.Reader].
func (c content) Read(p []byte) (int, error) {
	r := c.r
	if r.seq != c.seq {
		return 0, io.EOF
	}
	for r.at == len(r.out) {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.out[r.at:])
	r.at += n
	return n, nil
}

// fill gets more of the message. What was got before has been returned.
func (r *Reader) fill() {
	r.out, r.at = r.out[:0], 0
	piece, err := r.s.Piece()
	r.err = err
	switch {
	case r.decided || len(r.held) == 0 && !r.s.facts.quoted:
		r.convert(piece)
	case err == nil && len(r.held)+len(piece) < maxDecided:
		// The end, or what comes before it, tells whether what looks quoted is.
		r.held = append(r.held, piece...)
	default:
		r.quoting, r.decided = r.s.Quoting(), true
		r.convert(r.held)
		r.convert(piece)
		r.held = r.held[:0]
	}
}

// convert adds a piece to what is to be returned.
func (r *Reader) convert(piece []byte) {
	if len(piece) == 0 {
		return
	}
	bol, last := r.last == '\n', r.last
	r.last = piece[len(piece)-1]
	if r.quoting != QuotedNever {
		r.out = r.quoting.appendCRLF(r.out, piece, bol, last)
		return
	}
	r.out = appendCRLF(r.out, piece, last)
}

// isField reports whether b begins with a field's name and a colon.
func isField(b []byte) bool {
	for i, c := range b {
		if c == ':' {
			return i > 0
		}
		if c <= ' ' || c >= 0x7F {
			return false
		}
	}
	return false
}

// parseFrom reads a "From " line: the sender and a date as asctime writes it, which may have a zone before or after
// the year, and be followed by more.
func parseFrom(line string) (env Envelope, dated bool) {
	words := strings.Fields(line[len(fromMark):])
	if len(words) == 0 {
		return env, false
	}
	// The sender may hold blanks if it is quoted, so the date is looked for from the end: at its time of day.
	for i := len(words) - 1; i >= 2; i-- {
		date, ok := parseDate(words, i)
		if !ok {
			continue
		}
		sender := i - 2 // month and day stand before the time
		if sender > 0 && isWeekday(words[sender-1]) {
			sender--
		}
		env.From, env.Date = senderOf(words[:sender]), date
		return env, true
	}
	env.From = senderOf(words[:1])
	return env, false
}

func senderOf(words []string) string {
	s := strings.Trim(strings.Join(words, " "), "<>")
	if s == "-" || s == "MAILER-DAEMON" || s == "???@???" {
		return ""
	}
	return s
}

const (
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
	weekdays = "SunMonTueWedThuFriSat"
)

func isWeekday(w string) bool {
	w = strings.TrimSuffix(w, ",")
	i := strings.Index(weekdays, w)
	return len(w) == 3 && i >= 0 && i%3 == 0
}

// parseDate reads a date whose time of day is words[i]: "Jan 2 15:04:05 2006", with the day before the month too.
func parseDate(words []string, i int) (time.Time, bool) {
	var clock [3]int
	parts := strings.Split(words[i], ":")
	if len(parts) != 2 && len(parts) != 3 {
		return time.Time{}, false
	}
	for k, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || len(p) > 2 || n < 0 || n > 60 {
			return time.Time{}, false
		}
		clock[k] = n
	}
	month, day := words[i-2], words[i-1]
	if _, err := strconv.Atoi(month); err == nil {
		month, day = day, month
	}
	m := strings.Index(months, month)
	d, err := strconv.Atoi(strings.TrimSuffix(day, ","))
	if len(month) != 3 || m < 0 || m%3 != 0 || err != nil || d < 1 || d > 31 || clock[0] > 23 {
		return time.Time{}, false
	}
	year, zone := 0, time.UTC
	for _, w := range words[i+1 : min(i+4, len(words))] {
		n, err := strconv.Atoi(w)
		switch {
		case err == nil && len(w) == 4 && w[0] != '+' && w[0] != '-' && year == 0:
			year = n
		case err == nil && len(w) == 5 && (w[0] == '+' || w[0] == '-'):
			zone = time.FixedZone("", (n/100*60+n%100)*60)
		}
	}
	if year == 0 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(m/3+1), d, clock[0], clock[1], clock[2], 0, zone).UTC(), true
}
