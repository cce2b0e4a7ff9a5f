package rtf

import (
	"bytes"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"mailmill/formats/codepage"
)

// maxDepth bounds the nesting of groups whose state is kept. Deeper groups share the state of the last.
const maxDepth = 1024

// What most documents need no more than: open groups, and bytes of text that look alike.
const (
	usualDepth = 16
	usualRun   = 512
)

// maxInstruction bounds what is kept of a field's instruction.
const maxInstruction = 1 << 14

// writer takes what the reader finds in a document, in its order.
type writer interface {
	text(b []byte, f *style) // UTF-8
	tab(f *style)
	line(f *style)       // the end of a line within a paragraph
	paragraph(p *layout) // the end of a paragraph
	cell(p *layout)      // the end of a table's cell
	row()                // and of its row
	link(target string)  // the begin of a link
	linkEnd()
	note() // the begin of a footnote's own text, which belongs elsewhere
	noteEnd()
	attachment(n int, name string, f *style)
	// finish returns everything.
	finish() string
}

// format is how characters look (RTF 1.9.1, "Font (Character) Formatting Properties").
type format struct {
	font      int // its number, -1 for the default
	size      int // half points, 0 for the default
	color     int // 1-based index into the colour table, 0 for the default
	highlight int
	shift     int8 // 1 superscript, -1 subscript
	bold      bool
	italic    bool
	underline bool
	strike    bool
	hidden    bool
	deleted   bool
	capitals  bool
}

// style is a format with what its numbers stand for.
type style struct {
	format
	family     string // the font's name, as the table has it
	foreground rgb
	background rgb
}

type rgb struct {
	set     bool
	r, g, b uint8
}

// layout is how a paragraph is laid out.
type layout struct {
	inTable bool
	align   byte // 'c', 'r', 'j', or 0 for left
	indent  int  // twips
}

// destination is what the text of a group is for.
type destination uint8

const (
	destBody destination = iota
	destSkip
	destFonts
	destColors
	destInstruction // of a field
)

// state is what a group inherits and its end restores.
type state struct {
	format
	layout
	dest      destination
	unicode   int  // \uc: how many bytes follow \u for readers that do not know it
	original  bool // within \htmltag
	suppress  bool // between \htmlrtf and \htmlrtf0
	alternate bool // the next group is the ANSI one of \upr
	field     bool // the group of a \field
	result    bool // the group of a \fldrslt that is a link
	note      bool // the group of a \footnote
	section   bool // the group of a header or footer
}

// reader interprets a document.
type reader struct {
	lexer
	out    writer
	native bool // what RTF readers see, rather than what is encapsulated
	doc    *Document
	body   Body

	state
	stack []state
	deep  int // how many groups beyond maxDepth are open

	ansi        int // the document's code page
	defaultFont int
	fonts       map[int]*font
	entry       *font // the one that the font table is at
	known       bool  // whether knownPage is the page of the font knownFont
	knownFont   int
	knownPage   int
	colors      []rgb
	mixed       rgb // the colour that the colour table is at

	// pending are bytes in code page page that have not been decoded yet. Formatting and groups do not end a run of
	// them, as the two bytes of one character may stand on either side.
	pending     []byte
	page        int
	looks       style
	halfway     bool // pending ends with the first byte of two
	scratch     []byte
	high        rune // the first half of a surrogate pair
	skip        int  // how many characters after \u are for other readers
	instruction []byte
	targetHigh  rune // as high, within instruction
	star        bool
	footnotes   int
}

func (d *Document) read(out writer, native bool) Body {
	r := reader{
		lexer: lexer{src: d.src}, out: out, native: native, doc: d,
		ansi: codepage.Default, fonts: map[int]*font{},
	}
	r.unicode, r.font, r.looks.font = 1, -1, -1
	r.stack, r.pending, r.scratch = make([]state, 0, usualDepth), make([]byte, 0, usualRun), make([]byte, 0, usualRun)
	r.run()
	r.flush()
	r.body.Text = out.finish()
	return r.body
}

func (r *reader) run() {
	for {
		switch r.next() {
		case tokenEnd:
			r.body.Unbalanced = true
			for len(r.stack) > 0 {
				r.close()
			}
			return
		case tokenOpen:
			r.open()
		case tokenClose:
			if r.close(); len(r.stack) == 0 {
				r.body.Unbalanced = len(bytes.Trim(r.src[r.pos:], " \t\r\n\x00")) > 0
				return
			}
		case tokenText:
			r.bytes(r.lexer.text)
		case tokenByte:
			r.byte(r.char)
		case tokenSymbol:
			r.symbol()
		case tokenWord:
			star := r.star
			r.star = false
			r.control(star)
		}
	}
}

func (r *reader) open() {
	r.skip, r.star = 0, false
	if len(r.stack) == maxDepth {
		r.deep++
		return
	}
	r.stack = append(r.stack, r.state)
	if r.alternate {
		r.stack[len(r.stack)-1].alternate = false
		r.alternate = false
		r.dest = destSkip
	}
	r.field, r.result, r.note, r.section = false, false, false, false
}

