package files

import (
	"os"
	"path/filepath"
	"testing"
)

// There is room where a folder is, and as much where one is to be made in it.
func TestFreeSpace(t *testing.T) {
	dir := t.TempDir()
	there, err := FreeSpace(dir)
	if err != nil || there.Bytes < 1 {
		t.Fatalf("%+v, %v", there, err)
	}
	later, err := FreeSpace(filepath.Join(dir, "not", "yet", "there"))
	if err != nil || later.Bytes < there.Bytes/2 || later.Bytes > there.Bytes*2 {
		t.Errorf("%+v beside %+v, %v", later, there, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if beside, err := FreeSpace(file); err != nil || beside.Bytes < 1 {
		t.Errorf("%+v, %v", beside, err)
	}
}

func TestLeast(t *testing.T) {
	for _, tt := range []struct{ a, b, want int64 }{{-1, -1, -1}, {-1, 5, 5}, {5, -1, 5}, {5, 3, 3}, {3, 5, 3}, {0, -1, 0}, {-1, 0, 0}} {
		if got := least(tt.a, tt.b); got != tt.want {
			t.Errorf("least(%d, %d) = %d", tt.a, tt.b, got)
		}
	}
}
