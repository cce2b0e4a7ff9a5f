package mapi

// The names of the properties of tasks, notes, journal entries and flags (MS-OXOTASK 2.2.2, MS-OXONOTE 2.2.1, MS-OXOJRNL
// 2.2.1, MS-OXOFLAG 2.2).
var (
	PidLidTaskStatus          = Long(PSTask, 0x8101)
	PidLidPercentComplete     = Long(PSTask, 0x8102)
	PidLidTeamTask            = Long(PSTask, 0x8103)
	PidLidTaskStartDate       = Long(PSTask, 0x8104)
	PidLidTaskDueDate         = Long(PSTask, 0x8105)
	PidLidTaskDeadOccurrence  = Long(PSTask, 0x8109)
	PidLidTaskDateCompleted   = Long(PSTask, 0x810F)
	PidLidTaskActualEffort    = Long(PSTask, 0x8110)
	PidLidTaskEstimatedEffort = Long(PSTask, 0x8111)
	PidLidTaskRecurrence      = Long(PSTask, 0x8116)
	PidLidTaskComplete        = Long(PSTask, 0x811C)
	PidLidTaskOwner           = Long(PSTask, 0x811F)
	PidLidTaskAssigner        = Long(PSTask, 0x8121)
	PidLidTaskLastUser        = Long(PSTask, 0x8122)
	PidLidTaskLastDelegate    = Long(PSTask, 0x8125)
	PidLidTaskFRecurring      = Long(PSTask, 0x8126)
	PidLidTaskRole            = Long(PSTask, 0x8127)
	PidLidTaskOwnership       = Long(PSTask, 0x8129)
	PidLidTaskAcceptanceState = Long(PSTask, 0x812A)

	PidLidTaskGlobalId = Long(PSCommon, 0x8519)
	PidLidToDoTitle    = Long(PSCommon, 0x85A4)

	PidLidNoteColor  = Long(PSNote, 0x8B00)
	PidLidNoteWidth  = Long(PSNote, 0x8B02)
	PidLidNoteHeight = Long(PSNote, 0x8B03)
	PidLidNoteX      = Long(PSNote, 0x8B04)
	PidLidNoteY      = Long(PSNote, 0x8B05)

	PidLidLogType            = Long(PSLog, 0x8700)
	PidLidLogStart           = Long(PSLog, 0x8706)
	PidLidLogDuration        = Long(PSLog, 0x8707)
	PidLidLogEnd             = Long(PSLog, 0x8708)
	PidLidLogDocumentPrinted = Long(PSLog, 0x870E)
	PidLidLogDocumentSaved   = Long(PSLog, 0x870F)
	PidLidLogDocumentRouted  = Long(PSLog, 0x8710)
	PidLidLogDocumentPosted  = Long(PSLog, 0x8711)
	PidLidLogTypeDesc        = Long(PSLog, 0x8712)
)

// The properties of flags that items have which are no tasks (MS-OXOFLAG 2.2).
const (
	PidTagToDoItemFlags    ID = 0x0E2B
	PidTagFlagCompleteTime ID = 0x1091
)
