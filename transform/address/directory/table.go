package directory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailmill/formats/mapi"
)

// The commands that make exports with everything in them.
const (
	exportAdvice = "Export with: Get-Recipient -ResultSize Unlimited | Select-Object DisplayName,Name,Alias,LegacyExchangeDN,PrimarySmtpAddress,ExternalEmailAddress,RecipientTypeDetails,Guid,@{n='EmailAddresses';e={$_.EmailAddresses -join ';'}} | Export-Csv users.csv -NoTypeInformation -Encoding UTF8"
	adAdvice     = "Export with: Get-ADObject -LDAPFilter '(proxyAddresses=*)' -Properties * | Select-Object displayName,mailNickname,legacyExchangeDN,mail,targetAddress,msExchRecipientTypeDetails,objectGUID,@{n='proxyAddresses';e={$_.proxyAddresses -join ';'}} | Export-Csv users.csv -NoTypeInformation -Encoding UTF8"
	mapAdvice    = "A table of two columns needs an old address, a distinguished name or a name in the first and a mail address in the second; others need a row of names: those of Export-Csv or csvde, or dn and address. " + exportAdvice
	cellAdvice   = "Put quotes around values that contain the delimiter"
)

// readTable reads a table of any dialect.
func (f *file) readTable(t *text) error {
	r := &rows{r: t.r, line: 1, comma: ','}
	var first [][]byte
	var line int
	err := f.preamble(r)
	if err == nil {
		first, line, err = f.next(r, t)
	}
	if err == io.EOF {
		return &Error{Where: f.location, What: "it is empty", Advice: exportAdvice}
	}
	if err != nil {
		return f.tableError(err)
	}
	var columns []field
	dn, address, name, known := -1, -1, -1, 0
	for i, cell := range first {
		label := fold(string(cell))
		columns = append(columns, fields[label])
		if columns[i].holdsAddresses() {
			known++
		}
		switch label {
		case "dn":
			dn = i
		case "address":
			address = i
		case "name":
			name = i
		}
	}
	switch {
	case dn >= 0 && address >= 0:
		err = f.readAnswers(r, t, len(first), dn, address, name)
	case known > 0:
		err = f.readExport(r, t, columns)
	case hasAccounts(first):
		err = f.fail(line, exportAdvice, "names of accounts are no mail addresses, and there are no others")
	case filled(first) >= 2:
		err = f.readMap(r, t, first, line)
	default:
		err = f.fail(line, mapAdvice, "it is no table of recipients; it begins with %q", clip(string(bytes.Join(first, []byte{r.comma}))))
	}
	return f.tableError(err)
}

// hasAccounts reports whether a table has accounts for addresses. They look like those, and often are, but not always.
func hasAccounts(first [][]byte) bool {
	for _, cell := range first {
		switch fold(string(cell)) {
		case "userprincipalname", "samaccountname", "windowsliveid", "microsoftonlineservicesid", "signinname":
			return true
		}
	}
	return false
}

func (f *file) tableError(err error) error {
	var row *rowError
	if errors.As(err, &row) {
		return f.fail(row.line, "", "%s", row.what)
	}
	return err
}

// preamble takes what stands before the names of the columns, and finds the delimiter.
func (f *file) preamble(r *rows) error {
	for {
		start, err := r.r.Peek(headSize)
		if len(start) == 0 {
			return err
		}
		line, _, whole := bytes.Cut(start, []byte{'\n'})
		skip := len(line)
		if whole {
			skip++
		}
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0, hasPrefixFold(line, "#type "):
		case len(line) == 5 && hasPrefixFold(line, "sep="):
			// QUIRK: Excel's own way to tell the delimiter.
			r.comma = line[4]
			r.line++
			_, err := r.r.Discard(skip)
			return err
		default:
			r.comma = delimiter(line)
			return nil
		}
		r.line++
		if _, err := r.r.Discard(skip); err != nil {
			return err
		}
	}
}

