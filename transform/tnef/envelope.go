package tnef

import (
	"encoding/binary"
	"unicode/utf16"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
	"mailmill/formats/tnef"
)

// enveloped is a message from an attachment, with what the mail around it knows better: the attachment often tells neither
// who sent it nor to whom, which an invitation to a meeting has to.
type enveloped struct {
	*tnef.Message
	m *formats.Mail
}

var _ mapi.Message = (*enveloped)(nil)

// Lookup implements [mapi.Properties].
func (e *enveloped) Lookup(id mapi.ID) (mapi.Value, error) {
	v, err := e.Message.Lookup(id)
	if v.Exists() || err != nil {
		return v, err
	}
	if a := e.m.From; a != nil && a.SMTP != "" {
		switch id {
		case mapi.PidTagSenderName, mapi.PidTagSentRepresentingName:
			return e.ifUnknown(text(a.Name)), nil
		case mapi.PidTagSenderAddressType, mapi.PidTagSentRepresentingAddressType:
			return e.ifUnknown(text("SMTP")), nil
		case mapi.PidTagSenderEmailAddress, mapi.PidTagSentRepresentingEmailAddress:
			return e.ifUnknown(text(a.SMTP)), nil
		}
	}
	switch id {
	case mapi.PidTagInternetMessageId:
		return text(e.m.MessageID), nil
	case mapi.PidTagClientSubmitTime:
		for i := range e.m.Header {
			if f := &e.m.Header[i]; f.Name == "Date" {
				if t, ok := mime.GuessDate(mime.Value(f)); ok && t.Year() > 1900 && t.Year() < 4000 {
					return mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, mapi.ToFileTime(t))}, nil
				}
			}
		}
	}
	return v, nil
}

// ifUnknown returns a property of the sender unless the attachment has another of them.
func (e *enveloped) ifUnknown(v mapi.Value) mapi.Value {
	for _, id := range [...]mapi.ID{mapi.PidTagSenderEmailAddress, mapi.PidTagSentRepresentingEmailAddress} {
		if own, _ := e.Message.Lookup(id); own.Exists() {
			return mapi.Value{}
		}
	}
	return v
}

// Recipients implements [mapi.Message].
func (e *enveloped) Recipients() ([]mapi.Properties, error) {
	list, err := e.Message.Recipients()
	if len(list) > 0 || err != nil {
		return list, err
	}
	for i, addresses := range [...][]*formats.Address{e.m.To, e.m.Cc} {
		for _, a := range addresses {
			if a.SMTP != "" {
				list = append(list, recipient{a, i + mapi.RecipientTo})
			}
		}
	}
	return list, nil
}

func text(s string) mapi.Value {
	v := mapi.Value{Type: mapi.String}
	for _, u := range utf16.Encode([]rune(s)) {
		v.Data = binary.LittleEndian.AppendUint16(v.Data, u)
	}
	return v
}
