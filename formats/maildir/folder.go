package maildir

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// SubscriptionsFile is the name of the file in the top folder that lists the folders that mail programs show, one a
// line; see [Subscribe].
const SubscriptionsFile = "subscriptions"

// Subscribe returns the content of a subscriptions file with folders added to those that are in it, in their order. Folders
// go by the names of their directories without the first dot, and the inbox by INBOX. The content may be that of either
// form that Dovecot writes: names as they are, or, below a header that begins with "V", a tab for each dot. What is in it
// stays as it is.
func Subscribe(content []byte, folders ...string) []byte {
	list, separator := content, "."
	b := slices.Clone(content)
	if bytes.HasPrefix(content, []byte("V\t")) {
		separator = "\t"
		end := []byte("\n\n")
		var whole bool
		if _, list, whole = bytes.Cut(content, end); !whole {
			b = append(bytes.TrimRight(b, "\n"), end...)
		}
	}
	if len(list) > 0 && !bytes.HasSuffix(list, []byte("\n")) {
		b = append(b, '\n')
	}
	known := make(map[string]bool)
	for line := range bytes.SplitSeq(list, []byte("\n")) {
		known[strings.ReplaceAll(string(line), separator, ".")] = true
	}
	for _, folder := range folders {
		if !known[folder] {
			known[folder] = true
			b = append(b, strings.ReplaceAll(folder, ".", separator)...)
			b = append(b, '\n')
		}
	}
	return b
}

// FolderFile is the name of the empty file that tells a folder from a top folder.
const FolderFile = "maildirfolder"

// Dirs are the directories that each folder has.
func Dirs() []string { return []string{"cur", "new", "tmp"} }

// FolderName returns the name of a folder's directory: ".Projects.Alpha". The names on the way to it hold no dots, which
// separate them, and no slashes.
func FolderName(path ...string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('.')
		b.WriteString(EncodeUTF7(name))
	}
	return b.String()
}

// ParseFolderName is the inverse of [FolderName].
func ParseFolderName(dir string) (path []string, err error) {
	names, ok := strings.CutPrefix(dir, ".")
	if !ok {
		return nil, errors.New("maildir: a folder's name begins with a dot")
	}
	for name := range strings.SplitSeq(names, ".") {
		text, err := DecodeUTF7(name)
		if err != nil {
			return nil, err
		}
		path = append(path, text)
	}
	return path, nil
}

// base64UTF7 is Base64 with a comma for the slash, and no padding.
var base64UTF7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding).Strict()

// EncodeUTF7 writes text in the modified UTF-7 of RFC 3501 5.1.3: printable ASCII stands for itself, "&" is "&-", and
// the rest is Base64 of UTF-16.
func EncodeUTF7(text string) string {
	var b strings.Builder
	var run []byte // UTF-16
	end := func() {
		if len(run) > 0 {
			b.WriteByte('&')
			b.WriteString(base64UTF7.EncodeToString(run))
			b.WriteByte('-')
			run = run[:0]
		}
	}
	for _, r := range text {
		if r >= ' ' && r <= '~' {
			end()
			b.WriteRune(r)
			if r == '&' {
				b.WriteByte('-')
			}
			continue
		}
		for _, u := range utf16.AppendRune(nil, r) {
			run = append(run, byte(u>>8), byte(u))
		}
	}
	end()
	return b.String()
}

var errUTF7 = errors.New("maildir: not modified UTF-7")

// DecodeUTF7 is the inverse of [EncodeUTF7]. It takes nothing else: there is one way to write a name.
func DecodeUTF7(name string) (string, error) {
	var b strings.Builder
	for rest := name; rest != ""; {
		c := rest[0]
		rest = rest[1:]
		if c != '&' {
			if c < ' ' || c > '~' {
				return "", errUTF7
			}
			b.WriteByte(c)
			continue
		}
		run, after, ended := strings.Cut(rest, "-")
		if !ended {
			return "", errUTF7
		}
		rest = after
		if run == "" {
			b.WriteByte('&')
			continue
		}
		raw, err := base64UTF7.DecodeString(run)
		if err != nil || len(raw)%2 != 0 {
			return "", errUTF7
		}
		units := make([]uint16, 0, len(raw)/2)
		for i := 0; i < len(raw); i += 2 {
			units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
		}
		for _, r := range utf16.Decode(units) {
			b.WriteRune(r)
		}
	}
	text := b.String()
	if !utf8.ValidString(text) || EncodeUTF7(text) != name {
		return "", errUTF7
	}
	return text, nil
}
