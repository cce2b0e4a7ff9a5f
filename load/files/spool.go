package files

import (
	"errors"
	"io"
	"os"
)

// spool holds what has to wait for what comes after it: in memory while it fits there, else in a temporary file.
type spool struct {
	// create makes the temporary file, at the first need.
	create func() (*os.File, error)
	mem    buffer
	file   *os.File
	onDisk bool
	size   int64
}

func (s *spool) Write(p []byte) (int, error) {
	if !s.onDisk {
		n, err := s.mem.Write(p)
		if !errors.Is(err, errTooLarge) {
			s.size += int64(n)
			return n, err
		}
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

// spill moves what is in memory to the file.
func (s *spool) spill() error {
	var err error
	if s.file == nil {
		s.file, err = s.create()
	} else {
		err = cutFile(s.file, 0)
	}
	if err != nil {
		return err
	}
	if err := s.mem.large(make([]byte, 0, blockSize), func(p []byte) error {
		_, err := s.file.Write(p)
		return err
	}); err != nil {
		return err
	}
	s.mem.release()
	s.onDisk = true
	return nil
}

// truncate drops what was written from an offset on.
func (s *spool) truncate(size int64) error {
	s.size = size
	if s.onDisk {
		return cutFile(s.file, size)
	}
	s.mem.truncate(size)
	return nil
}

// WriteTo implements [io.WriterTo].
func (s *spool) WriteTo(w io.Writer) (int64, error) {
	if !s.onDisk {
		return s.mem.WriteTo(w)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	// The file and w are hidden from io.Copy, which would look for a way around the buffer.
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.LimitReader(s.file, s.size)}, make([]byte, blockSize))
}

// reset empties the spool for what comes next.
func (s *spool) reset() {
	s.mem.release()
	s.size, s.onDisk = 0, false
}

// close gives memory and file back. The file is not removed.
func (s *spool) close() {
	s.reset()
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// cutFile drops what a file holds from an offset on, which is where the next write goes.
func cutFile(f *os.File, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err := f.Seek(size, io.SeekStart)
	return err
}
