package main

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// prompt asks for a password on the console, which does not show what is typed.
func prompt(ctx context.Context, question string) (string, error) {
	in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
	if err != nil {
		return "", errors.New("there is no console")
	}
	defer in.Close()
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		return "", errors.New("there is no console")
	}
	defer out.Close()
	var before uint32
	handle := windows.Handle(in.Fd())
	if err := windows.GetConsoleMode(handle, &before); err != nil {
		return "", err
	}
	silent := before&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	if err := windows.SetConsoleMode(handle, silent); err != nil {
		return "", err
	}
	defer windows.SetConsoleMode(handle, before) //nolint:errcheck // nothing is left to do about it
	io.WriteString(out, question)
	defer io.WriteString(out, "\r\n")
	return readLine(ctx, in)
}
