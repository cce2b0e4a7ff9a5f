package rtf

// token is what the lexer found.
type token int

const (
	tokenEnd    token = iota
	tokenOpen         // {
	tokenClose        // }
	tokenWord         // \word, \word123 with its delimiter, if that is a space
	tokenSymbol       // \ and one other character
	tokenByte         // \'xx
	tokenText         // bytes that stand for themselves
)

// plain marks the bytes that tokenText is made of: those without a meaning to RTF and not to be ignored.
var plain = func() (t [256]bool) {
	for i := range t {
		t[i] = i != '\\' && i != '{' && i != '}' && i != '\r' && i != '\n' && i != 0 && i != '\t'
	}
	return t
}()

// lexer takes RTF apart (RTF 1.9.1, "Contents of an RTF File").
type lexer struct {
	src []byte
	pos int

	word     []byte // of tokenWord: the letters
	param    int    // and the number behind them
	hasParam bool
	char     byte   // of tokenSymbol and tokenByte
	text     []byte // of tokenText
}

// value returns the word's parameter, or absent where it has none.
func (l *lexer) value(absent int) int {
	if l.hasParam {
		return l.param
	}
	return absent
}

func (l *lexer) next() token {
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		if plain[c] {
			start := l.pos
			for l.pos++; l.pos < len(l.src) && plain[l.src[l.pos]]; l.pos++ {
			}
			l.text = l.src[start:l.pos]
			return tokenText
		}
		l.pos++
		switch c {
		case '{':
			return tokenOpen
		case '}':
			return tokenClose
		case '\\':
			if t := l.control(); t != tokenEnd {
				return t
			}
		case '\t':
			l.word, l.hasParam = []byte("tab"), false
			return tokenWord
		}
	}
	return tokenEnd
}

// control reads what follows a backslash. It is tokenEnd where that is nothing of use.
func (l *lexer) control() token {
	if l.pos == len(l.src) {
		return tokenEnd
	}
	c := l.src[l.pos]
	if !isLetter(c) {
		l.pos++
		if c != '\'' {
			l.char = c
			return tokenSymbol
		}
		if len(l.src)-l.pos < 2 {
			l.pos = len(l.src)
			return tokenEnd
		}
		high, low := hexDigit(l.src[l.pos]), hexDigit(l.src[l.pos+1])
		if high < 0 || low < 0 {
			return tokenEnd
		}
		l.pos += 2
		l.char = byte(high<<4 | low)
		return tokenByte
	}
	start := l.pos
	for l.pos < len(l.src) && isLetter(l.src[l.pos]) {
		l.pos++
	}
	l.word = l.src[start:l.pos]
	l.number()
	if l.pos < len(l.src) && l.src[l.pos] == ' ' {
		l.pos++
	}
	return tokenWord
}

// number reads a control word's parameter. What is beyond 32 bits stays at their limit.
func (l *lexer) number() {
	l.param, l.hasParam = 0, false
	i := l.pos
	negative := i < len(l.src) && l.src[i] == '-'
	if negative {
		i++
	}
	for ; i < len(l.src) && l.src[i] >= '0' && l.src[i] <= '9'; i++ {
		l.param = min(l.param*10+int(l.src[i]-'0'), 1<<31-1)
		l.hasParam = true
	}
	if !l.hasParam {
		return
	}
	if negative {
		l.param = -l.param
	}
	l.pos = i
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
