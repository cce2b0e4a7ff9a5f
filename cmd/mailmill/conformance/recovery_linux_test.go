package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/pst/psttest"
)

// original is an archive before it is damaged, and what is written of it.
type original struct {
	data   []byte
	mails  map[[32]byte]int // contents of the mails, and how often each occurs
	number int
	ids    map[uint32]bool // nodes of the mails
	book   []byte          // who has which address, which one mail tells of another
}

func newOriginal(t *testing.T, path string) *original {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o := &original{data: data, mails: map[[32]byte]int{}, ids: map[uint32]bool{}}
	book := filepath.Join(t.TempDir(), "book.json")
	mailmill(t, "addresses", "-q", "--address-book", book, path).want(t, 0)
	if o.book, err = os.ReadFile(book); err != nil {
		t.Fatal(err)
	}
	rec := o.recover(t, path)
	for _, content := range rec.mails {
		o.mails[content]++
	}
	if o.number = len(rec.mails); o.number == 0 || len(rec.damaged) > 0 {
		t.Fatalf("%s: %d mails, %d damaged", path, o.number, len(rec.damaged))
	}
	for _, id := range rec.ids {
		o.ids[id] = true
	}
	return o
}

// recovered is what convert writes of a damaged archive.
type recovered struct {
	status  int
	mails   map[string][32]byte // by path
	damaged map[string]bool     // the beginnings of the keys of damaged items, as they stand in names of files
	ids     []uint32
	stderr  string
}

// recover writes the mails of an archive as files. It knows all addresses that the whole archive tells: one that is told
// by nothing but what is lost is written otherwise, and nothing is wrong with that.
func (o *original) recover(t *testing.T, archive string, options ...string) recovered {
	t.Helper()
	dir := t.TempDir()
	out, book := filepath.Join(dir, "out"), filepath.Join(dir, "book.json")
	if err := os.WriteFile(book, o.book, 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"convert", "--json", "--only", "mail", "--format", "eml", "--address-book", book}, options...)
	r := mailmill(t, append(args, archive, out)...).want(t, 0, 3, 4)
	rec := recovered{status: r.status, mails: map[string][32]byte{}, damaged: map[string]bool{}, stderr: r.stderr}
	objects(t, r.stdout, func(kind string, line []byte) {
		var it struct {
			SourceID string `json:"source_id"`
			Key      string `json:"key"`
		}
		if err := json.Unmarshal(line, &it); err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		switch kind {
		case "damaged":
			rec.damaged[it.Key[:8]] = true
		case "item":
			if id, err := strconv.ParseUint(it.SourceID, 0, 32); err == nil {
				rec.ids = append(rec.ids, uint32(id))
			}
		}
	})
	if _, err := os.Stat(out); err == nil {
		for path, content := range tree(t, out) {
			if strings.HasSuffix(path, ".eml") {
				rec.mails[path] = content
			}
		}
	}
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	return rec
}

// check recovers mails from damaged bytes. Each must be one of the original's or said to be damaged, none may be there
// twice that was there once, and there must not be fewer than readpst writes.
func (o *original) check(t *testing.T, damaged []byte, least int) recovered {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "damaged.pst")
	if err := os.WriteFile(archive, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	rec := o.recover(t, archive)
	o.compare(t, rec)
	theirs := readpstMails(t, archive)
	t.Logf("%d mails of %d, %d said to be damaged; readpst %d; exit status %d", len(rec.mails), o.number, len(rec.damaged), theirs, rec.status)
	if n := len(rec.mails); n < least || n < theirs {
		t.Errorf("%d mails, want %d; readpst writes %d", n, least, theirs)
	}
	if rec.status == 0 && len(rec.mails) != o.number {
		t.Errorf("%d mails of %d and exit status 0", len(rec.mails), o.number)
	}
	return rec
}

// nameKey finds the beginning of the key in the name of a file.
var nameKey = regexp.MustCompile(`([0-9a-f]{8})(-\d+)?\.eml$`)

