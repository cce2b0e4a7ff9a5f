package imaptest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// do does a command and returns its answer, without the tag. Untagged responses leave before.
func (c *conn) do(name string, args []arg) (string, error) {
	switch name {
	case "CAPABILITY":
		return "OK done", c.say("* CAPABILITY %s", c.s.caps(c.secure, c.loggedIn))
	case "NOOP", "CHECK":
		return "OK done", c.news()
	case "LOGOUT":
		return "OK bye", c.say("* BYE logging out")
	case "STARTTLS":
		if !c.s.opts.StartTLS || c.secure {
			return "BAD no", nil
		}
		return "OK begin", nil
	case "LOGIN":
		return c.login(args), nil
	case "AUTHENTICATE":
		return c.authenticate(args)
	case "ID":
		return "OK done", c.say(`* ID ("name" "imaptest")`)
	}
	if !c.loggedIn {
		return "BAD log in first", nil
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	switch name {
	case "COMPRESS":
		if !c.s.offers("COMPRESS=DEFLATE") {
			return "NO not here", nil
		}
		return "OK begin", nil
	case "ENABLE":
		return "OK done", c.say("* ENABLED")
	case "NAMESPACE":
		return "OK done", c.say("* NAMESPACE ((%s %s)) NIL NIL", quote(c.s.opts.Prefix), quote(c.s.opts.Delimiter))
	case "LIST", "LSUB":
		return c.list(name, args)
	case "CREATE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE", "STATUS", "SELECT", "EXAMINE", "GETQUOTAROOT":
		if len(args) == 0 {
			return "BAD which mailbox?", nil
		}
		return c.onMailbox(name, args[0].s, args[1:])
	case "GETQUOTA":
		return "OK done", c.quota()
	}
	if c.selected == nil {
		return "BAD unknown, or select a mailbox first: " + name, nil
	}
	return c.onSelected(name, args)
}

// onMailbox does what concerns a mailbox.
func (c *conn) onMailbox(name, wire string, args []arg) (string, error) {
	box := c.s.find(wire)
	switch {
	case name == "CREATE":
		wire = strings.TrimSuffix(wire, c.s.opts.Delimiter)
		if c.s.find(wire) != nil {
			return "NO [ALREADYEXISTS] there is one", nil
		}
		if longest := c.s.opts.LongestName; longest > 0 && len(wire) > longest {
			return "NO [CANNOT] the name is too long", nil
		}
		if (c.s.opts.Flat || c.s.opts.Silent) && strings.Contains(wire, c.s.opts.Delimiter) {
			return "NO [CANNOT] no mailbox can be within another", nil
		}
		use := ""
		if len(args) > 0 && len(args[0].list) == 2 && len(args[0].list[1].list) > 0 {
			use = args[0].list[1].list[0].s
		}
		c.s.create(wire, use)
		return "OK created", nil
	case box == nil:
		return "NO [NONEXISTENT] no such mailbox", nil
	}
	switch name {
	case "DELETE":
		delete(c.s.mailboxes, box.wire)
		return "OK deleted", nil
	case "SUBSCRIBE", "UNSUBSCRIBE":
		box.subscribed = name == "SUBSCRIBE"
		return "OK done", nil
	case "STATUS":
		if len(args) == 0 {
			return "BAD which items?", nil
		}
		return "OK done", c.status(box, args[0].strings())
	case "GETQUOTAROOT":
		if err := c.say(`* QUOTAROOT %s ""`, quote(wire)); err != nil {
			return "", err
		}
		return "OK done", c.quota()
	}
	c.selected, c.readOnly = box, name == "EXAMINE"
	flags := `\Answered \Flagged \Deleted \Seen \Draft`
	permanent := flags + ` \*`
	if c.s.opts.PermanentFlags != nil {
		permanent = strings.Join(c.s.opts.PermanentFlags, " ")
	}
	access := "READ-WRITE"
	if c.readOnly {
		access, permanent = "READ-ONLY", ""
	}
	return "OK [" + access + "] selected", c.say("* FLAGS (%s)\r\n* OK [PERMANENTFLAGS (%s)] permitted\r\n* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY %d] valid\r\n* OK [UIDNEXT %d] next",
		flags, permanent, len(box.messages), box.validity, box.next)
}

func (c *conn) quota() error {
	if c.s.opts.Quota == 0 {
		return c.say(`* QUOTA "" ()`)
	}
	return c.say(`* QUOTA "" (STORAGE %d %d)`, (c.s.used()+1023)/1024, c.s.opts.Quota/1024)
}

func (c *conn) status(box *mailbox, items []string) error {
	var parts []string
	for _, item := range items {
		item = strings.ToUpper(item)
		value := int64(0)
		switch item {
		case "MESSAGES":
			value = int64(len(box.messages))
		case "UIDNEXT":
			value = int64(box.next)
		case "UIDVALIDITY":
			value = int64(box.validity)
		case "SIZE":
			for i := range box.messages {
				value += int64(len(box.messages[i].Body))
			}
		case "APPENDLIMIT":
			value = c.s.opts.AppendLimit
		case "UNSEEN":
			for i := range box.messages {
				if !slices.Contains(box.messages[i].Flags, `\Seen`) {
					value++
				}
			}
		}
		parts = append(parts, item+" "+itoa(value))
	}
	return c.say("* STATUS %s (%s)", quote(box.wire), strings.Join(parts, " "))
}

// list lists mailboxes (RFC 3501 6.3.8, RFC 5258, RFC 5819).
func (c *conn) list(name string, args []arg) (string, error) {
	var options, returns []string
	var items []string
	if len(args) > 0 && args[0].is {
		options, args = args[0].strings(), args[1:]
	}
	if len(args) < 2 {
		return "BAD which mailboxes?", nil
	}
	patterns := []string{args[1].s}
	if args[1].is {
		patterns = args[1].strings()
	}
	if len(args) > 3 && strings.EqualFold(args[2].s, "RETURN") {
		for i, a := range args[3].list {
			if !a.is {
				returns = append(returns, strings.ToUpper(a.s))
			} else if i > 0 {
				items = a.strings()
			}
		}
	}
	delimiter := c.s.opts.Delimiter
	if slices.Equal(patterns, []string{""}) {
		return "OK done", c.say(`* %s (\Noselect) %s ""`, name, quote(delimiter))
	}
	for _, wire := range slices.Sorted(maps.Keys(c.s.mailboxes)) {
		box := c.s.mailboxes[wire]
		if !slices.ContainsFunc(patterns, func(p string) bool { return match(args[0].s+p, wire, delimiter) }) {
			continue
		}
		if (name == "LSUB" || slices.Contains(options, "SUBSCRIBED")) && !box.subscribed ||
			slices.Contains(options, "SPECIAL-USE") && box.use == "" {
			continue
		}
		attributes := []string{`\HasNoChildren`}
		for other := range c.s.mailboxes {
			if strings.HasPrefix(other, wire+delimiter) {
				attributes[0] = `\HasChildren`
			}
		}
		if c.s.opts.Flat {
			attributes[0] = `\NoInferiors`
		}
		if box.use != "" {
			attributes = append(attributes, box.use)
		}
		if box.subscribed && slices.Contains(returns, "SUBSCRIBED") {
			attributes = append(attributes, `\Subscribed`)
		}
		if err := c.say("* %s (%s) %s %s", name, strings.Join(attributes, " "), quote(delimiter), quote(wire)); err != nil {
			return "", err
		}
		if items != nil {
			if err := c.status(box, items); err != nil {
				return "", err
			}
		}
	}
	return "OK done", nil
}

// match matches a name against a pattern with * and %.
func match(pattern, name, delimiter string) bool {
	if pattern == "" {
		return name == ""
	}
	switch pattern[0] {
	case '*', '%':
		for i := 0; i <= len(name); i++ {
			if match(pattern[1:], name[i:], delimiter) {
				return true
			}
			if pattern[0] == '%' && i < len(name) && name[i:i+1] == delimiter {
				return false
			}
		}
		return false
	}
	return name != "" && name[0] == pattern[0] && match(pattern[1:], name[1:], delimiter)
}

// news tells how many messages there are.
func (c *conn) news() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.selected == nil {
		return nil
	}
	return c.say("* %d EXISTS", len(c.selected.messages))
}

