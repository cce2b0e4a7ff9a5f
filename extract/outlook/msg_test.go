package outlook_test

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/richardlehane/mscfb"

	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/vcard"
)

// compound is a compound file: its streams by the path of their storage and their name.
type compound map[string]map[string][]byte

func readCompound(t testing.TB, path string) compound {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := mscfb.New(f)
	if err != nil {
		t.Fatal(err)
	}
	c := compound{"": {}}
	for e, err := doc.Next(); err == nil; e, err = doc.Next() {
		if e.FileInfo().IsDir() {
			continue
		}
		b, err := io.ReadAll(e)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		storage := strings.Join(e.Path, "/")
		if c[storage] == nil {
			c[storage] = make(map[string][]byte)
		}
		c[storage][e.Name] = b
	}
	return c
}

// names are those of the file's named properties, from 0x8000 on (MS-OXMSG 2.2.3).
func (c compound) names() []mapi.Name {
	const storage, prefix = "__nameid_version1.0", "__substg1.0_"
	guids, entries, stringsOf := c[storage][prefix+"00020102"], c[storage][prefix+"00030102"], c[storage][prefix+"00040102"]
	var list []mapi.Name
	for ; len(entries) >= 8; entries = entries[8:] {
		value, kind := binary.LittleEndian.Uint32(entries), binary.LittleEndian.Uint16(entries[4:])
		n := mapi.Name{LID: value}
		switch i := int(kind >> 1); {
		case i == 1:
			n.Set = mapi.PSMAPI
		case i == 2:
			n.Set = mapi.PSPublicStrings
		case i >= 3 && 16*(i-2) <= len(guids):
			n.Set = mapi.GUID(guids[16*(i-3):])
		}
		if kind&1 != 0 && int(value)+4 <= len(stringsOf) {
			size := int(binary.LittleEndian.Uint32(stringsOf[value:]))
			n = mapi.Named(n.Set, mapi.Value{Type: mapi.String, Data: stringsOf[value+4:][:size]}.Text(0))
		}
		list = append(list, n)
	}
	return list
}

// properties reads those of a storage, whose stream of properties begins with a header (MS-OXMSG 2.4).
func (c compound) properties(storage string, header int, names []mapi.Name) props {
	p := props{}
	set := func(id mapi.ID, v mapi.Value) {
		if id.IsNamed() {
			if i := int(id) - 0x8000; i < len(names) {
				p[names[i]] = v
			}
			return
		}
		p[id] = v
	}
	streams := c[storage]
	table := streams["__properties_version1.0"]
	for b := table[min(header, len(table)):]; len(b) >= 16; b = b[16:] {
		typ, id := mapi.Type(binary.LittleEndian.Uint16(b)), mapi.ID(binary.LittleEndian.Uint16(b[2:]))
		name := "__substg1.0_" + strings.ToUpper(strconv.FormatUint(0x1_0000_0000|uint64(id)<<16|uint64(typ), 16)[1:])
		v := mapi.Value{Type: typ}
		switch data, ok := streams[name]; {
		case typ.IsMulti() && typ.Single() != mapi.Integer32:
			var parts []string
			for n := range streams {
				if strings.HasPrefix(n, name+"-") {
					parts = append(parts, n)
				}
			}
			slices.Sort(parts)
			for _, n := range parts {
				v.Elems = append(v.Elems, streams[n])
			}
		case ok:
			v.Data = data
		default:
			v.Data = b[8:16]
		}
		set(id, v)
	}
	return p
}

// openMsg reads a message file (MS-OXMSG).
func openMsg(t testing.TB, path string) *msg {
	t.Helper()
	c := readCompound(t, path)
	names := c.names()
	m := &msg{props: c.properties("", 32, names)}
	var storages []string
	for s := range c {
		storages = append(storages, s)
	}
	slices.Sort(storages)
	for _, s := range storages {
		switch {
		case strings.HasPrefix(s, "__recip_version1.0_") && !strings.Contains(s, "/"):
			m.rows = append(m.rows, c.properties(s, 8, names))
		case strings.HasPrefix(s, "__attach_version1.0_") && !strings.Contains(s, "/"):
			a := &att{props: c.properties(s, 8, names)}
			if v, _ := a.Lookup(mapi.PidTagAttachDataBinary); v.Exists() {
				a.data = v.Bytes()
			}
			m.atts = append(m.atts, a)
		}
	}
	return m
}

