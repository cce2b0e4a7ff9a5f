package folders

import (
	"slices"
	"strings"
)

// SourceMark stands for the name of an archive in the path of a folder that archives are written below.
const SourceMark = "{source}"

// SourceName returns what an archive is called where each has a folder of its own: its file's name without the folders
// before it, whichever system's path it is, and without its extension and that of a compression behind it. Standard input is
// called stdin.
func SourceName(path string) string {
	if path == "-" {
		return "stdin"
	}
	name := strings.TrimRight(path, `/\`)
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && slices.Contains(compressions, strings.ToLower(name[dot:])) {
		name = name[:dot]
	}
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		name = name[:dot]
	}
	return name
}

var compressions = []string{".bz2", ".gz", ".xz", ".zst"}

// Below returns the path of safe names that a prefix stands for, with an archive's name in place of each [SourceMark].
func Below(prefix, source string) string {
	var parts []string
	for part := range strings.SplitSeq(prefix, "/") {
		if part = strings.ReplaceAll(part, SourceMark, source); part != "" {
			parts = append(parts, Safe(part, MaxName))
		}
	}
	return strings.Join(parts, "/")
}
