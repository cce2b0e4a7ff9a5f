package msg_test

// disagreements are where msgconvert (Email::Outlook::Message 0.921) says something else, by file and by what they differ
// in, each with who is wrong and why.
var disagreements = map[string]map[string]string{
	"2272d4ea-Message.msg": {
		"text": "msgconvert: PidTagBody has UTF-16 in a property of type 8-bit string (0x001E), which it passes on with all its NULs",
	},
	"44a37e45-plain_uc_unsent.msg": {
		"from": "msgconvert: the sender is in the one-off entry identifier of PidTagSentRepresentingEntryId, and it reads PidTagSender… alone",
	},
	"8cd7e8f9-plain_unsent.msg": {
		"from": "msgconvert: as in 44a37e45",
	},
	"4ef8d94c-message3.msg": {
		"from": "msgconvert: the sender is in PidTagSentRepresentingEmailAddress, and it reads PidTagSender… alone",
	},
	"9e8ff0b9-gpg_signed.msg": {
		"files": "msgconvert: it attaches what was signed as a multipart without a boundary, which nobody can read (its manual says so); " +
			"here the mail is the signed one",
	},
}
