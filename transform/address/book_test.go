package address_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/transform/address"
	"mailmill/transform/address/directory"
)

const (
	annaDN = "/o=Org/ou=Site/cn=Recipients/cn=anna"
	bertDN = "/o=Org/ou=Site/cn=Recipients/cn=bert"
)

func day(n int) time.Time { return time.Date(2014, 3, n, 12, 0, 0, 0, time.UTC) }

// lesson is an item with evidence of each of the classes given.
func lesson(n int, dn, smtp, name string, classes ...formats.EvidenceClass) *formats.Lesson {
	l := &formats.Lesson{Source: "a.pst", Folder: &formats.Folder{Path: []string{"Inbox"}}, ID: fmt.Sprint(n), Date: day(n)}
	for _, c := range classes {
		l.Evidence = append(l.Evidence, formats.Evidence{Class: c, DN: dn, SMTP: smtp, Name: name})
	}
	return l
}

func bookOf(lessons ...*formats.Lesson) *address.Book {
	b := address.NewBook()
	for _, l := range lessons {
		b.Learn(l)
	}
	return b
}

func useObjects(t testing.TB, b *address.Book, objects ...directory.Object) *address.Book {
	t.Helper()
	d := address.NewDirectory()
	for i := range objects {
		if err := d.Add(&objects[i]); err != nil {
			t.Fatal(err)
		}
	}
	b.Use(d)
	return b
}

