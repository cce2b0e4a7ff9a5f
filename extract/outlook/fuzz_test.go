package outlook

import (
	"strings"
	"testing"
	"unicode/utf8"

	"mailmill/formats"
)

func FuzzVotingOptions(f *testing.F) {
	f.Add([]byte("\x02\x01\x01\x00\x00\x00\x04\x00\x00\x00\x02Ja\x08IPM.Note\x00\x02Ja" + strings.Repeat("\x00", 29) + "\x04\x01\x02J\x00a\x00\x02J\x00a\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for _, o := range votingOptions(b, 1252) {
			n += len(o)
		}
		if n > 4*len(b) {
			t.Fatal("it grew")
		}
	})
}

func FuzzHTML(f *testing.F) {
	f.Add(`<html><head><meta charset="x"></head><body><p>a<br>b<pre> c</pre><a href="http://x">d</a><img src="cid:a%20b@c"><td background='x'>`)
	f.Add("<style>url(x)</style><li><table><tr><td>1<td>2")
	f.Fuzz(func(t *testing.T, s string) {
		text := htmlToText(s)
		if utf8.ValidString(s) && !utf8.ValidString(text) {
			t.Fatal("the text is no UTF-8")
		}
		if len(text) > 8*len(s)+16 {
			t.Fatal("it grew")
		}
		metaCharset([]byte(s))
		refs := findReferences(s)
		for cid := range refs.cids {
			out := replaceCID(s, cid, "fresh@pst.invalid")
			if !strings.Contains(out, "fresh@pst.invalid") && cid != "" && !strings.ContainsAny(s, `"'`) {
				t.Fatalf("a reference to %q was found and not replaced", cid)
			}
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("Groß, Anna (anna@example.org)", "anna@example.org")
	f.Add("'a' on behalf of b", "/o=x")
	f.Fuzz(func(t *testing.T, name, addr string) {
		got := cleanName(oneLine(name), &formats.Address{Stored: addr, SMTP: addr})
		if strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("%q is more than a line", got)
		}
		nameKey(got)
		messageID(name)
		cleanSubject(name)
		phrase(oneLine(name))
		smimeType([]byte(name))
		globalObjectUID([]byte(name))
	})
}

func TestHTMLToText(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "<p>a</p><p>b</p>": "a\r\n\r\nb\r\n", "a<br>b": "a\r\nb\r\n", "a\n b\t c": "a b c\r\n", "<div>a<div>b</div></div>c": "a\r\nb\r\nc\r\n",
		"<pre>a\n  b</pre>": "a\r\n  b\r\n", "a&amp;b&nbsp;c": "a&b c\r\n", "<style>x</style><script>y</script>z": "z\r\n",
		`see <a href="https://example.org/x">here</a>.`: "see here <https://example.org/x>.\r\n", `<a href="http://example.org/">example.org</a>`: "example.org\r\n",
		`<a href="mailto:a@example.org">a@example.org</a>`: "a@example.org\r\n", "<ul><li>a<li>b</ul>": "* a\r\n* b\r\n", "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>": "1\t2\r\n3\r\n",
		"<head><title>t</title><body>a": "a\r\n", "<!-- x -->a": "a\r\n",
	} {
		if got := htmlToText(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestGlobalObjectUID(t *testing.T) {
	id := make([]byte, 40)
	copy(id, "\x04\x00\x00\x00\x82\x00\xE0\x00")
	id[16], id[17], id[18], id[19] = 7, 0xE0, 1, 2
	if got := globalObjectUID(append(id, "vCal-Uid\x01\x00\x00\x00abc@example.org\x00"...)); got != "abc@example.org" {
		t.Errorf("a foreign UID is %q", got)
	}
	if got := globalObjectUID(append(id, 1, 2)); !strings.HasPrefix(got, "040000008200E000") || strings.Contains(got, "07E00102") || !strings.HasSuffix(got, "0102") {
		t.Errorf("Outlook's own is %q", got)
	}
}
