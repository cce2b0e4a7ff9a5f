package verify

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"mailmill/load/compare"
)

// wantsOf returns what a body says.
func wantsOf(x *index, e *Expectation, write func(io.Writer) error) (wants []want, err error) {
	state := expectedOf(e)
	found := func(name string, facts compare.Facts) {
		print, trace := prints(facts)
		wants = append(wants, want{x, keyOf(e.Form, name), name, print, trace, facts, state})
	}
	if e.Form == Mail && e.Facts != nil {
		found(e.Facts.Get("Message-ID"), e.Facts)
		return wants, nil
	}
	err = piped(write, func(r io.Reader) error { return read(e.Form, e.Name, r, found) })
	return wants, err
}

// MailFacts returns what the mail says that write writes. It holds no more of it than package compare does.
func MailFacts(write func(io.Writer) error) (facts compare.Facts, err error) {
	err = piped(write, func(r io.Reader) (err error) {
		facts, err = compare.Mail(r)
		return err
	})
	return facts, err
}

// piped lets read read what write writes. Its error is that of write, if it has one.
func piped(write func(io.Writer) error, read func(io.Reader) error) error {
	r, w := io.Pipe()
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				failed = fmt.Errorf("internal error: %v", v)
			}
			w.CloseWithError(failed)
		}()
		out := bufio.NewWriterSize(w, 16<<10)
		if failed = write(out); failed == nil {
			failed = out.Flush()
		}
	}()
	err := read(r)
	r.CloseWithError(errStopped)
	<-done
	if failed != nil && !errors.Is(failed, errStopped) {
		return failed
	}
	return err
}

// errStopped says that nobody reads on.
var errStopped = errors.New("it was not read to its end")

// prints returns the hashes of facts, short: they need not withstand anybody.
func prints(facts compare.Facts) (print [16]byte, trace [8]byte) {
	p, t := facts.Print(), facts.TracePrint()
	return [16]byte(p[:16]), [8]byte(t[:8])
}

// read reads a body and passes on what is in it: one mail or text, or any number of components or cards.
func read(form Form, name string, r io.Reader, found func(name string, facts compare.Facts)) error {
	each := func(p compare.Part) bool {
		found(p.Key, p.Facts)
		return true
	}
	switch form {
	case Calendar:
		return compare.Components(r, each)
	case Card:
		return compare.Cards(r, each)
	case Text, File:
		content := compare.Text
		if form == File {
			content = compare.File
		}
		facts, err := content(r)
		if err == nil {
			found(name, facts)
		}
		return err
	}
	facts, err := compare.Mail(r)
	if err == nil {
		found(facts.Get("Message-ID"), facts)
	}
	return err
}
