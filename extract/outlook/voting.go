package outlook

import (
	"encoding/binary"

	"mailmill/formats/codepage"
)

// votingOptions returns the buttons that a verb stream offers (MS-OXOMSG 2.2.1.74), those of every mail (reply, forward)
// left out. A damaged stream gives those before the fault.
func votingOptions(b []byte, cp int) []string {
	const (
		version    = 0x0102
		extras     = 0x0104
		verbVoting = 4
		tail       = 4 + 1 + 4 + 4 + 4 + 4 + 4 + 4 // what follows an option's strings
	)
	if len(b) < 6 || binary.LittleEndian.Uint16(b) != version {
		return nil
	}
	count := binary.LittleEndian.Uint32(b[2:])
	b = b[6:]
	str := func() ([]byte, bool) {
		if len(b) < 1 || len(b) < 1+int(b[0]) {
			return nil, false
		}
		s := b[1 : 1+int(b[0])]
		b = b[1+len(s):]
		return s, true
	}
	var options []string
	var at []int // which of all verbs they are
	for i := 0; uint32(i) < count && len(b) >= 4; i++ {
		typ := binary.LittleEndian.Uint32(b)
		b = b[4:]
		name, ok := str()
		for range 3 { // the message class, an unused string, and the name again
			if ok {
				_, ok = str()
			}
		}
		if !ok || len(b) < tail {
			return options
		}
		b = b[tail:]
		if typ == verbVoting {
			s, _ := codepage.Decode(cp, name)
			options, at = append(options, oneLine(s)), append(at, i)
		}
	}
	// The same names follow in Unicode.
	if len(b) < 2 || binary.LittleEndian.Uint16(b) != extras {
		return options
	}
	b = b[2:]
	for i, n := 0, 0; uint32(i) < count && n < len(at); i++ {
		if len(b) < 1 || len(b) < 1+2*int(b[0]) {
			return options
		}
		name := b[1 : 1+2*int(b[0])]
		b = b[1+len(name):]
		if len(b) < 1 || len(b) < 1+2*int(b[0]) {
			return options
		}
		b = b[1+2*int(b[0]):]
		if at[n] == i {
			options[n] = oneLine(codepage.UTF16(name))
			n++
		}
	}
	return options
}
