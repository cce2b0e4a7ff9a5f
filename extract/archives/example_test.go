package archives_test

import (
	"context"
	"fmt"
	"log"

	"mailmill/extract"
	"mailmill/extract/archives"
	"mailmill/formats"
)

func ExampleOpen() {
	ctx := context.Background()
	archive, err := archives.Open(ctx, "../../testdata/sample.pst", extract.Options{}, nil)
	if err != nil {
		log.Fatal(err) // a sentence for people
	}
	defer archive.Close()
	fmt.Println(archive.Info().Format)

	mails := 0
	for entry, err := range archive.Entries(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if entry.Kind != formats.KindMail {
			continue
		}
		if mails++; mails == 1 {
			item, err := archive.Read(ctx, entry)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(item.Folder, item.ID, item.Subject)
		}
	}
	fmt.Println(mails, "mails")
	// Output:
	// Outlook data file, Unicode
	// Inbox 0x2002a4 An alle: Betriebsversammlung
	// 109 mails
}
