package rtf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The ways in which compressed RTF can be damaged. All but ErrNotCompressed come with what could be decoded.
var (
	// ErrNotCompressed: the header is too short or has neither of the two signatures. Nothing was decoded.
	ErrNotCompressed = errors.New("not compressed RTF")
	// ErrChecksum: the compressed bytes are not those that were written. What was decoded may be wrong.
	ErrChecksum = errors.New("checksum is wrong")
	// ErrTruncated: the stream holds fewer bytes than its header says.
	ErrTruncated = errors.New("stream is cut off")
	// ErrNoEnd: the mark that ends the compressed bytes is missing.
	ErrNoEnd = errors.New("end mark is missing")
	// ErrSize: as many bytes as the header says were not what came out.
	ErrSize = errors.New("size is wrong")
	// ErrTooLarge: the limit was reached, and the rest left out.
	ErrTooLarge = errors.New("text is too large")
)

const (
	headerSize = 16
	// The signatures, as they are read low byte first (MS-OXRTFCP 2.1.3.1.3).
	signatureLZFu = 0x75465A4C
	signatureMELA = 0x414C454D

	dictionarySize = 4096
	maxMatch       = 17
	// dictionaryStart is what the dictionary holds to begin with (MS-OXRTFCP 2.1.3.1.1).
	dictionaryStart = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor " +
		"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)

// Decompress returns the RTF in src, the value of PR_RTF_COMPRESSED (MS-OXRTFCP). Where max is positive, no more than
// max bytes are returned; memory is in any case bounded by the eightfold of len(src) that the format can give.
//
// Damage does not keep the text back: the error says what is wrong, by any of the errors of this package that
// [errors.Is] finds in it, and the bytes beside it are what could be decoded.
func Decompress(src []byte, max int) ([]byte, error) {
	if len(src) < headerSize {
		return nil, fmt.Errorf("rtf: decompress: %w: %d bytes are no header", ErrNotCompressed, len(src))
	}
	var (
		compressed = int64(binary.LittleEndian.Uint32(src)) // counts what follows itself
		raw        = int64(binary.LittleEndian.Uint32(src[4:]))
		signature  = binary.LittleEndian.Uint32(src[8:])
		checksum   = binary.LittleEndian.Uint32(src[12:])
		errs       []error
	)
	body := src[headerSize:]
	size := compressed - (headerSize - 4)
	switch {
	case size > int64(len(body)):
		errs = append(errs, fmt.Errorf("%w: %d of %d bytes are there", ErrTruncated, len(body), size))
	case size >= 0:
		body = body[:size]
	default:
		errs = append(errs, fmt.Errorf("%w: the header counts %d bytes", ErrSize, compressed))
	}
	var out []byte
	switch signature {
	case signatureMELA:
		// MS-OXRTFCP 2.1.3.1.3: stored, and without a checksum.
		out = body
		if int64(len(out)) > raw {
			// Writers pad; the size that counts is the text's own.
			out = out[:raw]
		}
		if max > 0 && len(out) > max {
			out = out[:max]
			errs = append(errs, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, max))
		}
		out = append([]byte(nil), out...)
	case signatureLZFu:
		if sum := crc(body); sum != checksum {
			errs = append(errs, fmt.Errorf("%w: %08X, not %08X", ErrChecksum, sum, checksum))
		}
		var err error
		if out, err = inflate(body, raw, max); err != nil {
			errs = append(errs, err)
		}
	default:
		return nil, fmt.Errorf("rtf: decompress: %w: signature %08X", ErrNotCompressed, signature)
	}
	// QUIRK: Aspose counts what is left of the header in the size, too.
	whole := int64(len(out)) == raw || signature == signatureMELA && int64(len(out))+headerSize-4 == raw
	if !whole && !(max > 0 && len(out) == max) {
		errs = append(errs, fmt.Errorf("%w: %d bytes came out, the header says %d", ErrSize, len(out), raw))
	}
	if len(errs) > 0 {
		return out, fmt.Errorf("rtf: decompress: %w", errors.Join(errs...))
	}
	return out, nil
}

// inflate undoes LZFu (MS-OXRTFCP 2.2.2).
//
// The dictionary is a ring, but its last 4096 bytes are always the last 4096 of the output, if the output is thought
// to begin with the dictionary's first content. So the output itself is the dictionary, and matches are distances.
func inflate(src []byte, raw int64, max int) ([]byte, error) {
	const (
		lead = dictionarySize                        // bytes before the text proper
		ring = dictionarySize - len(dictionaryStart) // of these, the part never written: zeros
	)
	limit := 8*len(src) + maxMatch
	if max > 0 && max < limit {
		limit = max
	}
	room := limit
	if raw < int64(room) {
		room = int(raw)
	}
	const step = 8 * maxMatch // the most that one control byte yields
	buf := make([]byte, lead+room+step)
	copy(buf[ring:], dictionaryStart)
	n, i := lead, 0
	for i < len(src) {
		control := src[i]
		i++
		if n-lead > limit {
			return buf[lead : lead+limit : lead+limit], fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
		}
		if len(buf)-n < step {
			buf = append(buf, make([]byte, len(buf)+step)...)
		}
		if control == 0 && len(src)-i >= 8 {
			*(*[8]byte)(buf[n:]) = *(*[8]byte)(src[i:])
			n += 8
			i += 8
			continue
		}
		for bit := 0; bit < 8 && i < len(src); bit++ {
			if control>>bit&1 == 0 {
				buf[n] = src[i]
				n++
				i++
				continue
			}
			if len(src)-i < 2 {
				i = len(src)
				break
			}
			reference := int(src[i])<<8 | int(src[i+1])
			i += 2
			// The write position in the ring is n plus the text's offset in it, which modulo its size is the lead's.
			distance := (n - ring - reference>>4) & (dictionarySize - 1)
			if distance == 0 {
				if n-lead > limit {
					return buf[lead : lead+limit : lead+limit], fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
				}
				return buf[lead:n:n], nil
			}
			length := reference&15 + 2
			from := n - distance
			if distance >= length {
				copy(buf[n:n+length], buf[from:from+length])
			} else {
				for j := range length {
					buf[n+j] = buf[from+j]
				}
			}
			n += length
		}
	}
	if n-lead > limit {
		return buf[lead : lead+limit : lead+limit], fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return buf[lead:n:n], ErrNoEnd
}

// crc is CRC-32 that starts from zero and is not inverted (MS-OXRTFCP 2.1.3.2). Inverting twice undoes what the
// standard library's does, and keeps its speed.
func crc(b []byte) uint32 { return ^crc32.Update(0xFFFFFFFF, crc32.IEEETable, b) }
