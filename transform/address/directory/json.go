package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxJSON bounds one object of a JSON file, in bytes.
const maxJSON = 16 << 20

var errTooLong = fmt.Errorf("an object of more than %d MB", maxJSON>>20)

// bounded lets through only so much between two objects, as the decoder keeps all that it has not decoded yet.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// jsonFile reads JSON: objects one after the other or in one array, or one object whose keys are the questions and whose
// values the answers.
type jsonFile struct {
	*file
	in    *bounded
	dec   *json.Decoder
	count int
	known int // objects that say something about a recipient
	e     entry
}

func (f *file) readJSON(t *text) error {
	if t.cp != 65001 {
		return &Error{Where: f.location, What: "JSON is in UTF-8, and this is not"}
	}
	j := &jsonFile{file: f, in: &bounded{t.r, maxJSON}}
	j.dec = json.NewDecoder(j.in)
	j.dec.UseNumber()
	err := j.read()
	var known *Error
	if err != nil && !errors.Is(err, errStopped) && !errors.As(err, &known) {
		if err == io.ErrUnexpectedEOF || err == io.EOF {
			err = errors.New("it ends in the middle")
		}
		return &Error{Where: f.location, What: fmt.Sprintf("the JSON is damaged after object %d", j.count), Err: err}
	}
	if err == nil && j.known == 0 {
		return &Error{
			Where: f.location, What: "there are no recipients in it",
			Advice: `Each needs "dn" and "address", or the names of an export: "LegacyExchangeDN", "PrimarySmtpAddress", "EmailAddresses"`,
		}
	}
	return err
}

func (j *jsonFile) read() error {
	for {
		tok, err := j.dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch tok {
		case json.Delim('{'):
			err = j.object(true)
		case json.Delim('['):
			for err == nil && j.dec.More() {
				if tok, err = j.dec.Token(); err == nil && tok != json.Delim('{') {
					err = errors.New("an array of something else than objects")
				}
				if err == nil {
					err = j.object(false)
				}
			}
			if err == nil {
				_, err = j.dec.Token()
			}
		default:
			err = errors.New("something else than objects")
		}
		if err != nil {
			return err
		}
	}
}

// object reads an object after its brace. That of a file with only one can be the whole map.
func (j *jsonFile) object(canBeMap bool) error {
	j.count++
	j.in.left = maxJSON
	where := fmt.Sprintf("%s: object %d", j.name, j.count)
	j.e.reset()
	var question, address, name string
	var hasQuestion, hasAddress, isMap bool
	for first := true; j.dec.More(); first = false {
		tok, err := j.dec.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		var value any
		if err := j.dec.Decode(&value); err != nil {
			return err
		}
		text, isText := value.(string)
		label := fold(key)
		// No program gives properties such names as people and addresses have.
		if first && canBeMap && isText && strings.ContainsAny(key, "/@ ") && (text == "" || asSMTP([]byte(text)) != "") {
			isMap = true
		}
		if isMap {
			if !isText {
				return j.failObject("the answer to %q is no text", clip(key))
			}
			if err := j.answer(key, text, "", fmt.Sprintf("%s: pair %d", j.name, j.count)); err != nil {
				return err
			}
			j.count++
			j.in.left = maxJSON
			continue
		}
		switch label {
		case "dn", "stored":
			question, hasQuestion = text, isText
		case "address", "smtp":
			address, hasAddress = text, isText
		case "name":
			name = text
		case "names":
			if list, ok := value.([]any); ok && len(list) > 0 && name == "" {
				name, _ = list[0].(string)
			}
		}
		if err := j.value(fields[label], key, value); err != nil {
			return err
		}
	}
	if _, err := j.dec.Token(); err != nil {
		return err
	}
	_, isDN := asDN(question)
	switch {
	case isMap:
		return nil
	case hasQuestion && (hasAddress || isDN) && len(j.e.values[fieldLegacyDN]) == 0:
		return j.answer(question, address, name, where)
	}
	obj := j.e.object(where)
	if j.count > 0 && (obj.LegacyDN != "" || obj.SMTP != "") {
		j.known++
	}
	return j.give(obj)
}

func (j *jsonFile) answer(question, address, name, where string) error {
	obj, what := answer(Undefuse(question), Undefuse(address), Undefuse(name))
	if what != "" {
		return j.failObject("%s", what)
	}
	j.known++
	if !obj.Fixed {
		return nil
	}
	obj.Where = where
	return j.give(obj)
}

func (j *jsonFile) failObject(format string, args ...any) error {
	return &Error{Where: fmt.Sprintf("%s: object %d", j.location, j.count), What: fmt.Sprintf(format, args...)}
}

// value adds the values of a key as they are in PowerShell's ConvertTo-Json: texts, numbers, and lists of them.
func (j *jsonFile) value(f field, key string, value any) error {
	switch value := value.(type) {
	case string:
		if f.holdsAddresses() && isTypeName([]byte(value)) {
			return &Error{Where: fmt.Sprintf("%s: object %d", j.location, j.count), What: "in place of the addresses there is the name of their .NET type, " + clip(value), Advice: exportAdvice}
		}
		j.e.add(f, []byte(value))
	case json.Number:
		j.e.add(f, []byte(value))
	case []any:
		for _, v := range value {
			if err := j.value(f, key, v); err != nil {
				return err
			}
		}
	case map[string]any:
		if f.holdsAddresses() {
			for _, inner := range [...]string{"ProxyAddressString", "Address"} {
				if s, ok := value[inner].(string); ok && (strings.Contains(s, "@") || strings.Contains(s, "/")) {
					j.e.add(f, []byte(s))
					return nil
				}
			}
			return &Error{Where: fmt.Sprintf("%s: object %d", j.location, j.count), What: fmt.Sprintf("%q has an object for its value, and no address in it", clip(key)), Advice: exportAdvice}
		}
	}
	return nil
}
