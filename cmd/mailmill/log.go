package main

import (
	"fmt"
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
	file, err := openBeside("log", a.logFile, os.O_APPEND)
	if err != nil {
		return nil, nil, err
	}
	handler = slog.NewMultiHandler(handler, slog.NewJSONHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return slog.New(handler), file.Close, nil
}

// openBeside opens a file of JSON lines that was asked for beside the result. One that is there and holds anything else,
// the archive perhaps, was named by mistake.
func openBeside(what, name string, flag int) (*os.File, error) {
	if beginning, err := beginningOf(name); err == nil && beginning != "" && beginning != "{" {
		return nil, usage("the %s cannot be written: %s is there and something else; name another file", what, name)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|flag, 0o600)
	if err != nil {
		e := &exit{exitUsage, fmt.Sprintf("the %s cannot be written: %s: %s", what, name, reasonOf(err)), err}
		if temporary(err) {
			e.status = exitTemporary
		}
		return nil, e
	}
	return f, nil
}

// beginningOf returns the first byte of a file; none if there is none, or if it is no file.
func beginningOf(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	first := make([]byte, 1)
	n, err := f.Read(first)
	if err == io.EOF {
		err = nil
	}
	return string(first[:n]), err
}
