package tnef_test

import (
	"fmt"
	"io"
	"os"

	"mailmill/formats/tnef"
)

// winmail is a stream as a mail gateway writes it: a subject, and a file with its name.
var winmail = []byte("\x78\x9f\x3e\x22\x01\x00" +
	"\x01\x04\x80\x01\x00\x06\x00\x00\x00Plans\x00\x07\x02" +
	"\x02\x02\x90\x06\x00\x0e\x00\x00\x00\x01\x00\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\xfd\x03" +
	"\x02\x10\x80\x01\x00\x09\x00\x00\x00plan.txt\x00\x4a\x03" +
	"\x02\x0f\x80\x06\x00\x06\x00\x00\x00do it\n\x1a\x02")

func ExampleDecode() {
	msg, err := tnef.Decode(winmail)
	if msg == nil {
		fmt.Println("keep winmail.dat as it is:", err)
		return
	}
	const subject, fileName = 0x0037, 0x3704 // PidTagSubject, PidTagAttachFilename
	v, _ := msg.Lookup(subject)
	fmt.Println(v.Text(msg.CodePage))

	files, _ := msg.Attachments()
	for _, f := range files {
		v, _ := f.Lookup(fileName)
		fmt.Print(v.Text(msg.CodePage), ": ")
		r, err := f.Open()
		if err != nil {
			fmt.Println(err)
			continue
		}
		io.Copy(os.Stdout, r)
		r.Close()
	}
	// Output:
	// Plans
	// plan.txt: do it
}