// next returns a row in UTF-8.
func (f *file) next(r *rows, t *text) ([][]byte, int, error) {
	cells, line, err := r.next()
	if err != nil {
		return nil, line, err
	}
	for i := range cells {
		_, cells[i] = t.utf8Of(nil, cells[i])
	}
	return cells, line, nil
}

func filled(cells [][]byte) int {
	for len(cells) > 0 && len(bytes.TrimSpace(cells[len(cells)-1])) == 0 {
		cells = cells[:len(cells)-1]
	}
	return len(cells)
}

// readExport reads recipients as a program exported them.
func (f *file) readExport(r *rows, t *text, columns []field) error {
	e := entry{joined: true}
	var arena []byte
	hasDN := false
	for _, c := range columns {
		hasDN = hasDN || c == fieldLegacyDN || c == fieldProxies
	}
	if !hasDN {
		f.o.notice(f.location, "there is no column LegacyExchangeDN: the recipients can be found by name only. %s", exportAdvice)
	}
	questionMarks, read, allFull := 0, 0, true
	for {
		cells, line, err := r.next()
		if err == io.EOF {
			f.whole(t)
			if questionMarks > 0 {
				f.o.notice(f.location, "%d names have a question mark in them: Windows' PowerShell writes those for letters beyond ASCII unless it is told -Encoding UTF8", questionMarks)
			}
			return f.some(exportAdvice)
		}
		if err != nil {
			return err
		}
		if n := filled(cells); n > len(columns) {
			return f.fail(line, cellAdvice, "the row has %d cells, and there are %d columns", n, len(columns))
		}
		full := len(cells) >= len(columns)
		if r.atEnd && !full && allFull && read > 0 {
			return f.fail(line, "Copy or export it again", "the file ends within this row")
		}
		read++
		allFull = allFull && full
		e.reset()
		arena = arena[:0]
		for i, cell := range cells[:min(len(cells), len(columns))] {
			c := columns[i]
			if c == fieldNone || len(cell) == 0 {
				continue
			}
			if c.holdsAddresses() {
				if err := f.checkCell(cell, line); err != nil {
					return err
				}
			}
			if c == fieldDisplay && bytes.IndexByte(cell, '?') >= 0 {
				questionMarks++
			}
			var value []byte
			arena, value = t.utf8Of(arena, cell)
			e.add(c, value)
		}
		if err := f.give(e.object(f.where(line))); err != nil {
			return err
		}
	}
}

// checkCell finds the two ways in which PowerShell writes something else than the addresses.
func (f *file) checkCell(cell []byte, line int) error {
	if cell[0] != '{' && cell[0] != 'M' && cell[0] != 'S' && cell[0] != 'D' {
		return nil
	}
	advice := exportAdvice
	if isTypeName(cell) {
		if bytes.Contains(cell, []byte("ActiveDirectory")) {
			advice = adAdvice
		}
		return f.fail(line, advice, "in place of the addresses there is the name of their .NET type, %s", clip(string(cell)))
	}
	if cell[0] == '{' && (bytes.HasSuffix(cell, []byte("...}")) || bytes.HasSuffix(cell, []byte("…}")) || bytes.HasSuffix(cell, []byte("\x85}"))) {
		return f.fail(line, advice, "PowerShell has left out some of the addresses (%q)", clip("…"+string(cell[max(0, len(cell)-40):])))
	}
	return nil
}

// isTypeName recognises "Microsoft.Exchange.Data.ProxyAddressCollection", "System.Collections.ArrayList", "System.String[]",
// "Deserialized.…" and the like.
func isTypeName(cell []byte) bool {
	cell = bytes.TrimSpace(cell)
	if !bytes.HasPrefix(cell, []byte("Microsoft.")) && !bytes.HasPrefix(cell, []byte("System.")) && !bytes.HasPrefix(cell, []byte("Deserialized.")) {
		return false
	}
	for _, c := range cell {
		if !isWordByte(c) && strings.IndexByte(".`[]_+,= ", c) < 0 {
			return false
		}
	}
	return true
}