// onSelected does what concerns the messages of the selected mailbox.
func (c *conn) onSelected(name string, args []arg) (string, error) {
	box := c.selected
	switch name {
	case "CLOSE", "UNSELECT":
		if name == "CLOSE" && !c.readOnly {
			box.expunge(nil)
		}
		c.selected = nil
		return "OK done", nil
	case "EXPUNGE", "UID EXPUNGE":
		if c.readOnly {
			return "NO read only", nil
		}
		wanted := func(uint32) bool { return true }
		if name == "UID EXPUNGE" {
			if len(args) == 0 {
				return "BAD which?", nil
			}
			wanted = box.set(args[0].s, true)
		}
		for _, n := range box.expunge(wanted) {
			if err := c.say("* %d EXPUNGE", n); err != nil {
				return "", err
			}
		}
		return "OK done", nil
	case "SEARCH", "UID SEARCH":
		return c.search(name == "UID SEARCH", args)
	case "FETCH", "UID FETCH", "STORE", "UID STORE":
		if len(args) < 2 {
			return "BAD what?", nil
		}
	default:
		return "BAD unknown: " + name, nil
	}
	verb, uid := strings.CutPrefix(name, "UID ")
	wanted := box.set(args[0].s, uid)
	for i := range box.messages {
		m := &box.messages[i]
		key := uint32(i + 1)
		if uid {
			key = m.UID
		}
		if !wanted(key) {
			continue
		}
		if verb == "FETCH" {
			items := args[1].strings()
			if !args[1].is {
				items = []string{args[1].s}
			}
			if uid && !slices.ContainsFunc(items, func(s string) bool { return strings.EqualFold(s, "UID") }) {
				items = append([]string{"UID"}, items...)
			}
			if err := c.fetch(i+1, m, items); err != nil {
				return "", err
			}
			continue
		}
		if c.readOnly || len(args) < 3 {
			return "NO read only", nil
		}
		if answer := c.change(m, strings.ToUpper(args[1].s), args[2].strings()); answer != "" {
			return answer, nil
		}
		if !strings.HasSuffix(strings.ToUpper(args[1].s), ".SILENT") {
			if err := c.say("* %d FETCH (UID %d FLAGS (%s))", i+1, m.UID, strings.Join(m.Flags, " ")); err != nil {
				return "", err
			}
		}
	}
	return "OK done", nil
}

