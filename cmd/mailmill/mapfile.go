package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"mailmill/load/files"
)

// mailbox is one of those that a map names: sources and where their items go.
type mailbox struct {
	line        int // of the map, from 1 on; the first of several
	sources     []string
	destination string
	bySort      [len(sortOptions)]string
	user        string // to act as
}

// to tells where a mailbox goes.
func (m *mailbox) to() []string {
	var list []string
	for _, name := range append([]string{m.destination}, m.bySort[:]...) {
		if name != "" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// columns of a map. Those of the sorts of items are called as their options are.
const (
	columnSource      = "source"
	columnDestination = "destination"
	columnUser        = "user"
)

// maxMap bounds what is read of a map, in bytes.
const maxMap = 64 << 20

// readMap reads the file that --map names: a table whose first line names its columns, or lines of a source and a
// destination. Lines of one destination are one mailbox.
func (a *app) readMap(name string) ([]*mailbox, error) {
	var in io.Reader = a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usage("--map: %s: %s", name, reasonOf(err))
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxMap+1))
	switch {
	case err != nil:
		return nil, usage("--map: %s: %s", name, reasonOf(err))
	case len(text) > maxMap:
		return nil, usage("--map: %s is no table of mailboxes: it has more than %d bytes", name, maxMap)
	}
	list, err := parseMailboxes(text)
	if err != nil {
		return nil, usage("--map: %s, %v", name, err)
	}
	if len(list) == 0 {
		return nil, usage("--map: %s names no mailbox", name)
	}
	return list, nil
}

// parseMailboxes reads a map. What is wrong with one is told with the line.
func parseMailboxes(text []byte) (list []*mailbox, err error) {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	if !utf8.Valid(text) {
		return nil, errors.New("which is no text in UTF-8")
	}
	table := csv.NewReader(bytes.NewReader(text))
	table.Comma, table.Comment = separatorOf(text), '#'
	table.FieldsPerRecord, table.TrimLeadingSpace = -1, table.Comma != '\t'
	columns := []string{columnSource, columnDestination}
	for first := true; ; first = false {
		row, err := table.Read()
		if err == io.EOF {
			return list, nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			return nil, fmt.Errorf("line %d: %w", wrong.Line, wrong.Err)
		} else if err != nil {
			return nil, err
		}
		line, _ := table.FieldPos(0)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if first && strings.EqualFold(row[0], columnSource) {
			if columns, err = columnsOf(row); err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			continue
		}
		if strings.Join(row, "") == "" {
			continue
		}
		m, err := mailboxOf(columns, row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		m.line = line
		same := slices.IndexFunc(list, func(other *mailbox) bool {
			return other.destination == m.destination && other.bySort == m.bySort && other.user == m.user
		})
		if same < 0 {
			list = append(list, m)
		} else {
			list[same].sources = append(list[same].sources, m.sources...)
		}
	}
}

// separatorOf tells what stands between the columns of a map: what most of its first line's tabs, semicolons and commas are.
func separatorOf(text []byte) rune {
	line := text
	for {
		var rest []byte
		line, rest, _ = bytes.Cut(line, []byte("\n"))
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] != '#' || len(rest) == 0 {
			break
		}
		line = rest
	}
	best := ','
	for _, r := range "\t;" {
		if bytes.ContainsRune(line, r) && bytes.Count(line, []byte(string(r))) >= bytes.Count(line, []byte(string(best))) {
			best = r
		}
	}
	return best
}

func columnsOf(row []string) (columns []string, err error) {
	known := append([]string{columnSource, columnDestination, columnUser}, sortOptions[:]...)
	for _, name := range row {
		name = strings.ToLower(name)
		switch {
		case strings.Contains(name, "password") || strings.Contains(name, "token"):
			return nil, errors.New("a map holds no passwords: others read it. Use --password-file or --password-command; mailmill help map tells more")
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("%q is no column; there are %s", name, strings.Join(known, ", "))
		case slices.Contains(columns, name):
			return nil, fmt.Errorf("the column %s is there twice", name)
		}
		columns = append(columns, name)
	}
	return columns, nil
}

func mailboxOf(columns, row []string) (*mailbox, error) {
	m := new(mailbox)
	for i, value := range row {
		if i >= len(columns) {
			if value == "" {
				continue
			}
			return nil, fmt.Errorf("there are %d columns, and more than that have something in them; quote what has a comma in it", len(columns))
		}
		switch column := columns[i]; column {
		case columnSource:
			if value == "" {
				return nil, errors.New("it names no source")
			}
			if value == "-" {
				return nil, errors.New("standard input is no source of a map; name a file")
			}
			m.sources = []string{value}
		case columnDestination:
			m.destination = value
		case columnUser:
			if !isText(value) || strings.Contains(value, ":") {
				return nil, errors.New("the user is the name of one, without a password")
			}
			m.user = value
		default:
			m.bySort[slices.Index(sortOptions[:], column)] = value
		}
	}
	switch {
	case len(m.sources) == 0:
		return nil, errors.New("it names no source")
	case len(m.to()) == 0:
		return nil, errors.New("it does not say where that goes")
	case slices.Contains(m.to(), files.Stdout):
		return nil, errors.New("standard output is no place for one of several mailboxes; name a file or a folder")
	}
	return m, nil
}
