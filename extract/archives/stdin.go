package archives

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"time"

	"mailmill/extract"
	"mailmill/extract/bundle"
	"mailmill/extract/mbox"
)

// ErrNoRoom says that what cannot be read where it is cannot be copied either.
var ErrNoRoom = bundle.ErrNoRoom

// stdinName is what standard input is called in errors.
const stdinName = "standard input"

// stdinFolder is the folder that an mbox from standard input is: it has no name.
var stdinFolder = []string{"Mail"}

// openStdin opens what comes from standard input: a file as a file; mail that comes through a pipe as a stream, unless a copy
// is asked for; all else from a copy.
func openStdin(ctx context.Context, o extract.Options, changed func(error)) (*Archive, error) {
	f := os.Stdin
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, extract.FileError(stdinName, err)
	case info.IsDir():
		return nil, &extract.SourceError{Path: stdinName, Problem: "is a folder", Advice: "Name it instead", Err: extract.ErrNotArchive}
	case !atStart(f, info):
		return openPipe(ctx, f, o)
	}
	a, err := openFile(ctx, stdinName, f, o, changed)
	if err != nil {
		return nil, err
	}
	a.path = "-"
	return a, nil
}

// atStart reports whether standard input is a file that nothing has been read from.
func atStart(f *os.File, info fs.FileInfo) bool {
	offset, err := f.Seek(0, io.SeekCurrent)
	return err == nil && offset == 0 && info.Mode().IsRegular()
}

// openPipe opens what can be read but once.
func openPipe(ctx context.Context, from io.Reader, o extract.Options) (_ *Archive, err error) {
	s := &session{o: o}
	in := &inflow{r: newPipe(ctx, from), budget: bundle.NewBudget(math.MaxInt64 / 2)}
	defer func() {
		if err != nil {
			in.close()
			s.store.Close()
		}
	}()
	k, err := in.sniff()
	if err != nil {
		return nil, refused(stdinName, err)
	}
	a := &Archive{session: s, path: "-", inflow: in}
	if k.form == inMbox && !o.Spool {
		a.opened = &opened{Archive: mbox.NewStream("-", in.r, o), form: inMbox, packed: in.packed}
		a.Archive = a.opened.Archive
		return a, nil
	}
	budget := in.budget
	if len(in.packed) == 0 {
		budget = nil // nothing is unpacked
	}
	c, err := s.store.Copy(ctx, in.r, -1, budget)
	if err != nil {
		return nil, refused(stdinName, err)
	}
	a.opened, err = s.open(ctx, body{ReaderAt: c, path: stdinName, folder: stdinFolder, size: c.Size, modified: time.Now().UTC(), budget: in.budget})
	if err != nil {
		if c.Err != nil {
			return nil, refused(stdinName, c.Err)
		}
		return nil, err
	}
	if a.opened.cut == nil {
		a.opened.cut = c.Err
	}
	a.opened.packed = append(a.opened.packed, in.packed...)
	a.Archive, a.size = a.opened.Archive, c.Size
	return a, nil
}

// inflow is what comes through a pipe, freed from what it was compressed with.
type inflow struct {
	r      io.Reader
	budget *bundle.Budget
	packed []string
	open   []io.Closer
}

// sniff looks at what comes first, and unpacks it.
func (in *inflow) sniff() (*kind, error) {
	for {
		buffered := bufio.NewReaderSize(in.r, headLen)
		in.r = buffered
		head, err := buffered.Peek(headLen)
		if len(head) == 0 && err == io.EOF {
			return nil, errEmpty(stdinName)
		}
		if len(head) == 0 {
			return nil, err
		}
		k := recognise(head, "")
		if k.form != inPacked {
			return k, nil
		}
		if in.budget, err = in.budget.Deeper(); err != nil {
			return nil, err
		}
		z, err := k.compression.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		in.r, in.open = z, append(in.open, z)
		in.packed = append([]string{k.compression.String()}, in.packed...)
	}
}

func (in *inflow) close() {
	for _, c := range in.open {
		c.Close()
	}
}

// pipe reads ahead from what may wait for ever, and waits no longer than ctx lasts.
type pipe struct {
	ctx  context.Context
	full chan []byte
	free chan []byte
	now  []byte // what is left of a piece
	held []byte // the piece, to be given back
	err  error  // of the reader; it is set before full is closed
}

// The pieces that are read ahead.
const (
	pipePieces = 4
	pipePiece  = 256 << 10
)

func newPipe(ctx context.Context, r io.Reader) *pipe {
	p := &pipe{ctx: ctx, full: make(chan []byte, pipePieces), free: make(chan []byte, pipePieces)}
	for range pipePieces {
		p.free <- make([]byte, pipePiece)
	}
	// The goroutine may wait for ever for what comes next; it ends with the process.
	go func() {
		defer close(p.full)
		for {
			var b []byte
			select {
			case b = <-p.free:
			case <-ctx.Done():
				p.err = context.Cause(ctx)
				return
			}
			n, err := r.Read(b[:cap(b)])
			if n > 0 {
				p.full <- b[:n]
			} else {
				p.free <- b
			}
			if err != nil {
				p.err = err
				return
			}
		}
	}()
	return p
}

// Read implements [io.Reader].
func (p *pipe) Read(b []byte) (int, error) {
	for len(p.now) == 0 {
		if p.held != nil {
			p.free <- p.held
			p.held = nil
		}
		select {
		case piece, ok := <-p.full:
			if !ok {
				return 0, p.err
			}
			p.now, p.held = piece, piece
		case <-p.ctx.Done():
			return 0, context.Cause(p.ctx)
		}
	}
	n := copy(b, p.now)
	p.now = p.now[n:]
	return n, nil
}

// noRoom is the error for a file that cannot be copied to where it can be read in any order.
func noRoom(path string, err error) error {
	reason := strings.TrimPrefix(cause(err).Error(), fmt.Sprintf("%v in %s: ", ErrNoRoom, os.TempDir()))
	if !errors.Is(err, ErrNoRoom) {
		err = fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return &extract.SourceError{
		Path: path, Err: err,
		Problem: fmt.Sprintf("has to be copied to a file in %s first, which does not work: %s", os.TempDir(), reason),
		Advice:  "Make room there, name another folder in " + tempVariable + ", or put the archive into a file and name that",
	}
}
