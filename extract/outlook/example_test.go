package outlook_test

import (
	"fmt"
	"os"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// A sent mail has no header. It gets one from its properties.
func ExampleConverter_Item() {
	m := note(props{
		mapi.PidTagSubject: "\x01\x05Re: the offer",
		mapi.PidTagBody:    "It is fine.\r\n",
	}).from("Anna Groß", "anna@example.org")
	m.rows = []props{row(1, "Bert", "SMTP", "bert@example.org")}

	item, err := outlook.New(outlook.Options{}).Item(formats.Entry{}, m)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(item.Kind, item.Subject)
	if err := mime.Write(crToNothing{}, item.Mail); err != nil {
		fmt.Println(err)
	}
	// Output:
	// mail Re: the offer
	// From: =?utf-8?q?Anna_Gro=C3=9F?= <anna@example.org>
	// To: Bert <bert@example.org>
	// Subject: Re: the offer
	// Message-ID: <pst.9f9f5111f7b27a781f1f1ddde5ebc2dd@pst.invalid>
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=utf-8
	// Content-Transfer-Encoding: 7bit
	//
	// It is fine.
}

// crToNothing writes to standard output with line ends as Go has them.
type crToNothing struct{}

func (crToNothing) Write(b []byte) (int, error) {
	for _, c := range b {
		if c != '\r' {
			if _, err := os.Stdout.Write([]byte{c}); err != nil {
				return 0, err
			}
		}
	}
	return len(b), nil
}
