package directory

import (
	"context"
	"errors"
	"io"
)

// ReadContent reads what would be in a file.
func ReadContent(source io.ReadSeeker, o Options) ([]Object, error) {
	var objects []Object
	f := newFile("list", &o, func(obj Object) error {
		objects = append(objects, obj)
		if len(objects) > 10_000 {
			return errStopped
		}
		return nil
	})
	err := f.read(context.Background(), source)
	if errors.Is(err, errStopped) {
		err = nil
	}
	return objects, err
}
