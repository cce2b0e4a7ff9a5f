package rtf

import "encoding/binary"

// Compress returns raw as the value of PR_RTF_COMPRESSED that [Decompress] reads (MS-OXRTFCP 2.2.3).
func Compress(raw []byte) []byte {
	const (
		start    = len(dictionaryStart)
		hashBits = 13
		attempts = 16
	)
	text := append([]byte(dictionaryStart), raw...)
	// Chains of earlier places whose next three bytes hash alike; 0 ends a chain, so places count from 1.
	var head [1 << hashBits]int32
	chain := make([]int32, len(text))
	hash := func(i int) uint32 {
		return (uint32(text[i])<<16 | uint32(text[i+1])<<8 | uint32(text[i+2])) * 0x9E3779B1 >> (32 - hashBits)
	}
	enter := func(i int) {
		if i+2 < len(text) {
			h := hash(i)
			chain[i], head[h] = head[h], int32(i+1)
		}
	}
	for i := range start {
		enter(i)
	}
	out := make([]byte, headerSize, headerSize+len(raw)/2+64)
	control, bit := 0, 8
	token := func(isReference byte) {
		if bit == 8 {
			control, bit = len(out), 0
			out = append(out, 0)
		}
		out[control] |= isReference << bit
		bit++
	}
	for i := start; i < len(text); {
		length, at := 0, 0
		if i+2 < len(text) {
			// A distance of the dictionary's size would read as the end mark.
			for p, tries := int(head[hash(i)])-1, 0; p >= 0 && i-p < dictionarySize && tries < attempts; p, tries = int(chain[p])-1, tries+1 {
				n := 0
				for n < maxMatch && i+n < len(text) && text[p+n] == text[i+n] {
					n++
				}
				if n > length {
					length, at = n, p
				}
			}
		}
		if length < 3 {
			token(0)
			out = append(out, text[i])
			enter(i)
			i++
			continue
		}
		token(1)
		out = binary.BigEndian.AppendUint16(out, uint16(at%dictionarySize<<4|(length-2)))
		for range length {
			enter(i)
			i++
		}
	}
	token(1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(text)%dictionarySize<<4))
	binary.LittleEndian.PutUint32(out, uint32(len(out)-4))
	binary.LittleEndian.PutUint32(out[4:], uint32(len(raw)))
	binary.LittleEndian.PutUint32(out[8:], signatureLZFu)
	binary.LittleEndian.PutUint32(out[12:], crc(out[headerSize:]))
	return out
}
