package mh

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"mailmill/formats"
)

// The files that hold the state of mails.
const (
	sequencesFile = ".mh_sequences"
	clawsFile     = ".claws_mark"
	sylpheedFile  = ".sylpheed_mark"
)

var stateFiles = [...]string{sequencesFile, clawsFile, sylpheedFile, ".xmhcache"}

// mostState bounds what is read of such a file.
const mostState = 16 << 20

// state is that of the mails of a folder.
type state struct {
	sequences []sequence
	marks     map[uint64]uint32 // of Claws Mail and Sylpheed, by number
}

// sequence is a list of numbers with a name.
type sequence struct {
	name   string
	ranges []span
}

// span is a range of numbers, both ends included.
type span struct{ first, last uint64 }

func readState(fsys fs.FS, dir string) *state {
	read := func(name string) []byte {
		f, err := fsys.Open(path.Join(dir, name))
		if err != nil {
			return nil
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, mostState))
		if err != nil {
			return nil
		}
		return data
	}
	s := &state{sequences: parseSequences(read(sequencesFile)), marks: parseMarks(read(clawsFile))}
	if s.marks == nil {
		s.marks = parseMarks(read(sylpheedFile))
	}
	return s
}

// parseSequences reads lines "unseen: 1 3-5 17".
func parseSequences(data []byte) (list []sequence) {
	for line := range bytes.Lines(data) {
		name, numbers, ok := strings.Cut(string(line), ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			continue
		}
		seq := sequence{name: name}
		for word := range strings.FieldsSeq(numbers) {
			from, to, isRange := strings.Cut(word, "-")
			first, err := strconv.ParseUint(from, 10, 32)
			last := first
			if err == nil && isRange {
				last, err = strconv.ParseUint(to, 10, 32)
			}
			if err == nil && first <= last {
				seq.ranges = append(seq.ranges, span{first, last})
			}
		}
		seq.ranges = merged(seq.ranges)
		list = append(list, seq)
	}
	return list
}

// merged returns ranges in their order, none of which overlap.
func merged(ranges []span) []span {
	slices.SortFunc(ranges, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	list := ranges[:0]
	for _, r := range ranges {
		if n := len(list); n > 0 && r.first <= list[n-1].last {
			list[n-1].last = max(list[n-1].last, r.last)
		} else {
			list = append(list, r)
		}
	}
	return list
}

func (s *sequence) has(n uint64) bool {
	_, found := slices.BinarySearchFunc(s.ranges, n, func(r span, n uint64) int {
		switch {
		case r.last < n:
			return -1
		case r.first > n:
			return 1
		}
		return 0
	})
	return found
}

// flagNames are the sequences that are flags of mails, in lower case. Those that stand for nothing are where a program was.
var flagNames = map[string]formats.Flags{
	"flagged": formats.FlagFlagged, "tick": formats.FlagFlagged, "replied": formats.FlagAnswered, "answered": formats.FlagAnswered, "forwarded": formats.FlagForwarded,
	"draft": formats.FlagDraft, "deleted": formats.FlagDeleted, "trashed": formats.FlagDeleted, "unseen": 0, "cur": 0, "pseq": 0, "seen": 0,
}

// markUnread and markFlags are the bits of marks.
const markUnread = 1 << 1

var markFlags = [...]struct {
	bit  uint32
	flag formats.Flags
}{
	{1 << 2, formats.FlagFlagged},
	{1 << 3, formats.FlagDeleted},
	{1 << 4, formats.FlagAnswered},
	{1 << 5, formats.FlagForwarded},
}

// parseMarks reads the file in which Claws Mail and Sylpheed keep flags: a version, then pairs of number and bits, as the
// machine has them.
func parseMarks(data []byte) map[uint64]uint32 {
	const version = 2
	if len(data) < 4 {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(data) != version {
		order = binary.BigEndian
	}
	if order.Uint32(data) != version {
		return nil
	}
	marks := make(map[uint64]uint32)
	for data = data[4:]; len(data) >= 8; data = data[8:] {
		marks[uint64(order.Uint32(data))] = order.Uint32(data[4:])
	}
	return marks
}

// of returns the state of a mail.
func (s *state) of(n uint64) (flags formats.Flags, keywords []string) {
	unseen := false
	for i := range s.sequences {
		seq := &s.sequences[i]
		if !seq.has(n) {
			continue
		}
		name := strings.ToLower(seq.name)
		flag, known := flagNames[name]
		switch {
		case name == "unseen":
			unseen = true
		case known:
			flags |= flag
		default:
			keywords = append(keywords, seq.name)
		}
	}
	bits := s.marks[n]
	for _, m := range markFlags {
		if bits&m.bit != 0 {
			flags |= m.flag
		}
	}
	if !unseen && bits&markUnread == 0 {
		flags |= formats.FlagSeen
	}
	return flags, keywords
}
