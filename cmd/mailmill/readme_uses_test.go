package main

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
)

// Every command line in the README works: those of its shell blocks, and those that stand in its text and tables. Servers
// are refused connections, which is all that may be wrong with a command line that names one: what servers do is tested
// with real ones.
func TestReadmeUses(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every example of the README")
	}
	program, err := exec.LookPath("mailmill")
	if err != nil {
		t.Fatal(err)
	}
	bash := corpustest.Program(t, "bash")
	for _, tool := range []string{"jq", "zstd", "find", "xargs"} {
		corpustest.Program(t, tool)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	uses, others := usesOf(string(readme))
	if len(uses) < 50 {
		t.Errorf("the README shows %d uses, and should show more", len(uses))
	}
	for _, o := range others {
		t.Errorf("README.md:%d: this block is of no known language, so nobody knows whether it is right: write ```sh, or ```text", o)
	}
	from := sampleWorld(t, program)
	_, err = exec.LookPath("parallel")
	missing := err != nil
	for _, u := range uses {
		if missing && strings.Contains(u.script, "| parallel ") {
			t.Run(u.name(), func(t *testing.T) { corpustest.Missing(t, "no GNU parallel") })
			u.script = regexp.MustCompile(`(?m)^.*\| parallel .*$`).ReplaceAllString(u.script, "")
		}
		t.Run(u.name(), func(t *testing.T) {
			t.Parallel()
			u.run(t, from, program, bash)
		})
	}
}

// use is an example of the README.
type use struct {
	line   int
	script string
}

func (u *use) name() string { return fmt.Sprintf("line %d", u.line) }

// spanned finds command lines in text.
var spanned = regexp.MustCompile("`([^`]*)`")

// usesOf returns the examples of a README, and the lines of blocks of which it is not known what is in them.
func usesOf(readme string) (uses []*use, unknown []int) {
	language, inside := "", false
	var block *use
	n := 0
	for line := range strings.Lines(readme) {
		n++
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			if inside = !inside; !inside {
				if block != nil && strings.Contains(block.script, "mailmill") {
					uses = append(uses, block)
				}
				block = nil
				continue
			}
			language = line[3:]
			switch language {
			case "sh", "console":
				block = &use{line: n + 1}
			case "text", "csv", "powershell":
			default:
				unknown = append(unknown, n)
			}
		case inside && language == "console":
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				block.script += command + "\n"
			}
		case inside && block != nil:
			block.script += line + "\n"
		case !inside:
			for _, span := range spanned.FindAllStringSubmatch(line, -1) {
				if command := strings.ReplaceAll(span[1], `\|`, "|"); strings.Contains(command, "mailmill ") && !strings.HasPrefix(command, ".") {
					uses = append(uses, &use{n, command + "\n"})
				}
			}
		}
	}
	return uses, unknown
}