// TestMessageFiles reads contacts, lists, tasks and notes that real programs wrote, and finds in each what those show.
func TestMessageFiles(t *testing.T) {
	for name, want := range messageFiles {
		t.Run(name, func(t *testing.T) {
			it := convert(t, openMsg(t, corpustest.File(t, filepath.Join("msg", name))))
			if len(it.Damage) > 0 {
				t.Errorf("damage %v", it.Damage)
			}
			lines := unfolded(t, it, vcard.V4)
			for _, line := range want {
				if !slices.Contains(lines, line) {
					t.Errorf("no %q in\n%s", line, strings.Join(lines, "\n"))
				}
			}
			if it.Kind == formats.KindMail {
				t.Error("it is mail")
			}
		})
	}
}

var messageFiles = map[string][]string{
	"06fcfd00-contact-plain.msg": {
		"FN:(full name) A completely bogus contact", "N:contact;(full name) A;completely bogus;;", `X-FILE-AS:(file as) contact\, A completely bogus`,
		`TITLE:(job title) Manager\, bogus division`, "EMAIL;PREF=1;X-CN=A completely bogus contact:email@emailland.com", "TEL;TYPE=cell:(mobile) 0404 123 456",
	},
	"82b0297c-Contact.msg": {"FN:FirstName LastName", "N:LastName;FirstName;;;", "X-INITIALS:F.L.", "EMAIL;PREF=1:user@domain.com"},
	// The birthday is stored as 1987-01-16 19:00 UTC: whoever made it was five hours ahead.
	"8b1295c7-contact.msg": {
		"N:Surname;GivenName;MiddleName;;Suffix", "ORG:CompanyName;DepartmentName", "TITLE:JobTitle", "ROLE:Profession", "TEL;TYPE=work,voice:323423423423",
		"TEL;TYPE=home,voice:323423423423", "ADR;TYPE=work;LABEL=Address:;;Street;City;StateOrProvince;PostalCode;Country", "URL;TYPE=work:BusinessHomePage.ru",
		"BDAY:19870117", "ANNIVERSARY:20070117", "X-MS-SPOUSE:Spouse", "NOTE:Notes",
	},
	"85da57d6-Margaret_J._Tolle.msg": {"EMAIL;PREF=1;X-CN=Hisen1988:MargaretJTolle@dayrep.com", "GENDER:F", "ADR;TYPE=work;LABEL=4 Darwinia Loop EIGHTY MILE BEACH WA 6725:;;;;;;"},
	"400a41db-NewGroup.msg":          {"KIND:group", "FN:NewGroup", "MEMBER;X-CN=User2:mailto:user2@gmail.com", "MEMBER;X-CN=User1:mailto:user1@gmail.com"},
	"3cd59362-testMSG_Task.msg": {
		"SUMMARY:Must jump over the lazy dog", "DTSTART;VALUE=DATE:20170219", "DUE;VALUE=DATE:20170310", "STATUS:IN-PROCESS", "PRIORITY:5",
		`X-PST-OWNER;CN="Allison, Timothy B.":invalid:nomail`, `DESCRIPTION:Quick brown fox must do what he must\n`,
	},
	"5f4127c4-MapiTask.msg": {
		"DTSTART;VALUE=DATE:20121101", "DUE;VALUE=DATE:20121201", "STATUS:COMPLETED", "CLASS:PRIVATE", "CATEGORIES:category1,category2,category3", "X-PST-COMPANIES:company1,company2,company3",
		"X-PST-ACTUAL-EFFORT:PT20M", "X-PST-ESTIMATED-EFFORT:PT2000M", "X-PST-OWNER;CN=Darius:invalid:nomail", "X-PST-ASSIGNER;CN=Harkness:invalid:nomail", "X-PST-MILEAGE:Some test mileage",
	},
	"5adb5116-note.msg":        {"SUMMARY:note sample", `DESCRIPTION:note sample\n\nJust any information to store in Outlook\n`, "COLOR:yellow", `X-PST-NOTE-SIZE:200\,166`},
	"2d302727-MapiNote.msg":    {"SUMMARY:Blue color note", "DESCRIPTION:This is a blue color note", "COLOR:blue", `X-PST-NOTE-POSITION:500\,300`},
	"c566d4d7-NoteMessage.msg": {"SUMMARY:Yellow color note", "COLOR:yellow"},
}
