package files

import (
	"strings"

	"mailmill/transform/folders"
)

// plan is what a run may write into a folder, so that one can tell whether something is in the way. Its names are
// folded.
type plan struct {
	files, folders map[string]bool
	fill           map[string]string // folders in which any file of an extension may come, by their names
}

func newPlan(t *Target) *plan {
	p := &plan{make(map[string]bool), make(map[string]bool), make(map[string]string)}
	for _, s := range t.sources {
		p.folder(s.below)
		for f := range s.Places() {
			t.format.plan(p, s.place(f))
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
func (p *plan) anyFile(folder, extension string) { p.fill[folders.Fold(folder)] = extension }

// hit reports whether something that is not ours stands where the run may write.
func (p *plan) hit(name string, isFolder bool) bool {
	folded := folders.Fold(name)
	if isFolder {
		return p.files[folded]
	}
	if p.files[folded] || p.folders[folded] {
		return true
	}
	extension, filled := p.fill[parent(folded)]
	return filled && strings.HasSuffix(folded, extension)
}
