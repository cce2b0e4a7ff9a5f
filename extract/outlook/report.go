package outlook

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// report makes a delivery or read report's root: multipart/report with a text, the fields that a program reads, and
// the mail that it is about (MS-OXCMAIL 2.1.3.6; RFC 3464, RFC 8098). It is false for messages that are no reports.
func (m *message) report(mail *formats.Mail, attachments []*attachment) bool {
	if !isClass(m.class, "REPORT") {
		return false
	}
	kind := strings.ToUpper(m.class)
	var machine *formats.Part
	var reportType, text string
	switch {
	case strings.HasSuffix(kind, ".IPNRN"), strings.HasSuffix(kind, ".IPNNRN"):
		reportType = "disposition-notification"
		read := strings.HasSuffix(kind, ".IPNRN")
		machine, text = m.readNotification(mail, read)
	default:
		action := ""
		for _, a := range actions {
			if strings.HasSuffix(kind, a.class) {
				action = a.action
				break
			}
		}
		if action == "" {
			return false
		}
		reportType = "delivery-status"
		machine, text = m.deliveryStatus(action)
	}
	if !m.storedText && m.html == nil && m.blankText() {
		if s := m.string(mapi.PidTagReportText); strings.TrimSpace(s) != "" {
			text = s
		}
		m.text = textPart("text/plain", text)
	}
	var files []*attachment
	var original *formats.Part
	for _, a := range attachments {
		if original == nil && a.part.Message != nil {
			original = a.part
			continue
		}
		files = append(files, a)
	}
	if original == nil {
		original = m.originalHeader()
	}
	parts := []*formats.Part{m.tree(files), machine}
	if original != nil {
		parts = append(parts, original)
	}
	mail.Root = &formats.Part{Type: "multipart/report", Params: []formats.Param{{Name: "report-type", Value: reportType}}, Parts: parts}
	return true
}

// isReport reports whether a class is that of a report which becomes one.
func isReport(class string) bool {
	if !isClass(class, "REPORT") {
		return false
	}
	for _, a := range actions {
		if hasSuffixFold(class, a.class) {
			return true
		}
	}
	return hasSuffixFold(class, ".IPNRN") || hasSuffixFold(class, ".IPNNRN")
}

// actions are the classes of delivery reports and what they say (RFC 3464 2.3.3). The longer come first.
var actions = [...]struct{ class, action string }{
	{".EXPANDED.DR", "expanded"},
	{".RELAYED.DR", "relayed"},
	{".DELAYED.DR", "delayed"},
	{".NDR", "failed"},
	{".DR", "delivered"},
}

// fields is a block of fields of a report. The addresses in it are put in when it is read: until then they may be
// resolved.
type fields struct {
	b      strings.Builder // what follows the last of those named
	before []string        // what stands before each of those named
	named  []person
}

// recipient adds a field that names a recipient.
func (f *fields) recipient(name string, p person) {
	f.before = append(f.before, f.b.String()+name+": ")
	f.named = append(f.named, p)
	f.b.Reset()
	f.b.WriteString("\r\n")
}

// Open implements [formats.Content].
func (f *fields) Open() (io.ReadCloser, error) {
	var b strings.Builder
	for i, p := range f.named {
		b.WriteString(f.before[i])
		b.WriteString(encodedWords(oneLine(recipient(p))))
	}
	b.WriteString(f.b.String())
	return io.NopCloser(strings.NewReader(b.String())), nil
}

// add adds a field. RFC 3464 2.1.1 wants 7 bits; comments and text may have encoded words.
func (f *fields) add(name, value string) {
	if value = oneLine(value); value == "" {
		return
	}
	f.b.WriteString(name)
	f.b.WriteString(": ")
	f.b.WriteString(encodedWords(value))
	f.b.WriteString("\r\n")
}

