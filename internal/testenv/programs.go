package testenv

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed programs.txt
var programs string

// Program returns the path of a program named in programs.txt. It fails t if
// the program is not on this machine, or not in the list: what is not listed
// would be missing on the next one.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := find(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// unpacked is where install.sh unpacks what cannot be installed.
const unpacked = "/usr/local/lib/postroom-tests"

func find(name string) (string, error) {
	pkg, apart := "", false
	for line := range strings.Lines(programs) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == name {
			pkg, apart = f[1], len(f) == 3 && f[2] == "unpacked"
		}
	}
	if pkg == "" {
		return "", fmt.Errorf("%s is not in internal/testenv/programs.txt: add it with its package", name)
	}
	if apart {
		path := filepath.Join(unpacked, pkg, "usr/sbin", name)
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s is not there: run `make test`, which unpacks Debian's package %s", path, pkg)
		}
		return path, nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil // as named: redis-server is a link that goes by its name
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	if path := newestPostgres(name); path != "" {
		return path, nil
	}
	return "", fmt.Errorf("%s is not on this machine: run `make test`, which installs it (Debian's package %s)", name, pkg)
}

// newestPostgres looks where Debian keeps its PostgreSQL versions side by side.
func newestPostgres(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, string(os.PathSeparator))[4])
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) == 0 {
		return ""
	}
	return found[0]
}
