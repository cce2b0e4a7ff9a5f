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

// TestNamesakes shows that people of one name are told apart by the numbers behind their Exchange names, where one has an
// address that is much more the other's.
func TestNamesakes(t *testing.T) {
	const first, second, old = "/o=Org/cn=Recipients/cn=0af3-jdoe1", "/o=Org/cn=Recipients/cn=jdoe2", "/o=Org/cn=Recipients/cn=jdoe"
	var lessons []*formats.Lesson
	for n := range 5 {
		lessons = append(lessons, lesson(n+1, first, "jdoe1@example.com", "Doe, Joe", formats.EvidenceRow))
	}
	for _, dn := range []string{second, second + "_old", old} {
		lessons = append(lessons, lesson(9, dn, "jdoe1@example.com", "Doe, Joe", formats.EvidenceRow))
	}
	ladder := bookOf(lessons...).Ladder(address.Options{})
	for dn, want := range map[string]string{first: "jdoe1@example.com", second: "", second + "_old": "", old: "jdoe1@example.com"} {
		if p, _ := ladder.Person(dn); p.SMTP != want {
			t.Errorf("%s is %q, not %q", dn, p.SMTP, want)
		}
	}
}

// TestOutsiders shows that one witness is not enough for an address that is known as that of a stranger outside.
func TestOutsiders(t *testing.T) {
	stranger := lesson(1, "", "eva@outside.example", "Eva Klein", formats.EvidenceSeen)
	once := lesson(2, annaDN, "eva@outside.example", "Anna Groß", formats.EvidenceRow)
	again := lesson(3, annaDN, "eva@outside.example", "Anna Groß", formats.EvidenceRow)
	bert := lesson(4, bertDN, "bert@outside.example", "Bert", formats.EvidenceRow)
	married := lesson(5, "", "eva@outside.example", "Groß, Anna", formats.EvidenceSeen)
	for _, c := range []struct {
		what    string
		lessons []*formats.Lesson
		want    string
	}{
		{"nobody else has it", []*formats.Lesson{once}, "eva@outside.example"},
		{"a stranger's", []*formats.Lesson{stranger, once}, ""},
		{"two witnesses", []*formats.Lesson{stranger, once, again}, "eva@outside.example"},
		{"colleagues in the domain", []*formats.Lesson{stranger, once, bert}, "eva@outside.example"},
		{"the same name", []*formats.Lesson{stranger, married, once}, "eva@outside.example"},
	} {
		if p, _ := bookOf(c.lessons...).Ladder(address.Options{}).Person(annaDN); p.SMTP != c.want {
			t.Errorf("%s: %q, not %q", c.what, p.SMTP, c.want)
		}
	}
}
