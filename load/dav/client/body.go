package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// sourceError keeps why a body that was to be sent could not be read.
type sourceError struct {
	mu  sync.Mutex
	err error
}

func (s *sourceError) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sourceError) get() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

const (
	// portion is how much of a body waits for the bandwidth at a time.
	portion = 16 << 10
	// drained is how much of an answer is read only to use the connection again.
	drained = 64 << 10
)

// upload is a body on its way up.
type upload struct {
	ctx  context.Context
	r    io.ReadCloser
	left int64
	last int // bytes of the last portion
	dog  *watchdog
	pace Pace
	err  *sourceError
}

func (u *upload) Read(p []byte) (int, error) {
	u.dog.progress(u.last) // it has been taken
	u.dog.pause()
	defer u.dog.resume()
	if len(p) > portion {
		p = p[:portion]
	}
	n, err := u.r.Read(p)
	u.last = n
	u.left -= int64(n)
	if u.left == 0 && err == nil {
		// Before the last of it goes, and the server has a whole that is none.
		var more [1]byte
		var m int
		m, err = io.ReadFull(u.r, more[:])
		u.left -= int64(m)
	}
	switch {
	case u.left < 0:
		err = errors.New("it is longer than it should be")
		u.err.set(err)
		return 0, err
	case err == io.EOF && u.left > 0:
		err = fmt.Errorf("it is %d bytes shorter than it should be: %w", u.left, io.ErrUnexpectedEOF)
		u.err.set(err)
	case err != nil && err != io.EOF:
		u.err.set(err)
	}
	if n > 0 && u.pace != nil {
		if wait := u.pace.Wait(u.ctx, 0, int64(n)); wait != nil {
			return 0, wait
		}
	}
	return n, err
}

func (u *upload) Close() error { return u.r.Close() }

// download is an answer's body.
type download struct {
	parent, ctx context.Context
	r           io.ReadCloser
	left        int64
	dog         *watchdog
	end         func()
	eof, closed bool
	waiting     bool
	failed      error // why it broke off
}

// Read counts the time only while it waits for the server: who reads may take as long as it likes.
func (d *download) Read(p []byte) (int, error) {
	if d.left <= 0 {
		// One byte more tells an end from an excess.
		var one [1]byte
		n, err := d.read(one[:])
		if n > 0 {
			return 0, errTooLong
		}
		return 0, err
	}
	if int64(len(p)) > d.left {
		p = p[:d.left]
	}
	n, err := d.read(p)
	d.left -= int64(n)
	return n, err
}

func (d *download) read(p []byte) (int, error) {
	if d.waiting {
		d.dog.resume()
	}
	n, err := d.r.Read(p)
	if n > 0 {
		d.dog.progress(n)
	}
	d.waiting = true
	d.dog.pause()
	if err != nil && err != io.EOF {
		var timeout *TimeoutError
		switch {
		case d.parent.Err() != nil:
			err = context.Cause(d.parent)
		case errors.As(context.Cause(d.ctx), &timeout):
			err = timeout
		}
		d.failed = err
	}
	d.eof = err != nil
	return n, err
}

// Close reads the little that may be left, so that the connection can be used again.
func (d *download) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	for buf, n := make([]byte, 4<<10), 0; !d.eof && n < drained; {
		m, _ := d.read(buf) // eof says it
		n += m
	}
	err := d.r.Close()
	d.end()
	return err
}
