package files

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode"

	"mailmill/formats"
	"mailmill/formats/maildir"
	"mailmill/formats/mbox"
	"mailmill/formats/mime"
	"mailmill/load/verify"
)

// expectMbox adds what an mbox file keeps of a mail's state.
func expectMbox(x *verify.Expectation, it *formats.Item) {
	x.Flags, x.Keywords = flagNames(it.Flags), make([]string, 0, len(it.Keywords))
	for _, k := range it.Keywords {
		x.Keywords = append(x.Keywords, wordOf(k))
	}
	if when := modified(it); when.Year() >= 1 && when.Year() <= 9999 {
		x.Date = when.Truncate(time.Second)
	}
}

// wordOf returns what is left of a keyword in an mbox file: 300 bytes of what has no control characters.
func wordOf(keyword string) string {
	const longest = 300
	if len(keyword) > longest {
		keyword = keyword[:longest]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r < 0x80 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(keyword, ""))
}

// flagNames returns the names of flags; none are no flags, which is something else than nothing known.
func flagNames(f formats.Flags) []string {
	if names := f.Names(); names != nil {
		return names
	}
	return []string{}
}

// mboxObjects yields the mails of an mbox file. Their names are where they begin in it.
func mboxObjects(in io.Reader, ours bool, yield func(*verify.Object) bool) error {
	for r := mbox.NewReader(in); ; {
		envelope, content, err := r.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		o := &verify.Object{ID: strconv.FormatInt(envelope.Offset, 10), Form: verify.Mail, Date: envelope.Date, Ours: ours}
		if o.Body, err = readState(content, o); err != nil {
			return err
		}
		if !yield(o) {
			return errEnough
		}
	}
}

// mboxAt returns the mail that begins at an offset in an mbox file.
func mboxAt(in io.ReadCloser, id string) (io.ReadCloser, error) {
	offset, err := strconv.ParseInt(id, 10, 64)
	if err == nil {
		if seeker, ok := in.(io.Seeker); ok {
			_, err = seeker.Seek(offset, io.SeekStart)
		} else {
			_, err = io.CopyN(io.Discard, in, offset)
		}
	}
	var content io.Reader
	if err == nil {
		_, content, err = mbox.NewReader(in).Next()
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{content, in}, nil
}

// longestState bounds the header in which a mail's state is looked for.
const longestState = 1 << 20

// readState reads the fields in which an mbox file keeps a mail's state, and returns the whole mail.
func readState(content io.Reader, o *verify.Object) (io.Reader, error) {
	in := bufio.NewReaderSize(content, 4<<10)
	var header bytes.Buffer
	var flags formats.Flags
	o.Flags, o.Keywords = []string{}, []string{}
	name := ""
	for header.Len() < longestState {
		line, err := in.ReadSlice('\n')
		header.Write(line)
		switch {
		case err == bufio.ErrBufferFull:
			name = ""
			continue
		case err == io.EOF:
		case err != nil:
			return nil, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		value := text
		if text[0] != ' ' && text[0] != '\t' {
			name, value, _ = strings.Cut(text, ":")
		}
		switch strings.ToLower(name) {
		case "status":
			if strings.ContainsRune(value, 'R') {
				flags |= formats.FlagSeen
			}
		case "x-status":
			flags |= statusFlags(value)
		case "x-keywords":
			for word := range strings.FieldsSeq(value) {
				if word == maildir.Forwarded {
					flags |= formats.FlagForwarded
				} else {
					o.Keywords = append(o.Keywords, mime.DecodeWords(word))
				}
			}
		}
		if err == io.EOF {
			break
		}
	}
	o.Flags = flagNames(flags)
	return io.MultiReader(&header, in), nil
}

// statusFlags reads the letters of X-Status.
func statusFlags(value string) (flags formats.Flags) {
	for _, letter := range value {
		switch letter {
		case 'A':
			flags |= formats.FlagAnswered
		case 'F':
			flags |= formats.FlagFlagged
		case 'T':
			flags |= formats.FlagDraft
		case 'D':
			flags |= formats.FlagDeleted
		}
	}
	return flags
}

// expectMaildir adds what a Maildir keeps of a mail's state. A folder has letters for 26 keywords.
func (m *Mirror) expectMaildir(x *verify.Expectation, place string, it *formats.Item) error {
	letters, err := m.letters(place)
	if err != nil {
		return err
	}
	x.Flags, x.Keywords = flagNames(it.Flags), []string{}
	for _, category := range it.Keywords {
		keyword := maildir.Keyword(category)
		if _, ok := letters.Letter(keyword); ok {
			x.Keywords = append(x.Keywords, keyword)
		}
	}
	if when := modified(it); !when.IsZero() && when.Unix() != 0 {
		x.Date = time.Unix(when.Unix(), 0)
	}
	return nil
}

// letters returns the keywords of a Maildir's folder.
func (m *Mirror) letters(place string) (*maildir.Keywords, error) {
	if known := m.keywords[place]; known != nil {
		return known, nil
	}
	var data []byte
	in, err := m.tree.open(join(place, maildir.KeywordsFile))
	switch {
	case err == nil:
		defer in.Close()
		if data, err = io.ReadAll(io.LimitReader(in, mostHeld)); err != nil {
			return nil, fmt.Errorf("%s: %w", join(place, maildir.KeywordsFile), err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	m.keywords[place] = maildir.ParseKeywords(data)
	return m.keywords[place], nil
}

// maildirObjects yields the mails of a folder of a Maildir: of cur or new.
func (m *Mirror) maildirObjects(ctx context.Context, place, dir string, yield func(*verify.Object) bool) error {
	letters, err := m.letters(place)
	if err != nil {
		return err
	}
	entries, err := m.tree.dir(join(place, dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if e.dir || strings.HasPrefix(e.name, ".") {
			continue
		}
		name := maildir.ParseName(e.name)
		o := &verify.Object{ID: dir + "/" + e.name, Form: verify.Mail, Date: name.Time, Size: e.size, Keywords: []string{}, Ours: strings.Contains(e.name, ".mailmill,")}
		flags := name.Flags
		for i := range len(name.Keywords) {
			switch keyword := letters.Keyword(name.Keywords[i]); {
			case strings.EqualFold(keyword, maildir.Forwarded):
				flags |= formats.FlagForwarded
			case keyword != "":
				o.Keywords = append(o.Keywords, keyword)
			}
		}
		o.Flags = flagNames(flags)
		if err := m.object(join(place, o.ID), o, yield); err != nil {
			return err
		}
	}
	return nil
}