func (r *reader) close() {
	r.skip, r.star = 0, false
	if r.deep > 0 {
		r.deep--
		return
	}
	if r.dest == destFonts && r.stack[len(r.stack)-1].dest != destFonts {
		r.entry = nil
	}
	switch {
	case r.result:
		r.flush()
		r.out.linkEnd()
	case r.note:
		r.flush()
		r.out.noteEnd()
	case r.section:
		r.flush()
		r.out.paragraph(&r.layout)
	case r.field:
		r.instruction = r.instruction[:0]
	}
	last := len(r.stack) - 1
	r.state = r.stack[last]
	r.stack = r.stack[:last]
}

// visible reports whether text is to be written.
func (r *reader) visible() bool {
	return r.dest == destBody && (r.native && !r.hidden && !r.deleted || !r.native && !r.suppress)
}

// codePage returns the page of the text to come. That of encapsulated tags is the document's own (MS-OXRTFEX 2.2.3.2).
func (r *reader) codePage() int {
	if r.original {
		return r.ansi
	}
	if !r.known || r.font != r.knownFont {
		r.known, r.knownFont, r.knownPage = true, r.font, r.ansi
		if f := r.currentFont(); f != nil {
			r.knownPage = f.codePage(r.ansi)
		}
	}
	return r.knownPage
}

func (r *reader) currentFont() *font {
	if r.font < 0 {
		return r.fonts[r.defaultFont]
	}
	return r.fonts[r.font]
}