func saved(t rapid.TB, b *address.Book) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := b.Save(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestVote shows how evidence is weighed.
func TestVote(t *testing.T) {
	row, header, pair, received := formats.EvidenceRow, formats.EvidenceHeader, formats.EvidenceContactPair, formats.EvidenceReceived
	list := func(smtp string, class formats.EvidenceClass, days ...int) (list []*formats.Lesson) {
		for _, d := range days {
			list = append(list, lesson(d, annaDN, smtp, "Anna", class))
		}
		return list
	}
	for _, c := range []struct {
		what     string
		lessons  [][]*formats.Lesson
		accepted []string
		want     string
		between  [2]float64 // the confidence
	}{
		{"one row", [][]*formats.Lesson{list("a@x.example", row, 1)}, nil, "a@x.example", [2]float64{0.65, 0.7}},
		{"many rows", [][]*formats.Lesson{list("a@x.example", row, 1, 2, 3, 4)}, nil, "a@x.example", [2]float64{0.949, 0.951}},
		{"once received", [][]*formats.Lesson{list("a@x.example", received, 1)}, nil, "a@x.example", [2]float64{0.599, 0.601}},
		{"too little", [][]*formats.Lesson{list("a@x.example", pair, 1)}, nil, "", [2]float64{}},
		{"little but twice", [][]*formats.Lesson{list("a@x.example", pair, 1, 2)}, nil, "a@x.example", [2]float64{0.599, 0.601}},
		{"70 percent", [][]*formats.Lesson{list("a@x.example", row, 1, 3, 5, 7, 9, 11, 13), list("b@x.example", row, 2, 4, 6)}, nil, "a@x.example", [2]float64{0.8, 0.9}},
		{"less than 70 percent", [][]*formats.Lesson{list("a@x.example", row, 1, 3, 5), list("b@x.example", row, 2, 4)}, nil, "", [2]float64{}},
		{"in the accepted domain", [][]*formats.Lesson{list("a@x.example", row, 1, 3, 5), list("b@y.example", row, 2, 4)}, []string{"y.example"}, "b@y.example", [2]float64{0.67, 0.68}},
		{"far too little in the accepted domain", [][]*formats.Lesson{list("a@x.example", row, 1, 3, 5, 7), list("b@y.example", header, 2)}, []string{"y.example"}, "a@x.example", [2]float64{0.8, 0.95}},
		{"the later one", [][]*formats.Lesson{list("a@x.example", row, 1, 2, 3), list("b@x.example", row, 4, 5)}, nil, "b@x.example", [2]float64{0.67, 0.68}},
		{"a server's own domain", [][]*formats.Lesson{list("a@x.onmicrosoft.com", row, 1, 3), list("b@x.example", row, 2, 4)}, nil, "b@x.example", [2]float64{0.69, 0.7}},
		{"spellings are one", [][]*formats.Lesson{list("Anna@x.example", row, 1, 3), list("anna@X.example", header, 2)}, nil, "Anna@x.example", [2]float64{0.85, 0.86}},
	} {
		t.Run(c.what, func(t *testing.T) {
			all := slices.Concat(c.lessons...)
			for range 2 {
				p, ok := bookOf(all...).Ladder(address.Options{AcceptedDomains: c.accepted}).Person(strings.ToUpper(annaDN))
				if !ok || p.SMTP != c.want || p.Confidence < c.between[0] || p.Confidence > c.between[1] {
					t.Errorf("the answer is %q with %.3f", p.SMTP, p.Confidence)
				}
				slices.Reverse(all)
			}
		})
	}
	// What an item says often it says once.
	p, _ := bookOf(lesson(1, annaDN, "a@x.example", "Anna", row, row, row)).Ladder(address.Options{}).Person(annaDN)
	if p.Candidates[0].Weight != 10 || p.Items != 1 {
		t.Errorf("one item weighs %d and counts %d", p.Candidates[0].Weight, p.Items)
	}
}

// TestDirectories shows what is believed of directories.
func TestDirectories(t *testing.T) {
	object := func(dn, smtp string, x500 ...string) directory.Object {
		return directory.Object{LegacyDN: dn, SMTP: smtp, X500: x500, Names: []string{"Somebody"}, Where: "a.csv:1"}
	}
	rename := func(o directory.Object) directory.Object { o.Fixed = true; return o }
	guid := "0f0e0d0c-0b0a-0908-0706-050403020100"
	for _, c := range []struct {
		what    string
		objects []directory.Object
		stored  string
		want    string
	}{
		{"its own name", []directory.Object{object(annaDN, "anna@x.example")}, strings.ToUpper(annaDN), "anna@x.example directory"},
		{"another name", []directory.Object{object(bertDN, "anna@x.example", annaDN)}, annaDN, "anna@x.example directory"},
		{"its own name before another's other", []directory.Object{object(bertDN, "bert@x.example", annaDN), object(annaDN, "anna@x.example")}, annaDN, "anna@x.example directory"},
		{"two objects with one other name", []directory.Object{object(bertDN, "bert@x.example", annaDN), object("", "anna@x.example", annaDN)}, annaDN, " none"},
		{"two that agree", []directory.Object{object(annaDN, "anna@x.example"), object(annaDN, "Anna@X.example")}, annaDN, "Anna@X.example directory"},
		{"an answer that was given", []directory.Object{object(annaDN, "anna@x.example"), rename(object(annaDN, "given@x.example"))}, annaDN, "given@x.example directory"},
		{"an object without an address", []directory.Object{object(annaDN, "")}, annaDN, " none"},
		{"by its GUID", []directory.Object{{GUID: guid, SMTP: "anna@x.example"}}, "/o=NT5/ou=00000000000000000000000000000000/cn=" + "0C0D0E0F0A0B08090706050403020100", "anna@x.example directory"},
		{"by its GUID with hyphens", []directory.Object{{GUID: guid, SMTP: "anna@x.example"}}, "/o=NT5/ou=x/cn=" + guid, "anna@x.example directory"},
		{"a federated contact", []directory.Object{object("/o=X/ou=External (FYDIBOHF25SPDLT)/cn=Recipients/cn="+guid, "anna@x.example")}, "/o=x/ou=External (FYDIBOHF25SPDLT)/cn=Recipients/cn=" + guid, "anna@x.example directory"},
		{"an encapsulated name", []directory.Object{object(annaDN, "anna@x.example")}, "IMCEAEX-_o=Org_ou=Site_cn=Recipients_cn=anna@x.example", "anna@x.example directory"},
		{"a mail address that was given another", []directory.Object{rename(directory.Object{Other: []string{"old@x.example"}, SMTP: "new@x.example"})}, "Old@x.example", "new@x.example directory"},
		{"a name that was given an address", []directory.Object{rename(directory.Object{Names: []string{"Groß, Anna"}, SMTP: "anna@x.example"})}, "anna groß", "anna@x.example directory"},
		{"a name that was not", []directory.Object{object(annaDN, "anna@x.example")}, "Somebody", " none"},
	} {
		for _, apart := range []bool{false, true} {
			b := address.NewBook()
			if apart {
				for _, o := range c.objects {
					useObjects(t, b, o)
				}
			} else {
				useObjects(t, b, c.objects...)
			}
			a := &formats.Address{Stored: c.stored, Via: formats.ViaNone}
			if strings.Contains(c.stored, "@") && !strings.HasPrefix(c.stored, "IMCEA") {
				a.SMTP, a.Via = c.stored, formats.ViaStored
			}
			if _, err := b.Ladder(address.Options{}).Resolver().Apply(t.Context(), &formats.Item{Mail: &formats.Mail{To: []*formats.Address{a}}}); err != nil {
				t.Fatal(err)
			}
			if got := a.SMTP + " " + string(a.Via); got != c.want {
				t.Errorf("%s: %q", c.what, got)
			}
		}
	}
	// A given answer stands before what is on the item.
	b := useObjects(t, address.NewBook(), rename(object(annaDN, "given@x.example")))
	a := &formats.Address{Stored: annaDN, SMTP: "item@x.example", Via: formats.ViaItem}
	if _, err := b.Ladder(address.Options{}).Resolver().Apply(t.Context(), &formats.Item{Mail: &formats.Mail{From: a}}); err != nil || a.SMTP != "given@x.example" {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestNames shows when a name alone decides: on demand, and if nobody else may be meant.
func TestNames(t *testing.T) {
	seen, row := formats.EvidenceSeen, formats.EvidenceRow
	known := lesson(1, bertDN, "bert@x.example", "Klein, Bert", row)
	for _, c := range []struct {
		what    string
		lessons []*formats.Lesson
		name    string
		stored  string
		want    string
	}{
		{"one of the name", []*formats.Lesson{known, lesson(2, annaDN, "", "Groß, Anna", seen), lesson(3, "", "anna@x.example", "Anna Groß", seen)}, "", annaDN, "anna@x.example guess"},
		{"nothing but the name", []*formats.Lesson{lesson(3, "", "anna@x.example", "Anna Groß", seen)}, "Groß, Anna", "Groß, Anna", "anna@x.example guess"},
		{"one word", []*formats.Lesson{known, lesson(2, annaDN, "", "Anna", seen), lesson(3, "", "anna@x.example", "Anna", seen)}, "", annaDN, " none"},
		{"two addresses", []*formats.Lesson{known, lesson(2, annaDN, "", "Anna Groß", seen), lesson(3, "", "anna@x.example", "Anna Groß", seen), lesson(4, "", "anna2@x.example", "Anna Groß", seen)}, "", annaDN, " none"},
		{"two of the name", []*formats.Lesson{known, lesson(2, annaDN, "", "Anna Groß", seen), lesson(2, "/o=Org/cn=anna2", "", "Anna Groß", seen), lesson(3, "", "anna@x.example", "Anna Groß", seen)}, "", annaDN, " none"},
		{"another organisation's domain", []*formats.Lesson{known, lesson(2, annaDN, "", "Anna Groß", seen), lesson(3, "", "anna@home.example", "Anna Groß", seen)}, "", annaDN, " none"},
	} {
		b := bookOf(c.lessons...)
		if got := resolveOne(t, b.Ladder(address.Options{Names: true}).Resolver(), c.name, c.stored); got.SMTP+" "+string(got.Via) != c.want {
			t.Errorf("%s: %q by %q", c.what, got.SMTP, got.Via)
		}
		if got := resolveOne(t, b.Ladder(address.Options{}).Resolver(), c.name, c.stored); got.SMTP != "" {
			t.Errorf("%s: %q without being asked to", c.what, got.SMTP)
		}
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct{ rule, dn, want string }{
		{`cn=([^/]+)$=>$1@contoso.com`, "/o=Org/cn=Recipients/CN=Anna", "Anna@contoso.com"},
		{`-([a-z]+)$ => ${1}@contoso.com`, "/o=ExchangeLabs/cn=0123-anna", "anna@contoso.com"},
		{`cn=([^/]+)$=>$1@contoso.com`, "/o=Org/cn=Anna Groß", ""},
		{`cn=([^/]+)$=>$1`, "/o=Org/cn=anna", ""},
		{`^/o=other=>x@contoso.com`, "/o=Org/cn=anna", ""},
		{`.*=>x@contoso.com`, "/o=Org/cn=Microsoft System Attendant", ""},
	} {
		r, err := address.ParseRule(c.rule)
		if err != nil {
			t.Fatal(err)
		}
		got := resolveOne(t, address.NewBook().Ladder(address.Options{Rules: []*address.Rule{r}}).Resolver(), "", c.dn)
		if got.SMTP != c.want || c.want != "" && got.Via != formats.ViaRule {
			t.Errorf("%s makes %q of %s", c.rule, got.SMTP, c.dn)
		}
	}
	for _, bad := range []string{"", "x", "=>", "x=>", "=>x", "(=>$1@x.y"} {
		if r, err := address.ParseRule(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, r)
		}
	}
}

// drawLessons draws what a few archives may tell of few people.
func drawLessons(t *rapid.T) []*formats.Lesson {
	var list []*formats.Lesson
	for i := range rapid.IntRange(0, 30).Draw(t, "items") {
		l := &formats.Lesson{
			Source: rapid.SampledFrom([]string{"a.pst", "b.pst"}).Draw(t, "source"), ID: fmt.Sprint(i),
			Folder: &formats.Folder{Path: []string{rapid.SampledFrom([]string{"Inbox", "Sent", "A", "B", "C"}).Draw(t, "folder")}},
			Hidden: rapid.Bool().Draw(t, "hidden"),
		}
		if rapid.Bool().Draw(t, "dated") {
			l.Date = day(rapid.IntRange(1, 28).Draw(t, "day"))
		}
		for range rapid.IntRange(0, 5).Draw(t, "evidence") {
			l.Evidence = append(l.Evidence, formats.Evidence{
				Class:  formats.EvidenceClass(rapid.IntRange(0, formats.EvidenceClasses-1).Draw(t, "class")),
				DN:     rapid.SampledFrom([]string{"", annaDN, strings.ToUpper(annaDN), bertDN, "/o=Other/cn=x", "/o=Other/CN=X"}).Draw(t, "dn"),
				SMTP:   rapid.SampledFrom([]string{"", "anna@x.example", "Anna@x.example", "bert@x.example", "c@müller.example", "c@xn--mller-kva.example"}).Draw(t, "smtp"),
				Name:   rapid.SampledFrom([]string{"", "Groß, Anna", "Anna Groß", "Bert", "C D"}).Draw(t, "name"),
				Domain: rapid.SampledFrom([]string{"", "x.example", "y.example"}).Draw(t, "domain"),
				Type:   formats.ObjectType(rapid.IntRange(0, 4).Draw(t, "type")),
			})
		}
		list = append(list, l)
	}
	return list
}

// TestOrderDoesNotMatter learns the same in different orders, by one goroutine and by many.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lessons := drawLessons(t)
		want := bookOf(lessons...)
		shuffled := rapid.Permutation(lessons).Draw(t, "order")
		other := bookOf(shuffled...)
		many := address.NewBook()
		var wg sync.WaitGroup
		for _, l := range lessons {
			wg.Go(func() { many.Learn(l) })
		}
		wg.Wait()
		o := address.Options{Names: true}
		for _, b := range []*address.Book{other, many} {
			if !bytes.Equal(saved(t, want), saved(t, b)) {
				t.Fatalf("the books differ:\n%s\n%s", saved(t, want), saved(t, b))
			}
			if a, b := fmt.Sprintf("%+v", want.Ladder(o).Report()), fmt.Sprintf("%+v", b.Ladder(o).Report()); a != b {
				t.Fatalf("the reports differ:\n%s\n%s", a, b)
			}
		}
	})
}

