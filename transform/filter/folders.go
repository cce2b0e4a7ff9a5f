package filter

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mailmill/formats"
)

// Folders wants the items of some folders: of those that an include pattern matches, or of all if there is none, without
// those that an exclude pattern matches. It implements load.Filter.
//
// A pattern matches the whole path of a folder, the names as stored joined by slashes; letter case does not matter. In
// it "*" stands for any characters but slashes, "?" for one, "[a-z]" and "[!a-z]" for one of a set or not of it, "**"
// for any number of levels, none included: "Inbox/**" is the inbox and all below it, "**/Projects" every folder of that
// name. A backslash takes the next character's meaning away. A slash within a name may be doubled, as lists show it.
type Folders struct {
	include, exclude []*regexp.Regexp
	known            sync.Map // of what was decided, by folder
}

// NewFolders returns a filter with the patterns given.
func NewFolders(include, exclude []string) (*Folders, error) {
	f := new(Folders)
	var err error
	if f.include, err = compileAll(include); err != nil {
		return nil, err
	}
	if f.exclude, err = compileAll(exclude); err != nil {
		return nil, err
	}
	return f, nil
}

// Wanted implements load.Filter.
func (f *Folders) Wanted(e *formats.Entry) bool {
	if wanted, ok := f.known.Load(e.Folder); ok {
		return wanted.(bool)
	}
	wanted := f.Match(e.Folder)
	f.known.Store(e.Folder, wanted)
	return wanted
}

// Match reports whether the items of a folder are wanted.
func (f *Folders) Match(folder *formats.Folder) bool {
	path := norm.NFC.String(folder.String())
	return (len(f.include) == 0 || matchAny(f.include, path)) && !matchAny(f.exclude, path)
}

func matchAny(patterns []*regexp.Regexp, path string) bool {
	for _, p := range patterns {
		if p.MatchString(path) {
			return true
		}
	}
	return false
}

func compileAll(patterns []string) ([]*regexp.Regexp, error) {
	var compiled []*regexp.Regexp
	for _, p := range patterns {
		re, err := compile(p)
		if err != nil {
			return nil, err
		}
		compiled = append(compiled, re)
	}
	return compiled, nil
}

// compile turns a pattern into a regular expression, which matches in linear time whatever the folder is called.
func compile(pattern string) (*regexp.Regexp, error) {
	rest := strings.ReplaceAll(norm.NFC.String(strings.Trim(pattern, "/")), "//", "/")
	var b strings.Builder
	b.WriteString(`(?is)\A`)
	begins := true // of a level
	for rest != "" {
		switch {
		case begins && strings.HasPrefix(rest, "**/"):
			b.WriteString(`(?:.*/)?`)
			rest = rest[3:]
			continue
		case rest == "/**":
			b.WriteString(`(?:/.*)?`)
			rest = ""
		case strings.HasPrefix(rest, "/**/"):
			b.WriteString(`/(?:.*/)?`)
			rest, begins = rest[4:], true
			continue
		case strings.HasPrefix(rest, "**"):
			b.WriteString(`.*`)
			rest = rest[2:]
		case rest[0] == '*':
			b.WriteString(`[^/]*`)
			rest = rest[1:]
		case rest[0] == '?':
			b.WriteString(`[^/]`)
			rest = rest[1:]
		case rest[0] == '[':
			set, after, ok := cutSet(rest)
			if !ok {
				return nil, fmt.Errorf("pattern %q: a set lacks its %q", pattern, "]")
			}
			b.WriteString(set)
			rest = after
		case rest[0] == '\\' && len(rest) > 1:
			rest = rest[1:]
			fallthrough
		default:
			_, size := utf8.DecodeRuneInString(rest)
			b.WriteString(regexp.QuoteMeta(rest[:size]))
			begins = rest[:size] == "/"
			rest = rest[size:]
			continue
		}
		begins = false
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, fmt.Errorf("pattern %q cannot be understood", pattern)
	}
	return re, nil
}

// cutSet takes a set from the front of a pattern, as a regular expression.
func cutSet(pattern string) (set, rest string, ok bool) {
	var b strings.Builder
	b.WriteByte('[')
	i := 1
	if i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^') {
		b.WriteByte('^')
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			b.WriteByte(']')
			return b.String(), pattern[i+1:], true
		}
		if pattern[i] == '-' && !first && i+1 < len(pattern) && pattern[i+1] != ']' {
			b.WriteByte('-')
			i++
			continue
		}
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		_, size := utf8.DecodeRuneInString(pattern[i:])
		if size == 1 && strings.IndexByte(`\]^-[`, pattern[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteString(pattern[i : i+size])
		i += size
	}
	return "", "", false
}
