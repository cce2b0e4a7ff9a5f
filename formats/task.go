package formats

import "time"

// TaskStatus is how far a task is.
type TaskStatus uint8

// The states.
const (
	TaskNotStarted TaskStatus = iota
	TaskInProgress
	TaskComplete
	TaskWaiting
	TaskDeferred
)

// String returns the name that JSON uses: "not-started", "in-progress", "complete", "waiting", "deferred".
func (s TaskStatus) String() string {
	names := [...]string{"not-started", "in-progress", "complete", "waiting", "deferred"}
	return names[min(int(s), len(names)-1)]
}

// Task is the body of an item of [KindTask]. Package formats/ical writes it.
type Task struct {
	Details
	// Start and Due are mostly dates. Each may be zero.
	Start, Due Moment
	// Completed is when it was done, zero for what is not or does not say when.
	Completed time.Time
	Status    TaskStatus
	// Percent is how much is done, 0 to 100.
	Percent int

	// Series is that of a task that recurs by the calendar; nil in all others.
	Series *Series
	// Regenerate is set in a task that comes again some time after it was completed: only Frequency and Interval count.
	Regenerate *Recurrence

	// Owner is who has to do it and Assigner who gave it to them; nil where nobody is known.
	Owner, Assigner *Address
	// Accepted is what the owner answered.
	Accepted AttendeeStatus
	// ActualEffort and EstimatedEffort are 0 where they are not known.
	ActualEffort, EstimatedEffort time.Duration
	Alarms                        []Alarm
}

// Participants calls visit for every participant of the task and of mails attached to it.
func (t *Task) Participants(visit func(*Address)) {
	for _, a := range []*Address{t.Owner, t.Assigner} {
		if a != nil {
			visit(a)
		}
	}
	t.participants(visit)
}
