package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailmill/transform/address/directory"
)

// people returns entries of a directory.
func people(n int) []ldapEntry {
	var entries []ldapEntry
	for i := range n {
		entries = append(entries, ldapEntry{fmt.Sprintf("cn=p%d,dc=org,dc=example", i), map[string][]string{
			"objectClass": {"top", "person", "user"}, "cn": {fmt.Sprintf("Person %d", i)}, "objectGUID": {"\xe0\x04\x25\x3f\x89\x4f\xd3\x11\x9a\x0c\x03\x05\xe8\x2c\x33\x01"},
			"legacyExchangeDN": {fmt.Sprintf("%sp%d", dn, i)}, "proxyAddresses": {fmt.Sprintf("SMTP:p%d@org.example", i), fmt.Sprintf("X500:/o=Old/cn=p %d", i)},
		}})
	}
	return entries
}

// as logs in with a password.
func as(user, password string, s *ldapServer) directory.Options {
	return directory.Options{
		User: user, Roots: s.roots, Timeout: 5 * time.Second,
		Password: func(_ context.Context, host, asked string) (string, error) {
			if asked != user || !strings.Contains(host, ":") {
				return "", fmt.Errorf("asked for %q at %q", asked, host)
			}
			return password, nil
		},
	}
}

func TestServer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("pages", func(t *testing.T) {
		const user = "reader@org.example"
		s := (&ldapServer{entries: people(1234), users: map[string]string{user: "secret"}, defaultBase: "dc=org,dc=example", naming: []string{"dc=org,dc=example", "cn=Configuration"}, references: []string{"ldap://other.example/dc=other"}}).start(t)
		o := as(user, "secret", s)
		var notices []string
		o.Notice = func(where, what string) { notices = append(notices, where+": "+what) }
		objects, err := load(t, s.url, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(objects) != 1234 {
			t.Fatalf("%d objects", len(objects))
		}
		if got, want := render(objects[1233:]), s.url+": cn=p1233,dc=org,dc=example user\n  dn "+dn+"p1233\n  x500 /o=Old/cn=p 1233\n  smtp p1233@org.example\n  names Person 1233\n  guid 3f2504e0-4f89-11d3-9a0c-0305e82c3301\n"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		filter := "(|(legacyExchangeDN=*)(proxyAddresses=*)(mail=*)(targetAddress=*))"
		page := `search "dc=org,dc=example" 2 ` + filter
		if log := s.seen(); !slices.Equal(log, []string{"StartTLS", "bind " + user + ", TLS true", `search "" 0 (objectClass=*)`, page, page, page}) {
			t.Errorf("the server saw %q", log)
		}
		if len(notices) != 1 || !strings.Contains(notices[0], "ldap://other.example") {
			t.Errorf("notices %q", notices)
		}
	})
	t.Run("base, scope and filter", func(t *testing.T) {
		s := (&ldapServer{entries: people(3), implicitTLS: true, ignorePaging: true}).start(t)
		objects, err := load(t, s.urlTLS+"/ou=Some%20People,dc=org?mail?one?(mail=*@org.example)", directory.Options{Roots: s.roots})
		if err != nil || len(objects) != 3 {
			t.Fatal(len(objects), err)
		}
		if log := s.seen(); !slices.Equal(log, []string{`search "ou=Some People,dc=org" 1 (mail=*@org.example)`}) {
			t.Errorf("the server saw %q", log)
		}
	})
	t.Run("more values than one answer has", func(t *testing.T) {
		var all []string
		for i := range 35 {
			all = append(all, fmt.Sprintf("X500:/o=Old/cn=%d", i))
		}
		s := (&ldapServer{entries: []ldapEntry{{"cn=a,dc=x", map[string][]string{
			"mail": {"a@org.example"}, "proxyAddresses": {}, "proxyAddresses;range=0-9": all[:10], "all proxyAddresses": all,
		}}}, implicitTLS: true}).start(t)
		objects, err := load(t, s.urlTLS+"/dc=x", directory.Options{Roots: s.roots})
		if err != nil || len(objects) != 1 || len(objects[0].X500) != 35 || objects[0].X500[34] != "/o=Old/cn=34" {
			t.Errorf("%v, %+v", err, objects)
		}
	})
	t.Run("no TLS, which is allowed", func(t *testing.T) {
		s := (&ldapServer{entries: people(3), users: map[string]string{"u": "secret"}, noStartTLS: true}).start(t)
		o := as("u", "secret", s)
		o.Insecure = func(host string) bool { return host == "127.0.0.1" }
		if objects, err := load(t, s.url+"/dc=x", o); err != nil || len(objects) != 3 {
			t.Error(len(objects), err)
		}
		if log := s.seen(); len(log) < 2 || log[1] != "bind u, TLS false" {
			t.Errorf("the server saw %q", log)
		}
	})
	t.Run("a certificate that nobody knows, which is allowed", func(t *testing.T) {
		s := (&ldapServer{entries: people(3), implicitTLS: true}).start(t)
		o := directory.Options{Insecure: func(string) bool { return true }}
		if objects, err := load(t, s.urlTLS+"/dc=x", o); err != nil || len(objects) != 3 {
			t.Error(len(objects), err)
		}
	})
}

