package address_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/extract/archives"
	"mailmill/formats/corpustest"
	"mailmill/load"
	"mailmill/load/files"
	"mailmill/transform/address"
	"mailmill/transform/address/directory"
)

// TestLearningIsCheap compares a first pass over an archive with the conversion that follows. It takes at most a third
// of it. Both are measured in turn, and the best of each counts.
func TestLearningIsCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures time")
	}
	g := generate(t, "-messages", "1500", "-contacts", "100", "-appointments", "100", "-attach-mean", "30000", "-seed", "7")
	learning, converting := time.Hour, time.Hour
	for range 5 {
		archive, err := archives.Open(t.Context(), g.pst, extract.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		sources := []load.Input{{Name: "g.pst", Source: archive}}
		book := address.NewBook()
		start := time.Now()
		if _, err := load.Learn(t.Context(), load.Lessons{Sources: sources, Pupil: book}); err != nil {
			t.Fatal(err)
		}
		ladder := book.Ladder(address.Options{})
		learning = min(learning, time.Since(start))

		start = time.Now()
		target, err := files.Open(t.TempDir()+"/out", nil, files.Options{Format: files.MBOX, Sources: []files.Source{{Name: "g.pst", Folders: archive.Folders()}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := load.Run(t.Context(), load.Plan{Sources: sources, Steps: []load.Step{ladder.Resolver()}, Routes: []load.Route{{Target: target}}}); err != nil {
			t.Fatal(err)
		}
		converting = min(converting, time.Since(start))
		archive.Close()
	}
	t.Logf("learning takes %v, converting %v: %.0f %%", learning, converting, 100*learning.Seconds()/converting.Seconds())
	if learning > converting/3 {
		t.Errorf("learning takes more than a third of converting")
	}
}

func BenchmarkLearn(b *testing.B) {
	archive, err := archives.Open(b.Context(), corpustest.File(b, "synthetic/small.pst"), extract.Options{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer archive.Close()
	b.ReportAllocs()
	places := 0
	for b.Loop() {
		learned, err := load.Learn(b.Context(), load.Lessons{Sources: []load.Input{{Name: "small.pst", Source: archive}}, Pupil: address.NewBook(), Jobs: 1})
		if err != nil {
			b.Fatal(err)
		}
		places = learned.Places
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(places), "µs/item")
}

// object returns the n-th recipient of a large organisation.
func object(n int) directory.Object {
	dn := fmt.Sprintf("/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=%032x-user%d", n*2654435761, n)
	return directory.Object{
		LegacyDN: dn, X500: []string{fmt.Sprintf("/o=Old/ou=First Administrative Group/cn=Recipients/cn=user%d", n)},
		SMTP: fmt.Sprintf("first.last%d@contoso.example", n), Other: []string{fmt.Sprintf("user%d@contoso.example", n)},
		Names: []string{fmt.Sprintf("Last %d, First", n)}, GUID: fmt.Sprintf("%08x-0000-4000-8000-%012x", n, n), Where: fmt.Sprintf("users.csv:%d", n),
	}
}

// TestLargeDirectory holds half a million recipients in less than 300 MB.
func TestLargeDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes memory")
	}
	const objects, most = 500_000, 300 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, start := heap(), time.Now()
	d := address.NewDirectory()
	for i := range objects {
		o := object(i)
		if err := d.Add(&o); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(start)
	used := heap() - before
	book := address.NewBook()
	book.Use(d)
	start = time.Now()
	ladder := book.Ladder(address.Options{})
	t.Logf("%d objects take %d MB and %v; a ladder on them %v", d.Len(), used>>20, took, time.Since(start))
	if used > most {
		t.Errorf("they take %d MB", used>>20)
	}
	resolver := ladder.Resolver()
	for _, i := range []int{0, 1, 4711, objects - 1} {
		o := object(i)
		for _, dn := range []string{o.LegacyDN, o.X500[0]} {
			if got := resolveOne(t, resolver, "", dn); got.SMTP != o.SMTP {
				t.Errorf("%s is %q", dn, got.SMTP)
			}
		}
	}
}

// BenchmarkReadDirectory reads an export of half a million recipients; MB is the memory that it takes at most meanwhile.
func BenchmarkReadDirectory(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("DisplayName,LegacyExchangeDN,PrimarySmtpAddress,Guid,EmailAddresses\n")
	for i := range 500_000 {
		o := object(i)
		fmt.Fprintf(&text, "\"%s\",%s,%s,%s,SMTP:%[3]s;smtp:%[5]s;X500:%s\n", o.Names[0], o.LegacyDN, o.SMTP, o.GUID, o.Other[0], o.X500[0])
	}
	path := filepath.Join(b.TempDir(), "users.csv")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	text = bytes.Buffer{}
	for b.Loop() {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		before, peak := m.HeapInuse, uint64(0)
		d := address.NewDirectory()
		for o, err := range directory.Read(b.Context(), path, directory.Options{}) {
			if err == nil {
				err = d.Add(&o)
			}
			if err != nil {
				b.Fatal(err)
			}
			if d.Len()%50_000 == 0 {
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse-min(m.HeapInuse, before))
			}
		}
		address.NewBook().Use(d)
		if d.Len() != 500_000 {
			b.Fatal(d.Len())
		}
		b.ReportMetric(float64(peak)/(1<<20), "MB")
	}
}

func BenchmarkResolve(b *testing.B) {
	d := address.NewDirectory()
	for i := range 100_000 {
		o := object(i)
		if err := d.Add(&o); err != nil {
			b.Fatal(err)
		}
	}
	book := address.NewBook()
	book.Use(d)
	resolver := book.Ladder(address.Options{}).Resolver()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		o := object(i % 1000)
		resolveOne(b, resolver, "", o.LegacyDN)
		i++
	}
}
