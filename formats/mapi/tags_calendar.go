package mapi

// The properties of appointments and meetings, and of their exceptions and recipients (MS-OXOCAL 2.2).
const (
	PidTagStartDate            ID = 0x0060
	PidTagEndDate              ID = 0x0061
	PidTagOwnerAppointmentId   ID = 0x0062
	PidTagResponseRequested    ID = 0x0063
	PidTagRecipientProposed    ID = 0x5FE1
	PidTagRecipientNewStart    ID = 0x5FE3
	PidTagRecipientNewEnd      ID = 0x5FE4
	PidTagRecipientTrackTime   ID = 0x5FFB
	PidTagExceptionReplaceTime ID = 0x7FF9
	PidTagExceptionStartTime   ID = 0x7FFB
	PidTagExceptionEndTime     ID = 0x7FFC
)

// The names of the properties of appointments and meetings.
var (
	PidLidAttendeeCriticalChange = Long(PSMeeting, 0x0001)
	PidLidIsException            = Long(PSMeeting, 0x000A)
	PidLidStartRecurrenceTime    = Long(PSMeeting, 0x000E)
	PidLidOwnerCriticalChange    = Long(PSMeeting, 0x001A)
	PidLidMeetingType            = Long(PSMeeting, 0x0026)

	PidLidAppointmentSequence         = Long(PSAppointment, 0x8201)
	PidLidAppointmentSequenceTime     = Long(PSAppointment, 0x8202)
	PidLidAppointmentLastSequence     = Long(PSAppointment, 0x8203)
	PidLidBusyStatus                  = Long(PSAppointment, 0x8205)
	PidLidLocation                    = Long(PSAppointment, 0x8208)
	PidLidMeetingWorkspaceUrl         = Long(PSAppointment, 0x8209)
	PidLidAppointmentStartWhole       = Long(PSAppointment, 0x820D)
	PidLidAppointmentEndWhole         = Long(PSAppointment, 0x820E)
	PidLidAppointmentDuration         = Long(PSAppointment, 0x8213)
	PidLidAppointmentColor            = Long(PSAppointment, 0x8214)
	PidLidAppointmentSubType          = Long(PSAppointment, 0x8215)
	PidLidAppointmentRecur            = Long(PSAppointment, 0x8216)
	PidLidAppointmentStateFlags       = Long(PSAppointment, 0x8217)
	PidLidResponseStatus              = Long(PSAppointment, 0x8218)
	PidLidAppointmentReplyTime        = Long(PSAppointment, 0x8220)
	PidLidRecurring                   = Long(PSAppointment, 0x8223)
	PidLidIntendedBusyStatus          = Long(PSAppointment, 0x8224)
	PidLidExceptionReplaceTime        = Long(PSAppointment, 0x8228)
	PidLidFInvited                    = Long(PSAppointment, 0x8229)
	PidLidFExceptionalAttendees       = Long(PSAppointment, 0x822B)
	PidLidAppointmentReplyName        = Long(PSAppointment, 0x8230)
	PidLidRecurrenceType              = Long(PSAppointment, 0x8231)
	PidLidRecurrencePattern           = Long(PSAppointment, 0x8232)
	PidLidTimeZoneStruct              = Long(PSAppointment, 0x8233)
	PidLidTimeZoneDescription         = Long(PSAppointment, 0x8234)
	PidLidClipStart                   = Long(PSAppointment, 0x8235)
	PidLidClipEnd                     = Long(PSAppointment, 0x8236)
	PidLidOnlinePassword              = Long(PSAppointment, 0x8249)
	PidLidConferencingCheck           = Long(PSAppointment, 0x8240)
	PidLidConferencingType            = Long(PSAppointment, 0x8241)
	PidLidDirectory                   = Long(PSAppointment, 0x8242)
	PidLidOrganizerAlias              = Long(PSAppointment, 0x8243)
	PidLidAutoStartCheck              = Long(PSAppointment, 0x8244)
	PidLidCollaborateDoc              = Long(PSAppointment, 0x8247)
	PidLidNetShowUrl                  = Long(PSAppointment, 0x8248)
	PidLidAppointmentProposedStart    = Long(PSAppointment, 0x8250)
	PidLidAppointmentProposedEnd      = Long(PSAppointment, 0x8251)
	PidLidAppointmentProposedDuration = Long(PSAppointment, 0x8256)
	PidLidAppointmentCounterProposal  = Long(PSAppointment, 0x8257)
	PidLidAppointmentProposalNumber   = Long(PSAppointment, 0x8259)
	PidLidAppointmentNotAllowPropose  = Long(PSAppointment, 0x825A)
	PidLidAppointmentZoneStart        = Long(PSAppointment, 0x825E) // PidLidAppointmentTimeZoneDefinitionStartDisplay
	PidLidAppointmentZoneEnd          = Long(PSAppointment, 0x825F) // PidLidAppointmentTimeZoneDefinitionEndDisplay
	PidLidAppointmentZoneRecur        = Long(PSAppointment, 0x8260) // PidLidAppointmentTimeZoneDefinitionRecur

	PidLidPrivate     = Long(PSCommon, 0x8506)
	PidLidCommonStart = Long(PSCommon, 0x8516)
	PidLidCommonEnd   = Long(PSCommon, 0x8517)
	PidLidBilling     = Long(PSCommon, 0x8535)
	PidLidMileage     = Long(PSCommon, 0x8534)
	PidLidCompanies   = Long(PSCommon, 0x8539)
	PidLidContacts    = Long(PSCommon, 0x853A)

	PidNameOnlineMeetingExternalLink = Named(PSPublicStrings, "OnlineMeetingExternalLink")
	PidNameOnlineMeetingInternalLink = Named(PSPublicStrings, "OnlineMeetingInternalLink")
	PidNameOnlineMeetingConfLink     = Named(PSPublicStrings, "OnlineMeetingConfLink")
	PidNameSkypeTeamsMeetingUrl      = Named(PSPublicStrings, "SkypeTeamsMeetingUrl")
	PidNameSkypeTeamsProperties      = Named(PSPublicStrings, "SkypeTeamsProperties")
)
