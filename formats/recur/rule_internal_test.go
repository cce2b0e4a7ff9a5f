package recur

import (
	"slices"
	"testing"
)

// A hostile day of the month takes no more room than the last one.
func TestMonthDay(t *testing.T) {
	for _, tt := range []struct {
		day      int
		days     []int
		position int
	}{
		{28, []int{28}, 0},
		{30, []int{28, 29, 30}, -1},
		{31, []int{-1}, 0},
		{32, []int{-1}, 0},
		{0x06A6A6A6, []int{-1}, 0},
	} {
		if days, position := monthDay(tt.day, 0); !slices.Equal(days, tt.days) || position != tt.position {
			t.Errorf("day %d: %d days, position %d", tt.day, len(days), position)
		}
	}
}
