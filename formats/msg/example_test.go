package msg_test

import (
	"bytes"
	"fmt"

	"mailmill/formats/mapi"
	"mailmill/formats/msg"
	"mailmill/formats/msg/msgtest"
)

func ExampleRead() {
	file := (&msgtest.Message{Properties: []mapi.Property{
		msgtest.P(mapi.PidTagSubject, msgtest.Text("Plans")),
		msgtest.N(mapi.PidNameKeywords, msgtest.Texts("green", "urgent")),
	}}).Bytes()

	m, err := msg.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		fmt.Println(err)
		return
	}
	subject, _ := m.Lookup(mapi.PidTagSubject)
	categories, _ := m.LookupName(mapi.PidNameKeywords)
	fmt.Println(subject.Text(1252), categories.Texts(1252))
	// Output: Plans [green urgent]
}
