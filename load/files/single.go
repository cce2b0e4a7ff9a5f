package files

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// single is the store that is one file, or standard output. What was written to either cannot be taken back, so what
// might have to be waits in a spool.
type single struct {
	path       string
	stage      *stage  // nil where it is standard output
	out        *behind // the same
	buffered   *bufio.Writer
	compressor io.WriteCloser
	spool      spool
	waiting    bool // what is written goes to the spool
}

// openSingle looks at the place and prepares to write a file.
func openSingle(path string, form Form, o *Options) (*single, error) {
	if err := lookSingle(path, o); err != nil {
		return nil, err
	}
	stage, err := openStage(stageOf(path), path)
	if err != nil {
		return nil, err
	}
	s := &single{path: path, stage: stage}
	s.spool.create = func() (*os.File, error) { return stage.create("part") }
	if s.out, err = stage.createBehind("whole"); err == nil {
		err = s.begin(s.out, form.compression)
	}
	if err != nil {
		return nil, errors.Join(err, s.abort())
	}
	return s, nil
}

// lookSingle refuses to go on where a file is in the way: nothing in it could tell that this command wrote it.
func lookSingle(path string, o *Options) error {
	there, err := lookFile(path, o)
	if err != nil || !there || o.Overwrite {
		return err
	}
	return fmt.Errorf("%s: %w: nothing in a file of this sort says who wrote it", path, ErrExists)
}

// openStream prepares to write to standard output.
func openStream(w io.Writer) (*single, error) {
	s := &single{path: "standard output"}
	s.spool.create = temporaryFile
	return s, s.begin(w, plain)
}

// temporaryFile makes a file that has no name, where the system has such.
func temporaryFile() (*os.File, error) {
	f, err := os.CreateTemp("", "mailmill-*")
	if err == nil {
		os.Remove(f.Name()) // fails on Windows; see single.leave
	}
	return f, err
}

func (s *single) begin(w io.Writer, c compression) error {
	s.buffered = bufio.NewWriterSize(faultWriter{s.path, w}, blockSize)
	var err error
	s.compressor, err = c.writer(s.buffered)
	return err
}

func (s *single) create() (file, error)      { return s, nil }
func (s *single) record() (io.Writer, error) { return nil, nil }

func (s *single) Write(p []byte) (int, error) {
	if s.waiting {
		n, err := s.spool.Write(p)
		return n, fault(s.path, err)
	}
	return s.compressor.Write(p)
}

func (s *single) mark() error {
	s.waiting = true
	return nil
}

func (s *single) keep() error {
	s.waiting = false
	_, err := s.spool.WriteTo(s.compressor)
	s.spool.reset()
	return fault(s.path, err)
}

func (s *single) rewind() error {
	s.waiting = false
	s.spool.reset()
	return nil
}

// close completes what is written. The file has one name, and the time of last change is that of the run: unlike the
// files of a tree it is not named by what is in it.
func (s *single) close(string, time.Time) error {
	err := s.compressor.Close()
	if err == nil {
		err = s.buffered.Flush()
	}
	return fault(s.path, err)
}

func (s *single) discard() error {
	s.compressor.Close() // nobody will read it; what compresses comes to rest
	return nil
}

func (s *single) finish() error {
	if s.out != nil {
		if err := publish(s.out, s.path); err != nil {
			return fault(s.path, err)
		}
	}
	s.leave() //nolint:errcheck // the file is in its place; what is left the next run removes
	return nil
}

func (s *single) abort() error { return s.leave() }

func (s *single) leave() error {
	temporary := s.spool.file
	s.spool.close()
	if s.stage == nil {
		if temporary != nil {
			os.Remove(temporary.Name()) // what temporaryFile could not
		}
		return nil
	}
	if s.out != nil {
		s.out.Close()
	}
	return s.stage.leave()
}
