package conformance

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-mbox"
	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // the charsets that a strict reader may be asked for

	"mailmill/formats/corpustest"
)

// What is written of every archive of the corpus is read without complaint by parsers that are not ours, and EML and
// mbox hold the same mail byte for byte.
func TestOutputIsStrict(t *testing.T) {
	t.Parallel()
	for _, name := range archives(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := corpustest.File(t, name)
			eml, boxes := convert(t, "eml", archive), convert(t, "mbox", archive)

			digests := goMessageReads(t, eml)
			mails := readBack(t, "eml", eml)
			withoutDefects(t, name, mails)
			if len(mails) != len(digests) {
				t.Errorf("go-message reads %d mails, Python %d", len(digests), len(mails))
			}
			want := byFolder(mails)
			if got := byFolder(readBack(t, "digests", boxes)); !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("Python's mailbox reads other mail than the EML files hold: %s", difference(want, got))
			}
			if got := goMboxReads(t, boxes); !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("go-mbox reads other mail than the EML files hold: %s", difference(want, got))
			}
		})
	}
}

// byFolder returns the digests of the mails of each folder, sorted: EML files have no order.
func byFolder(mails []*mail) map[string][]string {
	folders := map[string][]string{}
	for _, m := range mails {
		name := strings.Join(m.Folder, "/")
		folders[name] = append(folders[name], m.SHA256)
	}
	for _, digests := range folders {
		slices.Sort(digests)
	}
	return folders
}

func difference(want, got map[string][]string) string {
	var b strings.Builder
	for name := range want {
		if !slices.Equal(want[name], got[name]) {
			fmt.Fprintf(&b, "%s (%d, %d) ", name, len(want[name]), len(got[name]))
		}
	}
	for name := range got {
		if want[name] == nil {
			fmt.Fprintf(&b, "%s (0, %d) ", name, len(got[name]))
		}
	}
	return b.String()
}

// defectsInSource lists what Python complains about because the mail came like that, with how often at most: fields of
// transport headers stay byte for byte as they came. Other versions of Python may overlook some of it.
var defectsInSource = map[string]map[string]int{
	// The headers were made by a program that exported mail from Notes. It wrote names where addresses belong, and split
	// some at their blanks: "From:  Susan Bailey", "To: Angela,Davis,Anne,C,Koehler".
	"pst/enron.pst": {"From: no address": 406, "To: no address": 50, "Cc: no address": 14, "To: InvalidHeaderDefect": 2},
	// The sender's program took its user's whole address for a host name: <003301cc306d$d7f83c00$87e8b400$@razzaq@xp.local>.
	"pst/aspose-outlook-1.pst": {"Message-ID: InvalidHeaderDefect": 10},
}

func withoutDefects(t *testing.T, archive string, mails []*mail) {
	found := map[string]int{}
	for _, m := range mails {
		for _, d := range allDefects(m) {
			if defectsInSource[archive][d] == 0 {
				t.Errorf("%s %s: %s", m.Place, m.MessageID, d)
			}
			found[d]++
		}
	}
	for d, n := range defectsInSource[archive] {
		if found[d] > n {
			t.Errorf("%q occurs %d times, not %d", d, found[d], n)
		}
	}
}

func allDefects(m *mail) []string {
	all := m.Defects
	for _, a := range m.Attachments {
		if a.Embedded != nil {
			all = append(all, allDefects(a.Embedded)...)
		}
	}
	return all
}

// goMessageReads reads every EML file below dir with go-message to the last byte of the last part, and returns their
// number by digest.
func goMessageReads(t *testing.T, dir string) []string {
	var digests []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".eml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := strictMessage(bytes.NewReader(raw), 0); err != nil {
			t.Errorf("go-message: %s: %v", path[len(dir)+1:], err)
		}
		digests = append(digests, digest(raw))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return digests
}

func strictMessage(r io.Reader, depth int) error {
	e, err := message.Read(r)
	if err != nil {
		return err
	}
	return strictEntity(e, depth)
}