// TestMerge merges books in any order, and again and again.
func TestMerge(t *testing.T) {
	load := func(t *rapid.T, files ...[]byte) *address.Book {
		b := address.NewBook()
		for _, f := range files {
			if err := b.Load(bytes.NewReader(f)); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := saved(t, bookOf(drawLessons(t)...)), saved(t, bookOf(drawLessons(t)...)), saved(t, bookOf(drawLessons(t)...))
		if again := saved(t, load(t, a)); !bytes.Equal(again, a) {
			t.Fatalf("%s\ncomes back as\n%s", a, again)
		}
		want := saved(t, load(t, a, b, c))
		for _, other := range [][]byte{
			saved(t, load(t, c, b, a)), saved(t, load(t, b, b, a, c, a)), saved(t, load(t, saved(t, load(t, a, b)), c)), saved(t, load(t, a, saved(t, load(t, b, c)))),
		} {
			if !bytes.Equal(other, want) {
				t.Fatalf("%s\nand\n%s", want, other)
			}
		}
	})
}

// TestAddressBookFile shows the file, and that it resolves in a later run what an earlier one learnt.
func TestAddressBookFile(t *testing.T) {
	b := bookOf(lesson(1, annaDN, "anna@x.example", "Anna Groß", formats.EvidenceRow), lesson(2, "", "bert@x.example", "Bert", formats.EvidenceSeen), lesson(3, "", "", "Only a Name", formats.EvidenceSeen))
	const want = `{"type":"address-book","version":1}
{"type":"person","dn":"/o=Org/ou=Site/cn=Recipients/cn=anna","names":{"Anna Groß":1},"items":1,"first":1393675200,"last":1393675200,"folders":["a.pst: Inbox"],"mail":[{"smtp":{"anna@x.example":10},"evidence":{"row":1},"first":1393675200,"last":1393675200}]}
{"type":"bare name","names":{"Only a Name":1},"items":1,"first":1393848000,"last":1393848000,"folders":["a.pst: Inbox"]}
{"type":"name","name":"Bert","smtp":["bert@x.example"]}
`
	if got := string(saved(t, b)); got != want {
		t.Errorf("the file is\n%s", got)
	}
	later := address.NewBook()
	if err := later.Load(strings.NewReader(want)); err != nil {
		t.Fatal(err)
	}
	if got := resolveOne(t, later.Ladder(address.Options{}).Resolver(), "", annaDN); got.SMTP != "anna@x.example" {
		t.Errorf("it is %q", got.SMTP)
	}
	for _, bad := range []string{
		"x", `{"type":"x"}`, `{"type":"address-book","version":2}`, head + `{"type":"person","dn":"x"}`, head + `{"type":"person","dn":"/o=x","mail":[{"smtp":{"x":1}}]}`,
		head + `{"type":"person","dn":"/o=x","names":{"x":-1}}`, head + `{"type":"person","dn":"/o=x","mail":[{"smtp":{"a@b.c":1},"evidence":{"guess":1}}]}`, head + `{"type":"what"}`, head + `{`,
	} {
		if err := address.NewBook().Load(strings.NewReader(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

const head = `{"type":"address-book","version":1}` + "\n"

func FuzzAddressBook(f *testing.F) {
	f.Add([]byte(head + `{"type":"person","dn":"/o=x/cn=y","names":{"A B":2},"items":1,"mail":[{"smtp":{"a@b.c":10},"evidence":{"row":1},"first":1,"last":2}]}`))
	f.Add([]byte(head + `{"type":"name","name":"x","smtp":["a@b.c"]}` + "\n" + `{"type":"domain","domain":"b.c","count":1}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		b := address.NewBook()
		if b.Load(bytes.NewReader(file)) != nil {
			return
		}
		once := saved(t, b)
		again := address.NewBook()
		if err := again.Load(bytes.NewReader(once)); err != nil {
			t.Fatalf("%v:\n%s", err, once)
		}
		if twice := saved(t, again); !bytes.Equal(once, twice) {
			t.Fatalf("%s\ncomes back as\n%s", once, twice)
		}
		b.Ladder(address.Options{Names: true}).Report().Summary()
	})
}

// TestReport shows what is told of people.
func TestReport(t *testing.T) {
	row, seen := formats.EvidenceRow, formats.EvidenceSeen
	b := bookOf(
		lesson(1, annaDN, "anna@x.example", "Anna Groß", row), lesson(3, strings.ToUpper(annaDN), "anna@x.example", "Groß, Anna", row), lesson(5, annaDN, "", "Anna Groß", seen),
		lesson(2, bertDN, "", "Bert", seen), lesson(2, "/o=Org/cn=c", "", "Carl", seen), lesson(4, "", "", "Dora", seen), lesson(4, "", "eva@y.example", "Eva", seen),
		lesson(6, "/o=Org/cn=Configuration/cn=Servers/cn=X/cn=Microsoft System Attendant", "", "System Attendant", seen),
	)
	hidden := lesson(7, "/o=Org/cn=hidden", "", "Nobody", seen)
	hidden.Hidden = true
	b.Learn(hidden)
	useObjects(t, b, directory.Object{LegacyDN: annaDN, SMTP: "gross@x.example", Where: "users.csv:2", Type: directory.User})
	rule, err := address.ParseRule("cn=c$=>carl@x.example")
	if err != nil {
		t.Fatal(err)
	}
	r := b.Ladder(address.Options{Rules: []*address.Rule{rule}, AcceptedDomains: []string{"z.example"}}).Report()
	if got := r.Summary(); got != (address.Summary{People: 6, Resolved: 2, Guessed: 1, Open: 3}) || got.String() != "6 people: 2 resolved, 1 guessed, 3 open" {
		t.Errorf("the summary is %v", got)
	}
	keys := func(list []address.Person) string {
		var keys []string
		for _, p := range list {
			keys = append(keys, p.DN+p.Names[0].Text)
		}
		return strings.Join(keys, ", ")
	}
	for _, c := range []struct{ what, got, want string }{
		{"unresolved", keys(r.Unresolved()), "/o=Org/cn=Configuration/cn=Servers/cn=X/cn=Microsoft System AttendantSystem Attendant, " + bertDN + "Bert, Dora"},
		{"guessed", keys(r.Guessed()), "/o=Org/cn=cCarl"},
		{"conflicting", keys(r.Conflicting()), annaDN + "Anna Groß"},
		{"outside", keys(r.Outside()), "/o=Org/cn=cCarl, " + annaDN + "Anna Groß"},
		{"ambiguous", keys(r.Ambiguous()), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s", c.what, c.got)
		}
	}
	further := useObjects(t, bookOf(lesson(1, annaDN, "anna@x.example", "Anna", row)), directory.Object{LegacyDN: annaDN, SMTP: "gross@x.example", Other: []string{"Anna@x.example"}})
	if list := further.Ladder(address.Options{}).Report().Conflicting(); len(list) > 0 {
		t.Errorf("a further address is a conflict: %+v", list)
	}
	p := r.Conflicting()[0]
	if p.SMTP != "gross@x.example" || p.Via != formats.ViaDirectory || p.Items != 3 || !p.First.Equal(day(1)) || !p.Last.Equal(day(5)) || p.Evidence[row] != 2 ||
		len(p.Names) != 2 || p.Names[0] != (address.Count{Text: "Anna Groß", Count: 2}) || p.Conflicts[0] != "anna@x.example" || p.Where != "users.csv:2" ||
		len(p.Folders) != 1 || p.Folders[0] != "a.pst: Inbox" || p.Type != formats.ObjectPerson {
		t.Errorf("the report has %+v", p)
	}
}
