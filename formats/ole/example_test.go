package ole_test

import (
	"errors"
	"fmt"
	"strings"

	"mailmill/formats/ole"
)

func ExampleExtract() {
	data := "an attachment that claims to be an OLE object"
	obj, err := ole.Extract(strings.NewReader(data), int64(len(data)))
	if errors.Is(err, ole.ErrNotCompound) {
		fmt.Println("kept as it is:", err)
		return
	}
	fmt.Println(obj.Name, obj.Ext, obj.MediaType)
	// Output: kept as it is: not a compound file
}
