package rtf

import (
	"slices"
	"strconv"

	"mailmill/formats/codepage"
)

// control obeys a control word. Where star is set, \* stands before it: a word that is not known then means that its
// group is to be skipped.
func (r *reader) control(star bool) {
	if r.dest == destSkip {
		switch string(r.word) {
		case "bin":
			r.binary()
		case "ud":
			// The Unicode one of the two groups of \upr is shown, unless what holds both is not.
			if star && len(r.stack) > 1 && r.stack[len(r.stack)-1].dest == destBody {
				r.dest = destBody
			}
		case "result":
			// What an object that cannot be shown has instead.
			if r.native && len(r.stack) > 1 && r.stack[len(r.stack)-2].dest == destBody {
				r.dest = destBody
			}
		}
		return
	}
	if r.dest == destFonts {
		r.fontControl(star)
		return
	}
	if r.dest == destColors {
		switch v := uint8(r.value(0)); string(r.word) {
		case "red":
			r.mixed.r, r.mixed.set = v, true
		case "green":
			r.mixed.g, r.mixed.set = v, true
		case "blue":
			r.mixed.b, r.mixed.set = v, true
		}
		return
	}
	if r.characterControl() || r.destinationControl(star) || r.native && r.formatControl() {
		return
	}
	if star {
		r.dest = destSkip
	}
}

// setPage makes cp the document's code page.
func (r *reader) setPage(cp int) { r.ansi, r.known = cp, false }

// fontControl obeys the words of the font table.
func (r *reader) fontControl(star bool) {
	r.known = false
	switch string(r.word) {
	case "f":
		n := r.value(0)
		r.entry = &font{charset: -1}
		r.fonts[n] = r.entry
	case "fcharset":
		if r.entry != nil {
			r.entry.charset = r.value(0)
		}
	case "cpg":
		if r.entry != nil {
			r.entry.page = r.value(0)
		}
	case "bin":
		r.binary()
	default:
		if star || string(r.word) == "fontemb" || string(r.word) == "fontfile" {
			r.dest = destSkip
		}
	}
}

// characterControl obeys the words that stand for characters or for the ends of something.
func (r *reader) characterControl() bool {
	switch string(r.word) {
	case "u":
		r.unit(r.value(0))
	case "uc":
		r.unicode = min(max(r.value(1), 0), 1<<10)
	case "bin":
		r.binary()
	case "tab":
		r.tab()
	case "par", "sect", "page":
		r.end(writer.paragraph)
	case "line", "lbr", "softline", "column":
		r.line()
	case "cell":
		r.end(writer.cell)
	case "row":
		if r.visible() {
			r.flush()
			r.out.row()
		}
	case "nestcell":
		r.tab()
	case "nestrow":
		r.line()
	case "lquote":
		r.character('‘')
	case "rquote":
		r.character('’')
	case "ldblquote":
		r.character('“')
	case "rdblquote":
		r.character('”')
	case "bullet":
		r.character('•')
	case "endash":
		r.character('–')
	case "emdash":
		r.character('—')
	case "emspace":
		r.character('\u2003')
	case "enspace":
		r.character('\u2002')
	case "qmspace":
		r.character('\u2005')
	case "zwbo":
		r.character('\u200B')
	case "zwnbo":
		r.character('\u2060')
	case "zwj":
		r.character('\u200D')
	case "zwnj":
		r.character('\u200C')
	case "ltrmark":
		r.character('\u200E')
	case "rtlmark":
		r.character('\u200F')
	default:
		return false
	}
	return true
}

