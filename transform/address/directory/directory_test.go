package directory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"mailmill/formats/oab/oabtest"
	"mailmill/transform/address/directory"
)

// write puts a directory into a file, whose name says nothing about what is in it.
func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// render shows objects as people would write them down.
func render(objects []directory.Object) string {
	var b strings.Builder
	for _, o := range objects {
		fmt.Fprintf(&b, "%s %v", o.Where, o.Type)
		if o.Fixed {
			b.WriteString(" fixed")
		}
		if o.LegacyDN != "" {
			fmt.Fprintf(&b, "\n  dn %s", o.LegacyDN)
		}
		for _, dn := range o.X500 {
			fmt.Fprintf(&b, "\n  x500 %s", dn)
		}
		if o.SMTP != "" {
			fmt.Fprintf(&b, "\n  smtp %s", o.SMTP)
		}
		for _, addr := range o.Other {
			fmt.Fprintf(&b, "\n  other %s", addr)
		}
		if len(o.Names) > 0 {
			fmt.Fprintf(&b, "\n  names %s", strings.Join(o.Names, " | "))
		}
		if o.GUID != "" {
			fmt.Fprintf(&b, "\n  guid %s", o.GUID)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const dn = "/o=Org/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="

// Every dialect, as its program writes it.
func TestDialects(t *testing.T) {
	wide := func(s string, order unicode.Endianness, mark unicode.BOMPolicy) string {
		out, err := unicode.UTF16(order, mark).NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ansi := func(c *charmap.Charmap, s string) string {
		out, err := c.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const mueller = "\"DisplayName\";\"LegacyExchangeDN\";\"PrimarySmtpAddress\"\r\n\"Müller, Jörg – Büro\";\"" + dn + "jm\";\"jm@org.example\"\r\n"
	const muellerIs = "list:2 unknown\n  dn " + dn + "jm\n  smtp jm@org.example\n  names Müller, Jörg – Büro\n"

	tests := []struct {
		name, in, want string
		o              directory.Options
		notice         string
	}{
		{
			name: "Get-Mailbox, joined",
			in: "#TYPE Selected.System.Management.Automation.PSCustomObject\r\n" +
				`"DisplayName","Name","Alias","LegacyExchangeDN","PrimarySmtpAddress","RecipientTypeDetails","Guid","EmailAddresses"` + "\r\n" +
				`"Wolf, Paul","Paul Wolf","pwolf","` + dn + `pwolf","Paul.Wolf@org.example","UserMailbox","3F2504E0-4F89-11D3-9A0C-0305E82C3301","smtp:pwolf@old.example;X400:C=DE;A= ;P=Org;O=Exchange;S=Wolf;G=Paul;;X500:/o=Old, Inc; Ltd/ou=First Administrative Group/cn=Recipients/cn=Wolf, Paul;SMTP:Paul.Wolf@org.example;SIP:pwolf@org.example;SPO:SPO_1@SPO_2"` + "\r\n" +
				`"Großer Saal","Großer Saal","saal","` + dn + `saal","saal@org.example","RoomMailbox","","SMTP:saal@org.example"` + "\r\n",
			want: "list:3 user\n  dn " + dn + "pwolf\n  x500 /o=Old, Inc; Ltd/ou=First Administrative Group/cn=Recipients/cn=Wolf, Paul\n" +
				"  smtp Paul.Wolf@org.example\n  other pwolf@old.example\n  names Wolf, Paul | Paul Wolf | pwolf\n  guid 3f2504e0-4f89-11d3-9a0c-0305e82c3301\n" +
				"list:4 room\n  dn " + dn + "saal\n  smtp saal@org.example\n  names Großer Saal | saal\n",
		},
		{
			name: "addresses in braces, joined by blanks, pipes and line ends",
			in: "LegacyExchangeDN,EmailAddresses\n" +
				dn + "a,\"{SMTP:a@org.example, smtp:a2@org.example, X500:/o=Old/ou=A, B/cn=a}\"\n" +
				dn + "b,SMTP:b@org.example smtp:b2@org.example x500:/o=Old/cn=b b X500:/O=OLDER/CN=B\n" +
				dn + "c,smtp:c2@org.example|SMTP:c@org.example|GWISE:Dom.PO.c|X500:/o=Old/cn=c|GWISE:x\n" +
				dn + "d,\"SMTP:d@org.example\nsmtp:d2@org.example\"\n",
			want: "list:2 unknown\n  dn " + dn + "a\n  x500 /o=Old/ou=A, B/cn=a\n  smtp a@org.example\n  other a2@org.example\n" +
				"list:3 unknown\n  dn " + dn + "b\n  x500 /o=Old/cn=b b\n  x500 /O=OLDER/CN=B\n  smtp b@org.example\n  other b2@org.example\n" +
				"list:4 unknown\n  dn " + dn + "c\n  x500 /o=Old/cn=c\n  smtp c@org.example\n  other c2@org.example\n" +
				"list:5 unknown\n  dn " + dn + "d\n  smtp d@org.example\n  other d2@org.example\n",
		},
		{
			name: "addresses without their prefixes",
			in:   "DisplayName,EmailAddresses,X500Addresses\nAnn Lee,ann@org.example;lee@org.example,/o=Old/cn=a;/o=Older/ou=x;y/cn=a\n",
			want: "list:2 unknown\n  x500 /o=Old/cn=a\n  x500 /o=Older/ou=x;y/cn=a\n  smtp ann@org.example\n  other lee@org.example\n  names Ann Lee\n",
		},
		{
			name: "an address for SMTP that encapsulates a name",
			in:   "LegacyExchangeDN,EmailAddresses\n" + dn + "a,smtp:IMCEAEX-_O=OLD_OU=SITE_CN=RECIPIENTS_CN=A+20B@org.example;SMTP:a@org.example\n",
			want: "list:2 unknown\n  dn " + dn + "a\n  x500 /O=OLD/OU=SITE/CN=RECIPIENTS/CN=A B\n  smtp a@org.example\n",
		},
		{
			name: "contacts, groups, folders and what is outside",
			in: "Name\tLegacyExchangeDN\tPrimarySmtpAddress\tExternalEmailAddress\tRecipientTypeDetails\r\n" +
				"Ext\t" + dn + "ext\t\tSMTP:ext@other.example\tMailContact\r\n" +
				"Both\t" + dn + "both\tboth@org.example\tSMTP:both@other.example\tMailUser\r\n" +
				"All\t" + dn + "all\tall@org.example\t\tMailUniversalDistributionGroup\r\n" +
				"Dyn\t" + dn + "dyn\tdyn@org.example\t\tDynamicDistributionGroup\r\n" +
				"PF\t" + dn + "pf\tpf@org.example\t\tPublicFolder\r\n" +
				"Beamer\t" + dn + "beamer\tbeamer@org.example\t\tEquipmentMailbox\r\n" +
				"Shared\t" + dn + "shared\tshared@org.example\t\tSharedMailbox\r\n" +
				"No mail\t" + dn + "none\t\t\tUserMailbox\r\n" +
				"Nothing\t\t\t\tUser\r\n",
			want: "list:2 contact\n  dn " + dn + "ext\n  smtp ext@other.example\n  names Ext\n" +
				"list:3 user\n  dn " + dn + "both\n  smtp both@org.example\n  names Both\n" +
				"list:4 group\n  dn " + dn + "all\n  smtp all@org.example\n  names All\n" +
				"list:5 group\n  dn " + dn + "dyn\n  smtp dyn@org.example\n  names Dyn\n" +
				"list:6 public folder\n  dn " + dn + "pf\n  smtp pf@org.example\n  names PF\n" +
				"list:7 equipment\n  dn " + dn + "beamer\n  smtp beamer@org.example\n  names Beamer\n" +
				"list:8 user\n  dn " + dn + "shared\n  smtp shared@org.example\n  names Shared\n" +
				"list:9 user\n  dn " + dn + "none\n  names No mail\n",
		},
		{name: "UTF-8", in: mueller, want: muellerIs},
		{name: "UTF-8 with a mark", in: "\uFEFF" + mueller, want: muellerIs},
		{name: "UTF-16", in: wide(mueller, unicode.LittleEndian, unicode.UseBOM), want: muellerIs},
		{name: "UTF-16 the other way round", in: wide(mueller, unicode.BigEndian, unicode.UseBOM), want: muellerIs},
		{name: "UTF-16 without a mark", in: wide(mueller, unicode.LittleEndian, unicode.IgnoreBOM), want: muellerIs},
		{name: "ANSI", in: ansi(charmap.Windows1252, mueller), want: muellerIs},
		{
			name: "ANSI of another country", o: directory.Options{CodePage: 1251},
			in:   ansi(charmap.Windows1251, "DisplayName,PrimarySmtpAddress,LegacyExchangeDN\nИван Петров,ip@org.example,"+dn+"ip\n"),
			want: "list:2 unknown\n  dn " + dn + "ip\n  smtp ip@org.example\n  names Иван Петров\n",
		},
		{
			name: "UTF-8 to its end, though a code page is given", o: directory.Options{CodePage: 1251},
			in: mueller, want: muellerIs,
		},
		{
			name: "Excel's delimiter, empty lines, short rows, no line end at the end",
			in:   "sep=;\r\nLegacyExchangeDN;PrimarySmtpAddress;DisplayName;;\r\n\r\n" + dn + "a;a@org.example\r\n" + dn + "b;b@org.example;Bea;;", notice: "within a line",
			want: "list:4 unknown\n  dn " + dn + "a\n  smtp a@org.example\nlist:5 unknown\n  dn " + dn + "b\n  smtp b@org.example\n  names Bea\n",
		},
		{
			name: "names without letters beyond ASCII",
			in:   "DisplayName,PrimarySmtpAddress\nM?ller,m@org.example\n",
			want: "list:2 unknown\n  smtp m@org.example\n  names M?ller\n", notice: "-Encoding UTF8",
		},
		{
			name: "without names of Exchange's",
			in:   "DisplayName,PrimarySmtpAddress\nAnn,a@org.example\n",
			want: "list:2 unknown\n  smtp a@org.example\n  names Ann\n", notice: "LegacyExchangeDN",
		},
		{
			name: "csvde",
			in: "DN,objectClass,cn,displayName,objectGUID,legacyExchangeDN,proxyAddresses,mail,mailNickname,msExchRecipientTypeDetails,msExchRecipientDisplayType\r\n" +
				`"CN=Paul Wolf,OU=Users,DC=org,DC=example",top;person;organizationalPerson;user,Paul Wolf,"Wolf, Paul",X'e004253f894fd3119a0c0305e82c3301',` + dn + `pwolf,x500:/o=Old\;New/cn=p;smtp:pwolf@old.example;SMTP:paul@org.example,paul@org.example,pwolf,1,1073741824` + "\r\n" +
				`"CN=Saal,OU=Rooms,DC=org,DC=example",top;person;organizationalPerson;user,Saal,,,` + dn + `saal,SMTP:saal@org.example,saal@org.example,saal,,-2147481850` + "\r\n" +
				`"CN=All,DC=org,DC=example",top;group,All,,,` + dn + `all,SMTP:all@org.example,,all,,` + "\r\n" +
				`"OU=Users,DC=org,DC=example",top;organizationalUnit,,,X'e004253f894fd3119a0c0305e82c3302',,,,,,` + "\r\n",
			want: "list:2 user\n  dn " + dn + "pwolf\n  x500 /o=Old;New/cn=p\n  smtp paul@org.example\n  other pwolf@old.example\n  names Wolf, Paul | Paul Wolf | pwolf\n  guid 3f2504e0-4f89-11d3-9a0c-0305e82c3301\n" +
				"list:3 room\n  dn " + dn + "saal\n  smtp saal@org.example\n  names Saal\n" +
				"list:4 group\n  dn " + dn + "all\n  smtp all@org.example\n  names All\n",
		},
		{
			name: "Exchange 5.5",
			in: "Obj-Class,Display Name,Alias Name,Directory Name,E-mail address,E-mail Addresses,Obj-Container\r\n" +
				`Mailbox,"Black, Maria",mariab,mariab,,"CCMAIL:Black, Maria at California%MS:FB/NA/MARIAB%SMTP:MariaB@org.example%X400:c=US;a= ;p=Org;o=California;s=Black;g=Maria;",Recipients` + "\r\n" +
				`Remote,Ext,ext,ext,SMTP:ext@other.example,X400:c=US;a= ;p=Org;s=ext;%SMTP:ext@other.example,Recipients` + "\r\n",
			want: "list:2 user\n  smtp MariaB@org.example\n  names Black, Maria | mariab\nlist:3 contact\n  smtp ext@other.example\n  names Ext\n",
		},
		{
			name: "ldifde",
			in: "dn: CN=Paul Wolf,OU=Users,DC=org,DC=example\r\nchangetype: add\r\nobjectClass: top\r\nobjectClass: user\r\ncn: Paul Wolf\r\n" +
				"displayName:: TcO8bGxlcg==\r\nobjectGUID:: 4AQlP4lP0xGaDAMF6CwzAQ==\r\nlegacyExchangeDN: " + dn[:60] + "\r\n " + dn[60:] + "pwolf\r\n" +
				"proxyAddresses: SMTP:paul@org.example\r\nproxyAddresses: smtp:pwolf@org.example\r\nproxyAddresses:: eDUwMDovbz1PbGQ7IEx0ZC9jbj3DpA==\r\n" +
				"mail: paul@org.example\r\nthumbnailPhoto:: /9j/4AAQ\r\nmsExchRecipientDisplayType: 1073741824\r\nmsExchRecipientTypeDetails: 2147483648\r\n\r\n" +
				"dn: CN=Ext,DC=org,DC=example\r\nchangetype: add\r\nobjectClass: top\r\nobjectClass: person\r\nobjectClass: contact\r\ntargetAddress: SMTP:ext@other.example\r\nlegacyExchangeDN: " + dn + "ext\r\n\r\n" +
				"dn: CN=Gone,DC=org,DC=example\r\nchangetype: delete\r\n\r\n",
			want: "list:1 user\n  dn " + dn + "pwolf\n  x500 /o=Old; Ltd/cn=ä\n  smtp paul@org.example\n  other pwolf@org.example\n  names Müller | Paul Wolf\n  guid 3f2504e0-4f89-11d3-9a0c-0305e82c3301\n" +
				"list:18 contact\n  dn " + dn + "ext\n  smtp ext@other.example\n",
			notice: `"delete"`,
		},
		{
			name: "ldifde -u, and UTF-16 in base64",
			in:   wide("dn: CN=a\r\nchangetype: add\r\ndisplayName:: TQD8AGwAbABlAHIA\r\ncn: Jürgen\r\nmail: a@org.example\r\n", unicode.LittleEndian, unicode.UseBOM),
			want: "list:1 unknown\n  smtp a@org.example\n  names Müller | Jürgen\n",
		},
		{
			name: "ldapsearch",
			in: "# extended LDIF\n#\n# LDAPv3\n# base <dc=org,dc=example> with scope subtree\n\n# pwolf, org.example\ndn: uid=pwolf,dc=org,dc=example\nobjectClass: inetOrgPerson\n" +
				"cn: Paul Wolf\ncn;lang-de: Wolf, Paul\nsn: Wolf\ngivenName: Paul\nmail: paul@org.example\nmail: pwolf@org.example\nmailLocalAddress: p.wolf@org.example\nmail;lang-fr: rien@org.example\n\n" +
				"# search reference\nref: ldap://other.example/dc=other\n\n# search result\nsearch: 2\nresult: 0 Success\n\n# numResponses: 3\n",
			want:   "list:7 user\n  smtp paul@org.example\n  other p.wolf@org.example\n  other pwolf@org.example\n  names Paul Wolf | Wolf, Paul\n",
			notice: "ldap://other.example",
		},
		{
			name: "a group of OpenLDAP", in: "version: 1\ndn: cn=all\nobjectClass: groupOfNames\ncn: All\nmail: all@org.example\n",
			want: "list:2 group\n  smtp all@org.example\n  names All\n",
		},
		{
			name: "the offline address book",
			in: string(oabtest.Details(
				oabtest.Record{
					0x3001001F: "Müller, Felix", 0x3003001E: dn + "felix", 0x39FE001F: "felix@org.example", 0x3A00001F: "felix", 0x39050003: uint32(0x40000000),
					0x800F101F: []string{"SMTP:felix@org.example", "X500:/o=Old;x/cn=felix SIP:y", "smtp:f@org.example", "SIP:felix@org.example"},
					0x8C6D0102: []byte{0xE0, 4, 0x25, 0x3F, 0x89, 0x4F, 0xD3, 0x11, 0x9A, 0x0C, 3, 5, 0xE8, 0x2C, 0x33, 1},
				},
				oabtest.Record{0x3001001F: "Saal", 0x3003001E: dn + "saal", 0x39FE001F: "saal@org.example", 0x39050003: uint32(7), 0x68051003: []uint32{0x800F101F}},
				oabtest.Record{0x3001001F: "All", 0x3003001E: dn + "all", 0x39FE001F: "all@org.example", 0x39000003: uint32(1)},
			)),
			want: "list: record 1 user\n  dn " + dn + "felix\n  x500 /o=Old;x/cn=felix SIP:y\n  smtp felix@org.example\n  other f@org.example\n  names Müller, Felix | felix\n  guid 3f2504e0-4f89-11d3-9a0c-0305e82c3301\n" +
				"list: record 2 room\n  dn " + dn + "saal\n  smtp saal@org.example\n  names Saal\nlist: record 3 group\n  dn " + dn + "all\n  smtp all@org.example\n  names All\n",
			notice: "of 1 recipients",
		},
		{
			name: "vCards of three versions",
			in: "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Wolf\\, Paul\r\nN:Wolf;Paul;;;\r\nEMAIL;TYPE=INTERNET:home@else.example\r\nEMAIL;TYPE=INTERNET,PREF:paul@org.example\r\nX-EX-ADDRESS:" + dn[:40] + "\r\n " + dn[40:] + "pwolf\r\nPHOTO;ENCODING=b:AAAA\r\n AAAA\r\nEND:VCARD\r\n" +
				"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:M=FCl=\r\nler;Felix\r\nFN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Felix M=FCller\r\nEMAIL;PREF;INTERNET:felix@org.example\r\nAGENT:\r\nBEGIN:VCARD\r\nEMAIL;INTERNET:agent@else.example\r\nEND:VCARD\r\nNOTE;ENCODING=QUOTED-PRINTABLE:see=0D=0A=\r\nEMAIL:note@else.example=0D=0A=\r\nEND:VCARD\r\nEND:VCARD\r\n" +
				"BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:All\nitem1.EMAIL;PREF=2:all2@org.example\nitem2.EMAIL;PREF=1:all@org.example\nEMAIL:" + dn + "all\nEND:VCARD\n" +
				"BEGIN:VCARD\nVERSION:3.0\nFN:No address\nEND:VCARD\n",
			want: "list:1 contact\n  dn " + dn + "pwolf\n  smtp paul@org.example\n  other home@else.example\n  names Wolf, Paul | Paul Wolf\n" +
				"list:12 contact\n  smtp felix@org.example\n  names Felix Müller\n" +
				"list:26 group\n  dn " + dn + "all\n  smtp all@org.example\n  other all2@org.example\n  names All\n",
		},
		{
			name: "two columns",
			in:   dn + "a,a@org.example\n\"/o=Old, Inc/cn=b\",b@org.example\n/o=Old, Inc/cn=c,c@org.example\nold@old.example,new@org.example\nPaul Wolf,paul@org.example\nIMCEAEX-_O=OLD_CN=D@x.example,d@org.example\n" + dn + "open,\n",
			want: "list:1 unknown fixed\n  dn " + dn + "a\n  smtp a@org.example\nlist:2 unknown fixed\n  dn /o=Old, Inc/cn=b\n  smtp b@org.example\nlist:3 unknown fixed\n  dn /o=Old, Inc/cn=c\n  smtp c@org.example\n" +
				"list:4 unknown fixed\n  smtp new@org.example\n  other old@old.example\nlist:5 unknown fixed\n  smtp paul@org.example\n  names Paul Wolf\nlist:6 unknown fixed\n  dn /O=OLD/CN=D\n  smtp d@org.example\n",
		},
		{
			name: "two columns with names above them, new and old",
			in:   "neu;alt\r\na@org.example;" + dn + "a\r\n",
			want: "list:2 unknown fixed\n  dn " + dn + "a\n  smtp a@org.example\n",
		},
		{
			name: "our own table, edited in a spreadsheet",
			in: "dn;name;address;via;items\r\n" + dn + "a;'=Ann;a@org.example;learnt;17\r\n" + dn + "b;Bea;;none;3\r\n" + dn + "c;Cy;ex-0123456789ab@unresolved.invalid;none;3\r\n" +
				"Dee Day;Dee Day;'-dee@org.example;none;1\r\nold@old.example;Eve;eve@org.example;stored;1\r\n",
			want: "list:2 unknown fixed\n  dn " + dn + "a\n  smtp a@org.example\n  names =Ann\nlist:5 unknown fixed\n  smtp -dee@org.example\n  names Dee Day\nlist:6 unknown fixed\n  smtp eve@org.example\n  other old@old.example\n  names Eve\n",
		},
		{name: "our own table with no answers yet", in: "dn,address,name\n" + dn + "a,,Ann\n", want: ""},
		{
			name: "our own as JSON lines",
			in:   `{"type":"person","schema":1,"dn":"` + dn + `a","address":"a@org.example","name":"Ann","via":"learnt","names":["Ann","A."]}` + "\n" + `{"type":"person","dn":"` + dn + `b","name":"Bea","via":"none"}` + "\n" + `{"type":"balance","items":4}` + "\n",
			want: "list: object 1 unknown fixed\n  dn " + dn + "a\n  smtp a@org.example\n  names Ann\n",
		},
		{
			name: "addresses as the program shows them",
			in:   `[{"name":"Ann","stored":"` + dn + `a","smtp":"a@org.example","via":"learnt"}]`,
			want: "list: object 1 unknown fixed\n  dn " + dn + "a\n  smtp a@org.example\n  names Ann\n",
		},
		{
			name: "a map as JSON",
			in:   `{"` + dn + `a": "a@org.example", "Bea Lee": "b@org.example", "` + dn + `c": ""}`,
			want: "list: pair 1 unknown fixed\n  dn " + dn + "a\n  smtp a@org.example\nlist: pair 2 unknown fixed\n  smtp b@org.example\n  names Bea Lee\n",
		},
		{
			name: "an export as JSON that begins with an account",
			in:   `{"UserPrincipalName":"ann@accounts.example","Comment":"","LegacyExchangeDN":"` + dn + `a","PrimarySmtpAddress":"a@org.example"}`,
			want: "list: object 1 unknown\n  dn " + dn + "a\n  smtp a@org.example\n",
		},
		{
			name: "ConvertTo-Json",
			in:   `[{"DisplayName":"Ann","LegacyExchangeDN":"` + dn + `a","PrimarySmtpAddress":{"Local":"a","Domain":"org.example","Address":"a@org.example"},"EmailAddresses":["SMTP:a@org.example","X500:/o=Old; x/cn=a"],"RecipientTypeDetails":"UserMailbox","Members":{"a":1}}]`,
			want: "list: object 1 user\n  dn " + dn + "a\n  x500 /o=Old; x/cn=a\n  smtp a@org.example\n  names Ann\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var notices []string
			test.o.Notice = func(where, what string) { notices = append(notices, where+": "+what) }
			objects, err := load(t, write(t, test.in), test.o)
			if err != nil {
				t.Fatal(err)
			}
			if got := render(objects); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
			if all := strings.Join(notices, "\n"); (test.notice == "") != (all == "") || !strings.Contains(all, test.notice) {
				t.Errorf("notices %q, want %q", all, test.notice)
			}
		})
	}
}

// What cannot be read says where, why, and what to do.
func TestRefused(t *testing.T) {
	tests := []struct {
		name, in string
		says     []string
	}{
		{"the type's name for addresses", "DisplayName,LegacyExchangeDN,EmailAddresses\nAnn," + dn + "a,SMTP:a@org.example\nBea," + dn + "b,Microsoft.Exchange.Data.ProxyAddressCollection\n", []string{"list:3:", "Microsoft.Exchange.Data.ProxyAddressCollection", "-join ';'", "Get-Recipient"}},
		{"of remote PowerShell", "LegacyExchangeDN,EmailAddresses\nx,System.Collections.ArrayList\n", []string{"list:2:", "-join ';'"}},
		{"of a generic type", "LegacyExchangeDN,EmailAddresses\nx,\"Microsoft.Exchange.Data.MultiValuedProperty`1[System.String]\"\n", []string{"list:2:", "-join ';'"}},
		{"of Get-ADUser", "DisplayName,proxyAddresses\nx,Microsoft.ActiveDirectory.Management.ADPropertyValueCollection\n", []string{"list:2:", "Get-ADObject"}},
		{"in JSON", `[{"LegacyExchangeDN":"x","EmailAddresses":"System.Object[]"}]`, []string{"object 1", "-join ';'"}},
		{"addresses left out", "LegacyExchangeDN,EmailAddresses\nx,\"{SMTP:a@x.example, smtp:b@x.example, smtp:c@x.example, smtp:d@x.example...}\"\n", []string{"list:2:", "left out", "-join ';'"}},
		{"addresses left out, newer", "LegacyExchangeDN,EmailAddresses\nx,\"{SMTP:a@x.example, smtp:d@x.example…}\"\n", []string{"list:2:", "left out"}},
		{"more cells than columns", "DisplayName,LegacyExchangeDN,PrimarySmtpAddress\nWolf, Paul," + dn + "a,a@org.example\n", []string{"list:2:", "4 cells", "quotes"}},
		{"a quote that is never closed", "DisplayName,PrimarySmtpAddress\n\"Ann,a@org.example\nBea,b@org.example\n", []string{"list:2:", "never closed"}},
		{"another table", "Date,Amount,Text\n2020-01-01,17,rent\n", []string{"list:", "no pair", "Export-Csv"}},
		{"a table that is cut off", "LegacyExchangeDN,PrimarySmtpAddress,Alias\n" + dn + "a,a@org.example,a\n" + dn + "b,b@org.e", []string{"list:3:", "ends within"}},
		{"accounts", "SamAccountName,UserPrincipalName\na,a@org.example\n", []string{"list:1:", "no mail addresses"}},
		{"a text", "Dear all,\nhere is the list.\n", []string{"list:", "Export-Csv"}},
		{"only names", "DisplayName,Alias,PrimarySmtpAddress\nAnn,ann,\n", []string{"no recipients", "Export-Csv"}},
		{"an answer that is none", "dn,address\n" + dn + "a,a@org.example\n" + dn + "b,jdoe@\n", []string{"list:3:", `"jdoe@"`}},
		{"an answer to nothing", "dn,address,name\n,a@org.example,\n", []string{"list:2:", "nothing"}},
		{"a map that ends otherwise", "/o=Old/cn=a,a@org.example\n/o=Old/cn=b,a@org.example,\n/o=Old/cn=c,c,d\n", []string{"list:3:", "no pair"}},
		{"an answer that is none, in JSON", `{"dn":"` + dn + `a","address":"x@"}`, []string{"object 1", `"x@"`}},
		{"cut JSON", `[{"dn":"` + dn + `a","address":"a@org.example"},{"dn":`, []string{"after object 2", "middle"}},
		{"other JSON", `{"a":1}`, []string{"no recipients", `"dn"`}},
		{"JSON of texts", `["a@org.example"]`, []string{"objects"}},
		{"XML", "<Objs Version=\"1.1.0.1\"/>", []string{"XML", "Export-Csv"}},
		{"a workbook", "PK\x03\x04\x14\x00", []string{"Excel", "CSV UTF-8"}},
		{"an archive", "!BDN\x00\x00", []string{"mailbox archive"}},
		{"compressed", "\x1F\x8B\x08", []string{"compressed"}},
		{"an empty file", "", []string{"empty"}},
		{"blank lines", "\r\n\r\n", []string{"empty"}},
		{"only the type", "#TYPE System.Object\n", []string{"empty"}},
		{"a value from a file", "dn: cn=a\nmail: a@org.example\njpegPhoto:< file:///etc/passwd\n", []string{"list:3:", "refused"}},
		{"an export that the server cut short", "dn: cn=a\nmail: a@org.example\n\nsearch: 2\nresult: 4 Size limit exceeded\n", []string{"list:5:", "part", "pr=500"}},
		{"LDIF that is none", "dn: cn=a\nmail a@org.example\n", []string{"list:2:"}},
		{"LDIF without people", "dn: ou=a\nobjectClass: organizationalUnit\n", []string{"no recipients", "ldifde"}},
		{"a packed address book", "\x03\x00\x00\x00\x01\x00\x00\x00\x00\x80\x00\x00", []string{"compressed", "udetails.oab", "oabextract"}},
		{"an old address book", "\x0A\x00\x00\x00\x01\x00\x00\x00\x00\x80\x00\x00", []string{"version 2", "udetails.oab"}},
		{"a cut address book", string(oabtest.Details(oabtest.Record{0x39FE001F: "a@org.example"}, oabtest.Record{0x39FE001F: "b@org.example"})[:110]), []string{"damaged", "Outlook is closed"}},
		{"a card without its end", "BEGIN:VCARD\nVERSION:3.0\nEMAIL:a@org.example\n", []string{"list:1:", "end"}},
		{"cards without addresses", "BEGIN:VCARD\nVERSION:3.0\nFN:a\nEND:VCARD\n", []string{"no recipients"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(t, write(t, test.in), directory.Options{})
			var known *directory.Error
			if !errors.As(err, &known) {
				t.Fatalf("%v", err)
			}
			for _, s := range test.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%v\ndoes not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), "passwd") {
				t.Error(err)
			}
		})
	}
}

// What has no end is refused before memory has one.
func TestLimits(t *testing.T) {
	long := strings.Repeat("x", 17<<20)
	for name, content := range map[string]string{
		"a row":                "Name,Mail\n\"" + long + "\",a@org.example\n",
		"a row without quotes": "Name,Mail\n" + long + ",a@org.example\n",
		"cells":                "Name,Mail\n" + strings.Repeat(",", 5000) + "\n",
		"JSON":                 `{"dn":"` + long + `","address":"a@org.example"}`,
		"a card":               "BEGIN:VCARD\nFN:" + long + "\nEND:VCARD\n",
		"a property":           "BEGIN:VCARD\n" + long + "\nEND:VCARD\n",
		"LDIF":                 "dn: cn=a\nmail: " + long + "\n",
	} {
		_, err := load(t, write(t, content), directory.Options{})
		if err == nil || !strings.Contains(err.Error(), "more than") || len(err.Error()) > 1000 {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	if testing.Short() {
		return
	}
	// Cells that would take hours if each byte were looked at for each byte.
	for name, cell := range map[string]string{
		"delimiters": strings.Repeat(",", 8<<20), "delimiters after a name": "/" + strings.Repeat(",", 8<<20), "percent signs": strings.Repeat("%", 8<<20) + "x",
		"percent signs within": "x" + strings.Repeat("%", 8<<20), "colons": strings.Repeat("smtp:", 2<<20), "names": strings.Repeat("x500:/o=", 1<<20), "blanks": "X500:/o=a" + strings.Repeat(" :", 4<<20),
		"quotes": strings.Repeat("'", 8<<20), "braces": strings.Repeat("<", 4<<20) + "@" + strings.Repeat(">", 4<<20),
	} {
		began := time.Now()
		_, err := load(t, write(t, "Mail,EmailAddresses\na@org.example,\""+cell+"\"\n"), directory.Options{})
		if took := time.Since(began); err != nil || took > time.Minute {
			t.Errorf("%s: %v, %v", name, took, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	if _, err := load(t, filepath.Join(dir, "none"), directory.Options{}); !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), dir) != 1 {
		t.Error(err)
	}
	if _, err := load(t, dir, directory.Options{}); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Error(err)
	}
	if _, err := load(t, "https://me:secret@org.example/users.csv", directory.Options{}); err == nil || !strings.Contains(err.Error(), "ldaps://") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	path := write(t, "DisplayName,PrimarySmtpAddress\n"+strings.Repeat("Ann,a@org.example\n", 100_000))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range directory.Read(ctx, path, directory.Options{}) {
		if last = err; err == nil {
			n++
		}
		cancel()
	}
	if !errors.Is(last, context.Canceled) || n >= 100_000 {
		t.Errorf("%d objects, %v", n, last)
	}
}

// Whoever has seen enough gets no more, and no error.
func TestStop(t *testing.T) {
	path := write(t, "DisplayName,PrimarySmtpAddress\nAnn,a@org.example\nBea,b@org.example\n\"")
	for obj, err := range directory.Read(context.Background(), path, directory.Options{}) {
		if err != nil || obj.Names[0] != "Ann" {
			t.Error(obj, err)
		}
		break
	}
}

func TestDefuse(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "Ann": "Ann", "=1+1": "'=1+1", "+49": "'+49", "-x": "'-x", "@x": "'@x", "\tx": "'\tx", "'=x": "''=x", "'Ann": "'Ann", "/o=Org": "/o=Org", "''": "''",
	} {
		if got := directory.Defuse(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom([]rune("'=+-@\t\rax "))).Draw(t, "s")
		if got := directory.Undefuse(directory.Defuse(s)); got != s {
			t.Fatalf("%q comes back as %q", s, got)
		}
	})
}

// However objects are joined into a cell, they come back.
func TestJoined(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[A-Za-z0-9]([A-Za-z0-9 ,;.]{0,12}[A-Za-z0-9])?`)
		var cell, want []string
		for range rapid.IntRange(1, 6).Draw(t, "n") {
			dn := "/o=" + part.Draw(t, "o") + "/cn=" + part.Draw(t, "cn")
			cell = append(cell, rapid.SampledFrom([]string{"X500:", "x500:"}).Draw(t, "prefix")+dn)
			want = append(want, dn)
		}
		separator := rapid.SampledFrom([]string{",", ", ", ";", " ", "|", "%", "\n"}).Draw(t, "separator")
		var quoted bytes.Buffer
		quoted.WriteString("EmailAddresses\n\"" + strings.Join(cell, separator) + "\"\n")
		dir, err := os.MkdirTemp("", "joined")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "list")
		if err := os.WriteFile(path, quoted.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		for obj, err := range directory.Read(context.Background(), path, directory.Options{}) {
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(obj.X500, "\n"); got != strings.Join(want, "\n") {
				t.Fatalf("%q, want %q", obj.X500, want)
			}
		}
	})
}
