package conformance

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/ical"
	"mailmill/formats/itemtest"
	"mailmill/formats/vcard"
	"mailmill/load/servertest"
)

// davServers are the servers that judge.
var davServers = []struct {
	name  string
	start func(testing.TB, servertest.Options) *servertest.Server
}{{"radicale", servertest.Radicale}, {"xandikos", servertest.Xandikos}, {"cyrus", servertest.Cyrus}}

// davClient is a user of a server of calendars and contacts.
type davClient struct{ *servertest.Server }

// do sends a request and returns the status and what the server says.
func (s davClient) do(method, url, kind string, body []byte, more ...string) (int, []byte, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if s.Password != "" {
		req.SetBasicAuth("u1", s.Password)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(more); i += 2 {
		req.Header.Set(more[i], more[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

const mkcalendar = `<?xml version="1.0"?>
<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><C:supported-calendar-component-set>
<C:comp name="VEVENT"/><C:comp name="VTODO"/><C:comp name="VJOURNAL"/></C:supported-calendar-component-set></D:prop></D:set>
</C:mkcalendar>`

const mkbook = `<?xml version="1.0"?>
<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:set><D:prop><D:resourcetype><D:collection/>
<C:addressbook/></D:resourcetype></D:prop></D:set></D:mkcol>`

// store puts every file of a folder, at any depth, into a new collection of the server and writes what comes back of
// each into another folder, under the same name.
func (s davClient) store(t *testing.T, collection, from, to string) {
	t.Helper()
	files := resources(t, from)
	if len(files) == 0 {
		t.Fatalf("there is nothing in %s", from)
	}
	method, url, body, kind := "MKCALENDAR", s.Calendars("u1"), mkcalendar, "text/calendar; charset=utf-8"
	if filepath.Ext(files[0]) == ".vcf" {
		method, url, body, kind = "MKCOL", s.Contacts("u1"), mkbook, "text/vcard; charset=utf-8"
	}
	url += "judged-" + collection + "/"
	if status, answer, err := s.do(method, url, "application/xml", []byte(body)); err != nil || status != http.StatusCreated {
		t.Fatalf("%s: %s %s: %d, %v\n%.500s", s.Name, method, url, status, err, answer)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		status, answer, err := s.do(http.MethodPut, url+name, kind, data, "If-None-Match", "*")
		if err != nil || status != http.StatusCreated && status != http.StatusNoContent {
			t.Errorf("%s refuses %s: %d, %v\n%.500s\n%.3000s", s.Name, name, status, err, answer, data)
			continue
		}
		// Cyrus makes of cards the version that is asked for.
		accept := "text/calendar"
		if filepath.Ext(name) == ".vcf" {
			accept = "text/vcard;version=3.0"
			if bytes.Contains(data, []byte("\r\nVERSION:4.0\r\n")) {
				accept = "text/vcard;version=4.0"
			}
		}
		status, answer, err = s.do(http.MethodGet, url+name, "", nil, "Accept", accept)
		if err != nil || status != http.StatusOK {
			t.Errorf("%s does not give %s back: %d, %v\n%.500s", s.Name, name, status, err, answer)
			continue
		}
		write(t, filepath.Join(to, name), string(answer))
	}
	t.Logf("%s: %d in %s", s.Name, len(files), collection)
}

// resources returns the calendars and cards below a folder.
func resources(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && (ext == ".ics" || ext == ".vcf") && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Servers take everything that is written for them, one resource an item, and give it back with the same meaning: what
// convert --split makes of an archive, and items with everything that the model can hold.
func TestServersTakeWhatIsWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	dir := t.TempDir()
	sent := filepath.Join(dir, "sent")
	for _, v := range []string{"4.0", "3.0"} {
		cards := filepath.Join(sent, "cards"+v[:1])
		mailmill(t, "convert", "-q", "--split", "--vcard", v, "--only", "contact,group", corpustest.Sample(), cards).want(t, 0)
	}
	mailmill(t, "convert", "-q", "--split", "--only", "event,task,note,journal", corpustest.Sample(), filepath.Join(sent, "calendar")).want(t, 0)
	modelResources(t, sent)

	t.Run("servers", func(t *testing.T) {
		for _, s := range davServers {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				server := davClient{s.start(t, nil)}
				for _, set := range sets(t, sent) {
					server.store(t, set, filepath.Join(sent, set), filepath.Join(dir, s.name, set))
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	c := newTally()
	sameEvents(t, c, dir)
	sameCards(t, c, dir)
	c.report(t)
}

// sameEvents compares the calendars that were sent with those that came back, in folders of these names below one.
func sameEvents(t *testing.T, c *tally, dir string) {
	t.Helper()
	unchanged(c, dir, decode[component](t, debianPython(t, "calendars.py", dir)), func(server string, v *component) (file, key string) {
		file, key = v.File, v.Kind+" "+v.UID+" "+v.RecurrenceID
		if v.Complaint != "" {
			t.Errorf("%s about %s: %s", v.Reader, file, v.Complaint)
		}
		if v.Reader != "icalendar" {
			return "", ""
		}
		// The parts of a rule have no order, and what it means shows in the occurrences. Categories are parted where commas
		// are escaped by icalendar, by Xandikos, which is made of it, and by Cyrus.
		v.File, v.Rule, v.Categories = "", "", strings.Split(strings.Join(v.Categories, ","), ",")
		for i, k := range v.Categories {
			v.Categories[i] = strings.TrimSpace(k)
		}
		// Cyrus writes carets of parameters as they are, and what is read again is another sign.
		signs := strings.NewReplacer("^n", "", "^'", "", "^", "", "\n", "", `"`, "")
		for i, a := range v.Attendees {
			v.Attendees[i] = signs.Replace(a)
		}
		v.Organizer = signs.Replace(v.Organizer)
		return file, key
	})
}

// sameCards does the same with cards.
func sameCards(t *testing.T, c *tally, dir string) {
	t.Helper()
	unchanged(c, dir, decode[card](t, node(t, dir)), func(server string, v *card) (file, key string) {
		file = v.File
		if v.Reader != "ical.js" || v.FN == "" {
			return "", ""
		}
		// Radicale knows 3.0: of 4.0 it escapes semicolons, and cuts pictures and pages at commas.
		if server == "radicale" && v.Version == "4.0" {
			return "", ""
		}
		v.File = ""
		for i, u := range v.URLs {
			v.URLs[i], _, _ = strings.Cut(u, ",")
		}
		return file, v.Version + " " + v.UID
	})
}

func sets(t *testing.T, sent string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(sent)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// modelResources writes a file for each of the items with everything in them.
func modelResources(t *testing.T, sent string) {
	t.Helper()
	const each = 12
	cal := ical.NewEncoder(ical.Options{ScheduleAgent: "CLIENT", TakeTime: true})
	for i, it := range itemtest.Examples(each) {
		name := fmt.Sprintf("model-%d", i)
		if it.Contact == nil && it.Group == nil {
			encodeTo(t, filepath.Join(sent, "model", name+".ics"), it, cal.Encode)
			continue
		}
		for _, v := range []vcard.Version{vcard.V3, vcard.V4} {
			enc := vcard.NewEncoder(vcard.Options{Version: v})
			encodeTo(t, filepath.Join(sent, "model-cards"+v.String()[:1], name+".vcf"), it, func(w io.Writer, items ...*formats.Item) error {
				return enc.Encode(w, items[0])
			})
		}
	}
}

func encodeTo(t *testing.T, path string, it *formats.Item, encode func(io.Writer, ...*formats.Item) error) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := encode(&b, it); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String())
}

// unchanged compares what a reader found in files that were sent and in those that came back. of takes apart where it was
// found and what it is; nothing where it is not compared.
func unchanged[T any](c *tally, dir string, found []T, of func(server string, v *T) (file, key string)) {
	type place struct{ name, key string }
	versions := map[string]map[place]string{}
	for i := range found {
		rel := strings.TrimPrefix(fileOf(&found[i]), dir+string(filepath.Separator))
		server, set, _ := strings.Cut(filepath.ToSlash(rel), "/")
		set, _, _ = strings.Cut(set, "/")
		file, key := of(server, &found[i])
		if file == "" {
			continue
		}
		if versions[server] == nil {
			versions[server] = map[place]string{}
		}
		// Folders of the archive are not those of servers.
		versions[server][place{set + "/" + filepath.Base(file), key}] = fmt.Sprintf("%+v", found[i])
	}
	for _, s := range davServers {
		if versions[s.name] == nil {
			continue
		}
		for p := range versions["sent"] {
			got, ok := versions[s.name][p]
			if !ok && s.name == "radicale" && strings.HasPrefix(p.key, "4.0 ") {
				continue
			}
			// Semicolons may be escaped in 4.0, or not.
			want, got := strings.ReplaceAll(versions["sent"][p], `\;`, ";"), strings.ReplaceAll(got, `\;`, ";")
			if n := min(len(want), len(got)); want != got {
				at := 0
				for at < n && want[at] == got[at] {
					at++
				}
				want, got = "…"+want[max(at-60, 0):], "…"+got[max(at-60, 0):]
			}
			c.check(s.name, p.name+" "+p.key, want, got)
		}
	}
}

func fileOf(v any) string {
	switch v := v.(type) {
	case *component:
		return v.File
	case *card:
		return v.File
	}
	return ""
}
