package outlook_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	govcard "github.com/emersion/go-vcard"

	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/pst"
	"mailmill/formats/vcard"
)

// cardFiles are the archives of the corpus that have contacts or lists, and how many.
var cardFiles = map[string]struct{ contacts, lists int }{
	"aspose-contacts.pst": {6, 0}, "aspose-outlook-1.pst": {1, 0}, "contacts.pst": {1, 0}, "dist-list.pst": {1, 1}, "passworded.pst": {1, 1},
}

// cardsOf converts the contacts and lists of an archive.
func cardsOf(t testing.TB, path string) (contacts, lists []*formats.Item) {
	t.Helper()
	a := openCards(t, path)
	for id := range a.f.Nodes() {
		if pst.KindOf(id) != pst.KindMessage {
			continue
		}
		it := a.item(t, fmt.Sprintf("0x%X", uint32(id)))
		switch {
		case it.Contact != nil:
			contacts = append(contacts, it)
		case it.Group != nil:
			lists = append(lists, it)
		default:
			continue
		}
		if len(it.Damage) > 0 {
			t.Errorf("%v: damage %v", id, it.Damage)
		}
	}
	return contacts, lists
}

// What readpst shows of a contact our card shows too, or it is known why not.
func TestCardsAgainstReadpst(t *testing.T) {
	readpst := corpustest.Program(t, "readpst")
	for name, n := range cardFiles {
		t.Run(name, func(t *testing.T) {
			path := corpustest.File(t, "pst/"+name)
			contacts, lists := cardsOf(t, path)
			equal(t, "contacts", len(contacts), n.contacts)
			equal(t, "lists", len(lists), n.lists)
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if out, err := exec.CommandContext(ctx, readpst, "-cv", "-tc", "-o", dir, path).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			theirs := theirCards(t, dir)
			equal(t, "contacts of readpst", len(theirs), n.contacts)
			for _, theirs := range theirs {
				ours := readCard(t, vcard.V3, oursOf(t, contacts, theirs))
				compareCard(t, ours, theirs)
			}
		})
	}
}

func theirCards(t testing.TB, dir string) (list []govcard.Card) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		dec := govcard.NewDecoder(f)
		for {
			card, err := dec.Decode()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			list = append(list, card)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// oursOf finds the contact that a card of another program is of, by its mail address, or by its name where it has none.
func oursOf(t testing.TB, contacts []*formats.Item, theirs govcard.Card) *formats.Item {
	t.Helper()
	mail, name := theirs.Value("EMAIL"), theirs.Value("FN")
	for _, it := range contacts {
		for _, a := range it.Contact.Emails {
			if mail != "" && a.SMTP == mail {
				return it
			}
		}
		if mail == "" && it.Contact.FileAs == name {
			return it
		}
	}
	t.Fatalf("no contact has %q or is called %q", mail, name)
	return nil
}

func compareCard(t testing.TB, ours, theirs govcard.Card) {
	t.Helper()
	for name, fields := range theirs {
		for _, f := range fields {
			switch name {
			case "VERSION":
				continue
			case "FN":
				// readpst takes where it is sorted for the name, and "(null)" for those that are sorted nowhere.
				if f.Value == "(null)" || f.Value == ours.Value("X-FILE-AS") {
					continue
				}
			case "NOTE":
				if strings.TrimSpace(f.Value) == "" {
					continue // a text of line ends is none
				}
			case "N", "ADR":
				if strings.Trim(f.Value, ";") == "" {
					continue // all of its parts are empty
				}
			case "BDAY":
				// readpst writes the owner's midnight in UTC: in Japan that is the day before.
				at, err := time.Parse(time.RFC3339, f.Value)
				day, _ := time.Parse(time.DateOnly, ours.Value("BDAY"))
				if d := day.Sub(at); err == nil && d.Abs() <= 14*time.Hour {
					continue
				}
			case "LABEL":
				// The label says what the parts say.
				has := true
				parts := strings.Join(append(ours.Values("ADR"), ours.Values("LABEL")...), "\n")
				for _, word := range strings.Fields(f.Value) {
					has = has && strings.Contains(parts, word)
				}
				if has {
					continue
				}
			case "TEL":
				// "phone" is no type of a number.
				types := slices.DeleteFunc(f.Params.Types(), func(t string) bool { return t == "phone" || t == "voice" })
				if slices.ContainsFunc(ours["TEL"], func(o *govcard.Field) bool {
					return o.Value == f.Value && !slices.ContainsFunc(types, func(typ string) bool { return !o.Params.HasType(typ) })
				}) {
					continue
				}
			}
			if !slices.ContainsFunc(ours[name], func(o *govcard.Field) bool {
				return o.Value == f.Value || name == "ORG" && strings.HasPrefix(o.Value, f.Value+";")
			}) {
				t.Errorf("%s of readpst is %q %v, ours is %q", name, f.Value, f.Params, ours.Values(name))
			}
		}
	}
}

// What pffexport shows of a contact or list is in ours.
func TestCardsAgainstPffexport(t *testing.T) {
	pffexport := corpustest.Program(t, "pffexport")
	// It shows these of every item, with words of its own or times that cards do not have.
	ignored := []string{
		"Client submit time", "Delivery time", "Creation time", "Modification time", "Size", "Flags", "Importance", "Priority", "Sensitivity", "Is a reminder", "Is private",
		"Conversation topic", "Sender name", "Sender email address", "Sent representing name", "Sent representing email address",
	}
	for name, n := range cardFiles {
		t.Run(name, func(t *testing.T) {
			path := corpustest.File(t, "pst/"+name)
			contacts, lists := cardsOf(t, path)
			target := filepath.Join(t.TempDir(), "out")
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if out, err := exec.CommandContext(ctx, pffexport, "-q", "-m", "items", "-t", target, path).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var texts []string
			for _, it := range append(contacts, lists...) {
				text := strings.Join(unfolded(t, it, vcard.V3), "\n") + "\n" + it.Subject + "\n" + it.Entry.Subject
				texts = append(texts, strings.NewReplacer(`\,`, ",", `\;`, ";", `\n`, "\n").Replace(text))
			}
			seen := 0
			err := filepath.WalkDir(target+".export", func(path string, d os.DirEntry, err error) error {
				if base := filepath.Base(path); err != nil || base != "Contact.txt" && base != "DistributionList.txt" || d.IsDir() {
					return err
				}
				seen++
				shown := theirFields(t, path)
				at := slices.IndexFunc(texts, func(text string) bool { return strings.Contains(text, "FN:"+shown["Display name"]+"\n") })
				if at < 0 {
					t.Errorf("nothing of ours is called %q", shown["Display name"])
					return nil
				}
				for what, value := range shown {
					for _, line := range strings.Fields(value) {
						if !slices.Contains(ignored, what) && what != "Subject" && !strings.Contains(texts[at], line) {
							t.Errorf("%s: %s of pffexport is %q, ours is\n%s", shown["Display name"], what, value, texts[at])
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "contacts and lists of pffexport", seen, n.contacts+n.lists)
		})
	}
}

// theirFields reads what pffexport wrote of an item: names and values; a line without a name goes on with the value before.
func theirFields(t testing.TB, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fields := make(map[string]string)
	last := ""
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		name, value, found := strings.Cut(sc.Text(), ":\t")
		switch {
		case found:
			last = name
			fields[name] = strings.TrimSpace(value)
		case strings.HasSuffix(sc.Text(), ":") || sc.Text() == "":
			last = ""
		case last != "":
			fields[last] += "\n" + sc.Text()
		}
	}
	return fields
}
