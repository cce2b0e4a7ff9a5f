package archives

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/load/files"
)

// rewrite converts one place into another.
func rewrite(t *testing.T, from, to string, o files.Options) {
	t.Helper()
	a := open(t, from)
	o.Sources = []files.Source{{Name: from, Folders: a.Folders()}}
	target, err := files.Open(to, io.Discard, o)
	if err != nil {
		t.Fatal(err)
	}
	result, err := load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: from, Source: a}}, Routes: []load.Route{{Target: target}}})
	if err != nil || len(result.Failures) > 0 || len(result.Sources) > 0 {
		t.Fatalf("%s to %s: %v %v %v", from, to, err, result.Failures, result.Sources)
	}
}

// kept are the items of an archive as they are to be kept: in which folder, with what key and, of mails, which bytes and
// which date.
func kept(t *testing.T, path string) (list []string) {
	t.Helper()
	a := open(t, path)
	for e, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		it, err := a.Read(t.Context(), e)
		if err != nil {
			t.Fatal(e.ID, err)
		}
		folder := strings.NewReplacer("/", "_", ".", "_", "\x00", "/").Replace(strings.Join(it.Folder.Path, "\x00"))
		line := fmt.Sprintf("%s %s %s", folder, it.Kind, it.Key)
		if it.Mail != nil {
			var b bytes.Buffer
			if err := mime.Write(&b, it.Mail); err != nil {
				t.Fatal(err)
			}
			when := it.Received
			if when.IsZero() {
				when = it.Date
			}
			line += fmt.Sprintf(" %x %d", sha256.Sum256(b.Bytes()), when.Unix())
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

// What mailmill wrote is read as what it was written from, whether it is a folder or packed, in every format.
func TestRoundTrip(t *testing.T) {
	source := corpustest.File(t, "synthetic/tiny.pst")
	var want []string
	for _, line := range kept(t, source) {
		if !strings.Contains(line, " other ") {
			want = append(want, line)
		}
	}
	kinds := slices.DeleteFunc(formats.Kinds(), func(k formats.Kind) bool { return k == formats.KindOther })
	check := func(t *testing.T, name string, o files.Options, change func([]string) []string) {
		t.Helper()
		to := filepath.Join(t.TempDir(), name)
		rewrite(t, source, to, o)
		got, want := change(kept(t, to)), change(want)
		if missing, more := without(want, got), without(got, want); len(missing)+len(more) > 0 {
			t.Errorf("%d of %d: missing\n%s\nmore\n%s", len(got), len(want), strings.Join(missing[:min(5, len(missing))], "\n"), strings.Join(more[:min(5, len(more))], "\n"))
		}
	}
	for _, format := range files.Formats() {
		for i, name := range []string{"out", "out.tar.zst", "out.zip"} {
			t.Run(format.Name()+" in "+name, func(t *testing.T) {
				check(t, name, files.Options{Format: format, Kinds: kinds, Split: i > 0}, slices.Clone)
			})
		}
	}
	// One file has no folders.
	for name, kinds := range map[string][]formats.Kind{
		"all.mbox.zst": {formats.KindMail}, "all.mbox.gz": {formats.KindMail}, "all.vcf": {formats.KindContact, formats.KindGroup},
		"all.ics": {formats.KindEvent, formats.KindTask, formats.KindNote, formats.KindJournal},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, name, files.Options{Format: files.MBOX, Kinds: kinds}, func(list []string) (some []string) {
				for _, line := range list {
					for _, k := range kinds {
						if _, rest, ok := strings.Cut(line, " "+k.String()+" "); ok {
							some = append(some, rest)
						}
					}
				}
				return some
			})
		})
	}
}

// A mail of which others would think that it is something else, or in another state, stays what it is.
func TestRoundTripOddMail(t *testing.T) {
	source := filepath.Join(t.TempDir(), "mail")
	for name, data := range map[string]string{
		"cur/1.a.host:2,":   "Status: RO\nX-Status: F\n" + one,
		"cur/2.b.host:2,FS": "X-Mozilla-Status: 0002\n" + two,
		"cur/3.c.host:2,R":  "From a@example.org Sun Mar  2 09:30:00 2014\nSubject: three\n\nHello\n\nFrom b@example.org Sun Mar  2 09:30:00 2014\nSubject: four\n\n>From here\n",
		"cur/4.d.host:2,S":  card,
		"cur/5.e.host:2,S":  "",
		"new/6.f.host":      "!BDN is how they begin.\n\nWhat?\n",
	} {
		write(t, source, name, data)
	}
	want := kept(t, source)
	states := lines(t, open(t, source))
	for _, name := range []string{"out", "out.tar.gz", "out.zip"} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), name)
			rewrite(t, source, to, files.Options{Format: files.EML, Kinds: []formats.Kind{formats.KindMail}})
			same(t, kept(t, to), want)
			got := lines(t, open(t, to))
			slices.Sort(got)
			slices.Sort(states)
			same(t, got, states)
		})
	}
}

// without returns what of a list is not in another.
func without(list, other []string) (left []string) {
	counts := make(map[string]int)
	for _, s := range other {
		counts[s]++
	}
	for _, s := range list {
		if counts[s]--; counts[s] < 0 {
			left = append(left, s)
		}
	}
	return left
}
