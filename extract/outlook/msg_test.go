package outlook_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	msgfile "mailmill/formats/msg"
	"mailmill/formats/vcard"
)

// openMsg opens a message file.
func openMsg(t testing.TB, path string) mapi.Message {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := msgfile.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
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
