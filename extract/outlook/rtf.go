package outlook

func (m *message) rtfBody(html *string, hasHTML *bool, plain *string) {}
