package address_test

import (
	"bytes"
	"fmt"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/transform/address"
)

// TestArchivesInAnyOrder learns from several archives in different orders, by one goroutine and by several: what is known
// in the end is the same.
func TestArchivesInAnyOrder(t *testing.T) {
	one, two, three := corpustest.File(t, "synthetic/tiny.pst"), corpustest.File(t, "pst/enron.pst"), corpustest.File(t, "pst/support.pst")
	var book []byte
	var report string
	for i, b := range []*address.Book{learn(t, 1, one, two, three), learn(t, 4, three, one, two), learn(t, 2, two, three, one)} {
		file, told := saved(t, b), fmt.Sprintf("%+v", b.Ladder(address.Options{Names: true}).Report())
		if i == 0 {
			book, report = file, told
			continue
		}
		if !bytes.Equal(file, book) {
			t.Error("another order makes another book")
		}
		if told != report {
			t.Error("another order makes another report")
		}
	}
	// What was learnt and kept tells a later run the same, and a run that learns it again as well.
	later := address.NewBook()
	for range 2 {
		if err := later.Load(bytes.NewReader(book)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(saved(t, later), book) {
		t.Error("the book changes when it is kept")
	}
}

// TestBareNames resolves nobody by nothing but a name, in an archive whose participants have names for addresses.
func TestBareNames(t *testing.T) {
	book := learn(t, 2, corpustest.File(t, "pst/enron.pst"))
	report := book.Ladder(address.Options{}).Report()
	names, dns := 0, 0
	for _, p := range report.People {
		if p.DN == "" {
			if names++; !p.Open() {
				t.Errorf("%v becomes %s", p.Names, p.SMTP)
			}
		} else {
			dns++
		}
	}
	t.Logf("%v; %d Exchange names, %d bare names", report.Summary(), dns, names)
	if dns < 100 || names < 200 {
		t.Error("people are missing")
	}
	report = book.Ladder(address.Options{Names: true}).Report()
	t.Logf("with names allowed: %v; %d people by their names", report.Summary(), len(report.Guessed()))
}
