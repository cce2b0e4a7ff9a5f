package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"mailmill/load/files"
)

// What a run writes beside its result is a file of JSON lines, the report or the log. It has to be a place of its own:
// whatever is renamed to it, truncates it or has it open already would take from it, or it from that.

// checkOutputs refuses a command line that has a run write one thing over another. Nothing has been opened yet.
func (a *app) checkOutputs(c *conversion, args []string) error {
	type written struct{ role, option, name string }
	var beside []written
	for _, p := range []written{{"the report", "--report", c.report}, {"the log", "--log-file", a.logFile}, {"the ledger", "--ledger", c.remote.ledger}} {
		if p.name != "" {
			beside = append(beside, p)
		}
	}
	read := slices.DeleteFunc(append(slices.Clone(args), c.sources.listFile), func(name string) bool { return name == "" || name == "-" })
	over := slices.Clone(beside)
	for _, d := range c.targets.files() {
		if !d.form.Stream() && !d.form.Folder() && !c.only { // a folder is written into, not over
			over = append(over, written{role: "the target", name: d.name})
		}
	}
	for _, source := range read {
		for _, p := range over {
			if samePlace(source, p.name) {
				return usage("%s is read, and %s would be written over it; name another file", source, p.role)
			}
		}
	}
	for i, p := range beside {
		for _, other := range beside[i+1:] {
			if samePlace(p.name, other.name) {
				return usage("%s cannot be %s and %s at once; name another file for one of them", p.name, p.role, other.role)
			}
		}
	}
	for _, d := range c.targets.files() {
		for _, p := range beside {
			switch {
			case d.form.Stream():
			case samePlace(p.name, d.name):
				return usage("%s cannot be %s and the target at once; name another file", p.name, p.role)
			case d.form.Folder() && within(p.name, d.name):
				return usage("%s %s is in the target %s, which takes nothing but what is converted; name a file outside of it",
					p.option, p.name, d.name)
			case within(d.name, p.name):
				return usage("%s cannot be in %s, which is to be %s; name another target", d.name, p.name, p.role)
			}
		}
	}
	return a.checkApart(c)
}

// checkApart refuses two targets of which one would be written into the other.
func (a *app) checkApart(c *conversion) error {
	all := c.targets.files()
	for _, one := range all {
		for _, other := range all {
			if one != other && !one.form.Stream() && !other.form.Stream() && within(one.name, other.name) {
				return usage("%s cannot be in %s, which is a target, too; name a place outside of it", one.name, other.name)
			}
		}
	}
	streams := 0
	for _, d := range all {
		if d.form.Stream() {
			streams++
		}
	}
	if streams > 1 {
		return usage("standard output takes items of one sort; name a file for the others")
	}
	return nil
}

// checkBeside refuses a name for a file beside the result that cannot be written, or must not. A file that is there and
// holds anything but JSON lines, the archive perhaps, was named by mistake.
func (a *app) checkBeside(what, name string) error {
	refuse := func(why string) error { return usage("the %s cannot be written: %s", what, why) }
	if name == files.Stdout {
		return refuse("- is no file, and standard output has other uses; name a file (./- if it is to be called that)")
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if dir := filepath.Dir(name); !exists(dir) {
			return refuse("there is no folder " + dir + "; make it first, or name another")
		}
		return nil
	case err != nil:
		return refuse(name + ": " + reasonOf(err))
	case info.IsDir():
		return refuse(name + " is a folder; name a file in it")
	}
	if stream := a.streamOf(info); stream != "" {
		return refuse(name + " is where standard " + stream + " goes; name another file")
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	// What may not be read may still be written.
	if beginning, err := beginningOf(name); err == nil && beginning != "" && beginning != "{" {
		return refuse(name + " is there and something else; name another file")
	}
	return nil
}

// streamOf says which standard stream goes to a file, if it would be mixed up with what else is written there.
func (a *app) streamOf(file fs.FileInfo) string {
	for _, stream := range []struct {
		name     string
		to       *output
		terminal bool
	}{{"output", a.stdout, a.stdoutTerminal}, {"error", a.stderr, a.stderrTerminal}} {
		to, ok := stream.to.w.(*os.File)
		if !ok {
			continue
		}
		there, err := to.Stat()
		if err != nil || !os.SameFile(file, there) {
			continue
		}
		// Lines get into a pipe one by one, and what is on standard error is lines. /dev/null takes anything.
		if there.Mode().IsRegular() || stream.terminal || there.Mode()&fs.ModeCharDevice == 0 && stream.to == a.stdout {
			return stream.name
		}
	}
	return ""
}

// openBeside opens a file beside the result.
func (a *app) openBeside(what, name string, flag int) (*os.File, error) {
	if err := a.checkBeside(what, name); err != nil {
		return nil, err
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

// beginningOf returns the first byte of a file; none if it is empty.
func beginningOf(name string) (string, error) {
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

// samePlace reports whether two names are of one file or folder, which need not exist yet. Devices and pipes take lines
// from anybody.
func samePlace(one, two string) bool {
	first, err := os.Stat(one)
	second, err2 := os.Stat(two)
	if err == nil && err2 == nil {
		return os.SameFile(first, second) && (first.Mode().IsRegular() || first.IsDir())
	}
	return resolve(one) == resolve(two)
}

// within reports whether a name is of something below a folder, or what is to be one.
func within(name, dir string) bool {
	below, err := filepath.Rel(resolve(dir), resolve(name))
	return err == nil && below != "." && filepath.IsLocal(below)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// resolve returns what all names of one place have in common: its path without links, whether anything is there or not.
func resolve(name string) string {
	path, err := filepath.Abs(name)
	if err != nil {
		path = filepath.Clean(name)
	}
	const links = 40 // more lead in a circle
	for range links {
		if whole, err := filepath.EvalSymlinks(path); err == nil {
			return fold(whole)
		}
		dir := filepath.Dir(path)
		to, err := os.Readlink(path)
		switch {
		case err != nil && dir == path:
			return fold(path)
		case err != nil:
			return filepath.Join(resolve(dir), fold(filepath.Base(path)))
		case filepath.IsAbs(to):
			path = to
		default:
			path = filepath.Join(dir, to)
		}
	}
	return fold(path)
}

// fold makes names equal that are one to the file systems that people use with a system.
func fold(name string) string {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return strings.ToLower(name)
	}
	return name
}
