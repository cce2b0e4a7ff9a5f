package folders_test

import (
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailmill/transform/folders"
)

func TestSourceName(t *testing.T) {
	for name, want := range map[string]string{
		"alice.pst":              "alice",
		"/backup/2014/alice.pst": "alice",
		`C:\Mail\alice.pst`:      "alice",
		"alice.pst.zst":          "alice",
		"alice.tar.GZ":           "alice",
		"alice.zst":              "alice",
		"alice":                  "alice",
		"alice.b.pst":            "alice.b",
		".mail":                  ".mail",
		"Mail/":                  "Mail",
		"-":                      "stdin",
	} {
		if got := folders.SourceName(name); got != want {
			t.Errorf("%s is called %q, want %q", name, got, want)
		}
	}
}

func TestBelow(t *testing.T) {
	for _, tt := range []struct{ prefix, source, want string }{
		{"{source}", "alice", "alice"},
		{"Import/{source}/", "alice", "Import/alice"},
		{"{source}-2014//x", "alice", "alice-2014/x"},
		{"../{source}", "..", "__/__"},
		{"a/{source}", "b/c", "a/b_c"},
		{"", "alice", ""},
	} {
		if got := folders.Below(tt.prefix, tt.source); got != tt.want {
			t.Errorf("%s of %s is %q, want %q", tt.prefix, tt.source, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		below := folders.Below(rapid.String().Draw(t, "prefix")+"{source}", rapid.String().Draw(t, "source"))
		if below != "" && (path.Clean(below) != below || strings.HasPrefix(below, "/") || strings.HasPrefix(below, "..")) {
			t.Fatalf("%q leads elsewhere", below)
		}
	})
}
