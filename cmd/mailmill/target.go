package main

import (
	"os"
	"path"
	"path/filepath"
	"strings"
)

// endings are those of targets that are one file. They cannot be written yet, and must not become folders of that name.
var endings = []string{
	".mbox", ".mbox.zst", ".mbox.gz", ".ics", ".vcf", ".tar", ".tar.zst", ".tar.gz", ".tgz", ".zip", ".pst", ".ost", ".eml", ".msg",
}

// checkFolder refuses a target that is not a folder.
func checkFolder(name string) error {
	if name == "" {
		return usage("the target's name is empty; name a folder to write to")
	}
	if name == "-" {
		return usage("mail cannot be written to standard output yet: name a folder")
	}
	if scheme, _, ok := strings.Cut(name, "://"); ok && scheme != "" && !strings.ContainsAny(scheme, `/\.`) {
		return usage("servers cannot be written to yet (%s): name a folder, and upload what is in it", redact(name))
	}
	base := strings.ToLower(path.Base(filepath.ToSlash(name)))
	for _, ending := range endings {
		if strings.HasSuffix(base, ending) {
			return usage("%s: a target ending in %s is one file, which cannot be written yet: name a folder, as in %s",
				name, ending, strings.TrimRight(name[:len(strings.TrimRight(name, `/\`))-len(ending)], `/\`)+"/")
		}
	}
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return usage("%s is a file; the last argument is the folder to write to", name)
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
