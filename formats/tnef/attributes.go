package tnef

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"mailmill/formats/mapi"
)

const (
	levelMessage    = 1
	levelAttachment = 2
)

// The attributes (MS-OXTNEF 2.1.3.3), without the upper half, which only repeats their type: some writers err there.
const (
	attOwner            = 0x0000
	attSentFor          = 0x0001
	attDelegate         = 0x0002
	attDateStart        = 0x0006
	attDateEnd          = 0x0007
	attAidOwner         = 0x0008
	attRequestRes       = 0x0009
	attOriginalClass    = 0x0600
	attFrom             = 0x8000
	attSubject          = 0x8004
	attDateSent         = 0x8005
	attDateRecd         = 0x8006
	attMessageStatus    = 0x8007
	attMessageClass     = 0x8008
	attMessageID        = 0x8009
	attParentID         = 0x800A
	attConversationID   = 0x800B
	attBody             = 0x800C
	attPriority         = 0x800D
	attAttachData       = 0x800F
	attAttachTitle      = 0x8010
	attAttachMetaFile   = 0x8011
	attAttachCreateDate = 0x8012
	attAttachModifyDate = 0x8013
	attDateModified     = 0x8020
	attAttachTransport  = 0x9001
	attAttachRendData   = 0x9002
	attMsgProps         = 0x9003
	attRecipTable       = 0x9004
	attAttachment       = 0x9005
	attOemCodepage      = 0x9007
)

// The properties that attributes stand for.
const (
	idConversationKey  mapi.ID = 0x000B
	idImportance       mapi.ID = 0x0017
	idMessageClass     mapi.ID = 0x001A
	idParentKey        mapi.ID = 0x0025
	idSubject          mapi.ID = 0x0037
	idClientSubmitTime mapi.ID = 0x0039
	idRepresenting     mapi.ID = 0x0042
	idReceivedFor      mapi.ID = 0x0044
	idOriginalClass    mapi.ID = 0x004B
	idStartDate        mapi.ID = 0x0060
	idEndDate          mapi.ID = 0x0061
	idOwnerAppointment mapi.ID = 0x0062
	idResponseRequest  mapi.ID = 0x0063
	idRepresentingType mapi.ID = 0x0064
	idRepresentingMail mapi.ID = 0x0065
	idReceivedForType  mapi.ID = 0x0077
	idReceivedForMail  mapi.ID = 0x0078
	idSenderName       mapi.ID = 0x0C1A
	idSenderType       mapi.ID = 0x0C1E
	idSenderMail       mapi.ID = 0x0C1F
	idDeliveryTime     mapi.ID = 0x0E06
	idMessageFlags     mapi.ID = 0x0E07
	idBody             mapi.ID = 0x1000
	idSearchKey        mapi.ID = 0x300B
	idCreationTime     mapi.ID = 0x3007
	idModificationTime mapi.ID = 0x3008
	idAttachData       mapi.ID = 0x3701
	idAttachFilename   mapi.ID = 0x3704
	idAttachMethod     mapi.ID = 0x3705
	idAttachRendering  mapi.ID = 0x3709
	idRenderingPos     mapi.ID = 0x370B
	idAttachTransport  mapi.ID = 0x370C
	idMessageCodepage  mapi.ID = 0x3FFD
)

// decoder turns attributes into properties.
type decoder struct {
	m *Message
	// class is the message's class when attOwner comes, which tells whom that means.
	class string
}

func (d *decoder) attribute(a attribute) error {
	switch a.level {
	case levelMessage:
		return d.message(uint16(a.id), a.data)
	case levelAttachment:
		return d.attachment(uint16(a.id), a.data)
	}
	return nil
}

