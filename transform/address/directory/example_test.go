package directory_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"mailmill/transform/address/directory"
)

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	users := filepath.Join(dir, "users.csv")
	err = os.WriteFile(users, []byte(`"DisplayName","LegacyExchangeDN","EmailAddresses"
"Wolf, Paul","/o=Org/ou=Site/cn=Recipients/cn=pwolf","smtp:p@old.example;X500:/o=Old/cn=pw;SMTP:paul@org.example"
`), 0o600)
	if err != nil {
		panic(err)
	}

	for obj, err := range directory.Read(context.Background(), users, directory.Options{}) {
		if err != nil {
			panic(err) // and the objects before it are worth nothing
		}
		fmt.Println(obj.Where, obj.LegacyDN, obj.X500, obj.SMTP, obj.Other)
	}
	// Output:
	// users.csv:2 /o=Org/ou=Site/cn=Recipients/cn=pwolf [/o=Old/cn=pw] paul@org.example [p@old.example]
}
