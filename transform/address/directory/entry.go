package directory

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"mailmill/formats/mapi"
)

// field is what a column, an attribute or a key means.
type field uint8

const (
	fieldNone field = iota
	fieldDN         // the directory's own name of the object
	fieldLegacyDN
	fieldProxies // addresses with prefixes: any number, in one value or several
	fieldPrimary // the primary mail address
	fieldMail    // the mail address, primary if nothing else is
	fieldOther   // further mail addresses
	fieldTarget  // where mail goes that leaves the organisation
	fieldDisplay
	fieldName
	fieldAlias
	fieldGiven
	fieldSurname
	fieldClass
	fieldGUID
	fieldDisplayType
	fieldDetails
	fieldRecipientType
	numFields
)

// fields are the names of attributes in LDAP schemas, of properties in PowerShell and of columns in exports, in lower
// case, with letters and digits only. Together they have one meaning each.
var fields = map[string]field{
	"dn":                         fieldDN,
	"distinguishedname":          fieldDN,
	"legacyexchangedn":           fieldLegacyDN,
	"emailaddresses":             fieldProxies, // PowerShell; "E-mail Addresses" of Exchange 5.5
	"proxyaddresses":             fieldProxies,
	"x500addresses":              fieldProxies,
	"x500":                       fieldProxies,
	"primarysmtpaddress":         fieldPrimary,
	"mail":                       fieldMail,
	"windowsemailaddress":        fieldMail,
	"emailaddress":               fieldMail,  // Get-ADUser; "E-mail address" of Exchange 5.5
	"maillocaladdress":           fieldOther, // RFC draft laser, Sendmail
	"mailalternateaddress":       fieldOther, // qmail, Netscape
	"mailalternativeaddress":     fieldOther,
	"targetaddress":              fieldTarget,
	"externalemailaddress":       fieldTarget,
	"displayname":                fieldDisplay,
	"cn":                         fieldName,
	"commonname":                 fieldName,
	"name":                       fieldName,
	"simpledisplayname":          fieldName,
	"displaynameprintable":       fieldName,
	"alias":                      fieldAlias,
	"aliasname":                  fieldAlias,
	"mailnickname":               fieldAlias,
	"givenname":                  fieldGiven,
	"firstname":                  fieldGiven,
	"sn":                         fieldSurname,
	"surname":                    fieldSurname,
	"lastname":                   fieldSurname,
	"objectclass":                fieldClass,
	"objclass":                   fieldClass,
	"objectguid":                 fieldGUID,
	"guid":                       fieldGUID,
	"msexchrecipientdisplaytype": fieldDisplayType,
	"msexchrecipienttypedetails": fieldDetails,
	"recipienttypedetails":       fieldDetails,
	"recipienttype":              fieldRecipientType,
}

// attributes are what an LDAP server is asked for.
var attributes = []string{
	"legacyExchangeDN", "proxyAddresses", "mail", "mailLocalAddress", "mailAlternateAddress", "targetAddress",
	"mailNickname", "displayName", "displayNamePrintable", "cn", "givenName", "sn", "objectClass", "objectGUID",
	"msExchRecipientDisplayType", "msExchRecipientTypeDetails",
}

// fieldOf returns the meaning of a name.
func fieldOf(name string) field { return fields[fold(name)] }

