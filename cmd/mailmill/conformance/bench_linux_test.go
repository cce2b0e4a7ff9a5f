package conformance

import (
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
)

// The script that measures what the README shows works, and counts what each program wrote.
func TestBenchScript(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	picture := filepath.Join(dir, "speed.svg")
	rows := []string{"mbox", "eml", "inspect", "readpst-mbox", "readpst-eml", "pffexport", "gopst", "cp"}
	for _, peer := range []string{"readpst", "pffexport"} {
		corpustest.Program(t, peer)
	}
	cmd := exec.Command(filepath.Join(corpustest.Root(), ".ci", "bench"), "--rounds", "1", "--mailmill", program,
		"--only", strings.Join(rows, ","), "--dir", dir, "--plot", picture, corpustest.Sample())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	mails := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if cells := strings.Split(line, "|"); len(cells) == 12 {
			mails[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[8])
		}
	}
	// The sample's 109 mails: readpst and pffexport leave some out, go-pst cannot read one.
	for row, want := range map[string]string{
		"mailmill, mbox": "109", "mailmill, EML": "109", "mailmill, inspect only": "-", "readpst -D -j 0": "105",
		"readpst -D -j 0 -e": "105", "pffexport -m items": "105", "go-pst, reading only": "108", "cp": "-",
	} {
		if mails[row] != want {
			t.Errorf("%s: %q mails, want %s", row, mails[row], want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
	f, err := os.Open(picture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := xml.NewDecoder(f); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "mailmill-bench-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left over (%v)", left, err)
	}
}
