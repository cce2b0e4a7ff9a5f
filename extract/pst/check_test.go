package pst

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"mailmill/extract"
	"mailmill/formats/corpustest"
	"mailmill/formats/pst"
	"mailmill/formats/pst/psttest"
)

// checked returns what the check of a file finds, a line each.
func checked(t *testing.T, data []byte) (faults, warnings, remarks []string) {
	t.Helper()
	a, err := openBytes(data, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := a.Check(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Faults {
		line := f.Part + ": " + f.Err.Error()
		if f.Folder != nil {
			line = f.Folder.String() + ": " + line
		}
		faults = append(faults, line)
	}
	return faults, c.Warnings, c.Remarks
}

// What is wrong is told once, as what it is: a fault of a page, the header, a table; a warning; or a remark.
func TestCheckTellsOnce(t *testing.T) {
	sample, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	file, err := psttest.Read(sample)
	if err != nil {
		t.Fatal(err)
	}
	leaf := file.Pages[slices.IndexFunc(file.Pages, func(p psttest.Page) bool { return p.Kind == 0x81 && p.Level == 0 })]
	inbox := findFolder(t, sample, "Inbox")
	block := func(node pst.NID) psttest.Block {
		n := slices.IndexFunc(file.Nodes, func(n psttest.Node) bool { return n.NID == uint32(node) })
		b := slices.IndexFunc(file.Blocks, func(b psttest.Block) bool { return b.BID == file.Nodes[n].Data&^1 })
		return file.Blocks[b]
	}
	folders, folder := block(pst.FolderList(inbox)), block(inbox)
	for _, c := range []struct {
		name                      string
		damage                    func([]byte)
		faults, warnings, remarks []string
	}{
		{"nothing", func([]byte) {}, nil, nil, nil},
		{
			"one byte of a page", func(b []byte) { b[leaf.At+4] ^= 0x10 },
			[]string{"page of the node tree: wrong checksum; the one wrong byte is put right"},
			nil, nil,
		},
		{
			"the header's checksum", func(b []byte) { b[4] ^= 1 },
			[]string{"header: wrong checksum of the header"},
			nil, nil,
		},
		{
			"a list of folders", func(b []byte) { clear(b[folders.At : folders.At+folders.Size]) },
			[]string{"Inbox: list of folders: wrong checksum"},
			nil, nil,
		},
		{
			"a folder", func(b []byte) { clear(b[folder.At : folder.At+folder.Size]) },
			[]string{"Inbox: the folder's properties: wrong checksum"},
			nil, nil,
		},
		{
			"the platform", func(b []byte) { b[14], b[15] = 2, 2 },
			[]string{"header: wrong checksum of the header", "header: wrong checksum of the whole header"},
			nil,
			[]string{"unusual platform 2/2 (a repaired file?)"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bytes.Clone(sample)
			c.damage(b)
			faults, warnings, remarks := checked(t, b)
			equal(t, "faults", faults, c.faults)
			equal(t, "warnings", warnings, c.warnings)
			equal(t, "remarks", remarks, c.remarks)
		})
	}
}

// findFolder returns a folder of a file by its name.
func findFolder(t *testing.T, data []byte, name string) pst.NID {
	t.Helper()
	f, err := pst.NewReader(bytes.NewReader(data), int64(len(data)), pst.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for id := range f.Nodes() {
		if d, err := f.Folder(id); err == nil && pst.KindOf(id) == pst.KindFolder && d.Name() == name {
			return id
		}
	}
	t.Fatalf("no folder %q", name)
	return 0
}
