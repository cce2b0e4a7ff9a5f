package address_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/transform/address"
)

// TestCrowds shows that one Exchange name with thousands of mail addresses is nobody's, in whatever order they come, and
// that many candidates below that are weighed as few are.
func TestCrowds(t *testing.T) {
	lessons := func(n int) (list []*formats.Lesson) {
		for i := range n {
			list = append(list, lesson(1, annaDN, fmt.Sprintf("user%d@example.com", i), "Anna", formats.EvidenceReceived))
		}
		return list
	}
	answer := func(b *address.Book) string {
		p, _ := b.Ladder(address.Options{}).Person(annaDN)
		return fmt.Sprint(len(p.Candidates), p.SMTP)
	}
	rows := func(n int) (list []*formats.Lesson) {
		for range n {
			list = append(list, lesson(1, annaDN, "anna@example.com", "Anna", formats.EvidenceRow))
		}
		return list
	}
	many := slices.Concat(lessons(100), rows(500))
	if got := answer(bookOf(many...)); got != "101anna@example.com" {
		t.Errorf("one of a hundred: %s", got)
	}
	crowd := slices.Concat(rows(9000), lessons(5000), rows(9000))
	first := bookOf(crowd...)
	slices.Reverse(crowd)
	again := bookOf(crowd...)
	if got := answer(first) + answer(again); got != "00" {
		t.Errorf("one of thousands: %s", got)
	}
	if !bytes.Equal(saved(t, first), saved(t, again)) {
		t.Error("another order makes another book")
	}
}

// TestKeepsCopies shows that a book keeps what it has learnt, and not the big texts that this was a part of.
func TestKeepsCopies(t *testing.T) {
	const big, lessons = 1 << 20, 200
	b := address.NewBook()
	for i := range lessons {
		dn, smtp, name := fmt.Sprintf("%s%03d", annaDN, i), fmt.Sprintf("anna%03d@example.com", i), fmt.Sprintf("Anna %03d", i)
		text := dn + smtp + name + smtp[:8] + "other@example.com" + strings.Repeat(" ", big)
		rest := text[len(dn):]
		b.Learn(&formats.Lesson{Folder: new(formats.Folder), Evidence: []formats.Evidence{
			{Class: formats.EvidenceRow, DN: text[:len(dn)], SMTP: rest[:len(smtp)], Name: rest[len(smtp) : len(smtp)+len(name)]},
			{Class: formats.EvidenceSeen, SMTP: text[len(dn+smtp+name) : len(text)-big]},
		}})
	}
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	if memory.HeapAlloc > lessons*big/4 {
		t.Errorf("%d MiB for %d lessons", memory.HeapAlloc>>20, lessons)
	}
	runtime.KeepAlive(b)
}