func (d *decoder) message(id uint16, b []byte) error {
	m := d.m
	switch id {
	case attOemCodepage:
		if len(b) < 4 {
			return errShort
		}
		m.CodePage = int(binary.LittleEndian.Uint32(b))
	case attMsgProps:
		list, err := (&cursor{b}).properties()
		m.encapsulated(list)
		return err
	case attRecipTable:
		m.recipientsErr = d.recipients(b)
		return m.recipientsErr
	case attMessageClass:
		d.class = className(b)
		m.legacy(idMessageClass, string8([]byte(d.class)))
	case attOriginalClass:
		m.legacy(idOriginalClass, string8([]byte(className(b))))
	case attSubject:
		m.legacy(idSubject, string8(b))
	case attBody:
		m.legacy(idBody, string8(b))
	case attDateSent:
		return d.date(&m.properties, idClientSubmitTime, b)
	case attDateRecd:
		return d.date(&m.properties, idDeliveryTime, b)
	case attDateModified:
		return d.date(&m.properties, idModificationTime, b)
	case attDateStart:
		return d.date(&m.properties, idStartDate, b)
	case attDateEnd:
		return d.date(&m.properties, idEndDate, b)
	case attMessageStatus:
		if len(b) < 1 {
			return errShort
		}
		m.legacy(idMessageFlags, integer(messageFlags(b[0])))
	case attMessageID:
		return d.key(idSearchKey, b)
	case attParentID:
		return d.key(idParentKey, b)
	case attConversationID:
		return d.key(idConversationKey, b)
	case attPriority:
		if len(b) < 2 {
			return errShort
		}
		// 1 is high and 3 is low; the property counts the other way (MS-OXTNEF 2.1.3.3.12).
		if p := int64(binary.LittleEndian.Uint16(b)); p >= 1 && p <= 3 {
			m.legacy(idImportance, integer(3-p))
		}
	case attAidOwner:
		if len(b) < 4 {
			return errShort
		}
		m.legacy(idOwnerAppointment, integer(int64(binary.LittleEndian.Uint32(b))))
	case attRequestRes:
		if len(b) < 2 {
			return errShort
		}
		m.legacy(idResponseRequest, mapi.Value{Type: mapi.Boolean, Data: b[:2]})
	case attFrom:
		return d.from(b)
	case attSentFor:
		return d.person(b, idRepresenting, idRepresentingType, idRepresentingMail)
	case attOwner:
		// The owner of the appointment sent requests and receives the answers (MS-OXTNEF 2.1.3.3.13).
		if strings.Contains(strings.ToLower(d.class), ".resp.") {
			return d.person(b, idReceivedFor, idReceivedForType, idReceivedForMail)
		}
		return d.person(b, idRepresenting, idRepresentingType, idRepresentingMail)
	case attDelegate:
		// It holds an entry id of Microsoft Mail's, which leads nowhere any more.
	}
	return nil
}

func (d *decoder) recipients(b []byte) error {
	c := &cursor{b}
	n, err := c.u32()
	if err != nil {
		return fmt.Errorf("number of recipients: %w", err)
	}
	for i := range n {
		list, err := c.properties()
		if err != nil {
			return fmt.Errorf("recipient %d of %d: %w", i+1, n, err)
		}
		row := &properties{list}
		row.sort()
		d.m.recipients = append(d.m.recipients, row)
	}
	return nil
}

func (d *decoder) attachment(id uint16, b []byte) error {
	m := d.m
	if id == attAttachRendData || len(m.attachments) == 0 {
		m.attachments = append(m.attachments, &attachment{depth: m.depth})
	}
	a := m.attachments[len(m.attachments)-1]
	switch id {
	case attAttachRendData:
		// MS-OXTNEF 2.1.3.3.15: u16 type, u32 position, and how an icon is drawn.
		if len(b) < 6 {
			return errShort
		}
		a.ole = binary.LittleEndian.Uint16(b) == 2
		a.legacy(idRenderingPos, mapi.Value{Type: mapi.Integer32, Data: b[2:6]})
	case attAttachment:
		list, err := (&cursor{b}).properties()
		a.encapsulated(list)
		if err != nil {
			m.attachErr = errors.Join(m.attachErr, fmt.Errorf("attachment %d: %w", len(m.attachments), err))
		}
		return err
	case attAttachData:
		a.data, a.hasData = b, true
	case attAttachTitle:
		a.legacy(idAttachFilename, string8(b))
	case attAttachTransport:
		a.legacy(idAttachTransport, string8(b))
	case attAttachMetaFile:
		a.legacy(idAttachRendering, mapi.Value{Type: mapi.Binary, Data: b})
	case attAttachCreateDate:
		return d.date(&a.properties, idCreationTime, b)
	case attAttachModifyDate:
		return d.date(&a.properties, idModificationTime, b)
	}
	return nil
}

// date reads a DTR structure: year, month, day, hour, minute, second, day of week, 16 bits each (MS-OXTNEF 2.1.3.3.2).
// The structure has no zone and is taken for UTC; a message that tells its times better has them as properties.
func (d *decoder) date(p *properties, id mapi.ID, b []byte) error {
	if len(b) < 12 {
		return errShort
	}
	var f [6]int
	for i := range f {
		f[i] = int(binary.LittleEndian.Uint16(b[2*i:]))
	}
	t := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], 0, time.UTC)
	if f[0] < 1601 || f[0] > 4500 || int(t.Month()) != f[1] || t.Day() != f[2] {
		return fmt.Errorf("no date: %d-%d-%d", f[0], f[1], f[2])
	}
	p.legacy(id, mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, mapi.ToFileTime(t))})
	return nil
}

