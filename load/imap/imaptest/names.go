package imaptest

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf16"
)

var names = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// decode decodes modified UTF-7 (RFC 3501 5.1.3). What is none stays as it is.
func decode(wire string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(wire, "&")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		run, after, _ := strings.Cut(rest, "-")
		raw, err := names.DecodeString(run)
		switch {
		case run == "":
			b.WriteByte('&')
		case err != nil || len(raw)%2 != 0:
			b.WriteString("&" + run + "-")
		default:
			units := make([]uint16, len(raw)/2)
			for i := range units {
				units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
			}
			b.WriteString(string(utf16.Decode(units)))
		}
		wire = after
	}
}

// encode encodes in modified UTF-7.
func encode(name string) string {
	var b strings.Builder
	var run []rune
	flush := func() {
		var raw []byte
		for _, u := range utf16.Encode(run) {
			raw = append(raw, byte(u>>8), byte(u))
		}
		if len(raw) > 0 {
			b.WriteString("&" + names.EncodeToString(raw) + "-")
		}
		run = run[:0]
	}
	for _, r := range name {
		if r < 0x20 || r > 0x7e {
			run = append(run, r)
			continue
		}
		flush()
		if r == '&' {
			b.WriteByte('&')
			r = '-'
		}
		b.WriteRune(r)
	}
	flush()
	return b.String()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// quote makes a quoted string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
