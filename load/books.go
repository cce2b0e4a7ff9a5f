package load

import (
	"fmt"

	"mailmill/formats"
)

// add counts n entries of a kind that had one outcome.
func (b Balance) add(kind formats.Kind, o Outcome, n int) {
	c := b.count(kind)
	switch o {
	case Written:
		c.Written += n
	case Unchanged:
		c.Unchanged += n
	case Filtered:
		c.Filtered += n
	case Duplicate:
		c.Duplicate += n
	default:
		c.Failed += n
	}
}

func (b Balance) count(kind formats.Kind) *Count {
	c := b[kind]
	if c == nil {
		c = new(Count)
		b[kind] = c
	}
	return c
}

// Add adds the counts of another balance.
func (b Balance) Add(other Balance) {
	for kind, o := range other {
		c := b.count(kind)
		c.Found += o.Found
		c.Written += o.Written
		c.Unchanged += o.Unchanged
		c.Filtered += o.Filtered
		c.Duplicate += o.Duplicate
		c.Failed += o.Failed
		c.Damaged += o.Damaged
	}
}

// Total returns the sum over all kinds.
func (b Balance) Total() Count {
	var t Count
	for _, c := range b {
		t.Found += c.Found
		t.Written += c.Written
		t.Unchanged += c.Unchanged
		t.Filtered += c.Filtered
		t.Duplicate += c.Duplicate
		t.Failed += c.Failed
		t.Damaged += c.Damaged
	}
	return t
}

// Check returns an error unless each entry that was found has an outcome.
func (b Balance) Check() error {
	for _, kind := range formats.Kinds() {
		c := b[kind]
		if c == nil {
			continue
		}
		if sum := c.Written + c.Unchanged + c.Filtered + c.Duplicate + c.Failed; sum != c.Found {
			return fmt.Errorf("the books do not balance: of %d items of kind %s %d are accounted for", c.Found, kind, sum)
		}
	}
	return nil
}
