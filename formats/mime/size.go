package mime

import "mailmill/formats"

// Size estimates how many bytes a mail takes when it is written, from the sizes that its parts state: as a rule it is
// more, by up to the half of its texts, and reads nothing.
func Size(m *formats.Mail) int64 {
	n := int64(200)
	for i := range m.Header {
		f := &m.Header[i]
		n += int64(len(f.Name) + 4)
		if f.Raw != nil {
			n += int64(len(f.Raw))
			continue
		}
		n += int64(3 * len(f.Text))
		for _, a := range f.Addresses {
			n += int64(3*len(a.Name) + len(a.Spec()) + len(a.Group) + 20)
		}
	}
	if m.Root != nil {
		n += partSize(m.Root)
	}
	return n
}

func partSize(p *formats.Part) int64 {
	const header, boundary = 300, 80
	n := int64(header + boundary + 4*len(p.Name))
	for _, c := range p.Parts {
		n += partSize(c)
	}
	size := p.Size
	if b, ok := p.Content.(formats.Bytes); ok {
		size = int64(len(b))
	}
	switch {
	case p.Message != nil:
		n += Size(p.Message)
	case p.Entity || p.Transfer == formats.TransferVerbatim:
		n += size
	default:
		n += size/57*78 + 78 + size/8
	}
	return n
}