// readAnswers reads the table that this program writes of what it found. Rows without an address are still without an
// answer.
func (f *file) readAnswers(r *rows, t *text, width, dn, address, name int) error {
	for {
		cells, line, err := f.next(r, t)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n := filled(cells); n > width {
			return f.fail(line, cellAdvice, "the row has %d cells, and there are %d columns", n, width)
		}
		cell := func(i int) string {
			if i < 0 || i >= len(cells) {
				return ""
			}
			return Undefuse(strings.TrimSpace(string(cells[i])))
		}
		obj, what := answer(cell(dn), cell(address), cell(name))
		if what != "" {
			return f.fail(line, "", "%s", what)
		}
		if obj.Fixed {
			obj.Where = f.where(line)
			if err := f.give(obj); err != nil {
				return err
			}
		}
	}
}

// answer makes an object of an answer that a person gave. Without an answer the object is not fixed; where the answer
// makes no sense, what says why.
func answer(question, address, name string) (obj Object, what string) {
	address = mapi.CleanAddress(address)
	if address == "" || strings.HasSuffix(strings.ToLower(address), ".invalid") {
		return Object{}, ""
	}
	if mapi.ShapeOf(address) != mapi.ShapeSMTP {
		return Object{}, fmt.Sprintf("%q is not a mail address", clip(address))
	}
	question = strings.TrimSpace(question)
	obj = Object{SMTP: address, Fixed: true}
	if name = strings.TrimSpace(name); name != "" {
		obj.Names = []string{name}
	}
	switch cleaned := mapi.CleanAddress(question); {
	case question == "" && name == "":
		return Object{}, fmt.Sprintf("%q answers nothing: there is neither a distinguished name nor a name", clip(address))
	case question == "":
	case mapi.ShapeOf(cleaned) == mapi.ShapeSMTP:
		obj.Other = []string{cleaned}
	default:
		if dn, ok := asDN(question); ok {
			obj.LegacyDN = dn
		} else if name == "" {
			obj.Names = []string{question}
		} else if !strings.EqualFold(name, question) {
			obj.Names = []string{question, name}
		}
	}
	return obj, ""
}

// readMap reads a table of two columns, old and new, with or without names above them.
func (f *file) readMap(r *rows, t *text, first [][]byte, line int) error {
	cells, isFirst := first, true
	for {
		question, address, ok := pair(cells, r.comma)
		switch {
		case ok:
			obj, what := answer(question, address, "")
			if what != "" {
				return f.fail(line, mapAdvice, "%s", what)
			}
			if obj.Fixed {
				obj.Where = f.where(line)
				if err := f.give(obj); err != nil {
					return err
				}
			}
		case !isFirst || filled(cells) > 2:
			return f.fail(line, mapAdvice, "%q is no pair of an old and a new address", clip(string(bytes.Join(cells, []byte{r.comma}))))
		}
		isFirst = false
		var err error
		cells, line, err = f.next(r, t)
		if err == io.EOF {
			return f.some(mapAdvice)
		}
		if err != nil {
			return err
		}
	}
}

// pair takes a row of a table with two columns apart. Distinguished names are often written without quotes in spite of
// delimiters in them.
func pair(cells [][]byte, comma byte) (question, address string, ok bool) {
	n := filled(cells)
	if n < 2 {
		// A row without an answer.
		return "", "", n == 1 && asDNOrSMTP(cells[0])
	}
	question = Undefuse(strings.TrimSpace(string(bytes.Join(cells[:n-1], []byte{comma}))))
	address = Undefuse(strings.TrimSpace(string(cells[n-1])))
	if n == 2 {
		if _, isDN := asDN(address); isDN {
			question, address = address, question // new and old
		}
	}
	_, isDN := asDN(question)
	return question, address, (n == 2 || isDN) && strings.Contains(address, "@") && question != ""
}

func asDNOrSMTP(cell []byte) bool {
	_, isDN := asDN(string(cell))
	return isDN || asSMTP(cell) != ""
}