// change does a STORE.
func (c *conn) change(m *Message, how string, flags []string) string {
	for _, flag := range flags {
		if !c.s.permits(flag) {
			return "NO [CANNOT] flag not permitted"
		}
	}
	same := func(flag string) func(string) bool {
		return func(other string) bool { return strings.EqualFold(flag, other) }
	}
	kept := slices.Clone(m.Flags)
	if how[0] != '+' && how[0] != '-' {
		kept = nil
	}
	for _, flag := range flags {
		kept = slices.DeleteFunc(kept, same(flag))
		if how[0] != '-' {
			kept = append(kept, flag)
		}
	}
	m.Flags = kept
	return ""
}

// expunge removes what is deleted and wanted, and returns the numbers to announce.
func (box *mailbox) expunge(wanted func(uint32) bool) []int {
	var numbers []int
	kept := box.messages[:0:0]
	for i, m := range box.messages {
		deleted := slices.ContainsFunc(m.Flags, func(f string) bool { return strings.EqualFold(f, `\Deleted`) })
		if deleted && (wanted == nil || wanted(m.UID)) {
			numbers = append(numbers, i+1-len(numbers))
			continue
		}
		kept = append(kept, m)
	}
	box.messages = kept
	return numbers
}

// set makes a test of a sequence set: 1:3,5,7:*.
func (box *mailbox) set(s string, uid bool) func(uint32) bool {
	largest := uint32(len(box.messages))
	if uid && largest > 0 {
		largest = box.messages[largest-1].UID
	}
	number := func(s string) uint32 {
		if s == "*" {
			return largest
		}
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return 0
		}
		return uint32(n)
	}
	type span struct{ from, to uint32 }
	var spans []span
	for part := range strings.SplitSeq(s, ",") {
		from, to, ranged := strings.Cut(part, ":")
		if !ranged {
			to = from
		}
		a, b := number(from), number(to)
		spans = append(spans, span{min(a, b), max(a, b)})
	}
	return func(n uint32) bool {
		return slices.ContainsFunc(spans, func(s span) bool { return s.from <= n && n <= s.to })
	}
}