// fold brings names of columns into the form of [fields].
func fold(name string) string {
	plain := true
	for i := range len(name) {
		if c := name[i]; c < '0' || c > '9' && c < 'a' || c > 'z' {
			plain = false
		}
	}
	if plain {
		return name
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
}

// holdsAddresses reports whether a field can tell how somebody is reached.
func (f field) holdsAddresses() bool { return f >= fieldLegacyDN && f <= fieldTarget }

// entry collects the values of an object, in UTF-8. It is used again and again.
type entry struct {
	values [numFields][][]byte
	// joined is set where several proxy addresses can stand in one value, as they do in tables.
	joined bool
	// names and others are scratch.
	names, others []string
}

func (e *entry) reset() {
	for i := range e.values {
		e.values[i] = e.values[i][:0]
	}
}

func (e *entry) add(f field, value []byte) {
	if f != fieldGUID { // which can be binary
		value = bytes.TrimSpace(value)
	}
	if len(value) > 0 && f != fieldNone {
		e.values[f] = append(e.values[f], value)
	}
}

func (e *entry) first(f field) []byte {
	if len(e.values[f]) > 0 {
		return e.values[f][0]
	}
	return nil
}

// object makes the object. It refers to none of the entry's bytes.
func (e *entry) object(where string) Object {
	obj := Object{Where: where, GUID: guid(e.first(fieldGUID)), Type: e.recipientType()}
	if dn, ok := asDN(string(e.first(fieldLegacyDN))); ok {
		obj.LegacyDN = dn
	}

	var primary, secondary string
	e.others = e.others[:0]
	smtp := func(isPrimary bool, value []byte) {
		addr := asSMTP(value)
		switch {
		case addr == "":
			// QUIRK: administrators who find IMCEAEX addresses in bounces add them as they stand, for SMTP addresses.
			if dn, ok := asDN(string(value)); ok {
				obj.X500 = append(obj.X500, dn)
			}
			return
		case isPrimary && primary == "":
			primary = addr
			return
		case secondary == "":
			secondary = addr
		}
		e.others = append(e.others, addr)
	}
	for _, value := range e.values[fieldProxies] {
		eachProxy(value, e.joined, func(prefix, addr []byte) {
			switch {
			case len(prefix) == 0 && len(addr) > 0 && addr[0] == '/', equalFold(prefix, "x500"), equalFold(prefix, "ex"):
				if dn, ok := asDN(string(addr)); ok {
					obj.X500 = append(obj.X500, dn)
				}
			case len(prefix) == 0, equalFold(prefix, "smtp"):
				// The case of the prefix is what tells the primary address from the others.
				smtp(string(prefix) == "SMTP", addr)
			}
		})
	}
	for _, value := range e.values[fieldOther] {
		smtp(false, value)
	}

	// A directory without proxy addresses has several values of mail, the first of which is the one to use.
	candidates := [...]string{asSMTP(e.first(fieldPrimary)), primary, asSMTP(e.first(fieldMail)), asSMTP(e.first(fieldTarget)), secondary}
	for _, c := range candidates {
		if c != "" {
			obj.SMTP = c
			break
		}
	}
	if primary != "" {
		e.others = append(e.others, primary)
	}
	if len(e.values[fieldProxies]) == 0 {
		for _, value := range e.values[fieldMail] {
			if addr := asSMTP(value); addr != "" {
				e.others = append(e.others, addr)
			}
		}
	}
	for i, addr := range e.others {
		if !strings.EqualFold(addr, obj.SMTP) && (i < 100 && !containsFold(obj.Other, addr) || i >= 100) {
			obj.Other = append(obj.Other, addr)
		}
	}
	obj.Names = e.allNames()
	return obj
}

func (e *entry) allNames() []string {
	e.names = e.names[:0]
	add := func(name string) {
		if name = strings.TrimSpace(name); name != "" && len(name) <= maxName && len(e.names) < 20 && !containsFold(e.names, name) {
			e.names = append(e.names, name)
		}
	}
	for _, f := range [...]field{fieldDisplay, fieldName} {
		for _, v := range e.values[f] {
			add(string(v))
		}
	}
	if given, surname := e.first(fieldGiven), e.first(fieldSurname); given != nil && surname != nil {
		add(string(given) + " " + string(surname))
	}
	for _, v := range e.values[fieldAlias] {
		add(string(v))
	}
	return append([]string(nil), e.names...)
}

func containsFold(list []string, s string) bool {
	for _, in := range list {
		if strings.EqualFold(in, s) {
			return true
		}
	}
	return false
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

func equalFold(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(string(b), s) }

// What is longer is no address and no name, whatever else it may be.
const (
	maxAddress = 2048
	maxDN      = 8192 // encapsulated, a letter may take three bytes
	maxName    = 1024
)

// asDN returns the distinguished name that a text is or encapsulates.
func asDN(s string) (string, bool) {
	if len(s) > maxDN {
		return "", false
	}
	s = mapi.CleanAddress(s)
	switch mapi.ShapeOf(s) {
	case mapi.ShapeDN:
		// "o=" at the start is what X.400 and LDAP names may begin with too.
		if s[0] == '/' && utf8.ValidString(s) {
			return s, true
		}
	case mapi.ShapeIMCEA:
		if typ, inner, _, ok := mapi.DecodeIMCEA(s); ok && strings.EqualFold(typ, "EX") && mapi.IsDN(inner) && utf8.ValidString(inner) {
			return inner, true
		}
	}
	return "", false
}

// asSMTP returns the mail address that a text is, and "" where it is none.
func asSMTP(b []byte) string {
	if len(b) > maxAddress || bytes.IndexByte(b, '@') < 0 {
		return ""
	}
	s := mapi.CleanAddress(string(b))
	if mapi.ShapeOf(s) != mapi.ShapeSMTP {
		return ""
	}
	return s
}

// separators stand between addresses that were joined, and around them.
const separators = " \t\r\n,;|%{}\"'"

// knownPrefixes are the types of proxy addresses that begin a new address wherever they stand.
var knownPrefixes = [...]string{"smtp", "x500", "x400", "sip", "eum", "spo", "ms", "ccmail", "notes", "fax", "ex"}

// eachProxy calls f for every address of a value with its prefix, which is empty where there is none. Addresses are told
// apart by the prefixes and not by what separates them, as names contain blanks, commas and semicolons.
func eachProxy(value []byte, joined bool, f func(prefix, addr []byte)) {
	if !joined {
		prefix, addr, ok := bytes.Cut(value, []byte{':'})
		if !ok || !isWord(prefix) {
			prefix, addr = nil, value
		}
		f(prefix, bytes.TrimSpace(addr))
		return
	}
	var prefix []byte
	start := 0
	flush := func(end int) {
		addr := bytes.Trim(value[start:end], separators)
		if len(addr) == 0 {
			return
		}
		if equalFold(prefix, "x500") || equalFold(prefix, "ex") {
			if addr = beforeUnknown(addr); bytes.IndexByte(addr, '\\') >= 0 {
				addr = bytes.ReplaceAll(addr, []byte(`\;`), []byte(`;`)) // of csvde
			}
			f(prefix, addr)
			return
		}
		// No other address that matters can contain what separates them. Without prefixes each is one of its own.
		for len(addr) > 0 {
			one := addr
			if i := endOf(addr); i >= 0 {
				one, addr = addr[:i], bytes.TrimLeft(addr[i:], separators)
			} else {
				addr = nil
			}
			f(prefix, one)
			if len(prefix) > 0 {
				return
			}
		}
	}
	for i, c := range value {
		if c != ':' {
			continue
		}
		from := wordBefore(value, i)
		if from < start || !isKnown(value[from:i]) {
			continue
		}
		flush(from)
		prefix, start = value[from:i], i+1
	}
	flush(len(value))
}

// endOf returns where an address without a prefix, or a mail address, ends and something else begins, or -1.
func endOf(b []byte) int {
	if b[0] == '/' {
		for i, c := range b {
			if strings.IndexByte(",;|%\n", c) >= 0 && hasPrefixFold(bytes.TrimLeft(b[i:min(i+8, len(b))], separators), "/o=") {
				return i
			}
		}
		return -1
	}
	quoted, inDomain := false, false
	for i, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '@':
			inDomain = inDomain || !quoted
		case !quoted && strings.IndexByte(separators, c) >= 0 && c != '\'' && c != '{' && c != '}' && c != '%' && c != '|':
			return i
		case inDomain && (c == '%' || c == '|' || c == '}'):
			// These are legal in local parts, and in no domain.
			return i
		}
	}
	return -1
}

