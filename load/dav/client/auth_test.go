package client

import (
	"crypto/md5" //nolint:gosec // RFC 7616 has it
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// TestDigest computes the examples of RFC 7616 3.9.1 and RFC 2617 3.5, and one without qop.
func TestDigest(t *testing.T) {
	mufasa := Credentials{User: "Mufasa", Password: "Circle of Life"}
	example := digest{
		realm: "http-auth@example.org", nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		opaque: "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", qop: true,
	}
	const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	byMD5, bySHA := example, example
	byMD5.algorithm, byMD5.hash = "MD5", md5.New
	bySHA.algorithm, bySHA.hash = "SHA-256", sha256.New
	old := digest{realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque: "5ccc069c403ebaf9f0171e9517f40e41", hash: md5.New, qop: true}
	older := old
	older.qop = false
	for _, c := range []struct {
		digest   *digest
		creds    Credentials
		cnonce   string
		response string
	}{
		{&byMD5, mufasa, cnonce, "8ca523f5e9506fed4657c9700eebdbec"},
		{&bySHA, mufasa, cnonce, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{&old, Credentials{User: "Mufasa", Password: "Circle Of Life"}, "0a4f113b", "6629fae49393a05397450978507c4ef1"},
		{&older, Credentials{User: "Mufasa", Password: "Circle Of Life"}, "", "670fd8c2df070c60b045671b8b24ff02"},
	} {
		h := c.digest.authorization(c.creds, "GET", "/dir/index.html", c.cnonce)
		if !strings.Contains(h, `response="`+c.response+`"`) || c.digest.qop && !strings.Contains(h, "nc=00000001") {
			t.Errorf("%s, want %s", h, c.response)
		}
		if h := c.digest.authorization(c.creds, "GET", "/dir/index.html", c.cnonce); c.digest.qop && !strings.Contains(h, "nc=00000002") {
			t.Errorf("the second time %s", h)
		}
	}
}

// TestChallenges takes headers apart, also several challenges in one.
func TestChallenges(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    string
	}{
		{[]string{`Basic realm="x"`}, "basic x"},
		{[]string{`Basic realm=x, Digest realm="a, \"b\"", nonce=n , qop="auth,auth-int"`}, `basic x|digest a, "b"`},
		{[]string{`Negotiate`, `NTLM TlRMTVNTUAAC=`, `Basic realm = "spaces"`}, "negotiate |ntlm |basic spaces"},
		{[]string{``, `,,,`, `"`, `=`, `Basic realm="never ends`}, "basic never ends"},
		{[]string{strings.Repeat("a ", 100)}, strings.TrimSuffix(strings.Repeat("a |", 16), "|")},
	} {
		var got []string
		for _, ch := range parseChallenges(c.headers) {
			got = append(got, ch.scheme+" "+ch.params["realm"])
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%q is %q, want %q", c.headers, s, c.want)
		}
	}
}

// TestBestDigest takes the strongest that it knows.
func TestBestDigest(t *testing.T) {
	for _, c := range []struct{ header, want, err string }{
		{`Digest nonce="n", algorithm=MD5, Digest nonce="n", algorithm=SHA-256`, "SHA-256", ""},
		{`Digest nonce="n", algorithm=SHA-256, Digest nonce="n", algorithm=SHA-512-256`, "SHA-256", "SHA-512-256"},
		{`Digest nonce="n"`, "", ""},
		{`Digest nonce="n", algorithm=md5-sess`, "md5-sess", ""},
		{`Digest nonce="n", qop="auth-int"`, "none", "auth-int"},
		{`Digest qop="auth"`, "none", "no nonce"},
		{`Basic realm="x"`, "none", ""},
	} {
		d, err := bestDigest(parseChallenges([]string{c.header}))
		got := "none"
		if d != nil {
			got = d.algorithm
		}
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %s, %v", c.header, got, err)
		}
	}
}

// TestNextNonce uses the nonce that the server announces (RFC 7616 3.5).
func TestNextNonce(t *testing.T) {
	a := newAuthorizer(Credentials{User: "u", Password: "p"}, "")
	u := parse(t, "https://example.org/")
	if err := a.challenged(t.Context(), u, a.proof("GET", u), []string{`Digest realm="r", nonce="first", qop=auth`}, 1); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`nonce="first"`, `nonce="second"`, `nonce="second"`} {
		p := a.proof("GET", u)
		if !strings.Contains(p.header, want) || i == 2 && !strings.Contains(p.header, "nc=00000002") {
			t.Errorf("%d: %s", i, p.header)
		}
		h := http.Header{}
		if i == 0 {
			h.Set("Authentication-Info", `qop=auth, nextnonce="second", rspauth="x"`)
		}
		a.accepted(p, h)
	}
}

// TestCredentialsAreHidden prints them in every way.
func TestCredentialsAreHidden(t *testing.T) {
	c := Credentials{User: "alice", Password: "pass-word", Token: "to-ken"}
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "credentials", c)
	fmt.Fprintf(&b, "%v %+v %#v %s %v", c, c, c, c, Options{Credentials: c})
	if s := b.String(); strings.Contains(s, "pass-word") || strings.Contains(s, "to-ken") {
		t.Error(s)
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Digest realm="a, \"b\"", nonce=n , qop="auth,auth-int", Basic realm=x`)
	f.Fuzz(func(t *testing.T, header string) {
		list := parseChallenges([]string{header})
		if len(list) > 16 {
			t.Errorf("%d challenges", len(list))
		}
		if d, _ := bestDigest(list); d != nil {
			d.authorization(Credentials{User: "a", Password: "b"}, "GET", "/", "c")
		}
	})
}
