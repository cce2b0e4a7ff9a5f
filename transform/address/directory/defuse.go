package directory

// Defuse returns a text as a cell of a table that people open in a spreadsheet. There what begins with "=", "+", "-",
// "@", a tab or a line end is taken for a formula, and run; an apostrophe before it prevents that. [Undefuse] takes it
// away again.
func Defuse(s string) string {
	if isFormula(s) {
		return "'" + s
	}
	return s
}

// Undefuse is the inverse of [Defuse], for every text.
func Undefuse(s string) string {
	if len(s) > 1 && s[0] == '\'' && isFormula(s[1:]) {
		return s[1:]
	}
	return s
}

// isFormula counts apostrophes to the formula after them, so that nothing loses one that it had before.
func isFormula(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case '\'':
		case '=', '+', '-', '@', '\t', '\r', '\n':
			return true
		default:
			return false
		}
	}
	return false
}
