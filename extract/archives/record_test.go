package archives

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"mailmill/formats"
)

func TestRecord(t *testing.T) {
	const text = `{"version":"1","format":"eml","options":{"a":"b"},"sources":[{"name":"a.pst"}],"files":[
{"path":"a/Projects/A_B/1.eml","size":3,"items":1,"flags":["seen","unheard of","flagged"],"keywords":["Red"]},
{"path":"a/2.eml"}
],"folders":[{"source":"a.pst","folder":["Projects","A/B"],"path":"a/Projects/A_B"},{"source":"a.pst","folder":["CON"],"path":"a/CON_"},{"folder":[],"path":"."}]}`
	files := fstest.MapFS{"out/.mailmill.json": {Data: []byte(text)}}
	r := readRecord(files, "out")
	if got := r.state("out/a/Projects/A_B/1.eml"); got.flags != formats.FlagSeen|formats.FlagFlagged || !slices.Equal(got.keywords, []string{"Red"}) {
		t.Errorf("state: %+v", got)
	}
	if got := r.state("out/a/2.eml"); got.flags != 0 || got.keywords != nil {
		t.Errorf("state of a mail without one: %+v", got)
	}
	for place, want := range map[string]string{
		"out/a/Projects/A_B": "a|Projects|A/B", // the folder of the source is above
		"out/a/CON_":         "a|CON",
		"out/a/Others":       "a|Others",
		"elsewhere/a/CON_":   "elsewhere|a|CON_",
	} {
		names := strings.Split(strings.TrimPrefix(place, "out/"), "/")
		if got := strings.Join(r.names(place, names), "|"); got != want {
			t.Errorf("%s: %s, want %s", place, got, want)
		}
	}
	if r := readRecord(files, "."); r != nil {
		t.Error("a record from nowhere")
	}
	// What is damaged tells what it does up to there.
	files["out/.mailmill.json"].Data = []byte(text[:strings.Index(text, "\n],")])
	if got := readRecord(files, "out").state("out/a/Projects/A_B/1.eml"); got.flags == 0 {
		t.Error("a record that was cut short tells nothing")
	}
	var none *record
	if none.state("a").flags != 0 || len(none.names("a", []string{"a"})) != 1 {
		t.Error("no record tells something")
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(`{"files":[{"path":"a","flags":["seen"]}],"folders":[{"folder":["b"],"path":"a"}]}`)
	f.Add(`{"files":null,"folders":{}}`)
	f.Add(`[]`)
	f.Fuzz(func(_ *testing.T, text string) {
		r := readRecord(fstest.MapFS{recordName: {Data: []byte(text)}}, ".")
		r.state("a")
		r.names("a", []string{"a"})
	})
}
