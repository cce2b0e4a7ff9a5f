package extract

import (
	"context"
	"iter"

	"mailmill/formats"
)

// Learner is an Archive that can tell who is in it before its items are read: who has which Exchange name, mail address
// and display name. Both methods may be called by several goroutines at once.
type Learner interface {
	// Places enumerates what can be learnt from, cheaply and without reading it: items of every kind, also those that
	// people do not see, and what else knows people. An entry has its folder, its ID and whether it is hidden, as a rule
	// nothing more. An error ends the enumeration.
	Places(context.Context) iter.Seq2[formats.Entry, error]
	// Learn adds what a place tells to a lesson, which names the place already. It reads properties and tables, no
	// bodies and no files. What is damaged tells nothing; an error says that the place cannot be read at all.
	Learn(context.Context, formats.Entry, *formats.Lesson) error
}
