package mime

import "mailmill/formats"

// structure finds the parts of a message.
func structure(m *formats.Mail, cp int) error {
	o := m.Original
	body := int64(len(o.Head))
	m.Root = &formats.Part{Type: "text/plain", Raw: o.Content, Size: max(o.Size-body, 0)}
	return nil
}