func (o *original) compare(t *testing.T, rec recovered) {
	t.Helper()
	left := map[[32]byte]int{}
	for content, n := range o.mails {
		left[content] = n
	}
	for path, content := range rec.mails {
		if left[content]--; left[content] >= 0 {
			continue
		}
		if key := nameKey.FindStringSubmatch(path); key == nil || !rec.damaged[key[1]] {
			t.Errorf("%s is none of the mails that the archive had, and said to be whole", path)
		}
	}
}

// readpstMails returns how many mails readpst makes of an archive. It crashes on some; what it wrote until then counts.
func readpstMails(t *testing.T, archive string) int {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(corpustest.Program(t, "readpst"), "-q", "-D", "-j", "0", "-t", "e", "-e", "-o", dir, archive)
	if err := cmd.Run(); err != nil {
		t.Logf("readpst: %v", err)
	}
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".eml") {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What is left of the largest real archive after damage of each kind, measured by what other programs get out of it.
func TestRecovery(t *testing.T) {
	t.Parallel()
	o := newOriginal(t, corpustest.File(t, "pst/enron.pst"))
	if o.number != 2178 {
		t.Fatalf("%d mails", o.number)
	}
	im := newImage(o.data)
	size := len(o.data)
	seeds := 3
	if testing.Short() {
		seeds = 1
	}
	random := func(t *testing.T, use func(*testing.T, *rand.Rand)) {
		for seed := range seeds {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				use(t, rand.New(rand.NewPCG(uint64(seed), 7)))
			})
		}
	}

	// Twenty pages of 4096 bytes, together or apart: readpst gets 2,136 where the index is hit as well.
	t.Run("pages zeroed together", func(t *testing.T) {
		t.Parallel()
		for _, first := range []int{3000, 500, 6000} {
			t.Run(fmt.Sprint(first), func(t *testing.T) {
				t.Parallel()
				b := bytes.Clone(o.data)
				clear(b[first*4096 : (first+20)*4096])
				o.check(t, b, 2136)
			})
		}
	})
	t.Run("pages zeroed", func(t *testing.T) {
		t.Parallel()
		random(t, func(t *testing.T, r *rand.Rand) {
			b := bytes.Clone(o.data)
			for range 20 {
				at := (1 + r.IntN(size/4096-1)) * 4096
				clear(b[at : at+4096])
			}
			o.check(t, b, 2136)
		})
	})
	t.Run("node leaf zeroed", func(t *testing.T) {
		t.Parallel()
		random(t, func(t *testing.T, r *rand.Rand) {
			b := bytes.Clone(o.data)
			at := im.leaves[r.IntN(len(im.leaves))]
			clear(b[at : at+512])
			o.check(t, b, 2164)
		})
	})
	t.Run("entry count", func(t *testing.T) {
		t.Parallel()
		random(t, func(t *testing.T, r *rand.Rand) {
			b := bytes.Clone(o.data)
			b[im.leaves[r.IntN(len(im.leaves))]+488] = 255
			if rec := o.check(t, b, 2178); len(rec.damaged) > 0 {
				t.Errorf("%d mails are said to be damaged, which are whole", len(rec.damaged))
			}
		})
	})
	t.Run("bytes flipped", func(t *testing.T) {
		t.Parallel()
		random(t, func(t *testing.T, r *rand.Rand) {
			b := bytes.Clone(o.data)
			for range 2000 {
				b[564+r.IntN(size-564)] ^= byte(1 + r.IntN(255))
			}
			o.check(t, b, 1500)
		})
	})
	for _, percent := range []int{99, 90, 75, 50, 25} {
		t.Run(fmt.Sprintf("cut at %d%%", percent), func(t *testing.T) {
			t.Parallel()
			cut := size * percent / 100
			whole := im.wholeBefore(int64(cut))
			t.Logf("the blocks of %d mails are whole", len(whole))
			rec := o.check(t, o.data[:cut:cut], len(whole)*4/5)
			if rec.status != 3 {
				t.Errorf("exit status %d, want 3", rec.status)
			}
		})
	}
	t.Run("header checksum", func(t *testing.T) {
		t.Parallel()
		b := bytes.Clone(o.data)
		b[4] ^= 0x55
		b[524] ^= 0x55
		b[525] ^= 0x55
		o.check(t, b, 2178)
		archive := filepath.Join(t.TempDir(), "header.pst")
		if err := os.WriteFile(archive, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if out := mailmill(t, "inspect", "-v", archive).want(t, 0, 3); !strings.Contains(string(out.stdout)+out.stderr, "checksum of the") {
			t.Errorf("no warning:\n%s\n%s", out.stdout, out.stderr)
		}
	})
	t.Run("nothing left", func(t *testing.T) {
		t.Parallel()
		b := o.data[:1024]
		archive := filepath.Join(t.TempDir(), "beginning.pst")
		if err := os.WriteFile(archive, b, 0o600); err != nil {
			t.Fatal(err)
		}
		mailmill(t, "convert", archive, filepath.Join(t.TempDir(), "out")).want(t, 4)
	})
}

