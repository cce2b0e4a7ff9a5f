package pst_test

import (
	"fmt"
	"io"
	"log"

	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// The sample is an archive made for tests.
const sample = "../../testdata/sample.pst"

// The folders that Outlook shows, and what they hold.
func Example() {
	f, err := pst.Open(sample)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	top, err := f.Top()
	if err != nil {
		log.Fatal(err)
	}
	folders, err := top.Children()
	if err != nil {
		log.Print(err) // the list is not complete
	}
	for _, folder := range folders {
		n := 0
		for entry, err := range folder.Contents() {
			if err != nil || entry.Err != nil {
				continue
			}
			n++
		}
		fmt.Printf("%-14s %3d %s\n", folder.Name(), n, folder.Class())
	}
	// Output:
	// Deleted Items    0 IPF.Note
	// Inbox           52 IPF.Note
	// Outbox           0 IPF.Note
	// Sent Items      20 IPF.Note
	// Drafts           2 IPF.Note
	// Calendar        61 IPF.Appointment
	// Contacts        18 IPF.Contact
	// Tasks           12 IPF.Task
	// Notes            6 IPF.StickyNote
	// Journal          1 IPF.Journal
	// Projekte         1 IPF.Note
	// Archiv 🚀         6
}

// A message: its properties, recipients and attachments.
func ExampleFile_Message() {
	f, err := pst.Open(sample)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	m, err := f.Message(0x200444)
	if err != nil {
		log.Fatal(err)
	}
	subject, err := m.Lookup(0x0037) // PidTagSubject
	if err != nil {
		log.Print(err)
	}
	fmt.Println(subject.Text(1252))
	recipients, err := m.Recipients()
	if err != nil {
		log.Print(err)
	}
	for _, r := range recipients {
		name, _ := r.Lookup(0x3001) // PidTagDisplayName
		fmt.Println("to", name.Text(1252))
	}
	attachments, err := m.Attachments()
	if err != nil {
		log.Print(err)
	}
	for _, a := range attachments {
		name, _ := a.Lookup(0x3707) // PidTagAttachLongFilename
		data, err := a.Open()
		if err != nil {
			continue // an embedded message, or nothing
		}
		n, err := io.Copy(io.Discard, data)
		data.Close()
		fmt.Println(name.Text(1252), n, err)
	}
	// Output:
	// umowa dostawa gęślą faktura jaźń projekt gęślą odpowiedź
	// to Jørgensen, Ines
	// to الأحمد, محمد
	// projekt_faktura_dostawa.xlsx 5946 <nil>
}

// Properties that have a name instead of an identifier are found by it: here the categories of a contact.
func ExampleProperties_LookupName() {
	f, err := pst.Open(sample)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	m, err := f.Message(0x200064)
	if err != nil {
		log.Fatal(err)
	}
	categories, err := m.LookupName(mapi.Named(mapi.PSPublicStrings, "Keywords"))
	if err != nil {
		log.Print(err)
	}
	fmt.Println(categories.Texts(1252))
	// Output: [日本]
}
