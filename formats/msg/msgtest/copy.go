package msgtest

import (
	"errors"
	"io"

	"mailmill/formats/mapi"
)

// Copy reads a message to its end, with everything in it, so that it can be written.
func Copy(m mapi.Message) (*Message, error) {
	out := &Message{}
	var errs []error
	all := func(p mapi.Properties) (list []mapi.Property) {
		for q, err := range p.All() {
			errs = append(errs, err)
			if q.Name != nil {
				q.ID = 0
			}
			list = append(list, q)
		}
		return list
	}
	out.Properties = all(m)
	rows, err := m.Recipients()
	errs = append(errs, err)
	for _, r := range rows {
		out.Recipients = append(out.Recipients, all(r))
	}
	list, err := m.Attachments()
	errs = append(errs, err)
	for _, a := range list {
		at := Attachment{Properties: all(a)}
		inner, err := a.Embedded()
		if err == nil {
			at.Message, err = Copy(inner)
			errs = append(errs, err)
			out.Attachments = append(out.Attachments, at)
			continue
		}
		if r, err := a.Open(); err == nil {
			b, err := io.ReadAll(r)
			r.Close()
			errs = append(errs, err)
			at.Properties = append(at.Properties, P(0x3701, Binary(b)))
		} else if !errors.Is(err, mapi.ErrNoData) {
			errs = append(errs, err)
		}
		out.Attachments = append(out.Attachments, at)
	}
	return out, errors.Join(errs...)
}