// A server that does not do as it should is an error that says so, within the time that was given, and never a part of
// a directory that passes for the whole.
func TestServerFails(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	users := map[string]string{"u": "secret"}
	tests := []struct {
		name   string
		server *ldapServer
		path   string
		tls    bool
		change func(*directory.Options)
		kind   error
		says   []string
	}{
		{name: "stalls in the middle", server: &ldapServer{entries: people(700), stallAfter: 600}, kind: directory.ErrAway, says: []string{"did not answer for 300ms"}},
		{name: "stalls in the handshake", server: &ldapServer{implicitTLS: true, muteTLS: true}, tls: true, kind: directory.ErrAway, says: []string{"did not answer for 300ms"}},
		{name: "stalls after StartTLS", server: &ldapServer{muteTLS: true}, kind: directory.ErrAway, says: []string{"did not answer for 300ms"}},
		{name: "dies in the middle of a page", server: &ldapServer{entries: people(700), dieAfter: 600}, kind: directory.ErrAway, says: []string{"cannot read the directory"}},
		{name: "dies at once", server: &ldapServer{entries: people(700), dieAfter: 1, implicitTLS: true}, tls: true, kind: directory.ErrAway, says: []string{"cannot read the directory"}},
		{name: "gives a part", server: &ldapServer{entries: people(700), limit: 100, ignorePaging: true}, says: []string{"Size Limit", "part of the directory"}},
		{name: "gives a part of a page", server: &ldapServer{entries: people(700), limit: 100}, says: []string{"part of the directory"}},
		{name: "refers elsewhere", server: &ldapServer{refer: "ldap://other.example/dc=x"}, says: []string{`"ldap://other.example/dc=x"`, "not followed"}},
		{name: "refuses the password", server: &ldapServer{users: users}, change: func(o *directory.Options) {
			o.Password = func(context.Context, string, string) (string, error) { return "hunter2", nil }
		}, kind: directory.ErrAuthentication, says: []string{`as "u"`, "Invalid Credentials", "%40"}},
		{name: "wants a user", server: &ldapServer{users: users, entries: people(1)}, change: func(o *directory.Options) { o.User = "" }, kind: directory.ErrAuthentication, says: []string{"successful bind", "Name a user"}},
		{name: "is given no password", server: &ldapServer{users: users}, change: func(o *directory.Options) { o.Password = nil }, kind: directory.ErrAuthentication, says: []string{"no password"}},
		{name: "is given an empty password", server: &ldapServer{users: users}, change: func(o *directory.Options) {
			o.Password = func(context.Context, string, string) (string, error) { return "", nil }
		}, kind: directory.ErrAuthentication, says: []string{"empty"}},
		{name: "the password cannot be had", server: &ldapServer{users: users}, change: func(o *directory.Options) {
			o.Password = func(context.Context, string, string) (string, error) { return "", errors.New("no such file") }
		}, kind: directory.ErrAuthentication, says: []string{"no such file"}},
		{name: "has no TLS", server: &ldapServer{noStartTLS: true, entries: people(1)}, says: []string{"no connection with TLS", "ldaps://", "--insecure 127.0.0.1"}},
		{name: "has a certificate that nobody knows", server: &ldapServer{implicitTLS: true, entries: people(1)}, tls: true, change: func(o *directory.Options) { o.Roots = nil }, says: []string{"certificate", "--insecure 127.0.0.1"}},
		{name: "has a certificate that nobody knows, after StartTLS", server: &ldapServer{entries: people(1)}, change: func(o *directory.Options) { o.Roots = nil }, says: []string{"certificate", "--insecure 127.0.0.1"}},
		{name: "speaks plainly where TLS is expected", server: &ldapServer{entries: people(1)}, tls: true, says: []string{"no connection with TLS"}},
		{name: "has empty pages without end", server: &ldapServer{emptyPages: true, entries: people(1)}, says: []string{"empty pages"}},
		{name: "sends too much", server: &ldapServer{flood: true, implicitTLS: true, entries: people(1)}, tls: true, says: []string{"more than 32 MB"}},
		{name: "has nobody", server: &ldapServer{}, says: []string{`no recipients below "dc=x"`}},
		{name: "has several directories", server: &ldapServer{naming: []string{"dc=a", "dc=b"}}, path: "/", says: []string{"dc=a dc=b", "Name the base"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.server.flood && testing.Short() {
				t.Skip("it takes a lot of memory")
			}
			if test.server.users == nil {
				test.server.users = users
			}
			s := test.server.start(t)
			o := as("u", "secret", s)
			o.Timeout = 20 * time.Second
			if strings.Contains(test.name, "stalls") {
				o.Timeout = 300 * time.Millisecond
			}
			if test.change != nil {
				test.change(&o)
			}
			url := s.url
			if test.tls {
				url = s.urlTLS
			}
			if test.path == "" {
				test.path = "/dc=x"
			}
			began := time.Now()
			_, err := load(t, url+test.path, o)
			if took := time.Since(began); took > o.Timeout+5*time.Second {
				t.Errorf("took %v", took)
			}
			var known *directory.Error
			if !errors.As(err, &known) {
				t.Fatalf("%v", err)
			}
			for _, kind := range []error{directory.ErrAway, directory.ErrAuthentication} {
				if errors.Is(err, kind) != (kind == test.kind) {
					t.Errorf("%v: is %v: %v", err, kind, errors.Is(err, kind))
				}
			}
			for _, s := range append(test.says, url) {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%v\ndoes not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%q says too much", err)
			}
			for _, line := range s.seen() {
				if strings.HasPrefix(line, "bind") && strings.HasSuffix(line, "false") {
					t.Error("the password was sent in the clear")
				}
			}
		})
	}
}

