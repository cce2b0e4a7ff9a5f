package imaptest

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNames(t *testing.T) {
	for name, wire := range map[string]string{"INBOX": "INBOX", "a&b": "a&-b", "Entwürfe": "Entw&APw-rfe", "台北": "&U,BTFw-", "😀x": "&2D3eAA-x"} {
		if got := encode(name); got != wire {
			t.Errorf("%q is %q, want %q", name, got, wire)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.String().Draw(r, "name")
		if got := decode(encode(name)); got != name {
			r.Fatalf("%q becomes %q", name, got)
		}
	})
}
