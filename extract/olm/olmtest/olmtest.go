// Package olmtest makes archives as Outlook for Mac exports them, for tests, from elements that a test makes up.
//
//	b := olmtest.Zip(
//		olmtest.XML("Local/Notes/Notes.xml", olmtest.E("notes", olmtest.E("note", olmtest.T("OPFNoteCopyTitle", "Milk")))),
//	)
package olmtest

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// Element is an XML element.
type Element struct {
	Name  string
	Attrs [][2]string
	Text  string
	Kids  []Element
}

// E is an element with others in it.
func E(name string, kids ...Element) Element { return Element{Name: name, Kids: kids} }

// T is an element with a text.
func T(name, text string) Element { return Element{Name: name, Text: text} }

// A is an element with attributes: names and values in turn.
func A(name string, attrs ...string) Element {
	e := Element{Name: name}
	for i := 0; i+1 < len(attrs); i += 2 {
		e.Attrs = append(e.Attrs, [2]string{attrs[i], attrs[i+1]})
	}
	return e
}

// String returns the element as Outlook writes it: without a declaration, and on one line.
func (e Element) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e Element) write(b *strings.Builder) {
	fmt.Fprintf(b, `<%s xml:space="preserve"`, e.Name)
	for _, a := range e.Attrs {
		fmt.Fprintf(b, ` %s="%s"`, a[0], escape(a[1]))
	}
	b.WriteByte('>')
	b.WriteString(escape(e.Text))
	for _, k := range e.Kids {
		k.write(b)
	}
	fmt.Fprintf(b, "</%s>", e.Name)
}

func escape(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err) // a buffer has no errors
	}
	return b.String()
}

// File is a file, or a folder where the name ends with a slash.
type File struct {
	Name string
	Data []byte
}

// F is a file, or a folder.
func F(name string, data []byte) File { return File{name, data} }

// XML is a file whose root has the elements given; their number stands in it.
func XML(name string, root Element) File {
	root.Attrs = append([][2]string{{"elementCount", fmt.Sprint(len(root.Kids))}}, root.Attrs...)
	return File{name, []byte(root.String())}
}

// Zip returns an archive of files, in their order.
func Zip(files ...File) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		m, err := w.Create(f.Name)
		if err == nil {
			_, err = m.Write(f.Data)
		}
		if err != nil {
			panic(err) // the test asks for what no zip file can hold
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
