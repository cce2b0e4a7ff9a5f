package conformance

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-message"

	"mailmill/formats/corpustest"
)

// A person is somebody as addresses --json shows him.
type person struct {
	DN         string      `json:"dn"`
	Stored     string      `json:"stored"`
	SMTP       string      `json:"smtp"`
	Via        string      `json:"via"`
	Candidates []candidate `json:"candidates"`
}

type candidate struct {
	SMTP string `json:"smtp"`
}

// people is the last object of addresses --json.
type people struct{ People, Resolved, Guessed, Open int }

// addresses runs addresses --json.
func addresses(t testing.TB, args ...string) (list []person, numbers people) {
	t.Helper()
	r := mailmill(t, append([]string{"addresses", "--json"}, args...)...).want(t, 0, 3)
	objects(t, r.stdout, func(kind string, line []byte) {
		var err error
		switch kind {
		case "person":
			var p person
			err = json.Unmarshal(line, &p)
			list = append(list, p)
		case "people":
			err = json.Unmarshal(line, &numbers)
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", r, err, line)
		}
	})
	return list, numbers
}

// No Exchange name is an address in anything that is told of an archive: neither of an item, at any depth, nor of a
// person, nor in the table. What is written as mail is checked by [TestOutputIsStrict].
func TestNoExchangeNameIsAnAddress(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, name := range archives(t) {
		t.Run(name, func(t *testing.T) {
			archive := corpustest.File(t, name)
			r := mailmill(t, "list", "--json", archive).want(t, 0, 3, 4)
			objects(t, r.stdout, func(_ string, line []byte) {
				var object any
				if err := json.Unmarshal(line, &object); err != nil {
					t.Fatal(err)
				}
				checked += noExchangeName(t, object)
			})
			if r.status == 4 {
				return
			}
			list, _ := addresses(t, archive)
			for _, p := range list {
				for _, c := range append(p.Candidates, candidate{p.SMTP}) {
					if exchangeOnly.MatchString(c.SMTP) {
						t.Errorf("%s has %s for an address", p.DN, c.SMTP)
					}
				}
			}
			table := mailmill(t, "addresses", "--csv", archive).want(t, 0, 3)
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(table.stdout), "\ufeff"))).ReadAll()
			if err != nil || len(rows) != len(list)+1 {
				t.Fatalf("%d rows of %d people: %v", len(rows)-1, len(list), err)
			}
			for i, row := range rows[1:] {
				if row[0] != list[i].DN || row[2] != list[i].SMTP {
					t.Errorf("row %d is of %s %s, want %s %s", i+1, row[0], row[2], list[i].DN, list[i].SMTP)
				}
			}
		})
	}
	t.Logf("%d addresses", checked)
	if checked < 1000 {
		t.Error("there are too few addresses to tell")
	}
}

// noExchangeName looks for addresses at any depth of a JSON value, and returns their number.
func noExchangeName(t *testing.T, value any) (n int) {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			n += noExchangeName(t, v)
		}
	case map[string]any:
		for key, v := range value {
			if s, ok := v.(string); ok && key == "smtp" {
				n++
				if exchangeOnly.MatchString(s) {
					t.Errorf("%s is told for an address", s)
				}
			}
			n += noExchangeName(t, v)
		}
	}
	return n
}

// With --keep-ex what was stored is kept, in a field of its own and nowhere else; without it, it is gone. Items that people
// do not see make no difference.
func TestExchangeNamesAreKeptOnDemand(t *testing.T) {
	t.Parallel()
	kept := map[bool]int{}
	for _, name := range archives(t) {
		for _, keep := range []bool{false, true} {
			out := filepath.Join(t.TempDir(), "out")
			args := []string{"convert", "-q", "--only", "mail", "--with-hidden", "--format", "eml", corpustest.File(t, name), out}
			if keep {
				args = append([]string{"convert", "--keep-ex"}, args[1:]...)
			}
			if mailmill(t, args...).want(t, 0, 3, 4).status != 4 {
				goMessageReads(t, out)
				kept[keep] += namesKept(t, out)
			}
		}
	}
	t.Logf("%d names are kept", kept[true])
	if kept[false] > 0 || kept[true] < 1000 {
		t.Errorf("%d names are kept, and %d where nobody asked for it", kept[true], kept[false])
	}
}

// namesKept returns how many Exchange names the mails below dir have in the field for them.
func namesKept(t *testing.T, dir string) (kept int) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".eml" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		e, err := message.Read(f)
		if err != nil {
			return err
		}
		kept += len(e.Header.Values("X-PST-EX-Address"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// With a directory of the organisation everybody in it has the address that is right, in whatever form the directory
// comes; without it nobody has a wrong one.
func TestDirectoriesResolveWhoIsInThem(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny", "small"} {
		archive := corpustest.File(t, "synthetic/"+name+".pst")
		truth := readTruth(t, corpustest.File(t, "synthetic/"+name+".jsonl"))
		table, ldif := corpustest.File(t, "synthetic/"+name+".csv"), corpustest.File(t, "synthetic/"+name+".ldif")
		for _, c := range []struct {
			name  string
			files []string
		}{{"none", nil}, {"CSV", []string{table}}, {"LDIF", []string{ldif}}, {"both", []string{ldif, table}}} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				args := []string{archive}
				for _, f := range c.files {
					args = append(args, "--directory", f)
				}
				list, numbers := addresses(t, args...)
				found := map[string]string{}
				for _, p := range list {
					found[strings.ToLower(p.DN)] = p.SMTP
				}
				right, unknown := 0, map[string]bool{}
				for _, it := range truth {
					for _, a := range append(slices.Clone(it.Recipients), one(it.From)...) {
						smtp, isOpen := found[strings.ToLower(a.Stored)]
						switch {
						case !isOpen: // an address for mail, or a name in another spelling
						case strings.EqualFold(smtp, a.SMTP):
							right++
						case smtp != "":
							t.Errorf("%s is %s, want %s", a.Stored, smtp, a.SMTP)
						case a.KnownBy == "none", a.KnownBy == "directory" && len(c.files) == 0:
							unknown[strings.ToLower(a.Stored)] = true
						default:
							t.Errorf("%s is not known, want %s by %s", a.Stored, a.SMTP, a.KnownBy)
						}
					}
				}
				t.Logf("%d right, %d who cannot be known; %+v", right, len(unknown), numbers)
				if right == 0 || numbers.People != numbers.Resolved+numbers.Guessed+numbers.Open {
					t.Errorf("%+v", numbers)
				}
			})
		}
	}
}