// key reads an identifier that is written as hexadecimal digits.
func (d *decoder) key(id mapi.ID, b []byte) error {
	b = bytes.TrimRight(b, "\x00")
	key, err := hex.DecodeString(string(b))
	if err != nil {
		return err
	}
	d.m.legacy(id, mapi.Value{Type: mapi.Binary, Data: key})
	return nil
}

// from reads the sender: a TRP structure (MS-OXTNEF 2.1.3.3.3), u16 type, u16 size, u16 length of the name, u16 length of
// the address, then the two, each with its NUL.
func (d *decoder) from(b []byte) error {
	c := &cursor{b}
	head, err := c.take(8)
	if err != nil {
		return err
	}
	name, err := c.take(int(binary.LittleEndian.Uint16(head[4:])))
	if err != nil {
		return err
	}
	mail, err := c.take(int(binary.LittleEndian.Uint16(head[6:])))
	if err != nil {
		return err
	}
	d.address(name, mail, idSenderName, idSenderType, idSenderMail)
	return nil
}

// person reads a name and an address, each after its length in 16 bits (MS-OXTNEF 2.1.3.3.13).
func (d *decoder) person(b []byte, name, kind, mail mapi.ID) error {
	c := &cursor{b}
	var field [2][]byte
	for i := range field {
		n, err := c.u16()
		if err != nil {
			return err
		}
		if field[i], err = c.take(int(n)); err != nil {
			return err
		}
	}
	d.address(field[0], field[1], name, kind, mail)
	return nil
}

// address adds a name and an address, which is written "SMTP:someone@example.org".
func (d *decoder) address(name, addr []byte, idName, idType, idMail mapi.ID) {
	name, addr = upToNUL(name), upToNUL(addr)
	if len(name) > 0 {
		d.m.legacy(idName, string8(name))
	}
	kind, mail, ok := bytes.Cut(addr, []byte(":"))
	if !ok {
		kind, mail = nil, addr
	}
	if len(kind) > 0 {
		d.m.legacy(idType, string8(kind))
	}
	if len(mail) > 0 {
		d.m.legacy(idMail, string8(mail))
	}
}

func upToNUL(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// classNames are the classes of Microsoft Mail and what took their place (MS-OXTNEF 2.1.3.3.5).
var classNames = map[string]string{
	"IPM.Microsoft Mail.Note":         "IPM.Note",
	"IPM.Microsoft Mail.Read Receipt": "Report.IPM.Note.IPNRN",
	"IPM.Microsoft Mail.Non-Delivery": "Report.IPM.Note.NDR",
	"IPM.Microsoft Schedule.MtgReq":   "IPM.Schedule.Meeting.Request",
	"IPM.Microsoft Schedule.MtgCncl":  "IPM.Schedule.Meeting.Canceled",
	"IPM.Microsoft Schedule.MtgRespP": "IPM.Schedule.Meeting.Resp.Pos",
	"IPM.Microsoft Schedule.MtgRespN": "IPM.Schedule.Meeting.Resp.Neg",
	"IPM.Microsoft Schedule.MtgRespA": "IPM.Schedule.Meeting.Resp.Tent",
}

func className(b []byte) string {
	name := string(upToNUL(b))
	if n, ok := classNames[name]; ok {
		return n
	}
	return name
}

// messageFlags turns the bits of attMessageStatus (MS-OXTNEF 2.1.3.3.4) into those of PidTagMessageFlags (MS-OXCMSG
// 2.2.1.6).
func messageFlags(status byte) int64 {
	var flags int64
	for _, bit := range []struct {
		status byte
		flag   int64
	}{{0x20, 0x01}, {0x04, 0x04}, {0x02, 0x08}, {0x80, 0x10}} {
		if status&bit.status != 0 {
			flags |= bit.flag
		}
	}
	if status&0x01 == 0 {
		flags |= 0x02 // unmodified
	}
	return flags
}

func string8(b []byte) mapi.Value { return mapi.Value{Type: mapi.String8, Data: b} }

func integer(n int64) mapi.Value {
	return mapi.Value{Type: mapi.Integer32, Data: binary.LittleEndian.AppendUint32(nil, uint32(n))}
}
