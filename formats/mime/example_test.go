package mime_test

import (
	"fmt"
	"os"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mime"
)

func ExampleEncoder() {
	m := &formats.Mail{
		MessageID: "<1@example.org>",
		Header: []formats.Field{
			{Name: "From", Addresses: []*formats.Address{{Name: "Groß, Jürgen", SMTP: "jg@example.org"}}},
			{Name: "Subject", Text: "Hello\r\nBcc: everybody@example.org"},
		},
		Root: &formats.Part{Type: "text/plain", Content: formats.Bytes("Hi,\nhow are you?\n")},
	}
	var b strings.Builder
	if err := mime.NewEncoder().Encode(&b, m); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Print(strings.ReplaceAll(b.String(), "\r\n", "\n"))
	// Output:
	// From: =?utf-8?q?Gro=C3=9F=2C_J=C3=BCrgen?= <jg@example.org>
	// Subject: Hello Bcc: everybody@example.org
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=utf-8
	// Content-Transfer-Encoding: 7bit
	//
	// Hi,
	// how are you?
}

func ExampleParseAddressList() {
	for _, a := range mime.ParseAddressList(`"Doe, John" <john@example.org>; Bob </o=Org/ou=Site (X)/cn=bob>`) {
		fmt.Printf("%s: %s\n", a.Name, a.Stored)
	}
	// Output:
	// Doe, John: john@example.org
	// Bob: /o=Org/ou=Site (X)/cn=bob
}
