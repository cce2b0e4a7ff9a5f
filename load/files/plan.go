package files

import (
	"slices"
	"strings"

	"mailmill/transform/folders"
)

// plan is what a run may write into a folder, so that one can tell whether something is in the way. Its names are
// folded.
type plan struct {
	files, folders map[string]bool
	fill           map[string][]string // folders in which any file of some extensions may come, by their names
}

func newPlan(t *Target) *plan {
	p := &plan{make(map[string]bool), make(map[string]bool), make(map[string][]string)}
	for _, s := range t.sources {
		p.folder(s.below)
		for _, b := range t.branches {
			if b != nil {
				s.each(b.mail, func(place string) { b.plan(p, place) })
			}
		}
	}
	return p
}

// folder plans a folder and its parents.
func (p *plan) folder(name string) {
	for ; name != ""; name = parent(name) {
		p.folders[folders.Fold(name)] = true
	}
}

func (p *plan) file(name string) { p.files[folders.Fold(name)] = true }

// anyFile plans all files of a folder that have an extension; "" is any.
func (p *plan) anyFile(folder, extension string) {
	folded := folders.Fold(folder)
	p.fill[folded] = append(p.fill[folded], extension)
}

// hit reports whether something that is not ours stands where the run may write.
func (p *plan) hit(name string, isFolder bool) bool {
	folded := folders.Fold(name)
	if isFolder {
		return p.files[folded]
	}
	if p.files[folded] || p.folders[folded] {
		return true
	}
	return slices.ContainsFunc(p.fill[parent(folded)], func(extension string) bool { return strings.HasSuffix(folded, extension) })
}
