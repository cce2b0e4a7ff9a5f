package conformance

import (
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
)

// explained is an item that mailmill and pffexport do not both show, with who is right and why.
type explained struct {
	id    string // the node
	shown string // who shows it: "mailmill" or "pffexport"
	right string
	why   string
}

// noExporter is why pffexport leaves items out that it counts: it says "Skipped export of item" with their class.
const noExporter = "pffexport says that it skips it: it has no exporter for the class "

// oneValue is why pffexport misses messages that readpst writes: one property value that it cannot read ("unable to read
// entry value") costs it the whole message.
const oneValue = "pffexport gives it up over one property value; readpst writes it, and go-pst reads it"

// countDifferences explains, item by item, where the list of items differs from pffexport's.
var countDifferences = map[string][]explained{
	"pst/aspose-part2.pst": {
		{"0x200024", "mailmill", "mailmill", oneValue},
		{"0x200044", "mailmill", "mailmill", oneValue},
		{"0x200064", "mailmill", "mailmill", oneValue},
	},
	"pst/aspose-part13.pst": {
		{"0x200024", "mailmill", "mailmill", oneValue},
		{"0x200044", "mailmill", "mailmill", oneValue},
		{"0x200064", "mailmill", "mailmill", oneValue},
	},
	"synthetic/tiny.pst": {
		{"0x200ae4", "mailmill", "mailmill", noExporter + "IPM.Post"},
		{"0x200b44", "mailmill", "mailmill", noExporter + "IPM.Post"},
		{"0x201b04", "mailmill", "mailmill", noExporter + "IPM.TaskRequest"},
		{"0x201b24", "mailmill", "mailmill", noExporter + "IPM.TaskRequest"},
	},
	"synthetic/small.pst": {
		{"0x200d64", "mailmill", "mailmill", noExporter + "IPM.Post"},
		{"0x200dc4", "mailmill", "mailmill", noExporter + "IPM.Post"},
		{"0x202b44", "mailmill", "mailmill", noExporter + "IPM.TaskRequest"},
		{"0x202b64", "mailmill", "mailmill", noExporter + "IPM.TaskRequest"},
	},
}

// Every archive holds the items that pffexport finds, node by node and folder by folder, but for those explained.
func TestItemsAreThoseOfPffexport(t *testing.T) {
	t.Parallel()
	pffexport := corpustest.Program(t, "pffexport")
	for _, name := range archives(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := corpustest.File(t, name)
			theirs := exported(t, pffexport, archive)
			ours := map[string]string{}
			for _, it := range list(t, archive) {
				if _, twice := ours[it.SourceID]; twice {
					t.Errorf("%s is listed twice", it.SourceID)
				}
				ours[it.SourceID] = strings.Join(it.Folder, "/")
			}
			known := map[string]explained{}
			for _, e := range countDifferences[name] {
				known[e.id] = e
			}
			lacks := func(have, lack map[string]string, who string) {
				for _, id := range slices.Sorted(maps.Keys(have)) {
					if _, both := lack[id]; both {
						continue
					}
					if e, ok := known[id]; ok && e.shown == who {
						t.Logf("%s only in %s; right is %s: %s", id, who, e.right, e.why)
						delete(known, id)
						continue
					}
					t.Errorf("%s in %q is shown by %s alone", id, have[id], who)
				}
			}
			lacks(ours, theirs, "mailmill")
			lacks(theirs, ours, "pffexport")
			for id := range known {
				t.Errorf("%s is no difference any more: take it off the list", id)
			}
			t.Logf("%d items, pffexport %d", len(ours), len(theirs))

			// Who shares a folder there shares it here: names are written in another way, so only the division counts.
			place := map[string]string{}
			for id, folder := range ours {
				there, both := theirs[id]
				if !both {
					continue
				}
				if other, seen := place[there]; seen && other != folder {
					t.Errorf("%s is in %q, others of pffexport's %q are in %q", id, folder, there, other)
				}
				place[there] = folder
			}
		})
	}
}

// exported returns the folder of each item that pffexport exports, by node id. What it recovers is left out: those
// items are in no folder's table.
func exported(t *testing.T, pffexport, archive string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	target, log := filepath.Join(dir, "out"), filepath.Join(dir, "log")
	cmd := exec.Command(pffexport, "-q", "-m", "items", "-f", "text", "-l", log, "-t", target, archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pffexport: %v\n%s", err, tail(string(out), 1000))
	}
	items := map[string]string{}
	readLines(t, log, func(line []byte) {
		m := processing.FindSubmatch(line)
		if m == nil || string(m[1]) == "folder" || string(m[1]) == "attachment" {
			return
		}
		folder := strings.TrimPrefix(string(m[3]), target+".export/")
		if strings.Contains(folder, "/Attachments/") { // embedded
			return
		}
		id, err := strconv.ParseUint(string(m[2]), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		items[fmt.Sprintf("0x%x", id)] = folder
	})
	return items
}

var processing = regexp.MustCompile(`^Processing (\S+).*: \d+ \(identifier: (\d+)\) in path: (.*)$`)

// What readpst writes of the archives in which pffexport finds nothing, and of the largest.
func TestItemsAreThoseOfReadpst(t *testing.T) {
	t.Parallel()
	readpst := corpustest.Program(t, "readpst")
	for _, name := range []string{"pst/aspose-part2.pst", "pst/aspose-part13.pst", "pst/enron.pst"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := corpustest.File(t, name)
			dir := t.TempDir()
			if out, err := exec.Command(readpst, "-q", "-D", "-j", "0", "-e", "-o", dir, archive).CombinedOutput(); err != nil {
				t.Fatalf("readpst: %v\n%s", err, out)
			}
			theirs := 0
			err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					theirs++
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if ours := len(list(t, archive)); ours != theirs {
				t.Errorf("%d items, readpst writes %d", ours, theirs)
			}
		})
	}
}

// The numbers that the archives are known by.
func TestKnownNumbers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]map[string]int{
		"pst/enron.pst":       {"mail": 2178},
		"pst/ansi-32-bit.pst": {"event": 1},
		"pst/4k-page.ost":     {"mail": 2, "event": 160},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]int{}
			for _, it := range list(t, corpustest.File(t, name)) {
				got[it.Kind]++
			}
			if !maps.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
