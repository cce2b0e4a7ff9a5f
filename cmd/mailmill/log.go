package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"

	"mailmill/load/report"
)

// openLog returns the log of a run, and a function that completes its file. What people should know goes to the
// screen, in colours where they help; everything goes to the file. A log that cannot be completed ends nothing, but is
// told of.
func (a *app) openLog() (log *slog.Logger, done func(), err error) {
	level := slog.LevelWarn
	switch {
	case a.quiet:
		level = slog.LevelError
	case a.verbose:
		level = slog.LevelInfo
	}
	handler := tint.NewTextHandler(a.screen(), &tint.Options{
		Level:      level,
		NoColor:    !a.colors(),
		TimeFormat: "15:04:05",
	})
	if a.logFile == "" {
		return slog.New(handler), func() {}, nil
	}
	file, err := a.openBeside("log", a.logFile, os.O_APPEND)
	if err != nil {
		return nil, nil, err
	}
	lines := &output{w: file, lost: func(error) {}}
	handler = slog.NewMultiHandler(handler, slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return slog.New(handler), func() {
		err := file.Close()
		if lost := lines.failed(); lost != nil {
			err = lost
		}
		if err != nil {
			fmt.Fprintf(a.stderr, "The log %s is incomplete: %s\n", report.Printable(a.logFile), reasonOf(err))
		}
	}, nil
}
