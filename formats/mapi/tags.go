package mapi

// The properties of messages, recipients and attachments that mailmill reads, by their canonical names (MS-OXPROPS 2).
// Which types they come in is not said here: writers differ.
const (
	PidTagAutoForwarded                       ID = 0x0005
	PidTagDeferredDeliveryTime                ID = 0x000F
	PidTagExpiryTime                          ID = 0x0015
	PidTagImportance                          ID = 0x0017
	PidTagMessageClass                        ID = 0x001A
	PidTagOriginatorDeliveryReportRequested   ID = 0x0023
	PidTagParentKey                           ID = 0x0025
	PidTagPriority                            ID = 0x0026
	PidTagReadReceiptRequested                ID = 0x0029
	PidTagReplyTime                           ID = 0x0030
	PidTagReportTime                          ID = 0x0032
	PidTagSensitivity                         ID = 0x0036
	PidTagSubject                             ID = 0x0037
	PidTagClientSubmitTime                    ID = 0x0039
	PidTagReportName                          ID = 0x003A
	PidTagSentRepresentingSearchKey           ID = 0x003B
	PidTagSubjectPrefix                       ID = 0x003D
	PidTagReceivedByEntryId                   ID = 0x003F
	PidTagReceivedByName                      ID = 0x0040
	PidTagSentRepresentingEntryId             ID = 0x0041
	PidTagSentRepresentingName                ID = 0x0042
	PidTagReceivedRepresentingEntryId         ID = 0x0043
	PidTagReceivedRepresentingName            ID = 0x0044
	PidTagReportEntryId                       ID = 0x0045
	PidTagReadReceiptEntryId                  ID = 0x0046
	PidTagMessageSubmissionId                 ID = 0x0047
	PidTagOriginalSubject                     ID = 0x0049
	PidTagOriginalAuthorEntryId               ID = 0x004C
	PidTagOriginalAuthorName                  ID = 0x004D
	PidTagOriginalSubmitTime                  ID = 0x004E
	PidTagReplyRecipientEntries               ID = 0x004F
	PidTagReplyRecipientNames                 ID = 0x0050
	PidTagReceivedBySearchKey                 ID = 0x0051
	PidTagReceivedRepresentingSearchKey       ID = 0x0052
	PidTagReadReceiptSearchKey                ID = 0x0053
	PidTagReportSearchKey                     ID = 0x0054
	PidTagOriginalAuthorSearchKey             ID = 0x0056
	PidTagOriginalSenderName                  ID = 0x005A
	PidTagOriginalSenderEntryId               ID = 0x005B
	PidTagOriginalSenderSearchKey             ID = 0x005C
	PidTagOriginalSentRepresentingName        ID = 0x005D
	PidTagOriginalSentRepresentingEntryId     ID = 0x005E
	PidTagOriginalSentRepresentingSearchKey   ID = 0x005F
	PidTagSentRepresentingAddressType         ID = 0x0064
	PidTagSentRepresentingEmailAddress        ID = 0x0065
	PidTagOriginalSenderAddressType           ID = 0x0066
	PidTagOriginalSenderEmailAddress          ID = 0x0067
	PidTagOriginalSentRepresentingAddressType ID = 0x0068
	PidTagOriginalSentRepresentingEmail       ID = 0x0069
	PidTagConversationTopic                   ID = 0x0070
	PidTagConversationIndex                   ID = 0x0071
	PidTagOriginalDisplayBcc                  ID = 0x0072
	PidTagOriginalDisplayCc                   ID = 0x0073
	PidTagOriginalDisplayTo                   ID = 0x0074
	PidTagReceivedByAddressType               ID = 0x0075
	PidTagReceivedByEmailAddress              ID = 0x0076
	PidTagReceivedRepresentingAddressType     ID = 0x0077
	PidTagReceivedRepresentingEmailAddress    ID = 0x0078
	PidTagOriginalAuthorAddressType           ID = 0x0079
	PidTagOriginalAuthorEmailAddress          ID = 0x007A
	PidTagOriginallyIntendedRecipAddressType  ID = 0x007B
	PidTagOriginallyIntendedRecipEmailAddress ID = 0x007C
	PidTagTransportMessageHeaders             ID = 0x007D

	PidTagNonDeliveryReportDiagCode    ID = 0x0C05
	PidTagNonDeliveryReportReasonCode  ID = 0x0C04
	PidTagRecipientType                ID = 0x0C15
	PidTagSenderEntryId                ID = 0x0C19
	PidTagSenderName                   ID = 0x0C1A
	PidTagSupplementaryInfo            ID = 0x0C1B
	PidTagSenderSearchKey              ID = 0x0C1D
	PidTagSenderAddressType            ID = 0x0C1E
	PidTagSenderEmailAddress           ID = 0x0C1F
	PidTagNonDeliveryReportStatusCode  ID = 0x0C20
	PidTagRemoteMessageTransferAgent   ID = 0x0C21
	PidTagDisplayBcc                   ID = 0x0E02
	PidTagDisplayCc                    ID = 0x0E03
	PidTagDisplayTo                    ID = 0x0E04
	PidTagMessageDeliveryTime          ID = 0x0E06
	PidTagMessageFlags                 ID = 0x0E07
	PidTagMessageSize                  ID = 0x0E08
	PidTagMessageStatus                ID = 0x0E17
	PidTagNormalizedSubject            ID = 0x0E1D
	PidTagRtfInSync                    ID = 0x0E1F
	PidTagAttachSize                   ID = 0x0E20
	PidTagAttachNumber                 ID = 0x0E21
	PidTagRead                         ID = 0x0E69
	PidTagRecordKey                    ID = 0x0FF9
	PidTagObjectType                   ID = 0x0FFE
	PidTagEntryId                      ID = 0x0FFF
	PidTagBody                         ID = 0x1000
	PidTagReportText                   ID = 0x1001
	PidTagRtfCompressed                ID = 0x1009
	PidTagOriginallyIntendedRecipEntry ID = 0x1012
	PidTagHtml                         ID = 0x1013
	PidTagNativeBody                   ID = 0x1016
	PidTagInternetMessageId            ID = 0x1035
	PidTagInternetReferences           ID = 0x1039
	PidTagInReplyToId                  ID = 0x1042
	PidTagListHelp                     ID = 0x1043
	PidTagListSubscribe                ID = 0x1044
	PidTagListUnsubscribe              ID = 0x1045
	// PidTagInternetReturnPath is the Return-Path of a mail and, by the same identifier, PidTagOriginalMessageId of a
	// report.
	PidTagInternetReturnPath       ID = 0x1046
	PidTagIconIndex                ID = 0x1080
	PidTagLastVerbExecuted         ID = 0x1081
	PidTagFlagStatus               ID = 0x1090
	PidTagFollowupIcon             ID = 0x1095
	PidTagRowId                    ID = 0x3000
	PidTagDisplayName              ID = 0x3001
	PidTagAddressType              ID = 0x3002
	PidTagEmailAddress             ID = 0x3003
	PidTagCreationTime             ID = 0x3007
	PidTagLastModificationTime     ID = 0x3008
	PidTagSearchKey                ID = 0x300B
	PidTagAttachDataBinary         ID = 0x3701
	PidTagAttachEncoding           ID = 0x3702
	PidTagAttachExtension          ID = 0x3703
	PidTagAttachFilename           ID = 0x3704
	PidTagAttachMethod             ID = 0x3705
	PidTagAttachLongFilename       ID = 0x3707
	PidTagAttachPathname           ID = 0x3708
	PidTagAttachRendering          ID = 0x3709
	PidTagAttachTag                ID = 0x370A
	PidTagRenderingPosition        ID = 0x370B
	PidTagAttachLongPathname       ID = 0x370D
	PidTagAttachMimeTag            ID = 0x370E
	PidTagAttachContentBase        ID = 0x3711
	PidTagAttachContentId          ID = 0x3712
	PidTagAttachContentLocation    ID = 0x3713
	PidTagAttachFlags              ID = 0x3714
	PidTagTextAttachmentCharset    ID = 0x371B
	PidTagDisplayType              ID = 0x3900
	PidTagDisplayTypeEx            ID = 0x3905
	PidTagSmtpAddress              ID = 0x39FE
	PidTagAddressBookDisplayName   ID = 0x39FF
	PidTagTransmittableDisplayName ID = 0x3A20
	PidTagInternetCodepage         ID = 0x3FDE
	PidTagAutoResponseSuppress     ID = 0x3FDF
	PidTagMessageLocaleId          ID = 0x3FF1
	PidTagCreatorName              ID = 0x3FF8
	PidTagCreatorEntryId           ID = 0x3FF9
	PidTagLastModifierName         ID = 0x3FFA
	PidTagLastModifierEntryId      ID = 0x3FFB
	PidTagMessageCodepage          ID = 0x3FFD
	PidTagSentRepresentingFlags    ID = 0x401A
	PidTagReadReceiptAddressType   ID = 0x4029
	PidTagReadReceiptEmailAddress  ID = 0x402A
	PidTagReadReceiptName          ID = 0x402B

	PidTagSenderSmtpAddress               ID = 0x5D01
	PidTagSentRepresentingSmtpAddress     ID = 0x5D02
	PidTagReadReceiptSmtpAddress          ID = 0x5D05
	PidTagReceivedBySmtpAddress           ID = 0x5D07
	PidTagReceivedRepresentingSmtpAddress ID = 0x5D08
	PidTagRecipientDisplayName            ID = 0x5FF6
	PidTagRecipientEntryId                ID = 0x5FF7
	PidTagRecipientFlags                  ID = 0x5FFD
	PidTagRecipientTrackStatus            ID = 0x5FFF
	PidTagReportingMessageTransferAgent   ID = 0x6820
	PidTagRoamingBinary                   ID = 0x7C09
	PidTagAttachmentFlags                 ID = 0x7FFD
	PidTagAttachmentHidden                ID = 0x7FFE
	PidTagAttachmentContactPhoto          ID = 0x7FFF
)

