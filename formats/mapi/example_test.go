package mapi_test

import (
	"fmt"

	"mailmill/formats/mapi"
)

// An Exchange address in a mail from outside is hidden in an SMTP address.
func ExampleDecodeIMCEA() {
	typ, dn, domain, _ := mapi.DecodeIMCEA("IMCEAEX-_o=Contoso_ou=Hamburg_cn=Recipients_cn=anna@contoso.example")
	fmt.Println(typ, dn, domain)
	// Output: EX /o=Contoso/ou=Hamburg/cn=Recipients/cn=anna contoso.example
}

// A one-off entry id tells a name and an address that are in no directory.
func ExampleParseEntryID() {
	e, err := mapi.ParseEntryID(mapi.MakeOneOff("Anna Groß", "SMTP", "anna@example.org"), 1252)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s <%s>\n", e.Name, e.Address)
	// Output: Anna Groß <anna@example.org>
}

// Two files write one person's Exchange address in different letters.
func ExampleDNKey() {
	a := mapi.DNKey("/O=CONTOSO/OU=HAMBURG/CN=RECIPIENTS/CN=ANNA")
	b := mapi.DNKey("/o=Contoso/ou=Hamburg/cn=Recipients/cn=anna")
	fmt.Println(a == b, a)
	// Output: true /o=contoso/ou=hamburg/cn=recipients/cn=anna
}

// What the type says of an address is not to be trusted; its shape is.
func ExampleShapeOf() {
	for _, s := range []string{"anna@example.org", "/o=Contoso/cn=anna", "IMCEAEX-_o=Contoso@example.org", "+49 40 1234"} {
		fmt.Println(mapi.ShapeOf(mapi.CleanAddress(s)))
	}
	// Output:
	// SMTP
	// DN
	// IMCEA
	// none
}
