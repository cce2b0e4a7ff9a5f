package directory_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"mailmill/formats/oab/oabtest"
	"mailmill/transform/address/directory"
)

// halfAMillion is the number of recipients that a large organisation has.
const halfAMillion = 500_000

// Half a million recipients are read in seconds, in memory that does not depend on how many they are.
func BenchmarkRead(b *testing.B) {
	for _, form := range []struct {
		name string
		head string
		line func(i int) string
	}{
		{
			"csv", "\"DisplayName\",\"Alias\",\"LegacyExchangeDN\",\"PrimarySmtpAddress\",\"RecipientTypeDetails\",\"Guid\",\"EmailAddresses\"\n",
			func(i int) string {
				return fmt.Sprintf("\"Wölf, Paul %d\",\"pwolf%[1]d\",\"%scf7b1ce73506c3d5039170e05be44843-pwolf%[1]d\",\"pwolf%[1]d@nordwind.example\",\"UserMailbox\",\"3f2504e0-4f89-11d3-9a0c-%012[1]x\",\"SMTP:pwolf%[1]d@nordwind.example,smtp:pwolf%[1]d@old-nordwind.example,X500:/o=NORDWIND/ou=BREMEN/cn=RECIPIENTS/cn=PWOLF%[1]d\"\n", i, dn)
			},
		},
		{
			"ldif", "version: 1\n",
			func(i int) string {
				return fmt.Sprintf("dn: CN=Wolf\\, Paul (pwolf%d),OU=Users,DC=nordwind,DC=example\nchangetype: add\nobjectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\nobjectClass: user\ncn: Wolf, Paul\ndisplayName:: V8O2bGYsIFBhdWw=\nmailNickname: pwolf%[1]d\nlegacyExchangeDN: %s\n cf7b1ce73506c3d5039170e05be44843-pwolf%[1]d\nmail: pwolf%[1]d@nordwind.example\nproxyAddresses: SMTP:pwolf%[1]d@nordwind.example\nproxyAddresses: smtp:pwolf%[1]d@old-nordwind.example\nproxyAddresses: X500:/o=NORDWIND/ou=BREMEN/cn=RECIPIENTS/cn=PWOLF%[1]d\n\n", i, dn)
			},
		},
		{
			"json", "", func(i int) string {
				return fmt.Sprintf("{\"dn\":\"%scf7b1ce73506c3d5039170e05be44843-pwolf%d\",\"name\":\"Wölf, Paul %[2]d\",\"address\":\"pwolf%[2]d@nordwind.example\",\"via\":\"learnt\",\"items\":17}\n", dn, i)
			},
		},
	} {
		b.Run(form.name, func(b *testing.B) {
			var text strings.Builder
			text.WriteString(form.head)
			for i := range halfAMillion {
				text.WriteString(form.line(i))
			}
			run(b, text.String())
		})
	}
	b.Run("oab", func(b *testing.B) {
		records := make([]oabtest.Record, halfAMillion)
		for i := range records {
			smtp := fmt.Sprintf("pwolf%d@nordwind.example", i)
			records[i] = oabtest.Record{
				0x3001001F: fmt.Sprintf("Wölf, Paul %d", i), 0x3003001E: fmt.Sprintf("%scf7b1ce73506c3d5039170e05be44843-pwolf%d", dn, i), 0x39FE001F: smtp,
				0x39050003: uint32(0x40000000), 0x800F101F: []string{"SMTP:" + smtp, fmt.Sprintf("X500:/o=NORDWIND/ou=BREMEN/cn=RECIPIENTS/cn=PWOLF%d", i)},
			}
		}
		run(b, string(oabtest.Details(records...)))
	})
}

func run(b *testing.B, content string) {
	path := filepath.Join(b.TempDir(), "list")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	runtime.GC()
	b.ReportAllocs()
	for b.Loop() {
		n, peak := 0, uint64(0)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		before := m.HeapInuse
		for _, err := range directory.Read(b.Context(), path, directory.Options{}) {
			if err != nil {
				b.Fatal(err)
			}
			if n++; n%100_000 == 0 {
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse-min(m.HeapInuse, before))
			}
		}
		if n != halfAMillion {
			b.Fatalf("%d objects", n)
		}
		b.ReportMetric(float64(peak)/(1<<20), "MB-heap")
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/directory")
}
