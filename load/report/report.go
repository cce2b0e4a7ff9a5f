// Package report says what happens in a run, to people and to programs.
//
// A run speaks through a [load.Observer]. This package holds the renderings of what it says:
//
//   - [Journal] writes JSON objects, one a line: each item, failure and damage, progress and the balance. Scripts read
//     them, and a report is a file of them. Their fields are the promise that the JSON section of "mailmill help json"
//     makes.
//   - [WriteBalance], [WriteTargets] and [WriteFaults] tell people at the end: the balance as a table, what went where,
//     what failed, what is damaged and what was left alone.
//   - [WriteVerified] and the objects of [Journal.Verified] tell how a target differs from the archives.
//   - [WritePeople], [PeopleCSV] and the objects of [Person] and [People] tell who is behind Exchange names.
//   - [Bars] draws progress on a terminal, with a [Lane] for each server; [Ticker] logs a line a minute where there is none.
//   - [List] is a [load.Target] that writes a line for each item, as JSON or for people.
//   - [Inspection] is what the tables of an archive tell, as a table by folder.
//
// Several of them watch the same run through [Observers]. Text from archives is hostile: in JSON it is escaped, for
// people it passes through [Printable], so that no name can move a cursor or forge a line.
package report

import (
	"mailmill/formats"
	"mailmill/load"
)

// Schema is the number of the shape of the JSON objects; the first object of a run carries it. It grows when a field
// changes its meaning or goes away, not when one is added.
const Schema = 1

// Observers passes everything on to each of several observers, in their order.
type Observers []load.Observer

// Progress implements [load.Observer].
func (o Observers) Progress(p load.Progress) {
	for _, each := range o {
		each.Progress(p)
	}
}

// Item implements [load.Observer].
func (o Observers) Item(it *formats.Item, outcome load.Outcome, err error) {
	for _, each := range o {
		each.Item(it, outcome, err)
	}
}
