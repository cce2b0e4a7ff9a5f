package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
)

// openLog returns the log of a run, and a function that completes its file. What people should know goes to the
// screen, in colours where they help; everything goes to the file.
func (a *app) openLog(screen io.Writer) (*slog.Logger, func() error, error) {
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
	file, err := os.OpenFile(a.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, cannotWrite("log", err)
	}
	handler = slog.NewMultiHandler(handler, slog.NewJSONHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return slog.New(handler), file.Close, nil
}

// cannotWrite says that a file that was asked for beside the result cannot be written.
func cannotWrite(what string, err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return &exit{exitUsage, fmt.Sprintf("the %s cannot be written: %s", what, plain(pathError)), err}
	}
	return err
}
