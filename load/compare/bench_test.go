package compare_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"mailmill/load/compare"
)

func BenchmarkMail(b *testing.B) {
	line := base64.StdEncoding.EncodeToString(make([]byte, 57)) + "\r\n"
	large := strings.Replace(plan, "JVBERi0xLjQK\r\n", strings.Repeat(line, 20_000), 1)
	for name, text := range map[string]string{"small": plan, "large": large} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compare.Mail(strings.NewReader(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
