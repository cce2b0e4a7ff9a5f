package main

import (
	"os"
	"path/filepath"
	"testing"

	"mailmill/formats/corpustest"
)

// BenchmarkConvert converts a generated archive of some 200 MB. Its profile is default.pgo, from which the compiler learns
// what is worth inlining; .ci/profile makes it anew.
func BenchmarkConvert(b *testing.B) {
	source, _ := corpustest.Generate(b, "-preset", "medium", "-seed", "7")
	info, err := os.Stat(source)
	if err != nil {
		b.Fatal(err)
	}
	for _, format := range []string{"mbox", "eml"} {
		b.Run(format, func(b *testing.B) {
			b.SetBytes(info.Size())
			for b.Loop() {
				place := filepath.Join(b.TempDir(), "out")
				answer := inProcess(b, "the generated archive", "convert", "-q", "--only", "mail", "--format", format, source, place)
				if answer.status != exitOK {
					b.Fatalf("exit status %d: %s", answer.status, answer.stderr)
				}
			}
		})
	}
}
