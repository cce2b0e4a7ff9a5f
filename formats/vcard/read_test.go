package vcard_test

import (
	"slices"
	"strings"
	"testing"

	govcard "github.com/emersion/go-vcard"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/itemtest"
	"mailmill/formats/vcard"
)

func readCard(t interface {
	Helper()
	Fatal(...any)
}, card string,
) *formats.Item {
	t.Helper()
	it, err := vcard.Read([]byte(card), vcard.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return it
}

// What was written is read as what it was, and written again is the same to the byte.
func TestReadBack(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				it := rapid.OneOf(itemtest.Contact(), itemtest.Contact(), itemtest.Group()).Draw(t, "item")
				want := encode(t, vcard.Options{Version: v}, it)
				again := readCard(t, want)
				if got := encode(t, vcard.Options{Version: v}, again); got != want {
					t.Fatalf("written again:\n%s\nwas:\n%s", got, want)
				}
				if again.Kind != it.Kind || !slices.Equal(again.Keywords, it.Keywords) || !again.Modified.Equal(it.Modified) {
					t.Fatalf("%s %q %s, want %s %q %s", again.Kind, again.Keywords, again.Modified, it.Kind, it.Keywords, it.Modified)
				}
				if g := it.Group; g != nil {
					if again.Group.UID != g.UID || again.Identity != g.UID || again.Group.Name != g.Name {
						t.Fatalf("%+v, want %+v", again.Group, g)
					}
					return
				}
				sameContact(t, v, again.Contact, it.Contact)
			})
		})
	}
}

func sameContact(t *rapid.T, v vcard.Version, got, want *formats.Contact) {
	if got.UID != want.UID || want.FullName != "" && got.FullName != want.FullName || got.Company != want.Company || got.Title != want.Title {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if v == vcard.V4 && got.Birthday != want.Birthday {
		t.Fatalf("birthday %v, want %v", got.Birthday, want.Birthday)
	}
	for i, p := range want.Phones {
		if q := got.Phones[i]; q.Number != strings.TrimSpace(p.Number) || q.Kind != p.Kind {
			t.Fatalf("number %+v, want %+v", q, p)
		}
	}
	if (got.Photo == nil) != (want.Photo == nil) {
		t.Fatalf("photo %v, want %v", got.Photo, want.Photo)
	}
	if want.Photo != nil && contentOf(t, got.Photo.Content) != contentOf(t, want.Photo.Content) {
		t.Fatal("the photo is another")
	}
}

// A card that goes to another version says there what the item says, and back again what it said.
func TestBetweenVersions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		it := rapid.OneOf(itemtest.Contact(), itemtest.Contact(), itemtest.Group()).Draw(t, "item")
		from := rapid.SampledFrom(versions).Draw(t, "from")
		to := vcard.V3
		if from == vcard.V3 {
			to = vcard.V4
		}
		was := encode(t, vcard.Options{Version: from}, it)
		is := encode(t, vcard.Options{Version: to}, readCard(t, was))
		direct := read(t, encode(t, vcard.Options{Version: to}, it))
		card := read(t, is)
		for _, name := range []string{"UID", "FN", "NOTE", "TITLE", "REV", "PHOTO", "N", "KIND", "X-ADDRESSBOOKSERVER-KIND", "GENDER", "X-GENDER", "CLASS", "X-PST-CLASS"} {
			if got, want := card.Value(name), direct.Value(name); got != want && (name != "N" || strings.Trim(want, ";") != "") {
				t.Fatalf("%s is %q, want %q\n%s\nwas\n%s", name, got, want, is, was)
			}
		}
		for _, name := range []string{"TEL", "EMAIL", "X-EX-ADDRESS", "URL", "IMPP", "KEY", "X-PST-ATTACHMENT", "MEMBER", "X-ADDRESSBOOKSERVER-MEMBER", "X-PST-MEMBER", "ANNIVERSARY", "X-ANNIVERSARY", "X-MS-ANNIVERSARY"} {
			if got, want := len(card[name]), len(direct[name]); got != want && !(name == "X-PST-ATTACHMENT" || name == "KEY" || name == "URL") {
				t.Fatalf("%d %s, want %d\n%s\nwas\n%s", got, name, want, is, was)
			}
		}
		if a, b := strings.Join(values(card["TEL"]), "\n"), strings.Join(values(direct["TEL"]), "\n"); a != b {
			t.Fatalf("numbers %q, want %q", a, b)
		}
		back := encode(t, vcard.Options{Version: from}, readCard(t, is))
		if a, b := read(t, back), read(t, was); len(a) < len(b) {
			t.Fatalf("back again:\n%s\nwas:\n%s", back, was)
		}
	})
}