func TestServerAway(t *testing.T) {
	s := (&ldapServer{}).start(t)
	url := s.url
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range directory.Read(ctx, url+"/dc=x", directory.Options{}) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	_, err := load(t, "ldaps://127.0.0.1:1/dc=x", directory.Options{})
	if !errors.Is(err, directory.ErrAway) || !strings.HasPrefix(err.Error(), "ldaps://127.0.0.1:1: cannot connect: ") {
		t.Error(err)
	}
}

// Whoever does not wait any longer does not have to.
func TestServerCancelled(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("", func(t *testing.T) {
		s := (&ldapServer{entries: people(700), stallAfter: 600}).start(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n, last := 0, error(nil)
		for _, err := range directory.Read(ctx, s.url+"/dc=x", directory.Options{Roots: s.roots}) {
			if last = err; err == nil {
				n++
			}
			if n == 500 {
				// When the server is asked for the next page, and does not answer.
				time.AfterFunc(50*time.Millisecond, cancel)
			}
		}
		if !errors.Is(last, context.Canceled) || errors.Is(last, directory.ErrAway) || n != 500 {
			t.Errorf("%d objects, %v", n, last)
		}
	})
}

func TestURLs(t *testing.T) {
	for _, location := range []string{
		"ldap://", "ldaps:///dc=x", "ldap://u:secret@host/dc=x", "ldap://u:sec/ret@host/dc=x", "ldaps://host:0/", "ldaps://host:secret@/", "ldap://%zz@host/", "ldap://@host",
		"ldap://host/dc=x??tree", "ldap://host/dc=x???(mail=", "ldap://host/%zz", "ldap://a b/", "LDAP://host:99999",
	} {
		_, err := load(t, location, directory.Options{})
		var known *directory.Error
		if !errors.As(err, &known) || strings.Contains(err.Error(), "sec") || !strings.Contains(err.Error(), "ldaps://[USER@]HOST") {
			t.Errorf("%s: %v", location, err)
		}
	}
}
