package files

import (
	"os"

	"mailmill/formats"
)

// Places returns what names the folders of an archive for mail.
func Places(f Format, list []*formats.Folder) func(*formats.Folder) string {
	mail, _ := f.places(list)
	return mail.Place
}

// Disk is what publishing does to the file system.
type Disk = disk

// Publish lets a target that is a folder get its names through another disk.
func Publish(t *Target, through func(Disk) Disk) {
	f := t.store.(*folder)
	f.disk = through(f.disk)
}

// Restore undoes what was half done in a folder, through another disk.
func Restore(path string, through func(Disk) Disk) error {
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	return restore(through(root))
}
