package pst

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	gopst "github.com/mooijtech/go-pst/v6/pkg"
	"github.com/mooijtech/go-pst/v6/pkg/properties"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
)

// unreadByGoPST are the files that go-pst does not read, with the reason.
var unreadByGoPST = map[string]string{
	"ansi-32-bit.pst": "stops at the root folder of ANSI files",
	"4k-page.ost":     "panics at pages of 4096 bytes",
}

// missedByGoPST are folders that go-pst does not see: it trusts their parent, which says that it has no children
// (PidTagSubfolders) although its table lists three. pffexport has them, too.
var missedByGoPST = map[string][]NID{"support.pst": {0x82A2, 0x82C2, 0x82E2}}

// TestAgreesWithGoPST compares with go-pst what both read of the corpus: all folders with their names, messages,
// subjects as stored, transport headers, and attachments by value. What go-pst is known to read wrongly is left out:
//   - OLE attachments (method 6), of which it has an 8-byte reference instead of the data, and embedded messages;
//   - associated messages, recipients, multi-valued and named properties, for which it has no API or a wrong one;
//   - subjects of what it does not take for a mail;
//   - search folders, whose messages it does not list.
func TestAgreesWithGoPST(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"enron.pst", "support.pst", "aspose-outlook-1.pst", "aspose-part2.pst", "aspose-part13.pst",
		"aspose-contacts.pst", "aspose-journal.pst", "aspose-note.pst", "aspose-task.pst", "attachment-and-inline.pst",
		"contacts.pst", "dist-list.pst", "empty.pst", "flags.pst", "message-in-message.pst", "passworded.pst",
		"ansi-32-bit.pst", "4k-page.ost",
	} {
		t.Run(name, func(t *testing.T) {
			if why, ok := unreadByGoPST[name]; ok {
				t.Skip("go-pst " + why)
			}
			if name == "enron.pst" && testing.Short() {
				t.Skip("it is large")
			}
			path := corpustest.File(t, "pst/"+name)
			compareGoPST(t, open(t, path), path)
		})
	}
}

func compareGoPST(t *testing.T, f *File, path string) {
	osFile, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer osFile.Close()
	// Its own reader needs io_uring; this one reads the file and nothing else.
	other, err := gopst.New(osFile)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Cleanup()

	theirs := map[NID]string{}
	messages := map[NID]NID{} // and their folder
	err = other.WalkFolders(func(d *gopst.Folder) error {
		id := NID(d.Identifier)
		theirs[id] = d.Name
		list, err := d.GetMessageIterator()
		if errors.Is(err, gopst.ErrMessagesNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for list.Next() {
			m := list.Value()
			messages[NID(m.Identifier)] = id
			compareMessage(t, f, m)
		}
		return list.Err()
	})
	if err != nil {
		t.Fatal(err)
	}

	var folder func(*Folder)
	folder = func(d *Folder) {
		if d.IsSearch() {
			return
		}
		if name, ok := theirs[d.NID]; d.NID != NIDRoot && (!ok || name != d.Name()) &&
			!slices.Contains(missedByGoPST[filepath.Base(path)], d.NID) {
			t.Errorf("folder %v %q: go-pst has %q", d.NID, d.Name(), name)
		}
		for e, err := range d.Contents() {
			if err != nil {
				t.Fatal(err)
			}
			if in, ok := messages[e.NID]; !ok || in != d.NID {
				t.Errorf("message %v in %v: go-pst has it in %v", e.NID, d.NID, in)
			}
			delete(messages, e.NID)
		}
		children, err := d.Children()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range children {
			folder(c)
		}
	}
	root, err := f.Root()
	if err != nil {
		t.Fatal(err)
	}
	folder(root)
	if len(messages) > 0 {
		t.Errorf("go-pst has %d more messages", len(messages))
	}
}

func compareMessage(t *testing.T, f *File, theirs *gopst.Message) {
	m, err := f.Message(NID(theirs.Identifier))
	if err != nil {
		t.Error(err)
		return
	}
	where := fmt.Sprintf("message %v", m.NID)
	if p, ok := theirs.Properties.(*properties.Message); ok {
		if got, want := text(t, m, 0x0037), p.GetSubject(); got != want {
			t.Errorf("%s: subject %q, go-pst has %q", where, got, want)
		}
		if got, want := text(t, m, 0x007D), p.GetTransportMessageHeaders(); got != want {
			t.Errorf("%s: headers %.60q, go-pst has %.60q", where, got, want)
		}
	}
	ours, err := m.Attachments()
	if err != nil {
		t.Errorf("%s: %v", where, err)
	}
	list, err := theirs.GetAllAttachments()
	if err != nil && !errors.Is(err, gopst.ErrAttachmentsNotFound) {
		t.Errorf("%s: go-pst: %v", where, err)
		return
	}
	if len(list) != len(ours) {
		t.Errorf("%s: %d attachments, go-pst has %d", where, len(ours), len(list))
		return
	}
	for i, a := range list {
		if method, _ := ours[i].Lookup(0x3705); method.Int() == 5 || method.Int() == 6 {
			continue
		}
		if got, want := text(t, ours[i], 0x3707), a.GetAttachLongFilename(); got != want {
			t.Errorf("%s: attachment %q, go-pst has %q", where, got, want)
		}
		var want, got bytes.Buffer
		if _, err := a.WriteTo(&want); err != nil {
			t.Errorf("%s: go-pst: %v", where, err)
		}
		r, err := ours[i].Open()
		if errors.Is(err, mapi.ErrNoData) {
			r = io.NopCloser(bytes.NewReader(nil))
		} else if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if _, err := got.ReadFrom(r); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		r.Close()
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s: attachment of %d bytes, go-pst has %d others", where, got.Len(), want.Len())
		}
	}
}
