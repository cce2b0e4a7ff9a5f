package directory_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/load/servertest"
	"mailmill/transform/address/directory"
)

// sizeLimit is how many entries the server gives at a time, as Active Directory does.
const sizeLimit = 1000

// startOpenLDAP starts a server that holds the entries.
func startOpenLDAP(t *testing.T, entries string) *servertest.Server {
	t.Helper()
	schema, err := filepath.Abs("testdata/exchange.schema")
	if err != nil {
		t.Fatal(err)
	}
	return servertest.OpenLDAP(t, servertest.Options{
		"BASE": "dc=org,dc=example", "SCHEMA": schema, "LDIF": write(t, entries), "SIZELIMIT": fmt.Sprint(sizeLimit),
	})
}

const readerDN = "cn=reader,dc=org,dc=example"

// organisation returns entries for slapadd: a reader, and so many people, rooms and groups.
func organisation(n int) string {
	var b strings.Builder
	b.WriteString("dn: dc=org,dc=example\nobjectClass: organization\nobjectClass: dcObject\no: Org\n\n")
	b.WriteString("dn: " + readerDN + "\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: secret\n\n")
	for i := range n {
		name := fmt.Sprintf("Müller, Jörg %d", i)
		fmt.Fprintf(&b, "dn:: %s\nobjectClass: inetOrgPerson\nobjectClass: mailRecipient\ncn:: %s\nsn:: TcO8bGxlcg==\ngivenName:: SsO2cmc=\nlegacyExchangeDN: %sjm%d\n",
			base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("cn=Müller\\, Jörg %d,dc=org,dc=example", i))), base64.StdEncoding.EncodeToString([]byte(name)), dn, i)
		fmt.Fprintf(&b, "mail: jm%d@org.example\nproxyAddresses: SMTP:jm%[1]d@org.example\nproxyAddresses: X500:/o=Old; Ltd/cn=jm %[1]d\nmailNickname: jm%[1]d\nobjectGUID:: 4AQlP4lP0xGaDAMF6CwzAQ==\n", i)
		if i%10 == 0 {
			b.WriteString("msExchRecipientTypeDetails: 16\njpegPhoto:: " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xFF, 0xD8}, 2000)) + "\n")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// OpenLDAP's answers, its tools' exports of the same entries, and the entries themselves are the same directory.
func TestOpenLDAP(t *testing.T) {
	const n = 2*sizeLimit + 345
	entries := organisation(n)
	s := startOpenLDAP(t, entries)
	url, urlTLS := "ldap://"+s.LDAP, "ldaps://"+s.LDAPS
	o := as(readerDN, "secret", &ldapServer{roots: s.Roots(t)})

	withoutPlace := func(objects []directory.Object) string {
		for i := range objects {
			objects[i].Where = ""
		}
		return render(objects)
	}
	objects, err := load(t, write(t, entries), directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != n || objects[0].Type != directory.Room || objects[1].Type != directory.User || len(objects[1].X500) != 1 || objects[1].GUID == "" {
		t.Fatalf("%d objects, the first %+v", len(objects), objects[:2])
	}
	want := withoutPlace(objects)

	for _, location := range []string{url, urlTLS, urlTLS + "/dc=org,dc=example??sub?(&(objectClass=mailRecipient)(mail=*))"} {
		objects, err := load(t, location, o)
		if err != nil {
			t.Errorf("%s: %v", location, err)
		} else if got := withoutPlace(objects); got != want {
			t.Errorf("%s: %d objects, not the same", location, len(objects))
		}
	}

	t.Run("exports", func(t *testing.T) {
		out, err := exec.Command("/usr/sbin/slapcat", "-f", filepath.Join(s.Dir, "etc", "slapd.conf")).Output()
		if err != nil {
			t.Fatal(err)
		}
		if objects, err := load(t, write(t, string(out)), directory.Options{}); err != nil || withoutPlace(objects) != want {
			t.Errorf("slapcat: %d objects, %v", len(objects), err)
		}
		search := func(options ...string) string {
			args := append([]string{"-x", "-H", urlTLS, "-D", readerDN, "-w", "secret", "-b", "dc=org,dc=example"}, options...)
			cmd := exec.Command(corpustest.Program(t, "ldapsearch"), args...)
			cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+s.CA)
			out, err := cmd.Output() // which ends with the server's result as its status
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) || len(out) == 0 {
				t.Fatalf("ldapsearch: %v", err)
			}
			return string(out)
		}
		for _, options := range [][]string{{"-E", "pr=500/noprompt"}, {"-LLL", "-E", "pr=500/noprompt"}, {"-L", "-E", "pr=100/noprompt", "-o", "ldif-wrap=no"}} {
			if objects, err := load(t, write(t, search(options...)), directory.Options{}); err != nil || withoutPlace(objects) != want {
				t.Errorf("ldapsearch %v: %d objects, %v", options, len(objects), err)
			}
		}
		if _, err := load(t, write(t, search()), directory.Options{}); err == nil || !strings.Contains(err.Error(), "part of the directory") {
			t.Errorf("an export that stops at the server's limit: %v", err)
		}
	})

	t.Run("fails", func(t *testing.T) {
		for _, test := range []struct {
			name, location, says string
			o                    directory.Options
			kind                 error
		}{
			{"a wrong password", urlTLS, "Invalid Credentials", as(readerDN, "wrong", &ldapServer{roots: s.Roots(t)}), directory.ErrAuthentication},
			{"a user that is not there", urlTLS, "Invalid Credentials", as("cn=nobody,dc=org,dc=example", "secret", &ldapServer{roots: s.Roots(t)}), directory.ErrAuthentication},
			{"no user", urlTLS, "Name a user", directory.Options{Roots: s.Roots(t)}, nil},
			{"a base that is not there", urlTLS + "/ou=none,dc=org,dc=example", "Is the base right", o, nil},
			{"a base of somebody else", urlTLS + "/dc=else", "Is the base right", o, nil},
			{"nobody", urlTLS + "/???(cn=nobody)", "no recipients", o, nil},
			{"a certificate that nobody knows", url, "--insecure 127.0.0.1", directory.Options{}, nil},
		} {
			objects, err := load(t, test.location, test.o)
			if err == nil || !strings.Contains(err.Error(), test.says) || test.kind != nil && !errors.Is(err, test.kind) || len(objects) > 0 {
				t.Errorf("%s: %d objects, %v", test.name, len(objects), err)
			}
		}
	})
}
