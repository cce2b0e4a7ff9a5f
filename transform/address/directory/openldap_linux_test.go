package directory_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailmill/formats/corpustest"
	"mailmill/transform/address/directory"
)

// sizeLimit is how many entries the server gives at a time, as Active Directory does.
const sizeLimit = 1000

// openLDAP is a running slapd.
type openLDAP struct {
	dir, url, urlTLS string
}

// startOpenLDAP starts a slapd that holds the entries, and ends it with the test.
func startOpenLDAP(t *testing.T, entries string) *openLDAP {
	t.Helper()
	slapd := "/usr/sbin/slapd"
	if _, err := os.Stat(slapd); err != nil {
		corpustest.Missing(t, "slapd is not installed")
	}
	schema, err := filepath.Abs("testdata/exchange.schema")
	if err != nil {
		t.Fatal(err)
	}
	// Paths of tests may be too long for what slapd puts there.
	dir, err := os.MkdirTemp("", "slapd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config, _ := certificate(t)
	cert := put("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: config.Certificates[0].Certificate[0]}))
	der, err := x509.MarshalPKCS8PrivateKey(config.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := put("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := put("slapd.conf", fmt.Appendf(nil, `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include %[1]s
pidfile %[2]s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile %[3]s
TLSCertificateFile %[3]s
TLSCertificateKeyFile %[4]s
database mdb
suffix "dc=org,dc=example"
rootdn "cn=admin,dc=org,dc=example"
rootpw secret
directory %[2]s/db
maxsize 268435456
dbnosync
limits * size.soft=%[5]d size.hard=%[5]d size.pr=%[5]d size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
`, schema, dir, cert, key, sizeLimit))
	ldif := put("entries.ldif", []byte(entries))
	if out, err := exec.Command("/usr/sbin/slapadd", "-q", "-f", conf, "-l", ldif).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}

	s := &openLDAP{dir: dir}
	var ports [2]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
		l.Close()
	}
	s.url, s.urlTLS = "ldap://127.0.0.1:"+ports[0], "ldaps://127.0.0.1:"+ports[1]
	var log bytes.Buffer
	server := exec.Command(slapd, "-f", conf, "-h", s.url+" "+s.urlTLS, "-d", "none")
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+ports[1])
		if err == nil {
			conn.Close()
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("slapd does not answer: %v\n%s", err, log.String())
		}
	}
}

// roots trusts the server.
func (s *openLDAP) roots(t *testing.T) *x509.CertPool {
	data, err := os.ReadFile(filepath.Join(s.dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(data)
	return pool
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
	o := as(readerDN, "secret", &ldapServer{roots: s.roots(t)})

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

	for _, location := range []string{s.url, s.urlTLS, s.urlTLS + "/dc=org,dc=example??sub?(&(objectClass=mailRecipient)(mail=*))"} {
		objects, err := load(t, location, o)
		if err != nil {
			t.Errorf("%s: %v", location, err)
		} else if got := withoutPlace(objects); got != want {
			t.Errorf("%s: %d objects, not the same", location, len(objects))
		}
	}

	t.Run("exports", func(t *testing.T) {
		out, err := exec.Command("/usr/sbin/slapcat", "-f", filepath.Join(s.dir, "slapd.conf")).Output()
		if err != nil {
			t.Fatal(err)
		}
		if objects, err := load(t, write(t, string(out)), directory.Options{}); err != nil || withoutPlace(objects) != want {
			t.Errorf("slapcat: %d objects, %v", len(objects), err)
		}
		search := func(options ...string) string {
			args := append([]string{"-x", "-H", s.urlTLS, "-D", readerDN, "-w", "secret", "-b", "dc=org,dc=example"}, options...)
			cmd := exec.Command(corpustest.Program(t, "ldapsearch"), args...)
			cmd.Env = append(os.Environ(), "LDAPTLS_CACERT="+filepath.Join(s.dir, "cert.pem"))
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
			{"a wrong password", s.urlTLS, "Invalid Credentials", as(readerDN, "wrong", &ldapServer{roots: s.roots(t)}), directory.ErrAuthentication},
			{"a user that is not there", s.urlTLS, "Invalid Credentials", as("cn=nobody,dc=org,dc=example", "secret", &ldapServer{roots: s.roots(t)}), directory.ErrAuthentication},
			{"no user", s.urlTLS, "Name a user", directory.Options{Roots: s.roots(t)}, nil},
			{"a base that is not there", s.urlTLS + "/ou=none,dc=org,dc=example", "Is the base right", o, nil},
			{"a base of somebody else", s.urlTLS + "/dc=else", "Is the base right", o, nil},
			{"nobody", s.urlTLS + "/???(cn=nobody)", "no recipients", o, nil},
			{"a certificate that nobody knows", s.url, "--insecure 127.0.0.1", directory.Options{}, nil},
		} {
			objects, err := load(t, test.location, test.o)
			if err == nil || !strings.Contains(err.Error(), test.says) || test.kind != nil && !errors.Is(err, test.kind) || len(objects) > 0 {
				t.Errorf("%s: %d objects, %v", test.name, len(objects), err)
			}
		}
	})
}
