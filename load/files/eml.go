package files

import (
	"io"

	"mailmill/formats"
	"mailmill/formats/mime"
)

// EML is the format with a file for each mail, as RFC 5322 has it, with CRLF.
var EML Format = eml{}

type eml struct{}

func (eml) Name() string      { return "eml" }
func (eml) Extension() string { return ".eml" }
func (eml) Joined() bool      { return false }

func (eml) Encode(w io.Writer, it *formats.Item) error { return mime.Write(w, it.Mail) }
