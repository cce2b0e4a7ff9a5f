package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gopst "github.com/mooijtech/go-pst/v6/pkg"
	"github.com/mooijtech/go-pst/v6/pkg/properties"
	"github.com/rotisserie/eris"

	"mailmill/formats/corpustest"
)

// What go-pst cannot read, and why. Of the others it reads every item that mailmill does, and in what is compared it is
// nowhere wrong. It has no API for recipients, embedded messages, HTML and associated items, and maps named properties
// wrongly, so these are left to the other judges.
var unreadableByGoPST = map[string]string{
	"pst/ansi-32-bit.pst": "ANSI: it stops at the root folder",
	"pst/4k-page.ost":     "4K pages: it panics",
	"synthetic/tiny.pst":  "sub-node trees of more than one level: it stops at the message with 360 attachments",
	"synthetic/small.pst": "the same",
}

// seenByGoPST is an item as go-pst reads it.
type seenByGoPST struct {
	folder  string
	subject string
	digests []string // of the attachments by value, sorted
}

// Where go-pst can read an archive, the command agrees with it: the same items in the same folders, the same subjects,
// the same bytes in attachments. So nothing is lost between the reader and what is said; the reader alone is compared in
// more detail by the test of this name in formats/pst.
func TestAgreesWithGoPST(t *testing.T) {
	for _, name := range archives(t) {
		t.Run(name, func(t *testing.T) {
			if why := unreadableByGoPST[name]; why != "" {
				t.Skipf("go-pst cannot read it: %s", why)
			}
			archive := corpustest.File(t, name)
			theirs, err := readWithGoPST(archive)
			if err != nil {
				t.Fatalf("go-pst: %v", err)
			}
			c := newTally()
			ours := map[string]*listed{}
			items := list(t, "--digest", archive)
			for i := range items {
				ours[items[i].SourceID] = &items[i]
				_, there := theirs[items[i].SourceID]
				c.check("items", items[i].SourceID, there, true)
			}
			for id, item := range theirs {
				it := ours[id]
				c.check("items", id, true, it != nil)
				if it == nil {
					continue
				}
				c.check("folder", id, item.folder, strings.Join(it.Folder, "/"))
				if it.Kind == "mail" {
					c.check("subject", id, item.subject, it.Subject)
					c.check("attachments", id, item.digests, it.digests())
				}
			}
			if len(items) > 0 {
				c.report(t)
			}
		})
	}
}

func (l *listed) digests() []string {
	var d []string
	for _, a := range l.Attachments {
		if a.Embedded == nil {
			d = append(d, a.SHA256)
		}
	}
	slices.Sort(d)
	return d
}

// readWithGoPST returns the items that are in the visible tree, by node.
func readWithGoPST(path string) (items map[string]seenByGoPST, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	// It prints what it does not know.
	stdout := os.Stdout
	if os.Stdout, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	defer func() {
		os.Stdout.Close()
		os.Stdout = stdout
	}()
	file, err := gopst.New(f)
	if err != nil {
		return nil, err
	}
	defer file.Cleanup()
	root, err := file.GetRootFolder()
	if err != nil {
		return nil, err
	}
	items = map[string]seenByGoPST{}
	tops, err := root.GetSubFolders()
	if err != nil {
		return nil, err
	}
	for _, top := range tops {
		if top.Identifier != visibleTop {
			continue
		}
		if err := folderOfGoPST(&top, nil, items); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// visibleTop is the folder below which everything is that a person sees, in all of these archives.
const visibleTop = 0x8022

func folderOfGoPST(f *gopst.Folder, path []string, items map[string]seenByGoPST) error {
	messages, err := f.GetMessageIterator()
	if err != nil && !eris.Is(err, gopst.ErrMessagesNotFound) {
		return err
	}
	if err == nil {
		for messages.Next() {
			m := messages.Value()
			item := seenByGoPST{folder: strings.Join(path, "/")}
			if p, ok := m.Properties.(*properties.Message); ok {
				item.subject = withoutPrefixMark(p.GetSubject())
			}
			if item.digests, err = attachmentsOfGoPST(m); err != nil {
				return err
			}
			items[fmt.Sprintf("0x%x", uint64(m.Identifier))] = item
		}
		if err := messages.Err(); err != nil {
			return err
		}
	}
	subs, err := f.GetSubFolders()
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if err := folderOfGoPST(&sub, append(slices.Clone(path), sub.Name), items); err != nil {
			return err
		}
	}
	return nil
}

func attachmentsOfGoPST(m *gopst.Message) ([]string, error) {
	it, err := m.GetAttachmentIterator()
	if eris.Is(err, gopst.ErrAttachmentsNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var digests []string
	for it.Next() {
		a := it.Value()
		if a.GetAttachMethod() != 1 { // it has no API for the others
			continue
		}
		h := sha256.New()
		if _, err := a.WriteTo(h); err != nil {
			return nil, err
		}
		digests = append(digests, hex.EncodeToString(h.Sum(nil)))
	}
	slices.Sort(digests)
	return digests, errors.Join(it.Err())
}

// withoutPrefixMark drops the two characters that say how long a subject's prefix is (MS-PST 2.5.3.1.1.1), which go-pst
// returns with it.
func withoutPrefixMark(s string) string {
	if r := []rune(s); len(r) > 1 && r[0] == 1 {
		return string(r[2:])
	}
	return s
}
