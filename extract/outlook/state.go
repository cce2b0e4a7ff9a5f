package outlook

import (
	"mailmill/formats"
	"mailmill/formats/mapi"
)

// The verbs of PidTagLastVerbExecuted (MS-OXOMSG 2.2.1.43) and the icons that say the same (MS-OXOMSG 2.2.1.10).
const (
	verbReply    = 102
	verbReplyAll = 103
	verbForward  = 104

	iconReplied   = 0x105
	iconForwarded = 0x106

	flagFlagged = 2 // PidTagFlagStatus, MS-OXOFLAG 2.2.1.1
)

// flags returns the state of the message.
func (m *message) flags(kind formats.Kind, folder *formats.Folder) formats.Flags {
	var f formats.Flags
	state := m.int(mapi.PidTagMessageFlags)
	if state&mapi.MessageRead != 0 || m.int(mapi.PidTagRead) != 0 {
		f |= formats.FlagSeen
	}
	// QUIRK: importers mark everything as unsent. A draft is what was not delivered either, or lies among the drafts.
	if kind == formats.KindMail && state&mapi.MessageUnsent != 0 &&
		(folder != nil && folder.Role == formats.RoleDrafts || m.time(mapi.PidTagMessageDeliveryTime).IsZero()) {
		f |= formats.FlagDraft
	}
	switch verb := m.int(mapi.PidTagLastVerbExecuted); verb {
	case verbReply, verbReplyAll:
		f |= formats.FlagAnswered
	case verbForward:
		f |= formats.FlagForwarded
	case 0:
		switch m.int(mapi.PidTagIconIndex) {
		case iconReplied:
			f |= formats.FlagAnswered
		case iconForwarded:
			f |= formats.FlagForwarded
		}
	}
	if m.int(mapi.PidTagFlagStatus) == flagFlagged {
		f |= formats.FlagFlagged
	}
	if m.named(mapi.PidLidImapDeleted, "IMAP state").Bool() {
		f |= formats.FlagDeleted
	}
	return f
}
