package winzone

import (
	"maps"
	"slices"
)

// Keys lists the keys of Windows that are known.
func Keys() []string { return slices.Sorted(maps.Keys(names)) }