// beforeUnknown cuts a name where an address of a type begins that nobody has heard of: ";GWISE:".
func beforeUnknown(addr []byte) []byte {
	for i, c := range addr {
		if c != ':' {
			continue
		}
		from := wordBefore(addr, i)
		before := bytes.TrimRight(addr[:from], " ")
		if len(before) > 0 && i-from >= 2 && strings.IndexByte(",;|%", before[len(before)-1]) >= 0 {
			return bytes.TrimRight(before, separators)
		}
	}
	return addr
}

// wordBefore returns where the letters and digits before position i begin, and i if that is not where a prefix could.
func wordBefore(b []byte, i int) int {
	from := i
	for from > 0 && i-from < 16 && isWordByte(b[from-1]) {
		from--
	}
	if from > 0 && strings.IndexByte(separators, b[from-1]) < 0 {
		return i
	}
	return from
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isWord(b []byte) bool {
	for _, c := range b {
		if !isWordByte(c) {
			return false
		}
	}
	return len(b) > 0
}

func isKnown(word []byte) bool {
	for _, p := range knownPrefixes {
		if equalFold(word, p) {
			return true
		}
	}
	return false
}

// guid reads an objectGUID: 16 bytes (MS-DTYP 2.3.4.2), X'…' of csvde, or its usual notation.
func guid(b []byte) string {
	var raw [16]byte
	switch n := len(b); {
	case n == 16:
		copy(raw[:], b)
	case n == 35 && (b[0] == 'X' || b[0] == 'x') && b[1] == '\'' && b[n-1] == '\'':
		if _, err := hex.Decode(raw[:], b[2:n-1]); err != nil {
			return ""
		}
	default:
		return notation(bytes.Trim(b, "{}"))
	}
	// The first three groups are little-endian.
	for _, swap := range [...][2]int{{0, 3}, {1, 2}, {4, 5}, {6, 7}} {
		raw[swap[0]], raw[swap[1]] = raw[swap[1]], raw[swap[0]]
	}
	var digits [32]byte
	hex.Encode(digits[:], raw[:])
	return notation(digits[:])
}

// notation brings the 32 digits of a GUID into the usual form, and returns "" for anything else.
func notation(digits []byte) string {
	var out [36]byte
	n := 0
	for _, c := range digits {
		if c == '-' {
			continue
		}
		if c >= 'A' && c <= 'F' {
			c += 'a' - 'A'
		}
		if n == len(out) || (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
		if n == 8 || n == 13 || n == 18 || n == 23 {
			out[n] = '-'
			n++
		}
		out[n] = c
		n++
	}
	if n < len(out) {
		return ""
	}
	return string(out[:])
}

// recipientType decides by the most exact of what the directory tells.
func (e *entry) recipientType() Type {
	if t := typeByDetails(string(e.first(fieldDetails))); t != Unknown {
		return t
	}
	if b := e.first(fieldDisplayType); b != nil {
		if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
			return typeByDisplay(uint32(n))
		}
	}
	if t := typeByDetails(string(e.first(fieldRecipientType))); t != Unknown {
		return t
	}
	t := Unknown
	for _, v := range e.values[fieldClass] {
		for class := range bytes.SplitSeq(v, []byte{';'}) {
			switch strings.ToLower(string(bytes.TrimSpace(class))) {
			case "group", "msexchdynamicdistributionlist", "groupofnames", "groupofuniquenames", "mailgroup", "nismailalias", "dl", "distribution list":
				return Group
			case "publicfolder", "public folder":
				return PublicFolder
			case "contact", "remote":
				return Contact
			case "user", "inetorgperson", "mailbox", "organizationalperson", "person", "inetlocalmailrecipient":
				// Contacts are persons as well; what is more exact may come after it.
				t = User
			}
		}
	}
	return t
}

// typeByDetails reads RecipientTypeDetails or RecipientType, in words as PowerShell has them, or as the number that is in
// the directory (msExchRecipientTypeDetails).
func typeByDetails(s string) Type {
	if s == "" {
		return Unknown
	}
	if s[0] >= '0' && s[0] <= '9' || s[0] == '-' {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return Unknown
		}
		for _, d := range details {
			if n&d.bits != 0 {
				return d.t
			}
		}
		return Unknown
	}
	s = strings.ToLower(s)
	switch {
	case strings.Contains(s, "publicfolder") && !strings.Contains(s, "mailbox"):
		return PublicFolder
	case strings.Contains(s, "roommailbox"):
		return Room
	case strings.Contains(s, "equipmentmailbox"):
		return Equipment
	case strings.Contains(s, "group"), s == "roomlist":
		return Group
	case strings.Contains(s, "contact"):
		return Contact
	case strings.Contains(s, "mailbox"), strings.Contains(s, "user"):
		return User
	}
	return Unknown
}

