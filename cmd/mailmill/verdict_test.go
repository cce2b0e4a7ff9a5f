package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/pflag"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/files"
)

// cutShort is an archive that has lost what cannot be counted.
type cutShort struct{ extract.Archive }

func (cutShort) Info() extract.Info {
	return extract.Info{Path: "cut.pst", Incomplete: "the file is cut short"}
}

// Whatever is not whole shows in the exit status of a run that went to its end.
func TestVerdict(t *testing.T) {
	books := func(c load.Count) *load.Result {
		return &load.Result{Balance: load.Balance{formats.KindMail: &c}}
	}
	halfRead := books(load.Count{Found: 1, Written: 1})
	halfRead.Sources = []load.SourceFailure{{Source: "a.pst", Err: errors.New("loop")}}
	unread := books(load.Count{})
	unread.Sources = halfRead.Sources
	whole := load.Count{Found: 4, Written: 1, Unchanged: 1, Filtered: 1, Duplicate: 1}
	for _, tt := range []struct {
		name   string
		result *load.Result
		from   sources
		want   int
	}{
		{"all is well", books(whole), sources{}, exitOK},
		{"an empty archive", books(load.Count{}), sources{}, exitOK},
		{"an item failed", books(load.Count{Found: 1, Failed: 1}), sources{}, exitFailures},
		{"an item lacks a part", books(load.Count{Found: 1, Written: 1, Damaged: 1}), sources{}, exitFailures},
		{"a source could not be read to its end", halfRead, sources{}, exitFailures},
		{"a source could not be read at all", unread, sources{}, exitSource},
		{"a source could not be opened", books(whole), sources{unreadable: 1}, exitFailures},
		{"a source is cut short", books(whole), sources{archives: []extract.Archive{cutShort{}}}, exitFailures},
		{"a source is cut short before its items", books(load.Count{}), sources{archives: []extract.Archive{cutShort{}}}, exitSource},
	} {
		a := &app{stderr: &output{w: new(strings.Builder)}}
		if got, _ := conclude(a.verdict(&tt.from, tt.result)); got != tt.want {
			t.Errorf("%s: exit status %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestConclude(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("out/Inbox.mbox: %w", err) }
	folder := &destination{name: "out"}
	out := &conversion{targets: targets{list: []*destination{folder}}}
	for _, tt := range []struct {
		err  error
		want int
		says string
	}{
		{errors.New("a riddle"), exitUnexpected, "a riddle"},
		{usage("--jobs takes a number"), exitUsage, "--jobs takes a number"},
		{wrapped(syscall.ENOSPC), exitTemporary, "see to that and run the same command again"},
		{folder.explain(wrapped(files.ErrFull)), exitTemporary, "make room and run the same command again"},
		{folder.explain(wrapped(files.ErrInUse)), exitTemporary, "run the same command again when it has ended"},
		{folder.explain(wrapped(files.ErrExists)), exitUsage, "--overwrite"},
		{wrapped(context.Canceled), exitInterrupted, "interrupted"},
		{wrapped(errInterrupted), exitInterrupted, "interrupted"},
		{new(app).targetError(out, wrapped(errInterrupted)), exitInterrupted, "what was unfinished is removed"},
		{errors.New("a name with \x1b[2J"), exitUnexpected, "a name with"},
	} {
		got, sentence := conclude(tt.err)
		if got != tt.want || !strings.Contains(sentence, tt.says) || strings.Contains(sentence, "\x1b") {
			t.Errorf("%v: exit status %d, want %d: %q", tt.err, got, tt.want, sentence)
		}
	}
}

// Help is read on the narrowest terminals that people use.
func TestHelpFitsTheTerminal(t *testing.T) {
	for _, about := range []string{"", "convert", "verify", "inspect", "list", "addresses", "version", "json", "files", "servers", "errors"} {
		var help strings.Builder
		a := &app{stdout: &output{w: &help}, stderr: &output{w: &help}}
		if status := a.run(append([]string{"help"}, strings.Fields(about)...)); status != exitOK || help.Len() == 0 {
			t.Errorf("help %s: exit status %d", about, status)
		}
		for line := range strings.Lines(help.String()) {
			if width := text.StringWidth(strings.TrimSuffix(line, "\n")); width > 80 {
				t.Errorf("help %s: %d columns: %s", about, width, line)
			}
		}
	}
}

// The options that say how an archive is read reach its reader.
func TestSourceOptions(t *testing.T) {
	var s sources
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.addFlags(flags)
	if err := flags.Parse([]string{"--with-hidden"}); err != nil || !reflect.DeepEqual(s.options, extract.Options{Hidden: true}) {
		t.Errorf("%+v, %v", s.options, err)
	}
	if err := flags.Parse([]string{"--recover"}); err != nil || !reflect.DeepEqual(s.options, extract.Options{Hidden: true, Recover: true}) {
		t.Errorf("%+v, %v", s.options, err)
	}
}
