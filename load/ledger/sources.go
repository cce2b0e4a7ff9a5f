package ledger

import (
	"path/filepath"
	"strings"
)

// SourceName returns the name by which the ledger knows an archive: that of its file, without the folders it lies in. A new
// export of a mailbox often has the name of the last one and lies in another folder. A folder has the same name with a slash
// behind it, and where somebody stands in it.
func SourceName(path string) string {
	name := strings.TrimRight(path, `/\`)
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "." || name == ".." {
		if whole, err := filepath.Abs(path); err == nil {
			name = filepath.Base(whole)
		}
	}
	return name
}

// sources numbers the archives that items of a place came from; 0 is none that is known. What is beyond what an entry can
// hold counts as that.
type sources struct {
	names   []string
	numbers map[string]uint16
}

func newSources() sources {
	return sources{names: []string{""}, numbers: map[string]uint16{"": 0}}
}

func (s *sources) number(name string) uint16 {
	n, known := s.numbers[name]
	if !known && len(s.names) < 1<<16 {
		n = uint16(len(s.names))
		s.names = append(s.names, name)
		s.numbers[name] = n
	}
	return n
}
