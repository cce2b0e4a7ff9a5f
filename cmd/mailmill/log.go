package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
)

// openLog returns the log of a run, and a function that completes its file. What people should know goes to the
// screen, in colours where they help; everything goes to the file.
func (a *app) openLog(screen io.Writer) (*slog.Logger, func() error, error) {
	a.screen.Store(&screen)
	level := slog.LevelWarn
	switch {
	case a.quiet:
		level = slog.LevelError
	case a.verbose:
		level = slog.LevelInfo
	}
	handler := tint.NewTextHandler(screen, &tint.Options{
		Level:      level,
		NoColor:    !a.stderrTerminal || os.Getenv("NO_COLOR") != "",
		TimeFormat: "15:04:05",
	})
	if a.logFile == "" {
		return slog.New(handler), func() error { return nil }, nil
	}
	file, err := a.openBeside("log", a.logFile, os.O_APPEND)
	if err != nil {
		return nil, nil, err
	}
	handler = slog.NewMultiHandler(handler, slog.NewJSONHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return slog.New(handler), file.Close, nil
}