// details are the values of msExchRecipientTypeDetails, a bit each.
var details = [...]struct {
	bits int64
	t    Type
}{
	{1<<4 | 1<<33 | 1<<41, Room}, // RoomMailbox, RemoteRoomMailbox, LinkedRoomMailbox
	{1<<5 | 1<<34, Equipment},    // EquipmentMailbox, RemoteEquipmentMailbox
	{1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<18 | 1<<19 | 1<<20 | 1<<28 | 1<<30 | 1<<40 | 1<<43, Group}, // mail-enabled and other groups, room lists, GroupMailbox
	{1<<6 | 1<<15 | 1<<17, Contact}, // MailContact, MailForestContact, Contact
	{1 << 12, PublicFolder},         // PublicFolder
	{1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<7 | 1<<16 | 1<<21 | 1<<25 | 1<<31 | 1<<35 | 1<<37 | 1<<38 | 1<<45, User}, // mailboxes of people, shared and remote ones, MailUser, GuestMailUser
}

// typeByDisplay reads msExchRecipientDisplayType and PidTagDisplayTypeEx (MS-OXOABK 2.2.3.12): the low byte is the type
// here, the next one the type in the forest that the object comes from, which counts where the highest bit is set.
func typeByDisplay(n uint32) Type {
	t := n & 0xFF
	if n&0x80000000 != 0 {
		t = n >> 8 & 0xFF
	}
	switch t {
	case 0:
		return User
	case 1, 3, 5, 9:
		return Group
	case 2:
		return PublicFolder
	case 6:
		return Contact
	case 7:
		return Room
	case 8:
		return Equipment
	}
	return Unknown
}
