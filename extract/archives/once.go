package archives

import (
	"mailmill/extract"
	"mailmill/formats"
)

// Once reports whether the archive is an [extract.Stream]. It implements load.Stream.
func (a *Archive) Once() bool {
	_, stream := a.Archive.(extract.Stream)
	return stream
}

// Done implements [extract.Stream].
func (a *Archive) Done(e formats.Entry) {
	if stream, ok := a.Archive.(extract.Stream); ok {
		stream.Done(e)
	}
}
