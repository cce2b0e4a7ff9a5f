package olm

import (
	"context"
	"crypto/sha256"
	"strings"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// The priorities of OPFMessageGetPriority: 3 is normal, 1 and 2 are high, 4 and 5 low.
const priorityNormal = 3

// The states of OPFMessageCopyGetFlagStatus.
const (
	flagMarked = 1
	flagDone   = 2
)

// mail makes the item of an <email>.
func (a *Archive) mail(ctx context.Context, e formats.Entry, n *node, raw []byte) (*formats.Item, error) {
	if it, err := a.source(ctx, e, n); it != nil || err != nil {
		return it, err
	}
	m := a.message(e, n, raw)
	a.bodies(m, n)
	it, err := a.convert.Item(e, m)
	if err != nil {
		return nil, err
	}
	a.meeting(n, it)
	return it, nil
}

// message says of an <email> what Outlook for Windows would, but for its texts and attachments.
func (a *Archive) message(e formats.Entry, n *node, raw []byte) *message {
	m := &message{properties: newProperties()}
	m.text(mapi.PidTagMessageClass, e.Class)
	m.int(mapi.PidTagInternetCodepage, codepage.UTF8)
	m.text(mapi.PidTagSubject, n.get("OPFMessageCopySubject"))
	m.time(mapi.PidTagClientSubmitTime, moment(n.get("OPFMessageCopySentTime")))
	m.time(mapi.PidTagMessageDeliveryTime, moment(n.get("OPFMessageCopyReceivedTime")))
	m.time(mapi.PidTagLastModificationTime, moment(n.get("OPFMessageCopyModDate")))
	m.texts(mapi.PidNameKeywords, categories(n.child("OPFMessageCopyCategoryList")))
	m.text(mapi.PidTagInternetMessageId, mime.MessageID(n.line("OPFMessageCopyMessageID")))
	m.text(mapi.PidTagInReplyToId, identifiers(n.line("OPFMessageCopyInReplyTo")))
	m.text(mapi.PidTagInternetReferences, identifiers(n.line("OPFMessageCopyReferences")))
	m.text(mapi.PidTagConversationTopic, n.line("OPFMessageCopyThreadTopic"))

	// Of two mails without an identifier the same text in the same file is the same mail.
	sum := sha256.Sum256(raw)
	m.bytes(mapi.PidTagSearchKey, sum[:16])

	from, sender := addresses(n.child("OPFMessageCopyFromAddresses")), addresses(n.child("OPFMessageCopySenderAddress"))
	if len(from) == 0 {
		from = sender
	}
	if len(from) > 0 {
		m.person(from[0].Name, from[0].Stored, mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress)
		by := from[0]
		if len(sender) > 0 && sender[0].Stored != "" {
			by = sender[0]
		}
		m.person(by.Name, by.Stored, mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress)
	}
	m.recipients(n.child("OPFMessageCopyToAddresses"), mapi.RecipientTo)
	m.recipients(n.child("OPFMessageCopyCCAddresses"), mapi.RecipientCc)
	m.recipients(n.child("OPFMessageCopyBCCAddresses"), mapi.RecipientBcc)
	m.replies(n.child("OPFMessageCopyReplyToAddresses"))

	m.text(mapi.PidTagTransportMessageHeaders, a.transport(n))

	flags := 0
	if truth(n.get("OPFMessageGetIsRead")) {
		flags |= mapi.MessageRead
	}
	if isDraft(e, n) {
		flags |= mapi.MessageUnsent
	}
	m.int(mapi.PidTagMessageFlags, flags)
	if p, ok := number(n.get("OPFMessageGetPriority")); ok {
		m.int(mapi.PidTagImportance, importance(int(p)))
	}
	switch integer(n.get("OPFMessageCopyGetFlagStatus")) {
	case flagMarked:
		m.int(mapi.PidTagFlagStatus, 2) // MS-OXOFLAG 2.2.1.1
	case flagDone:
		m.int(mapi.PidTagFlagStatus, 1)
	}
	m.namedTime(mapi.PidLidTaskStartDate, a.day(moment(n.get("OPFMessageCopyStartDateTime"))).Clock)
	m.namedTime(mapi.PidLidTaskDueDate, a.day(moment(n.get("OPFMessageCopyDueDateTime"))).Clock)
	m.time(mapi.PidTagFlagCompleteTime, moment(n.get("OPFMessageCopyCompletedDateTime")))
	return m
}

// bodies adds the texts and attachments of a mail.
func (a *Archive) bodies(m *message, n *node) {
	html, plain := n.get("OPFMessageCopyHTMLBody"), n.get("OPFMessageCopyBody")
	if looksLikeHTML(plain) { // QUIRK: the plain text of a mail in HTML is that HTML again.
		if html == "" {
			html = plain
		}
		plain = ""
	}
	m.text(mapi.PidTagBody, plain)
	if html != "" {
		m.bytes(mapi.PidTagHtml, []byte(html))
	}
	m.files = a.attach(n.child("OPFMessageCopyAttachmentList"), "messageAttachment")
}

// importance makes of a priority that of MS-OXCMSG 2.2.1.11.
func importance(priority int) int {
	switch {
	case priority > 0 && priority < priorityNormal:
		return 2
	case priority > priorityNormal:
		return 0
	}
	return 1
}

// isDraft reports whether a mail was neither sent nor received. What lies among the drafts need not say so.
func isDraft(e formats.Entry, n *node) bool {
	if e.Folder.Role == formats.RoleDrafts {
		return true
	}
	return truth(n.get("OPFMessageIsOutgoing")) && !truth(n.get("OPFMessageGetWasSent")) && moment(n.get("OPFMessageCopyReceivedTime")).IsZero()
}

// looksLikeHTML reports whether a text begins as HTML does.
func looksLikeHTML(s string) bool {
	const far = 1024
	s = strings.TrimLeft(s, " \t\r\n\uFEFF")
	if !strings.HasPrefix(s, "<") {
		return false
	}
	s = strings.ToLower(s[:min(len(s), far)])
	for _, tag := range [...]string{"<!doctype html", "<html", "<meta ", "<head>", "<body"} {
		if strings.Contains(s, tag) {
			return true
		}
	}
	return false
}

// identifiers returns message identifiers with their angle brackets.
func identifiers(s string) string {
	list := strings.FieldsFunc(s, func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\r' || r == '\n' || r == ',' || r == '<' || r == '>'
	})
	for i := range list {
		list[i] = "<" + list[i] + ">"
	}
	return strings.Join(list, " ")
}

