package directory_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/transform/address/directory"
)

// load reads a directory to its end.
func load(t testing.TB, location string, o directory.Options) ([]directory.Object, error) {
	t.Helper()
	var objects []directory.Object
	for obj, err := range directory.Read(context.Background(), location, o) {
		if err != nil {
			return objects, err
		}
		objects = append(objects, obj)
	}
	return objects, nil
}

// The directories that come with synthetic archives answer whatever is in the archive that is to be known from them.
func TestSynthetic(t *testing.T) {
	for _, archive := range []string{"tiny", "small"} {
		for _, form := range []string{"csv", "ldif"} {
			t.Run(archive+"."+form, func(t *testing.T) {
				objects, err := load(t, corpustest.File(t, "synthetic/"+archive+"."+form), directory.Options{})
				if err != nil {
					t.Fatal(err)
				}
				answers := make(map[string]string)
				for _, obj := range objects {
					for _, dn := range append(obj.X500, obj.LegacyDN) {
						answers[mapi.DNKey(dn)] = obj.SMTP
					}
				}
				truth, err := os.Open(corpustest.File(t, "synthetic/"+archive+".jsonl"))
				if err != nil {
					t.Fatal(err)
				}
				defer truth.Close()
				asked := 0
				lines := bufio.NewScanner(truth)
				lines.Buffer(nil, 64<<20)
				for lines.Scan() {
					var item any
					if err := json.Unmarshal(lines.Bytes(), &item); err != nil {
						t.Fatal(err)
					}
					eachAddress(item, func(stored, smtp, knownBy string) {
						got, ok := answers[mapi.DNKey(stored)]
						if knownBy == "directory" {
							asked++
							if !ok {
								t.Errorf("%s is not in the directory", stored)
							}
						}
						if ok && smtp != "" && !strings.EqualFold(got, smtp) {
							t.Errorf("%s is %s, want %s", stored, got, smtp)
						}
					})
				}
				t.Logf("%d objects, %d names, %d asked for", len(objects), len(answers), asked)
				if asked == 0 {
					t.Error("the archive asks nothing")
				}
			})
		}
	}
}

// eachAddress finds the addresses in an item of a truth, wherever they are.
func eachAddress(v any, f func(stored, smtp, knownBy string)) {
	switch v := v.(type) {
	case []any:
		for _, inner := range v {
			eachAddress(inner, f)
		}
	case map[string]any:
		if stored, ok := v["stored"].(string); ok && strings.HasPrefix(stored, "/") {
			smtp, _ := v["smtp"].(string)
			knownBy, _ := v["known_by"].(string)
			f(stored, smtp, knownBy)
		}
		for _, inner := range v {
			eachAddress(inner, f)
		}
	}
}
