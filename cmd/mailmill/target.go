package main

import (
	"os"
	"slices"
	"strings"

	"mailmill/formats"
	"mailmill/load/files"
)

// unwritable are endings of files that are not written. Nobody wants a folder of such a name without saying so.
var unwritable = []string{
	".pst", ".ost", ".eml", ".emlx", ".msg", ".mbx", ".olm", ".json", ".jsonl", ".csv", ".txt", ".html", ".pdf",
	".7z", ".br", ".bz2", ".cab", ".gz", ".iso", ".lz", ".lz4", ".lzma", ".rar", ".tbz", ".tbz2", ".tlz", ".txz", ".tzst", ".xz", ".zst",
}

// checkTarget refuses a target that cannot be written to, whatever is in the archives.
func (a *app) checkTarget(c *conversion, name string) error {
	if name == "" {
		return usage("the target's name is empty; name a folder to write to")
	}
	if scheme, _, ok := strings.Cut(name, "://"); ok && scheme != "" && !strings.ContainsAny(scheme, `/\.`) {
		return usage("servers cannot be written to yet (%s): name a folder, and upload what is in it", redact(name))
	}
	form := files.FormOf(name)
	info, err := os.Stat(name)
	switch {
	case err != nil || form.Stream():
	case form.Folder() && !info.IsDir() && !info.Mode().IsRegular():
		return usage("%s is no folder and no file; - is standard output, and with -n nothing is written", name)
	case form.Folder() && !info.IsDir():
		return usage("%s is a file; the last argument is the folder to write to, as in out/", name)
	case !form.Folder() && info.IsDir():
		return usage("%s is a folder, and a target of that name is a file; a slash at its end makes it a folder: %s/", name, name)
	}
	for _, ending := range unwritable {
		if form.Folder() && strings.HasSuffix(strings.ToLower(name), ending) {
			return usage("%s: files ending in %s cannot be written, those in %s can; a slash at its end makes it a folder: %[1]s/",
				name, ending, strings.Join(files.Endings(), " "))
		}
	}
	only, err := c.filters.kinds()
	if err != nil {
		return err
	}
	c.kinds = form.Kinds(only)
	if form.Single() {
		return a.checkSingle(c, name, form, only)
	}
	if c.look.flaggedAsTasks && !(slices.Contains(c.kinds, formats.KindMail) && slices.Contains(c.kinds, formats.KindTask)) {
		return usage("--flagged-as-tasks makes tasks of mail, and --only leaves one of them out")
	}
	if len(c.kinds) == 0 {
		return usage("--only other leaves nothing to write: what programs keep for themselves has no form in files; mailmill list shows it")
	}
	return nil
}

// checkSingle refuses what one file cannot hold, or standard output not take.
func (a *app) checkSingle(c *conversion, name string, form files.Form, only []formats.Kind) error {
	what := name
	if form.Stream() {
		what = "standard output"
	}
	const instead = "name a folder or an archive, as in all.tar.zst"
	if len(c.kinds) == 0 {
		return usage("%s takes %s, which --only leaves out; %s", what, form.Takes(), instead)
	}
	sort, _ := files.SortOf(c.kinds[0])
	switch {
	case sort == files.Mail && c.format != files.MBOX:
		return usage("%s takes one mbox, and --format %s writes a file for each mail: leave --format out, or %s", what, c.format.Name(), instead)
	case c.look.flaggedAsTasks:
		return usage("%s takes %s alone, and --flagged-as-tasks makes tasks of mail; %s", what, form.Takes(), instead)
	case c.look.split:
		return usage("%s is one file, and --split writes many: leave --split out, or %s", what, instead)
	case c.look.notes == notesText && slices.Contains(only, formats.KindNote):
		return usage("%s is a calendar, and --notes text writes a file for each note: leave --notes out, or %s", what, instead)
	case !form.Stream() || c.dryRun:
		return nil
	case c.asJSON:
		return usage("--json and %s cannot both go to standard output; --report FILE takes the objects", form.Takes())
	case a.stdoutTerminal:
		// What is in a mail can do to a terminal whatever a program can.
		return usage("standard output is a terminal, which is no place for what is in a mailbox: pipe it into a program or a file")
	}
	return nil
}

// redact drops what may be a password from a URL.
func redact(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	authority, tail, slash := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, _, _ := strings.Cut(authority[:at], ":")
		authority = user + authority[at:]
	}
	if slash {
		authority += "/" + tail
	}
	return scheme + "://" + authority
}
