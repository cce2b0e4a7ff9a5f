// Command gopst reads every item of an archive and every byte of its attachments with go-pst, as .ci/bench times it.
// It writes nothing but how many items it has read:
//
//	mails 5650 others 984 failed 1
//
// What go-pst cannot read is counted as failed, and the next item is read: its own iterators would give up the rest of
// the folder.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	pst "github.com/mooijtech/go-pst/v6/pkg"
	"github.com/rotisserie/eris"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gopst FILE")
		os.Exit(2)
	}
	// go-pst tells standard output what it does not know.
	stdout := os.Stdout
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stdout = null
	}
	var c count
	if err := c.file(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gopst:", err)
		os.Exit(1)
	}
	fmt.Fprintf(stdout, "mails %d others %d failed %d\n", c.mails, c.others, c.failed)
}

// count is how many items were read.
type count struct{ mails, others, failed int }

func (c *count) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	file, err := pst.New(f)
	if err != nil {
		return err
	}
	defer file.Cleanup()
	return file.WalkFolders(func(folder *pst.Folder) error {
		if folder.MessageCount == 0 || folder.Identifier.GetType() == pst.IdentifierTypeSearchFolder {
			return nil
		}
		table, err := folder.GetMessageTableContext()
		if err != nil {
			return err
		}
		for _, row := range table.Properties {
			for _, column := range row { // of each row, the table holds the item's identifier alone
				class, err := read(file, table, column)
				switch {
				case err != nil:
					c.failed++
				case isMail(class):
					c.mails++
				default:
					c.others++
				}
			}
		}
		return nil
	})
}

// read reads the item that a row of a folder's table names, and returns its class.
func read(file *pst.File, table pst.TableContext, column pst.Property) (class string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	id, err := table.GetPropertyReader(column)
	if err != nil {
		return "", err
	}
	nid, err := id.GetInteger32()
	if err != nil {
		return "", err
	}
	m, err := file.GetMessage(pst.Identifier(nid))
	if err != nil {
		return "", err
	}
	const messageClass = 0x001a
	if p, err := m.PropertyContext.GetPropertyReader(messageClass, m.LocalDescriptors); err == nil {
		if class, err = p.GetString(); err != nil {
			return "", err
		}
	}
	return class, attachments(m)
}

func attachments(m *pst.Message) error {
	n, err := m.GetAttachmentCount()
	if eris.Is(err, pst.ErrAttachmentsNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	for i := range n {
		a, err := m.GetAttachment(i)
		if err != nil {
			return err
		}
		const byValue = 1 // there is no API for the other methods
		if a.GetAttachMethod() != byValue {
			continue
		}
		if _, err := a.WriteTo(io.Discard); err != nil {
			return err
		}
	}
	return nil
}

func isMail(class string) bool {
	for _, other := range []string{"IPM.Appointment", "IPM.Contact", "IPM.DistList", "IPM.Task", "IPM.Activity", "IPM.StickyNote"} {
		if strings.EqualFold(class, other) {
			return false
		}
	}
	return true
}
