package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailmill/load/files"
)

func TestParseAccount(t *testing.T) {
	type want struct {
		canonical, user, address, path, owner, web string
	}
	for _, tt := range []struct {
		url  string
		want want
	}{
		{"imaps://alice@mail.example.org", want{"imaps://alice@mail.example.org/", "alice", "mail.example.org:993", "", "alice", ""}},
		{"IMAPS://alice%40example.org@Mail.Example.ORG:993/", want{"imaps://alice@example.org@mail.example.org/", "alice@example.org", "mail.example.org:993", "", "alice@example.org", ""}},
		{"imap://alice@example.org@mail.example.org:1143/Old/2014%20Q1/", want{"imap://alice@example.org@mail.example.org:1143/Old/2014%20Q1", "alice@example.org", "mail.example.org:1143", "Old/2014 Q1", "alice@example.org", ""}},
		{"imaps://alice*admin@[2001:db8::1]/", want{"imaps://alice*admin@[2001:db8::1]/", "alice*admin", "[2001:db8::1]:993", "", "alice", ""}},
		{"caldavs://dav.example.org", want{"caldavs://dav.example.org/", "", "dav.example.org:443", "/", "", "https://dav.example.org/"}},
		{"caldav://bob@dav.example.org:8008/cal/b%20b/", want{"caldav://bob@dav.example.org:8008/cal/b%20b/", "bob", "dav.example.org:8008", "/cal/b%20b/", "bob", "http://dav.example.org:8008/cal/b%20b/"}},
		{"carddavs://zo%C3%AB@dav.example.org:443/x", want{"carddavs://zo%C3%AB@dav.example.org/x", "zoë", "dav.example.org:443", "/x", "zoë", "https://dav.example.org/x"}},
	} {
		a, err := parseAccount("the target", tt.url)
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		got := want{a.String(), a.user, a.address(), a.path, a.owner(""), ""}
		if a.sort != files.Mail {
			got.web = a.URL()
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(want{})); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.url, diff)
		}
	}
}

// However somebody logs in, the ledger is that of the account.
func TestIdentityIsTheOwners(t *testing.T) {
	for url, actAs := range map[string]string{
		"imaps://alice@mail.example.org/":       "",
		"imaps://alice*admin@mail.example.org/": "",
		"imaps://admin@mail.example.org:993":    "alice",
	} {
		a, err := parseAccount("the target", url)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.identity(actAs); got != "imaps://alice@mail.example.org/" {
			t.Errorf("%s acting as %q is %s", url, actAs, got)
		}
	}
}

// Whatever a URL is, what might be a password in it is not repeated, and what is taken for good is written as it was read.
func FuzzParseAccount(f *testing.F) {
	for _, url := range []string{
		"imaps://alice@mail.example.org/", "imap://a:sEcReT@h/", "imaps://a:sE/cReT@h/", "caldavs://u@[::1]:8443/a%20b/", "imaps://a%3AsEcReT@h", "carddav://h:1/?x",
	} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		if !isURL(url) {
			return
		}
		a, err := parseAccount("the target", url)
		if err != nil {
			_, sentence := conclude(err)
			_, rest, _ := strings.Cut(url, "://")
			if _, secret, ok := strings.Cut(rest, ":"); ok && len(secret) > 8 && strings.Contains(sentence, secret[:8]) {
				t.Errorf("%q: %s", url, sentence)
			}
			return
		}
		again, err := parseAccount("the target", a.String())
		if err != nil {
			t.Fatalf("%q is %q, which cannot be read: %v", url, a, err)
		}
		if *again != *a {
			t.Errorf("%q is %q, which is %+v instead of %+v", url, a, again, a)
		}
		if strings.Contains(a.user, ":") {
			t.Errorf("%q has a user with a colon", url)
		}
	})
}

func TestParseMap(t *testing.T) {
	got, err := parseMap([]string{"Sent Items=Sent", "/a==b/=c", "x=y/z/"})
	if diff := cmp.Diff(map[string]string{"Sent Items": "Sent", "a=b": "c", "x": "y/z"}, got); diff != "" || err != nil {
		t.Errorf("%v; -want +got:\n%s", err, diff)
	}
	for _, wrong := range [][]string{{"Sent"}, {"=x"}, {"x="}, {"a=b", "a=c"}, {"a\nb=c"}} {
		if got, err := parseMap(wrong); err == nil {
			t.Errorf("%q is %q", wrong, got)
		}
	}
}