// sampleWorld makes a folder with all that the examples read.
func sampleWorld(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	sample, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"alice.pst", "alice-2013.pst", "bob.ost", "enron.pst", "backup/alice.pst", "backup/bob.pst", "backup/2014/carol.pst",
		"export/alice.pst", "export/bob.pst", "export/bob-2012.ost", "testdata/sample.pst",
	} {
		write(name, sample)
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	run("convert", "-q", "alice.pst", "mail.mbox")
	run("convert", "-q", "alice.pst", "alice.mbox.zst")
	run("convert", "-q", "alice.pst", "all.zip")
	run("convert", "-q", "alice.pst", "--only", "mail", "--prefix", "Takeout/Mail", "takeout.zip")
	run("convert", "-q", "alice.pst", "--only", "mail", "thunderbird/Mail/Local Folders/")
	run("convert", "-q", "alice.pst", "--only", "mail", "--format", "maildir", "read/Maildir/")
	write("users.csv", []byte("legacyExchangeDN,mail\n/o=Nordwind/ou=Hamburg/cn=Recipients/cn=alle,all@nordwind.example\n"))
	write("people.csv", []byte("legacyExchangeDN,mail\n/o=Nordwind/ou=Hamburg/cn=Recipients/cn=alle,all@nordwind.example\n"))
	write("admin.txt", []byte("secret\n"))
	server := httptest.NewTLSServer(nil)
	server.Close()
	write("our-ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return dir
}

// stubs stand for programs that are not needed to know that a command line is right.
var stubs = map[string]string{
	"pass":         "echo secret",
	"oauth2-token": "echo token",
	"formail":      "cat >/dev/null",
	"less":         "cat >/dev/null",
	"go":           `if [ "$1" = build ]; then cp "$(command -v mailmill)" mailmill; elif [ "$1" = run ]; then shift 2; exec mailmill "$@"; fi`,
}

// run runs an example in a folder of its own.
func (u *use) run(t *testing.T, world, program, bash string) {
	dir, bin := t.TempDir(), t.TempDir()
	linkTree(t, world, dir)
	statuses := filepath.Join(bin, "statuses")
	stub := func(name, script string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!"+bash+"\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range stubs {
		stub(name, script)
	}
	stub("mailmill", fmt.Sprintf(`'%s' "$@"; status=$?; echo "$status $*" >>'%s'; exit $status`, program, statuses))

	script := strings.NewReplacer(
		"mail.example.org", "127.0.0.1:1", "dav.example.org", "127.0.0.1:1", "outlook.office365.com", "127.0.0.1:1", "dc.example.com", "127.0.0.1:1",
		"/run/user/1000/p", "p",
	).Replace(u.script)
	script = u.key(t, script, program, dir)
	if before, ok := strings.CutPrefix(script, "mailmill verify "); ok && !strings.Contains(script, "127.0.0.1") {
		script = "mailmill convert -q " + before + script // there has to be something to compare with
	}
	if strings.Contains(script, "convert Maildir/") {
		if err := os.Rename(filepath.Join(dir, "read", "Maildir"), filepath.Join(dir, "Maildir")); err != nil {
			t.Fatal(err)
		}
		os.Remove(filepath.Join(dir, "mail.mbox.zst"))
	}
	if strings.Contains(script, "alice.mbox.zst") && !strings.Contains(script, "zstd -dc") {
		os.Remove(filepath.Join(dir, "alice.mbox.zst")) // it is written
	}
	boxes := strings.NewReplacer("mail.example.org", "127.0.0.1:1", "dav.example.org", "127.0.0.1:1").Replace(mailboxesOf(t))
	if err := os.WriteFile(filepath.Join(dir, "mailboxes.csv"), []byte(boxes), 0o600); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(bash, "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "HOME="+dir, "XDG_STATE_HOME="+dir,
		"MAILMILL_PASSWORD=secret", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	said, readErr := os.ReadFile(statuses)
	if readErr != nil {
		t.Fatalf("README.md:%d: mailmill does not run in\n%s%v: %s", u.line, script, err, out)
	}
	for line := range strings.Lines(string(said)) {
		status, args, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		served := strings.Contains(args, "127.0.0.1") || strings.Contains(args, "--map")
		if !slices.Contains([]string{"0", "141"}, status) && !(served && status == "5") {
			t.Errorf("README.md:%d: mailmill %s\nends with status %s:\n%s", u.line, args, status, out)
		}
		if served && status != "5" {
			t.Errorf("README.md:%d: mailmill %s\nends with status %s where there is no server:\n%s", u.line, args, status, out)
		}
	}
}

// key puts a key that there is into an example.
func (u *use) key(t *testing.T, script, program, dir string) string {
	t.Helper()
	const shown = "4f2a91"
	if !strings.Contains(script, shown) {
		return script
	}
	cmd := exec.Command(program, "list", "--json", "--only", "mail", "--include", "Inbox", "alice.pst")
	cmd.Dir = dir
	out, err := cmd.Output()
	key := regexp.MustCompile(`"key":"([0-9a-f]{12})`).FindSubmatch(out)
	if err != nil || key == nil {
		t.Fatalf("no key: %v", err)
	}
	return strings.ReplaceAll(script, shown, string(key[1]))
}

// mailboxesOf returns the table of mailboxes that the README shows.
func mailboxesOf(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```csv\n")
	table, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README shows no table of mailboxes")
	}
	return table
}

// linkTree makes a tree of links to the files of another.
func linkTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		return os.Link(path, filepath.Join(to, name))
	})
	if err != nil {
		t.Fatal(err)
	}
}