// destinationControl obeys the words that say what a group is for, and those that say how its bytes are to be read.
func (r *reader) destinationControl(star bool) bool {
	switch string(r.word) {
	case "ansi":
		r.setPage(1252)
	case "mac":
		r.setPage(10000)
	case "pc":
		r.setPage(437)
	case "pca":
		r.setPage(850)
	case "ansicpg":
		// UTF-16 cannot be meant, as RTF is made of bytes.
		if cp := r.value(0); codepage.Known(cp) && cp != codepage.UTF16LE && cp != codepage.UTF16BE {
			r.setPage(cp)
		}
	case "deff":
		r.defaultFont, r.known = r.value(0), false
	case "f":
		r.font = r.value(0)
	case "plain":
		r.format = format{font: -1}
	case "htmlrtf":
		if !r.native {
			r.suppress = r.value(1) != 0
		}
	case "htmltag":
		if r.native || r.doc.Kind != FromHTML {
			r.dest = destSkip
		} else {
			r.original = true
		}
	case "mhtmltag":
		// MS-OXRTFEX 2.1.3.1.5: a copy of a tag whose links Outlook rewrote.
		r.dest = destSkip
	case "fonttbl":
		r.dest = destFonts
	case "colortbl":
		r.dest, r.colors, r.mixed = destColors, nil, rgb{}
	case "upr":
		r.alternate = true
	case "ud":
	case "field":
		r.field = true
		r.instruction = r.instruction[:0]
	case "fldinst":
		r.flush()
		r.dest = destInstruction
	case "fldrslt":
		r.startLink()
	case "object":
		r.dest = destSkip
	case "objattph":
		r.attach()
	case "shpinst", "shptxt", "nesttableprops", "shppict", "do", "dptxbxtext":
		if !r.native {
			r.dest = destSkip
		}
	case "pntext", "listtext":
		// The numbers of lists, for readers that do not count themselves. HTML has list items instead.
		if !r.native && r.doc.Kind == FromHTML {
			r.dest = destSkip
		}
	case "footnote":
		if !r.native {
			r.dest = destSkip
		} else if r.visible() && !r.note {
			r.flush()
			r.note = true
			r.footnotes++
			r.out.note()
		}
	case "chftn":
		if r.native && r.visible() {
			r.footnoteMark()
		}
	case "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf":
		if !r.native {
			r.dest = destSkip
		} else {
			r.section = r.visible()
		}
	default:
		if !skipped[string(r.word)] {
			return false
		}
		r.dest = destSkip
	}
	return true
}

// footnoteMark writes the number of a footnote: within it that of the current one, and before it that of the next.
func (r *reader) footnoteMark() {
	n := r.footnotes
	if !r.note && !slices.ContainsFunc(r.stack, func(s state) bool { return s.note }) {
		n++
	}
	r.flush()
	r.describe()
	r.out.text(strconv.AppendInt([]byte{'['}, int64(n), 10), &r.looks)
	r.out.text([]byte{']'}, &r.looks)
}

func (r *reader) attach() {
	// Encapsulated HTML refers to its attachments itself.
	if !r.native || !r.visible() {
		return
	}
	r.flush()
	r.describe()
	r.body.Attachments++
	name := ""
	if r.doc.Attachment != nil {
		name = r.doc.Attachment(r.body.Attachments)
	}
	r.out.attachment(r.body.Attachments, name, &r.looks)
}

// formatControl obeys the words that say how text looks.
func (r *reader) formatControl() bool {
	on := r.value(1) != 0
	switch string(r.word) {
	case "b":
		r.bold = on
	case "i":
		r.italic = on
	case "ul", "uld", "uldb", "ulw", "uldash", "uldashd", "uldashdd", "ulth", "ulwave":
		r.underline = on
	case "ulnone":
		r.underline = false
	case "strike", "striked":
		r.strike = on
	case "super":
		r.shift = 0
		if on {
			r.shift = 1
		}
	case "sub":
		r.shift = 0
		if on {
			r.shift = -1
		}
	case "nosupersub":
		r.shift = 0
	case "v":
		r.hidden = on
	case "deleted":
		r.deleted = on
	case "caps":
		r.capitals = on
	case "fs":
		r.size = r.value(24)
	case "cf":
		r.color = 0
		if n := r.value(0); n > 0 {
			r.color = n + 1
		}
	case "highlight", "cb", "chcbpat":
		r.highlight = 0
		if n := r.value(0); n > 0 {
			r.highlight = n + 1
		}
	case "pard":
		r.layout = layout{}
	case "intbl":
		r.inTable = true
	case "ql":
		r.align = 0
	case "qc":
		r.align = 'c'
	case "qr":
		r.align = 'r'
	case "qj":
		r.align = 'j'
	case "li":
		r.indent = r.value(0)
	default:
		return false
	}
	return true
}
