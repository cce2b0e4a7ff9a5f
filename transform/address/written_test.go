package address_test

import (
	"bytes"
	"errors"
	"io"
	stdmime "mime"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"

	"mailmill/extract"
	"mailmill/extract/archives"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/transform/address"
)

// addressFields are the fields in which no Exchange name may stand.
var addressFields = []string{
	"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc", "Resent-Bcc",
	"Disposition-Notification-To", "Return-Receipt-To", "Return-Path", "Errors-To", "Apparently-To", "Delivered-To",
}

// TestNoExchangeNameIsWritten writes every mail of every archive of the corpus and reads the results with a parser that
// is not ours: in no address field, at any depth, stands an Exchange name, plain or encapsulated.
func TestNoExchangeNameIsWritten(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(corpustest.Dir(t), "*", "*.?st"))
	if err != nil || len(names) == 0 {
		corpustest.Missing(t, "the corpus has no archives")
	}
	fields, mails := 0, 0
	for _, name := range names {
		archive, err := archives.Open(t.Context(), name, extract.Options{Hidden: true}, nil)
		if err != nil {
			continue // not every file of the corpus is a whole archive
		}
		book := address.NewBook()
		if _, err := load.Learn(t.Context(), load.Lessons{Sources: []load.Input{{Name: name, Source: archive}}, Pupil: book}); err != nil {
			t.Fatal(err)
		}
		resolver := book.Ladder(address.Options{}).Resolver()
		for e, err := range archive.Entries(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			it, err := archive.Read(t.Context(), e)
			if err != nil || it.Mail == nil {
				continue
			}
			if _, err := resolver.Apply(t.Context(), it); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			var lost *mime.ContentError
			if err := mime.Write(&b, it.Mail); err != nil && !errors.As(err, &lost) {
				t.Fatal(err)
			}
			mails++
			fields += checkFields(t, filepath.Base(name)+" "+e.ID, b.Bytes())
		}
		archive.Close()
	}
	t.Logf("%d archives, %d mails, %d address fields", len(names), mails, fields)
	if _, err := os.Stat(filepath.Join(corpustest.Dir(t), "pst", "enron.pst")); err == nil && fields < 2000 {
		t.Errorf("there are only %d address fields", fields)
	}
}

// checkFields checks the address fields of a message and of those inside it, and returns their number.
func checkFields(t *testing.T, where string, b []byte) (n int) {
	entity, err := message.Read(bytes.NewReader(b))
	if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		t.Errorf("%s: %v", where, err)
		return 0
	}
	for _, field := range addressFields {
		for values := entity.Header.FieldsByKey(field); values.Next(); {
			n++
			value := strings.NewReplacer("\r", "", "\n", "").Replace(values.Value())
			decoded, err := new(stdmime.WordDecoder).DecodeHeader(value)
			if err != nil {
				decoded = value
			}
			for _, s := range [...]string{value, decoded} {
				s = strings.ReplaceAll(strings.ToLower(s), " ", "")
				if strings.Contains(s, "/o=") || strings.Contains(s, "imceaex") {
					t.Errorf("%s: %s is %q", where, field, value)
				}
			}
		}
	}
	inner := func(e *message.Entity) {
		typ, _, _ := e.Header.ContentType()
		if typ != "message/rfc822" && typ != "message/delivery-status" && typ != "message/disposition-notification" {
			return
		}
		body, err := io.ReadAll(e.Body)
		if err != nil {
			t.Errorf("%s: %v", where, err)
		}
		if typ == "message/rfc822" {
			n += checkFields(t, where+" > message", body)
		} else if text := strings.ToLower(string(body)); strings.Contains(text, "/o=") || strings.Contains(text, "imceaex-") {
			t.Errorf("%s: a report names\n%s", where, body)
		}
	}
	if typ, _, _ := entity.Header.ContentType(); typ == "multipart/signed" {
		return n // nothing in there is ours
	}
	err = entity.Walk(func(_ []int, part *message.Entity, err error) error {
		if err == nil && part.MultipartReader() == nil {
			inner(part)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", where, err)
	}
	return n
}
