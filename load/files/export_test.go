package files

import "mailmill/formats"

// Places returns what names the folders of an archive.
func Places(f Format, list []*formats.Folder) func(*formats.Folder) string {
	return f.places(list).Place
}