// bytes takes text that stands for itself.
func (r *reader) bytes(b []byte) {
	if r.skip > 0 {
		n := min(r.skip, len(b))
		r.skip -= n
		b = b[n:]
	}
	if len(b) == 0 {
		return
	}
	switch r.dest {
	case destBody:
		if r.visible() {
			r.prepare()
			r.pending = append(r.pending, b...)
			if r.halfway || !isASCII(b) {
				for _, c := range b {
					r.halfway = !r.halfway && isLead(r.page, c)
				}
			}
		}
	case destFonts:
		r.fontName(b)
	case destColors:
		for _, c := range b {
			if c == ';' {
				r.colors = append(r.colors, r.mixed)
				r.mixed = rgb{}
			}
		}
	case destInstruction:
		r.instruction = append(r.instruction, b[:min(len(b), maxInstruction-len(r.instruction))]...)
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// byte takes one byte that was escaped.
func (r *reader) byte(c byte) {
	if r.skip > 0 {
		r.skip--
		return
	}
	if r.dest == destBody {
		if r.visible() {
			r.prepare()
			r.pending = append(r.pending, c)
			r.halfway = !r.halfway && isLead(r.page, c)
		}
		return
	}
	r.bytes([]byte{c})
}

// prepare makes pending fit for more bytes in the state's page and looks.
func (r *reader) prepare() {
	page := r.codePage()
	if r.high != 0 || page != r.page || r.native && !r.halfway && r.format != r.looks.format {
		r.flush()
		r.page = page
		r.describe()
	}
}

// describe makes looks the style of the text to come.
//
// What is encapsulated has its looks in itself.
func (r *reader) describe() {
	if !r.native {
		return
	}
	r.looks = style{format: r.format}
	if f := r.currentFont(); f != nil {
		if f.display == "" {
			f.display, _ = codepage.Decode(f.codePage(r.ansi), f.name)
		}
		r.looks.family = f.display
	}
	if n := r.color - 1; n >= 0 && n < len(r.colors) {
		r.looks.foreground = r.colors[n]
	}
	if n := r.highlight - 1; n >= 0 && n < len(r.colors) {
		r.looks.background = r.colors[n]
	}
}

// flush writes what is pending.
func (r *reader) flush() {
	if r.high != 0 {
		r.high = 0
		r.body.Replaced++
		r.out.text([]byte("\uFFFD"), &r.looks)
	}
	if len(r.pending) == 0 {
		return
	}
	var replaced int
	r.scratch, replaced = codepage.Append(r.scratch[:0], r.page, r.pending)
	r.body.Replaced += replaced
	r.pending, r.halfway = r.pending[:0], false
	r.out.text(r.scratch, &r.looks)
}

// character writes one character that is not in any code page.
func (r *reader) character(c rune) {
	if r.skip > 0 {
		r.skip--
		return
	}
	r.rune(c)
}

func (r *reader) rune(c rune) {
	switch r.dest {
	case destBody:
		if !r.visible() {
			return
		}
		r.flush()
		r.describe()
		r.scratch = utf8.AppendRune(r.scratch[:0], c)
		r.out.text(r.scratch, &r.looks)
	case destInstruction:
		if len(r.instruction) < maxInstruction {
			r.instruction = utf8.AppendRune(r.instruction, c)
		}
	}
}

// unit takes the parameter of \u: a unit of UTF-16, as a signed number of 16 bits.
//
// QUIRK: writers that know only characters put those beyond 16 bits here as they are.
func (r *reader) unit(n int) {
	r.skip = r.unicode
	switch {
	case n < -0x8000 || n > utf8.MaxRune:
		n = utf8.RuneError
	case n < 0:
		n += 1 << 16
	}
	c := rune(n)
	if !utf16.IsSurrogate(c) {
		r.rune(c)
		return
	}
	if r.dest == destInstruction {
		if pair := utf16.DecodeRune(r.targetHigh, c); pair != utf8.RuneError {
			r.rune(pair)
		}
		r.targetHigh = c
		return
	}
	if !r.visible() {
		return
	}
	if r.high != 0 {
		if pair := utf16.DecodeRune(r.high, c); pair != utf8.RuneError {
			r.high = 0
			r.rune(pair)
			return
		}
	}
	r.flush()
	if r.high = c; c >= 0xDC00 {
		r.flush()
	}
}

func (r *reader) symbol() {
	switch c := r.char; c {
	case '*':
		r.star = true
	case '\\', '{', '}':
		r.byte(c)
	case '~':
		r.character('\u00A0')
	case '-':
		r.character('\u00AD')
	case '_':
		if r.native {
			r.character('\u2011')
		} else {
			// In HTML it is how the writer puts &shy; (MS-OXRTFEX 2.1.3.1.4.2).
			r.character('\u00AD')
		}
	case '\r', '\n':
		if c == '\r' && r.pos < len(r.src) && r.src[r.pos] == '\n' {
			r.pos++
		}
		r.end(writer.paragraph)
	case '\t':
		r.tab()
	}
}

func (r *reader) tab() {
	if r.skip > 0 {
		r.skip--
	} else if r.visible() {
		r.flush()
		r.describe()
		r.out.tab(&r.looks)
	}
}

func (r *reader) line() {
	if r.visible() {
		r.flush()
		r.describe()
		r.out.line(&r.looks)
	}
}

// end writes the end of a paragraph or of a table's cell.
func (r *reader) end(what func(writer, *layout)) {
	if r.visible() {
		r.flush()
		what(r.out, &r.layout)
	}
}

func (r *reader) fontName(b []byte) {
	if r.entry == nil {
		return
	}
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		b = b[:i]
		defer func() { r.entry = nil }()
	}
	b = b[:min(len(b), maxFontName-len(r.entry.name))]
	if r.entry.name == nil {
		r.entry.name = slices.Clip(b) // as a rule it is all
		return
	}
	r.entry.name = append(r.entry.name, b...)
}

// binary skips the bytes of \bin, of which there may be fewer than it says.
func (r *reader) binary() {
	r.pos += min(max(r.value(0), 0), len(r.src)-r.pos)
	r.skip = max(r.skip-1, 0)
}

// startLink begins a link, if the field whose result begins is one.
func (r *reader) startLink() {
	target, ok := hyperlink(r.instruction)
	if ok && r.visible() && r.native && !r.result {
		r.flush()
		r.result = true
		r.out.link(target)
	}
}

// hyperlink takes the target from a field's instruction: HYPERLINK "target" \l "place within it". In text, backslashes
// are doubled.
func hyperlink(instruction []byte) (target string, ok bool) {
	fields := splitInstruction(instruction)
	if len(fields) == 0 || !bytes.EqualFold(fields[0], []byte("HYPERLINK")) {
		return "", false
	}
	place := ""
	for i := 1; i < len(fields); i++ {
		switch f := fields[i]; {
		case string(f) == `\l` && i+1 < len(fields):
			i++
			place = "#" + string(fields[i])
		case (string(f) == `\o` || string(f) == `\t`) && i+1 < len(fields):
			i++
		case len(f) > 0 && f[0] != '\\' && target == "":
			target = string(bytes.ReplaceAll(f, []byte(`\\`), []byte(`\`)))
		}
	}
	target += place
	return target, target != "" && utf8.ValidString(target)
}

// splitInstruction splits at spaces, but for those within quotes.
func splitInstruction(b []byte) (fields [][]byte) {
	for {
		b = bytes.TrimLeft(b, " \t")
		if len(b) == 0 || len(fields) == 16 {
			return fields
		}
		delimiter := byte(' ')
		if b[0] == '"' {
			delimiter = '"'
			b = b[1:]
		}
		i := bytes.IndexByte(b, delimiter)
		if i < 0 {
			return append(fields, b)
		}
		fields = append(fields, b[:i])
		b = b[i+1:]
	}
}

// skipped are the destinations without \* that hold nothing to show.
var skipped = set(
	"stylesheet", "info", "pict", "filetbl", "nonshppict", "shprslt", "sp", "nonesttables", "tc", "tcn", "xe", "rxe",
	"template", "private", "bkmkstart", "bkmkend", "ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "objdata", "objclass", "objname",
	"datafield", "fontemb", "formfield", "txe", "revtbl",
)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
