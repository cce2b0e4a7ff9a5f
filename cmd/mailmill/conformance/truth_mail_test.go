package conformance

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
)

// generated is an archive whose content is known.
type generated struct{ name, archive, truth string }

// knownArchives returns the archives with a truth: those of the corpus, and some of other seeds.
func knownArchives(t *testing.T) []generated {
	known := []generated{
		{"sample", corpustest.Sample(), corpustest.File(t, "synthetic/tiny.jsonl")},
		{"small", corpustest.File(t, "synthetic/small.pst"), corpustest.File(t, "synthetic/small.jsonl")},
	}
	for _, seed := range []string{"101", "202"} {
		archive, truth := corpustest.Generate(t, "-preset", "tiny", "-seed", seed)
		known = append(known, generated{"seed " + seed, archive, truth})
	}
	return known
}

// Every mail of the archives whose content is known is right in list, in EML and in mbox, the latter two as Python
// reads them.
func TestMailIsRightAgainstTheTruth(t *testing.T) {
	t.Parallel()
	for _, k := range knownArchives(t) {
		t.Run(k.name, func(t *testing.T) {
			truth := readTruth(t, k.truth)
			items := list(t, "--digest", k.archive)
			t.Run("list", func(t *testing.T) { truthInList(t, truth, items) })
			t.Run("eml", func(t *testing.T) {
				truthInFiles(t, truth, items, readBack(t, "eml", convert(t, "eml", k.archive)), view{fields: true, madeText: true, entity: true, embedded: true})
			})
			t.Run("mbox", func(t *testing.T) {
				truthInFiles(t, truth, items, readBack(t, "mbox", convert(t, "mbox", k.archive)), view{fields: true, madeText: true, entity: true, embedded: true, flags: true, received: true})
			})
		})
	}
}

func truthInList(t *testing.T, truth map[string]*truthItem, items []listed) {
	c := newTally()
	seen := map[string]bool{}
	for i := range items {
		got := &items[i]
		id := strings.ToLower(got.SourceID)
		it := truth[id]
		if it == nil {
			c.check("items", id, "nothing", got.Kind+" "+got.Subject)
			continue
		}
		if seen[id] {
			c.check("items", id, "one", "two")
		}
		seen[id] = true
		kind := otherKinds[it.Kind]
		if mailKinds[it.Kind] {
			kind = "mail"
		}
		c.check("kind", id, kind, got.Kind)
		c.check("folder", id, quoted(it.Folder), quoted(got.Folder))
		c.check("class", id, it.Class, got.Class)
		if kind == "mail" && got.Kind == "mail" {
			c.compare(it, it.mail(), got.mail(), view{stored: true, flags: true, received: true, embedded: true}, id)
		}
	}
	for id, it := range truth {
		c.check("items", id+" "+it.Subject, it.Kind != "fai", seen[id])
	}
	c.report(t)
}

// truthInFiles compares mail read from files. Which is which is told by list's message identifiers, and by the order
// within a folder where they are equal.
func truthInFiles(t *testing.T, truth map[string]*truthItem, items []listed, mails []*mail, v view) {
	byID := map[string][]*mail{}
	for _, m := range mails {
		byID[m.MessageID] = append(byID[m.MessageID], m)
	}
	c := newTally()
	place, back := map[string]string{}, map[string]string{}
	for i := range items {
		id := strings.ToLower(items[i].SourceID)
		it := truth[id]
		if it == nil || !mailKinds[it.Kind] {
			continue
		}
		found := byID[items[i].MessageID]
		at := slices.IndexFunc(found, func(m *mail) bool { return m.Subject == it.Subject })
		if at < 0 {
			at = 0
		}
		c.check("items", id, true, len(found) > 0)
		if len(found) == 0 {
			continue
		}
		got := found[at]
		byID[items[i].MessageID] = slices.Delete(slices.Clone(found), at, at+1)
		c.compare(it, it.mail(), got, v, id)

		// The tree is mirrored one to one.
		folder, file := quoted(it.Folder), quoted(got.Folder)
		if _, ok := place[folder]; !ok {
			place[folder] = file
		}
		if _, ok := back[file]; !ok {
			back[file] = folder
		}
		c.check("folder", id, place[folder], file)
		c.check("folder", id, back[file], folder)
		c.check("folder depth", id, len(it.Folder), len(got.Folder))
	}
	for _, rest := range byID {
		for _, m := range rest {
			c.check("items", m.Place, "nothing", m.Subject)
		}
	}
	c.report(t)
}

// The names of folders are those of the archive where every file system can hold them.
func TestFolderNames(t *testing.T) {
	t.Parallel()
	out := convert(t, "mbox", corpustest.Sample())
	for _, name := range []string{"Inbox.mbox", "Sent Items.mbox", "Projekte.mbox", filepath.Join("Projekte", "Größenordnung Süd.mbox")} {
		if found, _ := filepath.Glob(filepath.Join(out, name)); len(found) != 1 {
			t.Errorf("there is no %s", name)
		}
	}
}
