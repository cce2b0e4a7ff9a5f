package ltp

import "mailmill/formats/mapi"

// makeValue makes a value of bytes that are not in a record or row itself. err is what was wrong in reading them.
func makeValue(t mapi.Type, b []byte, err error) (mapi.Value, error) {
	if !t.IsMulti() {
		if w := t.Width(); w > 0 {
			if len(b) < w {
				return mapi.Value{Type: t}, first(err, corrupt("a value of %d bytes instead of %d", len(b), w))
			}
			b = b[:w:w]
		}
		return mapi.Value{Type: t, Data: b}, err
	}
	elems, e := elements(t, b)
	return mapi.Value{Type: t, Elems: elems}, first(err, e)
}

// elements splits the values of a multi-valued property: an array if they are of fixed size (MS-PST 2.3.3.4.1), else
// their count, an offset for each, and the values (2.3.3.4.2). An empty property can be without a count.
func elements(t mapi.Type, b []byte) ([][]byte, error) {
	if w := t.Width(); w > 0 {
		elems := make([][]byte, 0, len(b)/w)
		for ; len(b) >= w; b = b[w:] {
			elems = append(elems, b[:w:w])
		}
		return elems, nil
	}
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) < 4 {
		return nil, corrupt("several values in %d bytes", len(b))
	}
	n := int(le.Uint32(b))
	if n < 0 || n > (len(b)-4)/4 {
		return nil, corrupt("%d values in %d bytes", uint32(n), len(b))
	}
	elems := make([][]byte, 0, n)
	for i := range n {
		start, end := int(le.Uint32(b[4+4*i:])), len(b)
		if i+1 < n {
			end = int(le.Uint32(b[8+4*i:]))
		}
		if start < 0 || start > end || end > len(b) {
			return elems, corrupt("value %d of %d from %d to %d of %d bytes", i+1, n, start, end, len(b))
		}
		elems = append(elems, b[start:end:end])
	}
	return elems, nil
}
