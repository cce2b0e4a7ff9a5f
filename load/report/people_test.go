package report

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
)

// defuse does the least that NewPeopleCSV needs.
func defuse(s string) string {
	if strings.IndexAny(s, "=+-@") == 0 {
		return "'" + s
	}
	return s
}

func somePeople() []Person {
	return []Person{
		{
			DN: "/o=A/cn=joe", Names: []string{"Joe\x1b[2J Doe", "J. Doe"}, Kind: "person", SMTP: "joe@example.com", Via: "learnt", Confidence: 0.95,
			Items: 1200, First: "2014-03-02T10:00:00Z", Last: "2015-03-02T10:00:00Z", Folders: []string{"a.pst: Inbox"},
			Evidence: []Evidence{{"row", 3}}, Candidates: []Candidate{{SMTP: "joe@example.com", Share: 1, Evidence: []Evidence{{"row", 3}}}},
		},
		{DN: "/o=A/cn=ann", Names: []string{"=HYPERLINK(\"http://example.com\")"}, Via: "none", Status: []string{"unresolved", "ambiguous"}, Items: 2, Candidates: []Candidate{{SMTP: "a@example.com", Share: 0.5}, {SMTP: "b@example.com", Share: 0.5, Another: true}}},
		{Stored: "Smith", Names: []string{"Smith"}, Via: "none", Status: []string{"unresolved"}, Items: 1},
	}
}

func TestWritePeople(t *testing.T) {
	var out bytes.Buffer
	if err := WritePeople(&out, somePeople(), 0); err != nil {
		t.Fatal(err)
	}
	want := `
items  last        name                            address          known by               Exchange name
1,200  2015-03-02  Joe�[2J Doe                     joe@example.com  learnt 0.95            /o=A/cn=joe
    2              =HYPERLINK("http://example.co  ? a@example.com  unresolved, ambiguous  /o=A/cn=ann
    1              Smith                           -                unresolved
`[1:]
	if diff := cmp.Diff(strings.ReplaceAll(want, `\ufffd`, "\ufffd"), strings.ReplaceAll(out.String(), "…", "")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A terminal's lines have room for the end of an Exchange name, which tells people apart.
func TestWritePeopleNarrow(t *testing.T) {
	list := []Person{
		{DN: "/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=3f2a-jdoe", Names: []string{"Joe"}, SMTP: "joe@example.com", Via: "learnt", Items: 3},
		{DN: "/o=A/cn=ann", Names: []string{"Ann"}, SMTP: "ann@example.com", Via: "learnt", Items: 3},
	}
	for _, columns := range []int{40, 100} {
		var out bytes.Buffer
		if err := WritePeople(&out, list, columns); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"-jdoe\n", "  /o=A/cn=ann\n"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%d columns: %q is not in\n%s", columns, want, &out)
			}
		}
		for line := range strings.Lines(out.String()) {
			if n := text.StringWidth(strings.TrimSuffix(line, "\n")); columns == 100 && n > columns {
				t.Errorf("%d columns: %q", n, line)
			}
		}
	}
}

// The table has what a directory needs in its first columns, and no cell is a formula.
func TestPeopleCSV(t *testing.T) {
	var out bytes.Buffer
	table, err := NewPeopleCSV(&out, defuse)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range somePeople() {
		if err := table.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(out.String(), "\ufeff")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if !ok || err != nil || len(rows) != 4 || strings.Count(text, "\r\n") != 4 {
		t.Fatalf("%v\n%s", err, text)
	}
	var got [][]string
	for _, row := range rows {
		got = append(got, row[:3])
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@") == 0 {
				t.Errorf("%q is a formula", cell)
			}
		}
	}
	want := [][]string{
		{"dn", "name", "address"},
		{"/o=A/cn=joe", "Joe\x1b[2J Doe", "joe@example.com"},
		{"/o=A/cn=ann", `'=HYPERLINK("http://example.com")`, ""},
		{"", "Smith", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, want := rows[2][11], "a@example.com (50 %); b@example.com (another's)"; got != want {
		t.Errorf("candidates are %q, want %q", got, want)
	}
}

func TestPeopleObjects(t *testing.T) {
	var out bytes.Buffer
	lines := NewLines(&out)
	for _, p := range somePeople() {
		if err := p.WriteJSON(lines); err != nil {
			t.Fatal(err)
		}
	}
	if err := (People{People: 3, Resolved: 1, Open: 2}).WriteJSON(lines); err != nil {
		t.Fatal(err)
	}
	want := `
{"type":"person","schema":1,"dn":"/o=A/cn=joe","names":["Joe\u001b[2J Doe","J. Doe"],"kind":"person","smtp":"joe@example.com","via":"learnt","confidence":0.95,"items":1200,"first":"2014-03-02T10:00:00Z","last":"2015-03-02T10:00:00Z","folders":["a.pst: Inbox"],"evidence":{"row":3},"candidates":[{"smtp":"joe@example.com","share":1,"evidence":{"row":3}}]}
{"type":"person","dn":"/o=A/cn=ann","names":["=HYPERLINK(\"http://example.com\")"],"via":"none","status":["unresolved","ambiguous"],"items":2,"candidates":[{"smtp":"a@example.com","share":0.5},{"smtp":"b@example.com","share":0.5,"another":true}]}
{"type":"person","stored":"Smith","names":["Smith"],"via":"none","status":["unresolved"],"items":1}
{"type":"people","people":3,"resolved":1,"guessed":0,"open":2}
`[1:]
	if diff := cmp.Diff(strings.ReplaceAll(want, `\\`, `\`), out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The bar of the first pass is shown, and goes before those of the second come.
func TestLearningBar(t *testing.T) {
	var out bytes.Buffer
	b := NewBars(&out)
	for n := range 2001 {
		b.Learning(n, 2000)
	}
	time.Sleep(400 * time.Millisecond) // it is drawn seven times a second
	b.Close()
	text := out.String()
	if !strings.Contains(text, "Learning addresses") || !strings.Contains(text, "2,000 of 2,000") {
		t.Errorf("%q", text)
	}
	out.Reset()
	if b.Write([]byte("line\n")); out.String() != "line\n" {
		t.Errorf("%q", out.String())
	}
}
