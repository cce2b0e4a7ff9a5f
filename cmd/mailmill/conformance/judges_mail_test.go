package conformance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-message"
)

// Every mail about a meeting has a calendar in it that all readers read without complaint, of one event and with the
// method that the part's type names.
func TestMeetingMailIsReadByAll(t *testing.T) {
	t.Parallel()
	for _, k := range knownArchives(t)[:2] {
		t.Run(k.name, func(t *testing.T) {
			want := 0
			for _, it := range readTruth(t, k.truth) {
				if strings.HasPrefix(it.Kind, "meeting-") {
					want++
				}
			}
			dir := t.TempDir()
			n := 0
			eml := convert(t, "eml", k.archive)
			err := filepath.WalkDir(eml, func(path string, d os.DirEntry, err error) error {
				if err != nil || filepath.Ext(path) != ".eml" {
					return err
				}
				f, err := os.Open(path)
				if err != nil {
					return err
				}
				defer f.Close()
				e, err := message.Read(f)
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				return eachCalendar(e, func(method, text string) {
					n++
					if !strings.Contains(text, "\r\nMETHOD:"+method+"\r\n") {
						t.Errorf("%s has a calendar of another method than %s:\n%.500s", path, method, text)
					}
					write(t, filepath.Join(dir, fmt.Sprintf("%d.ics", n)), text)
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			events := map[string]int{}
			for _, c := range readCalendars(t, dir) {
				if c.Kind == "VEVENT" {
					events[c.Reader]++
				}
			}
			for _, r := range calendarReaders {
				if events[r] != want {
					t.Errorf("%s reads %d events of %d mails about meetings", r, events[r], want)
				}
			}
		})
	}
}

// eachCalendar calls visit for every calendar part of a mail, with its method.
func eachCalendar(e *message.Entity, visit func(method, text string)) error {
	kind, params, err := e.Header.ContentType()
	if err != nil {
		return err
	}
	if parts := e.MultipartReader(); parts != nil {
		for {
			p, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := eachCalendar(p, visit); err != nil {
				return err
			}
		}
	}
	if kind != "text/calendar" {
		return nil
	}
	text, err := io.ReadAll(e.Body)
	if err == nil {
		visit(params["method"], string(text))
	}
	return err
}
