package filter

import (
	"context"
	"regexp"

	"mailmill/formats"
)

// Classes wants the items whose message class matches one of some patterns, as [Folders] has them: "IPM.Note" alone,
// "IPM.Note*" with all that derives from it. An item that comes from no program of Microsoft's has no class, which only "*"
// matches. It implements load.Filter, and load.Step for what tables tell no class of.
type Classes struct{ patterns []*regexp.Regexp }

// NewClasses returns a filter with the patterns given.
func NewClasses(patterns []string) (*Classes, error) {
	compiled, err := compileAll(patterns)
	return &Classes{compiled}, err
}

// Wanted implements load.Filter.
func (c *Classes) Wanted(e *formats.Entry) bool {
	return e.Class == "" || matchAny(c.patterns, e.Class)
}

// Apply implements load.Step.
func (c *Classes) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	return matchAny(c.patterns, it.Class), nil
}

// Sizes wants items of more than Larger bytes and of less than Smaller; 0 is no bound. The size is that of an archive's
// table. An item of unknown size is wanted: it cannot be said to lie outside. It implements load.Filter, and load.Step for
// what tables tell no size of.
type Sizes struct{ Larger, Smaller int64 }

// Wanted implements load.Filter.
func (s Sizes) Wanted(e *formats.Entry) bool {
	return e.Size <= 0 || e.Size > s.Larger && (s.Smaller == 0 || e.Size < s.Smaller)
}

// Apply implements load.Step.
func (s Sizes) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	return s.Wanted(&it.Entry), nil
}
