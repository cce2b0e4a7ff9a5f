package main

import (
	"errors"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/load/files"
)

// Room is refused only where it certainly does not suffice, and missed only where it certainly does.
func TestRoom(t *testing.T) {
	const mb = 1 << 20
	text := []formats.Entry{{Size: 10 * 1024}, {Size: 20 * 1024}, {Size: -1}}
	photos := []formats.Entry{{Size: 30 * mb}, {Size: 60 * mb}}
	for _, tt := range []struct {
		name    string
		entries []formats.Entry
		room    *room
		space   files.Space
		refused string
		warned  bool
	}{
		{"plenty", photos, &room{archives: 100 * mb}, files.Space{Bytes: 1000 * mb, Files: 1000}, "", false},
		{"nothing is known", photos, &room{archives: 100 * mb}, files.Space{Bytes: -1, Files: -1}, "", false},
		{"base64 may be too much", photos, &room{archives: 100 * mb}, files.Space{Bytes: 100 * mb, Files: -1}, "", true},
		{"attachments cannot shrink to a quarter", photos, &room{archives: 100 * mb}, files.Space{Bytes: 25 * mb, Files: -1}, "26 MB are free there, and the 2 items to be written (94 MB in the archive) cannot take less than 31 MB", false},
		{"but they can when they are compressed", photos, &room{archives: 100 * mb, packed: true}, files.Space{Bytes: 25 * mb, Files: -1}, "", true},
		{"text can", text, &room{archives: mb}, files.Space{Bytes: 4 * 1024, Files: -1}, "", true},
		{"but there are limits", text, &room{archives: mb}, files.Space{Bytes: 1024, Files: -1}, "cannot take less than 3.1 kB", false},
		{"a table that lies", []formats.Entry{{Size: 1 << 60}, {Size: 1 << 60}}, &room{archives: mb}, files.Space{Bytes: 20 * mb, Files: -1}, "", false},
		{"a file each", text, &room{archives: mb, eachFile: func(formats.Kind) bool { return true }}, files.Space{Bytes: 1000 * mb, Files: 2}, "there is room for 2 files more, whatever their size, and 3 files are to be written", false},
		{"a file in all", text, &room{archives: mb}, files.Space{Bytes: 1000 * mb, Files: 2}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.room
			warned := ""
			r.warn = func(sentence string) { warned = sentence }
			for i := range tt.entries {
				r.add(&tt.entries[i])
			}
			err := r.judge(tt.space)
			if (err != nil) != (tt.refused != "") || (warned != "") != tt.warned {
				t.Fatalf("%v, warned: %q", err, warned)
			}
			if err == nil {
				return
			}
			if status, sentence := conclude(err); status != exitTemporary || !strings.Contains(sentence, tt.refused) || !strings.HasSuffix(sentence, "--ignore-space") {
				t.Errorf("exit status %d: %s", status, sentence)
			}
		})
	}
}

// What clearing up meets is often what ended the run: it is said once.
func TestOnce(t *testing.T) {
	full := errors.New("out.tar: the disk is full")
	if got := once(errors.Join(full, errors.Join(full, errors.New("x: no")), full)); got != "out.tar: the disk is full; x: no" {
		t.Error(got)
	}
}