func strictEntity(e *message.Entity, depth int) error {
	if depth > 200 {
		return errors.New("nested without end")
	}
	for f := e.Header.Fields(); f.Next(); {
		if err := strictField(f.Key(), f.Value()); err != nil {
			return err
		}
	}
	kind, _, err := e.Header.ContentType()
	if err != nil {
		return fmt.Errorf("Content-Type: %w", err)
	}
	if parts := e.MultipartReader(); parts != nil {
		n := 0
		for {
			p, err := parts.NextPart()
			if errors.Is(err, io.EOF) && n > 0 {
				return nil
			} else if err != nil {
				return fmt.Errorf("part %d of %s: %w", n+1, kind, err)
			}
			n++
			if err := strictEntity(p, depth+1); err != nil {
				return fmt.Errorf("part %d of %s: %w", n, kind, err)
			}
		}
	}
	if kind == "message/rfc822" {
		if err := strictMessage(e.Body, depth+1); err != nil {
			return fmt.Errorf("message inside: %w", err)
		}
		return nil
	}
	if _, err := io.Copy(io.Discard, e.Body); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// addressFields are the header fields that hold addresses.
var addressFields = map[string]bool{
	"From": true, "Sender": true, "Reply-To": true, "To": true, "Cc": true, "Bcc": true, "Return-Path": true,
	"Resent-From": true, "Resent-Sender": true, "Resent-To": true, "Resent-Cc": true, "Resent-Bcc": true,
	"Disposition-Notification-To": true, "Return-Receipt-To": true, "Errors-To": true, "Delivered-To": true,
	"Final-Recipient": true, "Original-Recipient": true, "Resent-Reply-To": true, "Apparently-To": true,
}

// exchangeOnly is what no other mail system can deliver to.
var exchangeOnly = regexp.MustCompile(`(?i)/o=|IMCEAEX-`)

func strictField(name, value string) error {
	if !addressFields[name] {
		return nil
	}
	decoded, err := new(mime.WordDecoder).DecodeHeader(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// Names that were folded have blanks in them.
	if blanks := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", ""); exchangeOnly.MatchString(blanks.Replace(value)) || exchangeOnly.MatchString(blanks.Replace(decoded)) {
		return fmt.Errorf("%s holds an Exchange address: %.200s", name, decoded)
	}
	return nil
}

// goMboxReads returns what go-mbox reads of every mbox below dir as byFolder does.
func goMboxReads(t *testing.T, dir string) map[string][]string {
	folders := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".mbox" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		rel, err := filepath.Rel(dir, strings.TrimSuffix(path, ".mbox"))
		if err != nil {
			return err
		}
		var digests []string
		for box := mbox.NewReader(bufio.NewReaderSize(f, 1<<20)); ; {
			r, err := box.NextMessage()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return fmt.Errorf("go-mbox: %s: %w", rel, err)
			}
			raw, err := io.ReadAll(r)
			if err != nil {
				return fmt.Errorf("go-mbox: %s: %w", rel, err)
			}
			digests = append(digests, digest(quotedFrom.ReplaceAll(raw, []byte("$1"))))
		}
		slices.Sort(digests)
		folders[filepath.ToSlash(rel)] = digests
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return folders
}

// quotedFrom is mboxrd's quoting, as far as go-mbox, which knows mboxo, leaves it.
var quotedFrom = regexp.MustCompile(`(?m)^>(>*From )`)

// digest returns the hash of a message with LF, without the fields that only an mbox has, and without the blank lines
// at the end that mbox readers take for the separator.
func digest(raw []byte) string {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	head, body, found := bytes.Cut(raw, []byte("\n\n"))
	h := sha256.New()
	var kept [][]byte
	status := false
	for _, line := range bytes.Split(head, []byte("\n")) {
		status = statusField.Match(line) || status && len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
		if !status {
			kept = append(kept, line)
		}
	}
	whole := bytes.Join(kept, []byte("\n"))
	if found {
		whole = append(append(whole, "\n\n"...), body...)
	}
	h.Write(bytes.TrimRight(whole, "\n"))
	return hex.EncodeToString(h.Sum(nil))
}

var statusField = regexp.MustCompile(`(?i)^(status|x-status|x-keywords):`)
