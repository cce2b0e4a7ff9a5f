package ledger_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"mailmill/load/ledger"
)

// numbered returns the record of the nth of many items.
func numbered(n int) ledger.Record {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	return ledger.Record{Key: hex.EncodeToString(sum[:16]), Print: sum, Size: 10_000}
}

// fill has items written in batches, as to a mailbox.
func fill(t testing.TB, p *ledger.Place, items, batch int) {
	var records []ledger.Record
	for n := range items {
		r := numbered(n)
		if c := p.Claim("a.pst", r.Key, r.Print); c.State != ledger.New {
			t.Fatal(c)
		}
		if records = append(records, r); len(records) < batch && n+1 < items {
			continue
		}
		check(t, p.Intend(t.Context(), records))
		for i := range records {
			records[i].Name = fmt.Sprint(n + i)
		}
		check(t, p.Confirm(t.Context(), records))
		records = records[:0]
	}
}

// BenchmarkWrite claims, intends and confirms 100,000 items in batches of 50.
func BenchmarkWrite(b *testing.B) {
	const items = 100_000
	for b.Loop() {
		p := place(b, open(b, filepath.Join(b.TempDir(), "ledger")), "INBOX", "1")
		fill(b, p, items, 50)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/items, "ns/item")
}

// BenchmarkIntend is what a transaction costs that waits for the disk, and BenchmarkConfirm one that does not.
func BenchmarkIntend(b *testing.B)  { benchmarkBatch(b, (*ledger.Place).Intend) }
func BenchmarkConfirm(b *testing.B) { benchmarkBatch(b, (*ledger.Place).Confirm) }

func benchmarkBatch(b *testing.B, write func(*ledger.Place, context.Context, []ledger.Record) error) {
	p := place(b, open(b, filepath.Join(b.TempDir(), "ledger")), "INBOX", "1")
	n := 0
	for b.Loop() {
		records := make([]ledger.Record, 50)
		for i := range records {
			records[i] = numbered(n)
			n++
		}
		check(b, write(p, b.Context(), records))
	}
}

// BenchmarkClaim is a second run: everything is there.
func BenchmarkClaim(b *testing.B) {
	const items = 100_000
	path := filepath.Join(b.TempDir(), "ledger")
	l := open(b, path)
	fill(b, place(b, l, "INBOX", "1"), items, 1000)
	check(b, l.Close())
	records := make([]ledger.Record, items)
	for n := range records {
		records[n] = numbered(n)
	}
	b.ResetTimer()
	for b.Loop() {
		l := open(b, path)
		p := place(b, l, "INBOX", "1")
		for _, r := range records {
			if c := p.Claim("a.pst", r.Key, r.Print); c.State != ledger.Same {
				b.Fatal(c)
			}
		}
		check(b, l.Close())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/items, "ns/item")
}

// A place takes about 100 bytes of memory for each record.
func TestMemory(t *testing.T) {
	const items = 50_000
	path := filepath.Join(t.TempDir(), "ledger")
	l := open(t, path)
	before := heap()
	p := place(t, l, "INBOX", "1")
	fill(t, p, items, 1000)
	written := heap() - before
	check(t, l.Close())
	runtime.KeepAlive(p)

	l = open(t, path)
	before = heap()
	p = place(t, l, "INBOX", "1")
	loaded := heap() - before
	runtime.KeepAlive(p)
	t.Logf("of %d records: %d bytes each while they are written, %d in a later run", items, written/items, loaded/items)
	if written > 150*items || loaded > 130*items {
		t.Error("that is too much")
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
