package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// ErrFormat is returned for a file that does not begin as an mbox file does.
var ErrFormat = errors.New("mbox: the file does not begin with a line \"From \"")

const (
	readBuffer = 128 << 10
	// maxFromLine is the length of the longest line that may begin a message.
	maxFromLine = 1000
)

// Envelope is what an mbox file says of a message outside of the message.
type Envelope struct {
	// From is the envelope sender; empty where it is MAILER-DAEMON or "-", the names that stand for none.
	From string
	// Date is when the message was delivered; zero where that cannot be read. A date without a zone is in UTC.
	Date time.Time
	// Offset is where the message's "From " line begins, in bytes from the beginning of the file.
	Offset int64
}

// Reader reads an mbox file.
//
// In a file that does not quote (mboxcl2), or that another program has quoted in part, a line of a message may begin with
// "From ". A message begins there only where two of these three hold: the line has a date, the line before is empty, the
// next line is a header field.
type Reader struct {
	br     *bufio.Reader
	offset int64 // of what br returns next

	env   Envelope
	began bool   // the file's first line has been read
	next  bool   // env is of a message that has not been returned
	rest  bool   // the next bytes go on in the same line
	empty bool   // an empty line was read and not returned: it may be the one that ends the message
	blank bool   // the line before was empty
	cr    bool   // a piece of a line ended with CR, which is not returned yet
	out   []byte // of the current message, to be returned
	at    int
	err   error // of the file, io.EOF included
	done  bool  // the current message has ended
	seq   int   // of the current message
}

// NewReader returns a reader of r.
func NewReader(r io.Reader) *Reader {
	return &Reader{br: bufio.NewReaderSize(r, readBuffer), done: true}
}

// Next returns the next message: its envelope and its content, with CRLF line ends whatever they are in the file, and
// without what the writer has added. What has not been read of the message before is skipped, and its content can no
// longer be read. At the end of the file the error is io.EOF.
func (r *Reader) Next() (Envelope, io.Reader, error) {
	if !r.began {
		if err := r.first(); err != nil {
			return Envelope{}, nil, err
		}
	}
	for !r.done {
		r.at = len(r.out)
		r.fill()
	}
	if !r.next {
		return Envelope{}, nil, r.err
	}
	r.next, r.done, r.empty, r.blank, r.rest, r.cr = false, false, false, false, false, false
	r.out, r.at = r.out[:0], 0
	r.seq++
	return r.env, content{r, r.seq}, nil
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
		if r.done {
			if r.err != nil && r.err != io.EOF && !r.next {
				return 0, r.err
			}
			return 0, io.EOF
		}
		r.fill()
	}
	n := copy(p, r.out[r.at:])
	r.at += n
	return n, nil
}

// first finds the file's first message.
func (r *Reader) first() error {
	r.began = true
	// QUIRK: empty lines before it, and a byte order mark, occur.
	if b, _ := r.br.Peek(3); string(b) == "\xEF\xBB\xBF" {
		r.skip(3)
	}
	for {
		b, err := r.br.Peek(1)
		if err != nil {
			r.err = err
			return err
		}
		if b[0] != '\n' && b[0] != '\r' {
			break
		}
		r.skip(1)
	}
	line, _ := r.br.Peek(maxFromLine + 1)
	i := bytes.IndexByte(line, '\n')
	if i < 0 {
		i = len(line)
	}
	if !bytes.HasPrefix(line, fromMark) || i > maxFromLine {
		r.err = ErrFormat
		return fmt.Errorf("%w but with %q", ErrFormat, line[:min(len(line), 20)])
	}
	r.env, _ = parseFrom(string(line[:i]))
	r.env.Offset = r.offset
	r.skip(min(i+1, len(line)))
	r.next = true
	return nil
}

func (r *Reader) skip(n int) {
	n, _ = r.br.Discard(n)
	r.offset += int64(n)
}

// fill adds lines of the current message to out, which has been returned.
func (r *Reader) fill() {
	r.out, r.at = r.out[:0], 0
	for len(r.out) < readBuffer/4 && !r.done {
		b, err := r.br.ReadSlice('\n')
		if len(b) > 0 {
			r.line(b)
		}
		if err != nil && err != bufio.ErrBufferFull {
			r.end(err)
		}
	}
}

// line takes a line, or a piece of one that is longer than the buffer.
func (r *Reader) line(b []byte) {
	start := r.offset
	r.offset += int64(len(b))
	ended := b[len(b)-1] == '\n'
	text := b
	if ended {
		text = b[:len(b)-1]
		if n := len(text); n > 0 && text[n-1] == '\r' {
			text = text[:n-1]
		} else if n == 0 && r.rest && r.cr {
			r.cr = false
		}
	}
	if !r.rest {
		if len(text) == 0 {
			r.putEmpty()
			r.empty, r.blank = true, true
			return
		}
		if text[0] == 'F' && len(text) <= maxFromLine && bytes.HasPrefix(text, fromMark) {
			text = bytes.Clone(text) // to look ahead moves what the buffer holds
			if r.separates(string(text)) {
				r.env.Offset = start
				r.done, r.next = true, true
				return
			}
		}
		if text[0] == '>' && isQuotable(text) {
			text = text[1:]
		}
		r.putEmpty()
	}
	if r.cr {
		r.out = append(r.out, '\r')
		r.cr = false
	}
	if !ended && text[len(text)-1] == '\r' {
		r.cr, text = true, text[:len(text)-1]
	}
	r.out = append(r.out, text...)
	if ended {
		r.out = append(r.out, '\r', '\n')
	}
	r.rest, r.blank = !ended, false
}

func (r *Reader) putEmpty() {
	if r.empty {
		r.out = append(r.out, '\r', '\n')
		r.empty = false
	}
}

// end ends the last message. Its last line gets no line end that it has not.
func (r *Reader) end(err error) {
	if r.cr {
		r.out = append(r.out, '\r')
	}
	r.err, r.done = err, true
}

// separates reports whether a line that begins with "From " begins a message, and if so reads it.
func (r *Reader) separates(line string) bool {
	env, dated := parseFrom(line)
	signs := 0
	if dated {
		signs++
	}
	if r.blank {
		signs++
	}
	if signs == 1 {
		next, _ := r.br.Peek(80)
		if isField(next) {
			signs++
		}
	}
	if signs < 2 {
		return false
	}
	r.env = env
	return true
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
	if s == "-" || s == "MAILER-DAEMON" {
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