func values(list []*govcard.Field) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Value+" "+strings.Join(f.Params.Types(), ","))
	}
	return out
}

// Cards of programs and phones, and what is in them.
func TestDialects(t *testing.T) {
	for _, test := range []struct {
		name, card string
		v3, v4     []string
		check      func(*formats.Item) bool
	}{
		{
			name: "Nokia, 2.1",
			card: "BEGIN:VCARD\r\nVERSION:2.1\r\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCller;J=C3=B6rg;;;\r\nTEL;PREF;CELL;WORK:+49 170 1\r\nTEL;HOME;FAX:+49 30 2\r\n" +
				"ADR;HOME;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:;;Stra=C3=9Fe 1=0D=0AHof, links;K=C3=B6ln;;50667;DE\r\nX-CLASS:private\r\nREV:20090102T030405Z\r\nEND:VCARD\r\n",
			v3: []string{"VERSION:3.0", "FN:Jörg Müller", "N:Müller;Jörg;;;", "TEL;TYPE=PREF,CELL,WORK:+49 170 1", "ADR;TYPE=HOME:;;Straße 1\\nHof\\, links;Köln;;50667;DE", "X-CLASS:private"},
			v4: []string{"VERSION:4.0", "N:Müller;Jörg;;;", "TEL;PREF=1;TYPE=cell,work:+49 170 1", "TEL;TYPE=home,fax:+49 30 2", "REV:20090102T030405Z"},
			check: func(it *formats.Item) bool {
				p := it.Contact.Phones
				return it.Contact.Name.Surname == "Müller" && p[0].Kind == formats.PhoneMobile && p[0].Preferred && p[1].Kind == formats.PhoneFax && p[1].Place == formats.PlaceHome
			},
		},
		{
			name: "Outlook, 2.1",
			card: "BEGIN:VCARD\nVERSION:2.1\nN;LANGUAGE=de:Doe;Jane\nFN:Jane Doe\nORG:Acme, Inc.;R&D\nTITLE:Head\nTEL;WORK;VOICE:+1 555\nLABEL;WORK;PREF;ENCODING=QUOTED-PRINTABLE:Street 1=0D=0A=\nCity=0D=0AUSA\n" +
				"ADR;WORK;PREF:;;Street 1;City;;;USA\nEMAIL;PREF;INTERNET:jane@example.org\nEMAIL;EX:/o=Org/cn=jane\nKEY;X509;ENCODING=BASE64:\n MIIBAAAA\n AAAA\n\n\nPHOTO;TYPE=JPEG;ENCODING=BASE64:\n/9j/AAAA\n\nX-MS-OL-DEFAULT-POSTAL-ADDRESS:2\nREV:20240102T030405Z\nEND:VCARD\n",
			v3: []string{"N;LANGUAGE=de:Doe;Jane", "ORG:Acme\\, Inc.;R&D", "LABEL;TYPE=WORK,PREF:Street 1\\nCity\\nUSA", "EMAIL;TYPE=EX:/o=Org/cn=jane", "KEY;TYPE=X509;ENCODING=b:MIIBAAAAAAAA", "PHOTO;TYPE=JPEG;ENCODING=b:/9j/AAAA"},
			v4: []string{"ADR;PREF=1;TYPE=work;LABEL=Street 1^nCity^nUSA:;;Street 1;City;;;USA", "EMAIL;PREF=1:jane@example.org", "KEY:data:application/pkix-cert;base64,MIIBAAAAAAAA", "PHOTO:data:image/jpeg;base64,/9j/AAAA", "X-MS-OL-DEFAULT-POSTAL-ADDRESS:2"},
			check: func(it *formats.Item) bool {
				return it.Contact.Emails[0].SMTP == "jane@example.org" && it.Contact.Emails[1].Stored == "/o=Org/cn=jane" && it.Contact.Emails[1].SMTP == "" && it.Contact.Photo != nil
			},
		},
		{
			name: "Palm, 2.1, with somebody in it, Latin 1",
			card: "BEGIN:VCARD\r\nVERSION:2.1\r\nN:M\xfcller;Eva\r\nNOTE;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Gr=FC=\r\n=DFe\r\nAGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nN:Friday;Fred\r\nFN:Fred Friday\r\nTEL;WORK:1\r\nEND:VCARD\r\nGEO:37.24,-17.87\r\nX-PALM-CUSTOM1:a;b\r\nEND:VCARD\r\n",
			v3:   []string{"N:Müller;Eva", "NOTE:Grüße", "AGENT:BEGIN:VCARD\\nVERSION:3.0\\nN:Friday\\;Fred\\nFN:Fred Friday\\nTEL\\;TYPE=WORK:1\\nEND:VCARD\\n", "GEO:-17.87;37.24", "X-PALM-CUSTOM1:a;b"},
			v4:   []string{"RELATED;TYPE=agent;VALUE=text:Fred Friday", "GEO:geo:-17.87,37.24"},
		},
		{
			name: "Google, 3.0",
			card: "BEGIN:VCARD\nVERSION:3.0\nFN:Jane; Doe\nN:Doe;Jane;;;\nitem1.EMAIL;TYPE=INTERNET:jane@example.org\nitem1.X-ABLabel:Uni\nEMAIL;TYPE=INTERNET,pref;TYPE=HOME:home@example.org\nitem2.URL:http\\://www.google.com/profiles/1\nBDAY:1980-02-29\nCATEGORIES:myContacts,starred\nEND:VCARD\n",
			v3:   []string{"item1.EMAIL;TYPE=INTERNET:jane@example.org", "item1.X-ABLabel:Uni", "CATEGORIES:myContacts,starred"},
			v4:   []string{"item1.EMAIL:jane@example.org", "EMAIL;PREF=1;TYPE=home:home@example.org", "BDAY:19800229", "item1.X-ABLABEL:Uni"},
			check: func(it *formats.Item) bool {
				return it.Contact.Emails[0].SMTP == "home@example.org" && slices.Equal(it.Keywords, []string{"myContacts", "starred"}) && it.Contact.Birthday.Day == 29
			},
		},
		{
			name: "Apple, 3.0, without a year, and a list",
			card: "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//Mac OS X//EN\r\nN:Friends;;;;\r\nFN:Friends\r\nX-ADDRESSBOOKSERVER-KIND:group\r\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1\r\nBDAY;X-APPLE-OMIT-YEAR=1604:1604-05-06\r\nUID:u-1\r\nEND:VCARD\r\n",
			v3:   []string{"X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-06"},
			v4:   []string{"KIND:group", "MEMBER:urn:uuid:1", "BDAY:--0506"},
			check: func(it *formats.Item) bool {
				return it.Kind == formats.KindGroup && it.Group.Members[0].Card == "urn:uuid:1" && it.Identity == "u-1"
			},
		},
		{
			name: "Apple, 4.0",
			card: "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Jane\r\nTEL;VALUE=uri;PREF=1;TYPE=\"voice,cell\":tel:+1-555-1;ext=5\r\nADR;LABEL=\"Street 1^nCity\";GEO=\"geo:1,2\":;;Street 1;City;;;\r\nBDAY:--0203\r\nANNIVERSARY:20090808T1430-0500\r\nGENDER:O;both\r\nPHOTO;MEDIATYPE=image/png:http://example.org/a.png\r\nLANG;PREF=2:fr\r\nRELATED;TYPE=friend:urn:uuid:2\r\nTZ;VALUE=utc-offset:-0500\r\nUID:urn:uuid:9\r\nEND:VCARD\r\n",
			v4:   []string{"TEL;VALUE=uri;PREF=1;TYPE=\"voice,cell\":tel:+1-555-1;ext=5", "GENDER:O;both"},
			v3: []string{
				"TEL;TYPE=voice,cell,pref:+1-555-1\\;ext=5", "LABEL:Street 1\\nCity", "ADR;X-PST-GEO=\"geo:1,2\":;;Street 1;City;;;", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-03", "X-ANNIVERSARY:2009-08-08T14:30-05:00",
				"X-PST-GENDER:O;both", "PHOTO;X-PST-MEDIATYPE=image/png:http://example.org/a.png", "X-PST-LANG;X-PST-PREF=2:fr", "X-PST-RELATED;TYPE=friend:urn:uuid:2", "TZ:-05:00", "N:Jane;;;;",
			},
		},
		{
			name: "nothing of what it needs",
			card: "begin:vcard\ntel;home:1\nnonsense\n",
			v3:   []string{"FN:Unnamed", "N:Unnamed;;;;", "tel;TYPE=home:1\\nnonsense"},
		},
	} {
		it := readCard(t, test.card)
		if test.check != nil && !test.check(it) {
			t.Errorf("%s: %+v", test.name, it.Contact)
		}
		for v, want := range map[vcard.Version][]string{vcard.V3: test.v3, vcard.V4: test.v4} {
			card := encode(t, vcard.Options{Version: v}, it)
			read(t, card)
			got := strings.ReplaceAll(card, "\r\n ", "")
			for _, line := range want {
				if !strings.Contains(strings.ToUpper(got), strings.ToUpper("\r\n"+line+"\r\n")) {
					t.Errorf("%s, %s: there is no %q in\n%s", test.name, v, line, got)
				}
			}
		}
	}
}