// transport returns the header that a mail came with, where its source is stored.
//
// Unchecked: no archive that was at hand has the element. Others' programs read it as here.
func (a *Archive) transport(n *node) string {
	source := normalized(n.get("OPFMessageCopySource"))
	head, _, _ := strings.Cut(source, "\r\n\r\n")
	if !isHeader(head) {
		return ""
	}
	return head + "\r\n"
}

// source makes the item of a mail of which nothing is stored but its source. Unchecked, as transport is.
func (a *Archive) source(ctx context.Context, e formats.Entry, n *node) (*formats.Item, error) {
	if n.get("OPFMessageCopyBody") != "" || n.get("OPFMessageCopyHTMLBody") != "" || n.child("OPFMessageCopyAttachmentList") != nil {
		return nil, nil
	}
	text := normalized(n.get("OPFMessageCopySource"))
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	if !isHeader(head) || strings.TrimSpace(body) == "" {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := mail.State{Received: moment(n.get("OPFMessageCopyReceivedTime")), Keywords: categories(n.child("OPFMessageCopyCategoryList"))}
	if truth(n.get("OPFMessageGetIsRead")) {
		s.Flags |= formats.FlagSeen
	}
	if integer(n.get("OPFMessageCopyGetFlagStatus")) == flagMarked {
		s.Flags |= formats.FlagFlagged
	}
	if isDraft(e, n) {
		s.Flags |= formats.FlagDraft
	}
	return mail.New(e, formats.Bytes(text), int64(len(text)), s, extract.Options{CodePage: codepage.UTF8})
}

// normalized returns text with CRLF for its line ends.
func normalized(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// isHeader reports whether a text begins as a header of a mail does.
func isHeader(s string) bool {
	name, _, ok := strings.Cut(s, ":")
	return ok && name != "" && len(name) < 80 && !strings.ContainsAny(name, " \t\r\n<")
}

// meeting adds to a mail about a meeting the calendar file that lies beside it.
//
// Unchecked: no archive that was at hand has one. Others' programs find there the path of a member, as here.
func (a *Archive) meeting(n *node, it *formats.Item) {
	path := n.line("OPFMessageCopyMeetingData")
	if path == "" || it.Mail == nil || it.Mail.Root == nil {
		return
	}
	f, err := a.find(path)
	if err != nil {
		it.Lose(formats.Damage{Part: "data of the meeting", Err: err})
		return
	}
	part := &formats.Part{
		Type: "text/calendar", Params: []formats.Param{{Name: "charset", Value: "utf-8"}}, Disposition: "attachment", Name: "meeting.ics",
		Transfer: formats.TransferBase64, Content: f, Size: f.size(),
	}
	const mixed = "multipart/mixed"
	if root := it.Mail.Root; root.Type == mixed {
		root.Parts = append(root.Parts, part)
	} else {
		it.Mail.Root = &formats.Part{Type: mixed, Parts: []*formats.Part{root, part}}
	}
}

// learnMail adds what an <email> tells of people to a lesson.
func (a *Archive) learnMail(e formats.Entry, n *node, raw []byte, lesson *formats.Lesson) {
	a.convert.Learn(lesson, a.message(e, n, raw))
}

// converter makes items of messages as package outlook does.
func converter(o extract.Options, zone func() *formats.Zone) *outlook.Converter {
	return outlook.New(outlook.Options{CodePage: codepage.UTF8, KeepEX: o.KeepEX, FollowUps: o.FollowUps, Zone: zone})
}