// Every kind of damage that the generator knows, on a generated and on a real archive.
func TestRecoveryOfGeneratedDamage(t *testing.T) {
	t.Parallel()
	seeds := 3
	if testing.Short() {
		seeds = 1
	}
	for _, path := range []string{corpustest.Sample(), corpustest.File(t, "pst/enron.pst")} {
		o := newOriginal(t, path)
		im := newImage(o.data)
		for _, kind := range []string{
			"truncate", "truncate-tail", "nbt-zero", "bbt-zero", "flip", "header-crc", "amap-zero", "btree-loop", "bbt-loop",
			"bad-size", "xblock-bomb",
		} {
			for seed := 1; seed <= seeds; seed++ {
				t.Run(fmt.Sprintf("%s/%s/%d", filepath.Base(path), kind, seed), func(t *testing.T) {
					t.Parallel()
					broken := filepath.Join(t.TempDir(), "broken.pst")
					corpustest.Pstgen(t, "-corrupt", kind, "-seed", fmt.Sprint(seed), "-o", broken, path)
					b, err := os.ReadFile(broken)
					if err != nil {
						t.Fatal(err)
					}
					least := 0
					switch kind {
					case "truncate", "truncate-tail":
						for id := range im.wholeBefore(int64(len(b))) {
							if o.ids[id] {
								least++
							}
						}
						least = least * 4 / 5
					case "flip":
						least = o.number * 95 / 100
					default:
						least = o.number
					}
					o.check(t, b, least)
				})
			}
		}
	}
}

// Random damage to an archive with every kind of item: each mail equals the original, or is said to be damaged.
func TestNothingIsSilentlyWrong(t *testing.T) {
	t.Parallel()
	o := newOriginal(t, corpustest.Sample())
	copies := 150
	if testing.Short() {
		copies = 15
	}
	f, err := psttest.Read(o.data)
	if err != nil {
		t.Fatal(err)
	}
	var next, complete, mails atomic.Int64
	t.Run("copies", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				archive := filepath.Join(t.TempDir(), "damaged.pst")
				for i := int(next.Add(1)) - 1; i < copies; i = int(next.Add(1)) - 1 {
					b, done := f.Damage(rand.New(rand.NewPCG(uint64(i), 5)))
					if err := os.WriteFile(archive, b, 0o600); err != nil {
						t.Fatal(err)
					}
					before := t.Failed()
					rec := o.recover(t, archive)
					o.compare(t, rec)
					if rec.status == 0 {
						complete.Add(1)
						if len(rec.mails) != o.number {
							t.Errorf("%d mails of %d and exit status 0", len(rec.mails), o.number)
						}
					}
					mails.Add(int64(len(rec.mails)))
					if t.Failed() && !before {
						t.Errorf("copy %d: %s", i, done)
					}
				}
			})
		}
	})
	t.Logf("%d copies of %d complete; %d mails of %d", complete.Load(), copies, mails.Load(), copies*o.number)
}