// fetch sends a message's items.
func (c *conn) fetch(number int, m *Message, items []string) error {
	if err := c.print("* %d FETCH (", number); err != nil {
		return err
	}
	for i, item := range items {
		if i > 0 {
			if err := c.print(" "); err != nil {
				return err
			}
		}
		if err := c.item(m, item); err != nil {
			return err
		}
	}
	return c.say(")")
}

func (c *conn) print(format string, args ...any) error {
	_, err := fmt.Fprintf(c.bw, format, args...)
	return err
}

func (c *conn) item(m *Message, item string) error {
	switch upper := strings.ToUpper(item); {
	case upper == "UID":
		return c.print("UID %d", m.UID)
	case upper == "FLAGS":
		return c.print("FLAGS (%s)", strings.Join(m.Flags, " "))
	case upper == "INTERNALDATE":
		return c.print("INTERNALDATE %s", quote(m.Date.Format("02-Jan-2006 15:04:05 -0700")))
	case upper == "RFC822.SIZE":
		return c.print("RFC822.SIZE %d", len(m.Body))
	case strings.HasPrefix(upper, "BODY"):
		return c.section(m, item)
	}
	return c.print("%s NIL", item)
}

// section sends BODY[…]<…>, as far as anybody here asks for it.
func (c *conn) section(m *Message, item string) error {
	_, inner, _ := strings.Cut(item, "[")
	inner, partial, _ := strings.Cut(inner, "]")
	header, text := m.Body, []byte(nil)
	if i := bytes.Index(m.Body, []byte("\r\n\r\n")); i >= 0 {
		header, text = m.Body[:i+4], m.Body[i+4:]
	}
	var data []byte
	kind, fields, _ := strings.Cut(strings.ToUpper(inner), " ")
	switch kind {
	case "":
		data = m.Body
	case "HEADER":
		data = header
	case "TEXT":
		data = text
	case "HEADER.FIELDS":
		data = pick(header, strings.Fields(strings.Trim(fields, "()")))
	}
	name := "BODY[" + inner + "]"
	if origin, count, ok := strings.Cut(strings.Trim(partial, "<>"), "."); ok {
		from, err := strconv.Atoi(origin)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(count)
		if err != nil {
			return err
		}
		data = data[min(from, len(data)):min(from+n, len(data))]
		name += "<" + origin + ">"
	}
	if err := c.print("%s {%d}\r\n", name, len(data)); err != nil {
		return err
	}
	_, err := c.bw.Write(data)
	return err
}

// pick returns some fields of a header, and the empty line.
func pick(header []byte, names []string) []byte {
	var picked []byte
	take := false
	for line := range bytes.Lines(header) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			take = slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(strings.Trim(s, `"`), string(name)) })
		}
		if take {
			picked = append(picked, line...)
		}
	}
	return append(picked, "\r\n"...)
}

// search knows ALL, a set, UID with one, and HEADER.
func (c *conn) search(uid bool, args []arg) (string, error) {
	box := c.selected
	var found []string
	extended := len(args) > 1 && strings.EqualFold(args[0].s, "RETURN")
	if extended {
		args = args[2:]
	}
	for i := range box.messages {
		m := &box.messages[i]
		ok := true
		for rest := args; ok && len(rest) > 0; {
			switch key := strings.ToUpper(rest[0].s); {
			case key == "HEADER" && len(rest) > 2:
				ok = bytes.Contains(pick(m.Body, []string{rest[1].s}), []byte(rest[2].s))
				rest = rest[3:]
			case key == "UID" && len(rest) > 1:
				ok = box.set(rest[1].s, true)(m.UID)
				rest = rest[2:]
			case key == "ALL":
				rest = rest[1:]
			case key != "" && (key[0] == '*' || '0' <= key[0] && key[0] <= '9'):
				ok = box.set(key, false)(uint32(i + 1))
				rest = rest[1:]
			default:
				return "BAD cannot search for " + key, nil
			}
		}
		if ok && uid {
			found = append(found, itoa(int64(m.UID)))
		} else if ok {
			found = append(found, strconv.Itoa(i+1))
		}
	}
	if !extended {
		return "OK done", c.say("%s", strings.TrimRight("* SEARCH "+strings.Join(found, " "), " "))
	}
	kind := ""
	if uid {
		kind = " UID"
	}
	if len(found) > 0 {
		kind += " ALL " + strings.Join(found, ",")
	}
	return "OK done", c.say("* ESEARCH%s", kind)
}
