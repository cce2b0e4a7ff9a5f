package outlook

import (
	"crypto/x509"
	"encoding/binary"
	"strconv"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

const (
	// maxKeys bounds the certificates of a contact.
	maxKeys = 64
	// derSequence begins what is ASN.1 in DER and no list of settings (MS-OXOABK 2.2.4.36).
	derSequence = 0x30
	certificate = "application/pkix-cert"
)

// certificates reads the contact's certificates. Each value is DER, or a list of settings of which some hold a certificate
// (MS-OXOABK 2.2.4.36); what is neither stays as it is.
func (m *message) certificates() []*formats.Part {
	v := m.value(mapi.PidTagUserX509Certificate, "certificates")
	values := v.Elems
	if !v.Type.IsMulti() && len(v.Data) > 0 {
		values = [][]byte{v.Data}
	}
	var list []*formats.Part
	for _, b := range values[:min(len(values), maxKeys)] {
		if len(b) == 0 {
			continue
		}
		certs := settingsCertificates(b)
		if b[0] == derSequence || len(certs) == 0 {
			certs = [][]byte{b}
		}
		for _, der := range certs {
			list = append(list, &formats.Part{
				Type: keyType(der), Name: "certificate-" + strconv.Itoa(len(list)+1), Content: formats.Bytes(der), Size: int64(len(der)),
			})
		}
	}
	return list
}

func keyType(b []byte) string {
	if _, err := x509.ParseCertificate(b); err == nil {
		return certificate
	}
	if b[0] == derSequence {
		return "application/pkcs7-mime" // SignedData, with certificates in it
	}
	return "application/octet-stream"
}

// settingsCertificates returns the certificates among the settings, each once: one to encrypt with and one to check
// signatures with may be the same. Each setting has its tag and its length, that of both included.
func settingsCertificates(b []byte) (list [][]byte) {
	for len(b) >= 4 {
		n := int(binary.LittleEndian.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			return list
		}
		data := b[4:n]
		b = b[n:]
		if len(data) == 0 || data[0] != derSequence {
			continue
		}
		if _, err := x509.ParseCertificate(data); err != nil {
			continue
		}
		known := false
		for _, c := range list {
			known = known || string(c) == string(data)
		}
		if !known {
			list = append(list, data)
		}
	}
	return list
}