// Whoever is written without an address is in the table of addresses: when all of it is filled in and given back, nobody
// is unresolved, and an archive that was refused before is converted.
func TestTableHasEverybody(t *testing.T) {
	t.Parallel()
	for _, name := range archives(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := corpustest.File(t, name)
			r := mailmill(t, "addresses", "--csv", archive).want(t, 0, 3, 4)
			if r.status == 4 {
				return
			}
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(r.stdout), "\ufeff"))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			address, filled := slices.Index(rows[0], "address"), 0
			for i, row := range rows[1:] {
				if row[address] == "" {
					row[address] = fmt.Sprintf("person%d@filled.example", i)
					filled++
				}
			}
			dir := t.TempDir()
			table, out := filepath.Join(dir, "people.csv"), filepath.Join(dir, "out")
			f, err := os.Create(table)
			if err != nil {
				t.Fatal(err)
			}
			w := csv.NewWriter(f)
			if err := w.WriteAll(rows); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if filled > 0 {
				mailmill(t, "convert", "-q", "--only", "mail", "--unresolved", "fail", archive, out).want(t, 3)
				if _, err := os.Stat(out); err == nil {
					t.Error("what must not be written is there")
				}
			}
			_, numbers := addresses(t, "--directory", table, archive)
			if numbers.Open != 0 {
				t.Errorf("%d people are open still", numbers.Open)
			}
			again := mailmill(t, "convert", "-q", "--only", "mail", "--unresolved", "fail", "--directory", table, archive, out).want(t, 0, 3)
			if strings.Contains(again.stderr, "no mail address is known") {
				t.Errorf("somebody is not in the table:\n%s", again.stderr)
			}
			err = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(path)
				if i := bytes.Index(b, []byte("@unresolved.invalid")); i >= 0 {
					t.Errorf("%s has %s", path[len(out)+1:], b[max(i-60, 0):i+20])
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d rows, %d filled in", len(rows)-1, filled)
		})
	}
}

// one returns who there is.
func one(a *truthAddr) []truthAddr {
	if a == nil {
		return nil
	}
	return []truthAddr{*a}
}

// Two archives of one organisation resolve each other, whatever their order, and a book that was kept tells a later run
// of one of them what the other told.
func TestArchivesResolveEachOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, _ := corpustest.Generate(t, "-preset", "tiny", "-seed", "31")
	two := corpustest.Sample()
	book := filepath.Join(dir, "book.json")
	forth, total := addresses(t, "--address-book", book, one, two)
	back, again := addresses(t, two, one)
	if total != again || len(forth) != len(back) {
		t.Errorf("%+v with %d people, and in another order %+v with %d", total, len(forth), again, len(back))
	}
	for i := range forth {
		if forth[i].DN != back[i].DN || forth[i].SMTP != back[i].SMTP {
			t.Errorf("%s is %s, and in another order %s is %s", forth[i].DN, forth[i].SMTP, back[i].DN, back[i].SMTP)
		}
	}
	// Whom only the book knows helps, and is not in the table.
	alone, _ := addresses(t, two)
	later, _ := addresses(t, "--address-book", book, two)
	if len(later) != len(alone) {
		t.Errorf("a later run finds %d people, not %d", len(later), len(alone))
	}
	for i := range later {
		if j := slices.IndexFunc(forth, func(p person) bool { return p.DN == later[i].DN && p.Stored == later[i].Stored }); j < 0 || later[i].SMTP != forth[j].SMTP {
			t.Errorf("later %s is %q, not what both archives told", later[i].DN, later[i].SMTP)
		}
	}
}

// The numbers in the README are those of this archive.
func TestPeopleOfEnron(t *testing.T) {
	t.Parallel()
	list, numbers := addresses(t, corpustest.File(t, "pst/enron.pst"))
	dns, bare := 0, 0
	for _, p := range list {
		switch {
		case p.SMTP != "":
		case p.DN != "":
			dns++
		default:
			bare++
		}
	}
	t.Logf("%+v; of those who are open %d have an Exchange name and %d nothing but a name", numbers, dns, bare)
	if want := (people{People: 947, Resolved: 503, Open: 444}); numbers != want || dns != 125 || bare != 319 {
		t.Errorf("%+v, %d Exchange names and %d names, want %+v; mend the README, too", numbers, dns, bare, want)
	}
}
