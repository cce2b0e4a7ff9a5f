package outlook

import (
	"crypto/sha256"
	"encoding/hex"
	"html"
	"strconv"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// mail makes the body of a mail. Every kind of message can be made one, as those that are embedded in others are.
func (m *message) mail(draft bool) *formats.Mail {
	mail := &formats.Mail{}
	m.makeHeader(mail, draft)
	m.readBody()
	m.addCalendar()
	attachments := m.readAttachments()
	m.addRSSLink()
	switch {
	case m.signed(mail, attachments):
	case m.report(mail, attachments):
	default:
		mail.Root = m.tree(m.withRTF(attachments))
		m.pgp(mail, attachments)
	}
	mail.Text, mail.HTML, mail.StoredText = m.text, m.html, m.storedText
	if !m.storedText && m.text.Size == 0 && (mail.Root.Entity || mail.Root.Type == "multipart/encrypted" || mail.Root.Type == "application/pkcs7-mime") {
		mail.Text = nil // it is inside
	}
	if m.int(mapi.PidTagMessageStatus)&(statusRemoteDownload|statusRemoteDelete) != 0 && m.text.Size == 0 && m.html == nil {
		m.lose(bodyPart, errHeaderOnly)
	}
	return mail
}

// tree puts the bodies and the attachments together (MS-OXCMAIL 2.1.3.4.1):
//
//	mixed                if there are attachments
//	  related            if the HTML shows parts
//	    alternative      if there is more than one body
//
// Levels with one child are left out.
func (m *message) tree(attachments []*attachment) *formats.Part {
	m.placeInline(attachments)
	root := m.text
	switch {
	case m.invitation != nil && m.html != nil:
		root = &formats.Part{Type: "multipart/alternative", Parts: []*formats.Part{m.text, m.html, m.invitation}}
	case m.invitation != nil:
		root = &formats.Part{Type: "multipart/alternative", Parts: []*formats.Part{m.text, m.invitation}}
	case m.html != nil:
		root = &formats.Part{Type: "multipart/alternative", Parts: []*formats.Part{m.text, m.html}}
	}
	shown := 0
	for _, a := range attachments {
		if a.part.Inline {
			shown++
		}
	}
	// with returns a multipart of the root and the attachments that the HTML shows, or those that it does not.
	with := func(typ string, inline bool, n int) *formats.Part {
		parts := append(make([]*formats.Part, 0, 1+n), root)
		for _, a := range attachments {
			if a.part.Inline == inline {
				parts = append(parts, a.part)
			}
		}
		return &formats.Part{Type: typ, Parts: parts}
	}
	if shown > 0 {
		typ := root.Type
		root = with("multipart/related", true, shown)
		root.Params = []formats.Param{{Name: "type", Value: typ}}
	}
	if files := len(attachments) - shown; files > 0 {
		root = with("multipart/mixed", false, files)
	}
	return root
}

// placeInline decides which attachments the HTML shows (MS-OXCMAIL 2.1.3.4.1.2): those whose content id or location it
// really refers to. What the attachment's own flags say is not trusted: pictures are marked that nothing shows, and
// hidden that everybody sees.
func (m *message) placeInline(attachments []*attachment) {
	var refs references
	found := false
	taken := map[string]bool(nil)
	for i, a := range attachments {
		p := a.part
		cid := strings.Trim(strings.TrimPrefix(strings.TrimSpace(p.ContentID), "cid:"), "<> ")
		p.ContentID = cid
		if cid == "" && p.Location == "" || p.Message != nil {
			continue
		}
		if m.html == nil {
			m.fixContentID(a, i, nil)
			continue
		}
		if !found {
			refs, found = findReferences(m.htmlText()), true
		}
		key := foldCID(cid)
		if taken == nil {
			taken = make(map[string]bool)
		}
		switch {
		case cid != "" && taken[key]:
			// Two have one id. The first is what the HTML shows, as far as anyone can tell.
			p.ContentID = ""
		case cid != "" && refs.cids[key]:
			taken[key] = true
			p.Inline, p.Disposition = true, "inline"
		default:
			if cid != "" {
				taken[key] = true
			}
			p.Inline = p.Location != "" && m.showsLocation(refs, a)
			if p.Inline {
				p.Disposition = "inline"
			}
		}
		m.fixContentID(a, i, refs.cids)
	}
}

// showsLocation reports whether the HTML refers to an attachment by its Content-Location, alone or below the base that
// it is relative to.
func (m *message) showsLocation(refs references, a *attachment) bool {
	loc := a.part.Location
	if refs.names[foldCID(loc)] {
		return true
	}
	base := a.line(mapi.PidTagAttachContentBase)
	return base != "" && refs.names[foldCID(strings.TrimSuffix(base, "/")+"/"+strings.TrimPrefix(loc, "/"))]
}

// fixContentID gives an attachment whose content id cannot be written one that can, the same every time, and the HTML's
// reference with it.
func (m *message) fixContentID(a *attachment, index int, cids map[string]bool) {
	p := a.part
	if p.ContentID == "" || legalContentID(p.ContentID) {
		return
	}
	sum := sha256.Sum256([]byte(strconv.Itoa(index) + "\x00" + p.ContentID))
	fresh := "part" + strconv.Itoa(index+1) + "." + hex.EncodeToString(sum[:8]) + "@pst.invalid"
	if key := foldCID(p.ContentID); p.Inline && cids[key] {
		*m.html = *textPart("text/html", replaceCID(m.htmlText(), key, fresh))
	}
	p.ContentID = fresh
}

// legalContentID reports whether an id can stand between angle brackets. Those without "@" are not legal and work
// everywhere.
func legalContentID(id string) bool {
	for i := 0; i < len(id); i++ {
		if id[i] <= ' ' || id[i] >= 0x7F || strings.IndexByte(`<>()"\`, id[i]) >= 0 {
			return false
		}
	}
	return len(id) < 500
}

// replaceCID replaces the references to a content id.
func replaceCID(s, key, fresh string) string {
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); i++ {
		end := cidEnd(s, i)
		if end == 0 {
			continue
		}
		if begin := i + len("cid:"); foldCID(s[begin:end]) == key {
			b.WriteString(s[last:begin])
			b.WriteString(fresh)
			last = end
		}
		i = end - 1
	}
	b.WriteString(s[last:])
	return b.String()
}

// addRSSLink adds the link of a feed's post to its bodies where they do not have it.
func (m *message) addRSSLink() {
	if !isClass(m.class, "IPM.Post.Rss") {
		return
	}
	link := withoutBlanks(m.namedLine(mapi.PidLidPostRssItemLink, "link of the post"))
	if link == "" {
		return
	}
	if m.html != nil {
		if s := m.htmlText(); !strings.Contains(s, link) {
			safe := html.EscapeString(link)
			m.html = textPart("text/html", s+"<p><a href=\""+safe+"\">"+safe+"</a></p>\r\n")
		}
		return
	}
	if b, ok := m.text.Content.(formats.Bytes); ok && !strings.Contains(string(b), link) {
		m.text = textPart("text/plain", strings.TrimRight(string(b), "\r\n")+"\r\n\r\n"+link+"\r\n")
	}
}
