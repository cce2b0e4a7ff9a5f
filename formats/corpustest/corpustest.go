// Package corpustest finds the files that tests read but the project does not hold: the corpus of real archives and
// the generator of synthetic ones.
//
// Both lie beside the project's root by default; the environment variables MAILMILL_CORPUS and MAILMILL_PSTGEN name
// them elsewhere. A test that needs what is not there is skipped with one line that says so. Where
// MAILMILL_REQUIRE is 1, as in CI, it fails instead: there nothing may go untested unnoticed.
package corpustest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// Require reports whether a test whose tools or files are missing must fail instead of being skipped.
func Require() bool { return os.Getenv("MAILMILL_REQUIRE") == "1" }

// Missing skips the test, or fails it where [Require] says so.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if Require() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Root returns the project's root folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Sample returns the path of the small synthetic archive that the project itself holds.
func Sample() string { return filepath.Join(Root(), "testdata", "sample.pst") }

// File returns the path of a file of the corpus, named by its slash-separated path below the corpus' folder.
func File(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Dir(t), filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		Missing(t, "the corpus has no %s", name)
	}
	return path
}

// Dir returns the folder of the corpus.
func Dir(t testing.TB) string {
	t.Helper()
	return lookUp(t, "MAILMILL_CORPUS", "corpus")
}

// Generate runs the generator of synthetic archives with the arguments given, "-o" and a path in a temporary folder
// added, and returns the paths of the archive and of its truth (one JSON object an item).
func Generate(t testing.TB, args ...string) (archive, truth string) {
	t.Helper()
	dir := t.TempDir()
	archive, truth = filepath.Join(dir, "generated.pst"), filepath.Join(dir, "generated.jsonl")
	Pstgen(t, append(args, "-o", archive, "-truth", truth)...)
	return archive, truth
}

// Pstgen runs the generator with exactly the arguments given and returns what it printed.
func Pstgen(t testing.TB, args ...string) string {
	t.Helper()
	program, err := generator(lookUp(t, "MAILMILL_PSTGEN", "pstgen"))
	if err != nil {
		t.Fatalf("building the generator: %v", err)
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("pstgen %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// built is the generator, as soon as a test of this process has built it.
var built struct {
	sync.Mutex
	program string
}

// generator returns the path of the generator, built from its source once a process. The program stays on the machine,
// under a name that tells its content, as tests of other packages may be about to run the same one.
func generator(source string) (program string, err error) {
	built.Lock()
	defer built.Unlock()
	if built.program != "" {
		return built.program, nil
	}
	cache := filepath.Join(os.TempDir(), "mailmill-pstgen-cache")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "pstgen")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	named := filepath.Join(cache, fmt.Sprintf("pstgen-%.8x", sha256.Sum256(content)))
	if runtime.GOOS == "windows" {
		named += ".exe"
	}
	if _, err := os.Stat(named); err != nil {
		if err := os.Rename(program, named); err != nil {
			return "", err
		}
	}
	built.program = named
	return named, nil
}

// Program returns the path of a program that a comparison needs.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "%s is not installed", name)
	}
	return path
}

func lookUp(t testing.TB, variable, name string) string {
	t.Helper()
	dir := os.Getenv(variable)
	if dir == "" {
		dir = filepath.Join(Root(), "..", "shared", name)
	}
	if _, err := os.Stat(dir); err != nil {
		Missing(t, "no %s: %s is not there and %s does not name it", name, dir, variable)
	}
	return dir
}