// encodedWords folds a value and encodes the words in it that are not ASCII.
func encodedWords(s string) string {
	var b strings.Builder
	col := 20 // room for the field's name
	for i, w := range strings.Fields(s) {
		if !isASCII(w) {
			w = strings.ReplaceAll(phrase(w), " ", "\r\n ")
		}
		if i > 0 {
			if col+len(w) > 76 {
				b.WriteString("\r\n ")
				col = 1
			} else {
				b.WriteByte(' ')
				col++
			}
		}
		for len(w) > 900 {
			b.WriteString(w[:900])
			b.WriteString("\r\n ")
			w = w[900:]
		}
		b.WriteString(w)
		col += len(w)
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func (f *fields) part(typ string) *formats.Part {
	p := textPart(typ, f.b.String())
	p.Transfer = formats.TransferVerbatim
	if len(f.named) > 0 {
		p.Content, p.Size = f, 0
		for _, of := range f.named {
			p.Names = append(p.Names, of.Address)
		}
	}
	return p
}

// recipient returns the value of a field that names a recipient: by its mail address or what stands for it, or else as
// what it is stored as (RFC 3464 2.3.2).
func recipient(p person) string {
	if spec := p.Spec(); spec != "" {
		return "rfc822;" + spec
	}
	if p.dn != "" {
		return "x-ex; " + p.Stored
	}
	if p.Stored != "" {
		return "unknown; " + p.Stored
	}
	return "unknown; " + p.Name
}

// deliveryStatus makes the machine's part of a delivery report, one block for each recipient, and a text for people.
func (m *message) deliveryStatus(action string) (*formats.Part, string) {
	f := new(fields)
	mta := m.line(mapi.PidTagReportingMessageTransferAgent)
	if mta == "" && m.sender.Address != nil {
		if at := strings.LastIndexByte(m.sender.SMTP, '@'); at >= 0 {
			mta = m.sender.SMTP[at+1:]
		}
	}
	f.add("Reporting-MTA", mtaName(firstText(mta, "unknown.invalid")))
	if t := m.time(mapi.PidTagReportTime); !t.IsZero() {
		f.add("X-Report-Time", mime.FormatDate(t))
	}
	text := "The mail was " + action + ":\r\n"
	n := 0
	for typ := mapi.RecipientTo; typ <= mapi.RecipientBcc; typ++ {
		for _, p := range m.rows[typ] {
			row := bag{p: p.row, cp: m.cp, where: m.where, damage: m.damage}
			f.b.WriteString("\r\n")
			f.recipient("Original-Recipient", p)
			f.recipient("Final-Recipient", p)
			f.add("Action", action)
			f.add("Status", status(m, &row, action))
			if s := row.line(mapi.PidTagRemoteMessageTransferAgent); s != "" {
				f.add("Remote-MTA", mtaName(s))
			}
			if s := row.line(mapi.PidTagSupplementaryInfo); isSMTPReply(s) {
				f.add("Diagnostic-Code", "smtp;"+s)
			} else {
				_, diagnostic := supplementary(s)
				f.add("Diagnostic-Code", diagnostic)
				f.add("X-Supplementary-Info", s)
			}
			f.add("X-Display-Name", p.Name)
			text += "\r\n" + firstText(p.Name, p.SMTP, p.Stored)
			if p.SMTP != "" && p.Name != "" {
				text += " <" + p.SMTP + ">"
			}
			text += "\r\n"
			n++
		}
	}
	if n == 0 {
		// RFC 3464 2.1 asks for a recipient.
		f.b.WriteString("\r\n")
		f.add("Final-Recipient", "unknown; "+firstText(m.line(mapi.PidTagDisplayTo), m.line(mapi.PidTagOriginalDisplayTo), "unknown"))
		f.add("Action", action)
		f.add("Status", status(m, &m.bag, action))
	}
	return f.part("message/delivery-status"), text
}

// mtaName returns a mail system's name with the type of name it is (RFC 3464 2.1.2), which is stored with it as a rule.
func mtaName(s string) string {
	if typ, name, ok := strings.Cut(s, ";"); ok && isMediaType("x/"+strings.TrimSpace(typ)) {
		return strings.TrimSpace(typ) + ";" + strings.TrimSpace(name)
	}
	return "dns;" + s
}

// supplementary takes the status and the diagnostic code out of the text that the reader of a report made of them
// (MS-OXCMAIL 2.2.3.7.1.2): "<mx.example.org #5.7.133 smtp;550 5.7.133 sender not allowed>". It is the only place for
// codes of more than one digit. Both are empty for text of another form.
func supplementary(s string) (status, diagnostic string) {
	i := strings.IndexByte(s, '#')
	if i < 1 || s[0] != '<' || s[i-1] != ' ' && s[i-1] != '<' || s[len(s)-1] != '>' {
		return "", ""
	}
	status, rest, _ := strings.Cut(s[i+1:len(s)-1], " ")
	parts := strings.Split(status, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || strings.IndexByte("245", status[0]) < 0 {
		return "", ""
	}
	for _, p := range parts {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return "", ""
		}
	}
	if typ, text, ok := strings.Cut(rest, ";"); ok && isMediaType("x/"+typ) {
		diagnostic = typ + ";" + strings.TrimSpace(text)
	}
	return status, diagnostic
}

// isSMTPReply reports whether a text begins with a reply code (RFC 5321 4.2), in brackets or not.
func isSMTPReply(s string) bool {
	s = strings.TrimLeft(s, "<# ")
	return len(s) >= 3 && s[0] >= '2' && s[0] <= '5' && s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9'
}

// status returns the status code (RFC 3463) of a recipient: the one that came, as a text or a number, if it can be one,
// else that of the diagnostic code, else that of the reason (MS-OXCMAIL 2.1.3.6.1.2). What is only delayed has not
// failed for good, whatever the table says.
func status(m *message, row *bag, action string) string {
	if s, _ := supplementary(row.line(mapi.PidTagSupplementaryInfo)); s != "" {
		return s
	}
	if n := row.int(mapi.PidTagNonDeliveryReportStatusCode); n >= 200 && n <= 599 {
		return fmt.Sprintf("%d.%d.%d", n/100, n/10%10, n%10)
	}
	switch action {
	case "failed":
		return failure(m, row)
	case "delayed":
		return "4" + failure(m, row)[1:]
	}
	return "2.0.0"
}

// failure returns the status code of what failed.
func failure(m *message, row *bag) string {
	// A diagnostic code of -1 says that there is none.
	if v := row.value(mapi.PidTagNonDeliveryReportDiagCode, "diagnostic code"); v.Exists() && v.Int() >= 0 {
		if n := v.Int(); n < int64(len(diagnostics)) {
			return diagnostics[n]
		}
		return "5.0.0"
	}
	v := row.value(mapi.PidTagNonDeliveryReportReasonCode, "reason code")
	if !v.Exists() {
		v = m.value(mapi.PidTagNonDeliveryReportReasonCode, "reason code")
	}
	switch n := v.Int(); {
	case !v.Exists():
		return "5.0.0"
	case n >= 0 && n < int64(len(reasons)):
		return reasons[n]
	}
	return "5.4.0"
}

// diagnostics gives the status of each diagnostic code.
var diagnostics = [...]string{
	0:  "5.1.0", // the name is not known
	1:  "5.1.4", // it is ambiguous
	2:  "4.4.5", // the system is congested
	3:  "4.4.6", // a loop
	4:  "5.1.0", // the recipient is not available
	5:  "4.4.7", // the time has run out
	6:  "5.3.0", // the sort of content is not supported
	7:  "5.6.0", // it is too long
	8:  "5.6.3", // it would have to be converted, which is not practical,
	9:  "5.6.2", // not allowed,
	10: "5.6.0", // not subscribed
	11: "5.5.4", // invalid parameters
	12: "5.6.0", // a fault in the content's syntax
	13: "5.3.4", // something is longer than allowed,
	14: "5.6.0", // or there is more of it
	15: "5.6.1", // the type of content is not supported
	16: "5.5.3", // too many recipients
	17: "5.5.5", // no agreement between the systems
	18: "5.3.3", // a function that is not supported
	19: "5.6.2", // it would lose something by conversion,
	20: "5.6.0", // as its lines are too long,
	21: "5.6.0", // or its pages,
	22: "4.6.4", // or pictures,
	23: "4.6.4", // punctuation
	24: "4.6.4", // or letters would be lost,
	25: "4.6.4", // or several of these
	26: "5.7.3", // it may not be given to another recipient
	27: "4.4.6", // a loop of redirections
	28: "5.7.2", // a list that may not be expanded
	29: "5.7.1", // one that the sender may not write to
	30: "5.2.4", // one that cannot be expanded
	31: "5.6.1", // no way to print it
	32: "5.1.3", // an incorrect address
	33: "5.1.0", // an incorrect or invalid office
	34: "5.1.3", // an incomplete address
	35: "5.1.1", // an unknown recipient,
	36: "5.1.0", // a dead one
	37: "5.3.0", // an organization that is no more
	38: "5.3.0", // it was refused
	39: "5.1.0", // or not claimed
	40: "5.1.6", // the recipient has moved,
	41: "5.1.0", // travels,
	42: "5.1.0", // has left,
	43: "5.1.6", // nobody knows where to,
	44: "5.0.0", // did not want it forwarded,
	45: "5.0.0", // or the sender did not
	46: "5.7.0", // a fault of security
	47: "5.0.0", // a system that is too old
	48: "5.1.2", // an unknown system
}

// reasons does so for the reason codes.
var reasons = [...]string{
	0: "5.4.0", // the transfer failed
	1: "5.1.0", // it is not possible
	2: "5.6.5", // a conversion was not done
	3: "5.6.5", // nor was it printed
	4: "5.2.0", // nor delivered on paper
	5: "5.3.0", // delivery is restricted
	6: "4.4.3", // the directory failed
}

// readNotification makes the machine's part of a read report, and a text for people.
func (m *message) readNotification(mail *formats.Mail, read bool) (*formats.Part, string) {
	f := new(fields)
	who := m.sender
	if who.Address == nil {
		who = m.representing
	}
	text := "The mail was read.\r\n"
	disposition := "manual-action/MDN-sent-automatically; displayed"
	if !read {
		text = "The mail was deleted without being read.\r\n"
		disposition = "manual-action/MDN-sent-automatically; deleted"
	}
	if who.Address != nil {
		f.recipient("Final-Recipient", who)
	} else {
		f.add("Final-Recipient", "unknown; unknown")
	}
	f.add("Disposition", disposition)
	f.add("Original-Message-ID", mime.MessageID(m.line(mapi.PidTagInternetReturnPath)))
	if key := m.bytes(mapi.PidTagParentKey); len(key) > 0 {
		f.add("X-MSExch-Correlation-Key", base64.StdEncoding.EncodeToString(key))
	}
	if who.Address != nil {
		f.add("X-Display-Name", who.Name)
	}
	return f.part("message/disposition-notification"), text
}

// originalHeader makes a header of what the report says of the mail that it is about; nil where it says nothing.
func (m *message) originalHeader() *formats.Part {
	var f fields
	if s := m.line(mapi.PidTagOriginalSubject); s != "" {
		f.add("Subject", s)
	}
	if t := m.time(mapi.PidTagOriginalSubmitTime); !t.IsZero() {
		f.add("Date", mime.FormatDate(t))
	}
	id := mime.MessageID(m.line(mapi.PidTagInternetReturnPath))
	if id == "" {
		// The property is of X.400's making. Only where it holds a Message-ID it can be one.
		if s := oneLine(string(m.bytes(mapi.PidTagMessageSubmissionId))); strings.Contains(s, "<") && strings.Contains(s, "@") {
			id = mime.MessageID(s)
		}
	}
	f.add("Message-ID", id)
	if f.b.Len() == 0 {
		return nil
	}
	p := f.part("text/rfc822-headers")
	p.Transfer = formats.TransferAuto
	return p
}
