package address_test

import (
	"context"
	"fmt"

	"mailmill/formats"
	"mailmill/transform/address"
	"mailmill/transform/address/directory"
)

// A book learns from what archives tell, answers for those who lack an address, and reports what it knows.
func Example() {
	book := address.NewBook()
	book.Learn(&formats.Lesson{
		Source: "alice.pst", Folder: &formats.Folder{Path: []string{"Inbox"}},
		Evidence: []formats.Evidence{
			{Class: formats.EvidenceRow, DN: "/o=Org/cn=Recipients/cn=alice", SMTP: "alice@example.org", Name: "Alice Example"},
			{Class: formats.EvidenceSeen, DN: "/o=Org/cn=Recipients/cn=bob", Name: "Bob"},
			{Class: formats.EvidenceSeen, DN: "/o=Org/cn=Recipients/cn=carol", Name: "Carol"},
		},
	})
	staff := address.NewDirectory()
	if err := staff.Add(&directory.Object{LegacyDN: "/o=Org/cn=Recipients/cn=bob", SMTP: "bob@example.org", Where: "staff.csv:2"}); err != nil {
		fmt.Println(err)
	}
	book.Use(staff)

	ladder := book.Ladder(address.Options{})
	to := &formats.Address{Name: "Alice Example", Stored: "/O=ORG/CN=RECIPIENTS/CN=ALICE"}
	item := &formats.Item{Mail: &formats.Mail{To: []*formats.Address{to}}}
	if _, err := ladder.Resolver().Apply(context.Background(), item); err != nil {
		fmt.Println(err)
	}
	fmt.Println(to.SMTP, to.Via)

	report := ladder.Report()
	for _, p := range report.People {
		fmt.Printf("%s %q %s %.2f\n", p.Names[0].Text, p.SMTP, p.Via, p.Confidence)
	}
	fmt.Println(report.Summary())
	// Output:
	// alice@example.org learnt
	// Alice Example "alice@example.org" learnt 0.67
	// Bob "bob@example.org" directory 0.97
	// Carol "" none 0.00
	// 3 people: 2 resolved, 0 guessed, 1 open
}
