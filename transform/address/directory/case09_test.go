package directory_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"

	"mailmill/transform/address/directory"
)

// TestCase09Exports reads the same recipient from every form in which Exchange's addresses are exported: what joins
// them, what divides the columns and how the text is encoded makes no difference.
func TestCase09Exports(t *testing.T) {
	const x500 = "X500:/o=Old, Inc; Ltd/ou=First Administrative Group/cn=Recipients/cn=wolf"
	addresses := []string{"SMTP:Paul.Wolf@org.example", "smtp:pwolf@old.example", x500, "SIP:pwolf@org.example"}
	want := " user\n  dn " + dn + "pwolf\n  x500 " + x500[len("X500:"):] +
		"\n  smtp Paul.Wolf@org.example\n  other pwolf@old.example\n  names Wölf, Paul\n"
	table := func(column, joined string) string {
		quoted := func(cells ...string) string { return `"` + strings.Join(cells, `"`+column+`"`) + "\"\r\n" }
		return "#TYPE Selected.System.Management.Automation.PSCustomObject\r\n" +
			quoted("DisplayName", "LegacyExchangeDN", "RecipientTypeDetails", "EmailAddresses") +
			quoted("Wölf, Paul", dn+"pwolf", "UserMailbox", joined)
	}
	check := func(name, in string) {
		t.Helper()
		objects, err := load(t, write(t, in), directory.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		_, got, _ := strings.Cut(render(objects), " ")
		if " "+got != want {
			t.Errorf("%s: got\n%swant\n%s", name, got, want)
		}
	}
	for _, join := range []string{" ", ",", ", ", ";", "|", "\n"} {
		for _, column := range []string{",", ";", "\t"} {
			in := table(column, strings.Join(addresses, join))
			check(fmt.Sprintf("joined by %q, columns by %q", join, column), in)
			for _, order := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
				wide, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(in)
				if err != nil {
					t.Fatal(err)
				}
				check(fmt.Sprintf("UTF-16, joined by %q, columns by %q", join, column), wide)
			}
		}
	}
	check("in braces", table(",", "{"+strings.Join(addresses, ", ")+"}"))
	check("with a byte order mark", "\ufeff"+table(";", strings.Join(addresses, ";")))

	folded := "dn: CN=pwolf,OU=Users,DC=org,DC=example\nobjectClass: user\ndisplayName:: " + base64.StdEncoding.EncodeToString([]byte("Wölf, Paul")) +
		"\nlegacyExchangeDN: " + dn[:30] + "\n " + dn[30:] + "pw\n olf\nproxyAddresses: SMTP:Paul.Wolf@\n org.example\nproxyAddresses:: " +
		base64.StdEncoding.EncodeToString([]byte("smtp:pwolf@old.example")) + "\nproxyAddresses: " + x500[:20] + "\n " + x500[20:] + "\nproxyAddresses: SIP:pwolf@org.example\n"
	check("LDIF with base64 and folded lines", folded)
	check("LDIF with the line ends of Windows", strings.ReplaceAll(folded, "\n", "\r\n"))

	for _, cell := range []string{"Microsoft.Exchange.Data.ProxyAddressCollection", "System.Collections.ArrayList", "Microsoft.Exchange.Data.MultiValuedProperty`1[System.String]"} {
		objects, err := load(t, write(t, table(",", cell)), directory.Options{})
		if err == nil || !strings.Contains(err.Error(), "$_.EmailAddresses -join ';'") {
			t.Errorf("%s: %v, and no advice", cell, err)
		}
		if len(objects) > 0 {
			t.Errorf("%s: %d objects nevertheless", cell, len(objects))
		}
	}
}