// Whoever is resolved after the reading has the address in what is written.
func TestPeopleAreResolved(t *testing.T) {
	it := readCard(t, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:J\r\nN:J;;;;\r\nEMAIL;TYPE=EX:/o=Org/cn=j\r\nX-EX-ADDRESS;X-CN=K:/o=Org/cn=k\r\nEMAIL:a@example.org\r\nEND:VCARD\r\n")
	it.Participants(func(a *formats.Address) {
		if a.SMTP == "" {
			a.SMTP = "found@example.org"
		}
	})
	got := encode(t, vcard.Options{Version: vcard.V3}, it)
	for _, want := range []string{"\r\nEMAIL:found@example.org\r\n", "\r\nEMAIL;X-CN=K;TYPE=INTERNET:found@example.org\r\n", "\r\nEMAIL:a@example.org\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

// Whatever stands in a card is in what is written in its version, in its order.
func TestNothingIsLost(t *testing.T) {
	property := rapid.Custom(func(t *rapid.T) string {
		line := rapid.SampledFrom([]string{"", "", "item1."}).Draw(t, "group")
		line += rapid.SampledFrom([]string{"X-A", "X-ABLabel", "TEL", "ADR", "LOGO", "SOUND", "AGENT", "LABEL", "GEO", "TZ", "URL", "IMPP", "RELATED", "x-b", "SOURCE"}).Draw(t, "name")
		for range rapid.IntRange(0, 2).Draw(t, "parameters") {
			line += rapid.SampledFrom([]string{";TYPE=home", ";TYPE=\"a,b\"", ";X-P=\"ä:;,\"", ";PREF=3", ";type=WORK;type=pref"}).Draw(t, "parameter")
		}
		return line + ":" + rapid.StringMatching(`[ -~äö€😀]{0,200}`).Draw(t, "value")
	})
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(versions).Draw(t, "version")
		want := []string{"BEGIN:VCARD", "VERSION:" + v.String(), "UID:1", "FN:a", "N:a;;;;"}
		for range rapid.IntRange(0, 8).Draw(t, "properties") {
			want = append(want, property.Draw(t, "property"))
		}
		want = append(want, "END:VCARD")
		out := encode(t, vcard.Options{Version: v}, readCard(t, strings.Join(want, "\n")))
		if got := strings.Split(strings.TrimSuffix(strings.ReplaceAll(out, "\r\n ", ""), "\r\n"), "\r\n"); !slices.Equal(got, want) {
			t.Fatalf("%q\nwant\n%q", got, want)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"BEGIN:VCARD\r\nVERSION:2.1\r\nN;ENCODING=QUOTED-PRINTABLE:a=\r\nb\r\nPHOTO;JPEG;BASE64:\r\n AAAA\r\n\r\nAGENT:\r\nBEGIN:VCARD\r\nEND:VCARD\r\nEND:VCARD\r\n",
		"BEGIN:VCARD\nVERSION:3.0\nitem1.TEL;TYPE=\"a,b\":1\nBDAY:1980-01-01T00:00:00Z\nLABEL:a\nADR:;;;;;;\nEND:VCARD",
		"BEGIN:VCARD\nVERSION:4.0\nBDAY:--0229\nPHOTO:data:image/png;base64,AA\nMEMBER:mailto:a@b\nKIND:group\nEND:VCARD",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		it, err := vcard.Read(data, vcard.ReadOptions{})
		if err != nil {
			return
		}
		for _, v := range versions {
			out := encode(t, vcard.Options{Version: v}, it)
			again, err := vcard.Read([]byte(out), vcard.ReadOptions{})
			if err != nil || again.Kind != it.Kind {
				t.Fatalf("%v, %v, want %v, of\n%q", err, again, it.Kind, out)
			}
			if twice := encode(t, vcard.Options{Version: v}, again); twice != out {
				t.Fatalf("%q is written again as %q", out, twice)
			}
		}
	})
}

// Labels have their lines in 3.0, too, however 4.0 has them apart.
func TestLabels(t *testing.T) {
	for _, label := range []string{`Street 1^nCity`, `Street 1\nCity`} {
		it := readCard(t, "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nFN:J\r\nADR;LABEL=\""+label+"\":;;Street 1;City;;;\r\nEND:VCARD\r\n")
		if got := it.Contact.Addresses[0].Label; got != "Street 1\nCity" {
			t.Errorf("%s is read as %q", label, got)
		}
		if got := encode(t, vcard.Options{Version: vcard.V3}, it); !strings.Contains(got, "\r\nLABEL:Street 1\\nCity\r\n") {
			t.Errorf("%s became\n%s", label, got)
		}
		if got := encode(t, vcard.Options{}, it); !strings.Contains(got, `LABEL="`+label+`"`) {
			t.Errorf("%s became\n%s", label, got)
		}
	}
}