// The values of PidTagAttachMethod (MS-OXCMSG 2.2.2.9).
const (
	AttachNone           = 0
	AttachByValue        = 1
	AttachByReference    = 2
	AttachByRefResolve   = 3
	AttachByRefOnly      = 4
	AttachEmbedded       = 5
	AttachOLE            = 6
	AttachByWebReference = 7
)

// The low bits of PidTagRecipientType (MS-OXOMSG 2.2.3.1); the others say what became of the mail.
const (
	RecipientOriginator = 0
	RecipientTo         = 1
	RecipientCc         = 2
	RecipientBcc        = 3
	RecipientTypeMask   = 0x0F
)

// The bits of PidTagMessageFlags that mailmill reads (MS-OXCMSG 2.2.1.6).
const (
	MessageRead           = 0x0001
	MessageUnsent         = 0x0008
	MessageHasAttachments = 0x0010
)

// The names of properties that have no fixed identifier (MS-OXPROPS 2).
var (
	PidNameKeywords = Named(PSPublicStrings, "Keywords")

	PidLidGlobalObjectId      = Long(PSMeeting, 0x0003)
	PidLidRequiredAttendees   = Long(PSMeeting, 0x0006)
	PidLidOptionalAttendees   = Long(PSMeeting, 0x0007)
	PidLidResourceAttendees   = Long(PSMeeting, 0x0008)
	PidLidDelegateMail        = Long(PSMeeting, 0x0009)
	PidLidCleanGlobalObjectId = Long(PSMeeting, 0x0023)
	PidLidVerbStream          = Long(PSCommon, 0x8520)
	PidLidVerbResponse        = Long(PSCommon, 0x8524)
	PidLidFlagRequest         = Long(PSCommon, 0x8530)
	PidLidNonSendableTo       = Long(PSCommon, 0x8536)
	PidLidNonSendableCc       = Long(PSCommon, 0x8537)
	PidLidNonSendableBcc      = Long(PSCommon, 0x8538)
	PidLidImapDeleted         = Long(PSCommon, 0x8570)

	PidLidClassified                = Long(PSCommon, 0x85B5)
	PidLidClassification            = Long(PSCommon, 0x85B6)
	PidLidClassificationDescription = Long(PSCommon, 0x85B7)
	PidLidClassificationGuid        = Long(PSCommon, 0x85B8)
	PidLidClassificationKeep        = Long(PSCommon, 0x85BA)

	PidLidPostRssItemLink = Long(PSPostRSS, 0x8901)

	PidLidEmail1DisplayName                     = Long(PSAddress, 0x8080)
	PidLidEmail1EmailAddress                    = Long(PSAddress, 0x8083)
	PidLidEmail1OriginalDisplayName             = Long(PSAddress, 0x8084)
	PidLidEmail1OriginalEntryId                 = Long(PSAddress, 0x8085)
	PidLidEmail2DisplayName                     = Long(PSAddress, 0x8090)
	PidLidEmail2EmailAddress                    = Long(PSAddress, 0x8093)
	PidLidEmail2OriginalDisplayName             = Long(PSAddress, 0x8094)
	PidLidEmail2OriginalEntryId                 = Long(PSAddress, 0x8095)
	PidLidEmail3DisplayName                     = Long(PSAddress, 0x80A0)
	PidLidEmail3EmailAddress                    = Long(PSAddress, 0x80A3)
	PidLidEmail3OriginalDisplayName             = Long(PSAddress, 0x80A4)
	PidLidEmail3OriginalEntryId                 = Long(PSAddress, 0x80A5)
	PidLidContactLinkedGlobalAddressListEntryId = Long(PSAddress, 0x80E2)
	PidLidContactLinkSMTPAddressCache           = Long(PSAddress, 0x80E3)
	PidLidDistributionListOneOffMembers         = Long(PSAddress, 0x8054)
	PidLidDistributionListMembers               = Long(PSAddress, 0x8055)
	PidLidDistributionListStream                = Long(PSAddress, 0x8064)

	PidLidTaskAssigners = Long(PSTask, 0x8117)

	PidLidAllAttendeesString              = Long(PSAppointment, 0x8238)
	PidLidToAttendeesString               = Long(PSAppointment, 0x823B)
	PidLidCcAttendeesString               = Long(PSAppointment, 0x823C)
	PidLidAppointmentUnsendableRecipients = Long(PSAppointment, 0x825D)
	PidLidForwardNotificationRecipients   = Long(PSAppointment, 0x8261)

	PidLidSharingInitiatorName    = Long(PSSharing, 0x8A07)
	PidLidSharingInitiatorSmtp    = Long(PSSharing, 0x8A08)
	PidLidSharingInitiatorEntryId = Long(PSSharing, 0x8A09)

	PidNameAttachmentProviderType           = Named(PSPublicStrings, "AttachmentProviderType")
	PidNameAttachmentPermissionType         = Named(PSPublicStrings, "AttachmentPermissionType")
	PidNameAttachmentOriginalPermissionType = Named(PSPublicStrings, "AttachmentOriginalPermissionType")
)
