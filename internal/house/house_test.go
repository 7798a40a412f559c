package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "postroom"
)

// file is what the rules need of a Go file, whatever its build tags.
type file struct {
	name    string // from the root, with slashes
	pkg     string
	imports []string
	doc     bool
	init    token.Position // of a func init, if it has one
	test    bool
}

func (f file) dir() string { return path.Dir(f.name) }

// room is the folder at the top, or the one in internal, that the file is in.
func (f file) room() string { return roomOf(f.dir()) }

func roomOf(dir string) string {
	parts := strings.Split(dir, "/")
	if parts[0] == "internal" && len(parts) > 1 {
		return path.Join(parts[:2]...)
	}
	return parts[0]
}

// ownRoom is the room an import path leads to, if it is in this module.
func ownRoom(imported string) (string, bool) {
	dir, ok := strings.CutPrefix(imported, module+"/")
	return roomOf(dir), ok
}

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && first != module
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		// bin is where make builds to; it is not in the repository.
		if e.IsDir() && e.Name()[0] != '.' && e.Name() != "bin" && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s/ is no folder of the plan: %v", e.Name(), topLevel)
		}
	}
}

func TestImports(t *testing.T) {
	for _, f := range files(t) {
		r, known := rooms[f.room()]
		if !known {
			t.Errorf("%s: the room %s is not in rooms_test.go: give it a purpose and its imports", f.name, f.room())
			continue
		}
		for _, imported := range f.imports {
			if fault := judge(f, r, imported); fault != "" {
				t.Errorf("%s imports %s: %s", f.name, imported, fault)
			}
		}
	}
}

func TestEveryRoomHasAPurpose(t *testing.T) {
	for name, r := range rooms {
		if r.purpose == "" || strings.Contains(r.purpose, ". ") {
			t.Errorf("%s: say its purpose in one sentence", name)
		}
	}
}

// judge says what is wrong with an import, if anything.
func judge(f file, r room, imported string) string {
	own, inHouse := ownRoom(imported)
	switch {
	case own == f.room():
		return ""
	case own == "cmd":
		return "nothing imports cmd"
	case f.test:
		return ""
	case slices.Contains(forTests, own):
		return own + " is for tests only"
	case inHouse && !allows(r.own, own):
		return f.room() + " may import " + list(r.own)
	case inHouse:
		return ""
	case imported == "C" && !slices.Contains(cgo, f.name):
		return "cgo is for dependencies, and for " + list(cgo)
	case isStandard(imported) && slices.Contains(pure, f.room()) && slices.Contains(notPure, imported):
		return f.room() + " is pure: no SQL, socket, process or log"
	case !isStandard(imported) && !allows(r.others, imported):
		return f.room() + " may import the standard library and " + list(r.others)
	}
	return ""
}

// allows reports whether what is imported is a path of the list or lies in one.
func allows(allowed []string, imported string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return a == "*" || imported == a || strings.HasPrefix(imported, a+"/")
	})
}

func list(allowed []string) string {
	if len(allowed) == 0 {
		return "nothing more"
	}
	return strings.Join(allowed, ", ")
}

// Go refuses cycles of packages; this is about cycles of rooms.
func TestNoCycle(t *testing.T) {
	imports := map[string][]string{}
	for _, f := range files(t) {
		for _, imported := range f.imports {
			if own, ok := ownRoom(imported); ok && !f.test && own != f.room() {
				imports[f.room()] = append(imports[f.room()], own)
			}
		}
	}
	if cycle := findCycle(imports); cycle != nil {
		t.Errorf("a cycle of imports: %s", strings.Join(cycle, " → "))
	}
}

// findCycle returns the way round, or nil.
func findCycle(imports map[string][]string) []string {
	var way []string
	done := map[string]bool{}
	var visit func(r string) []string
	visit = func(r string) []string {
		if i := slices.Index(way, r); i >= 0 {
			return append(slices.Clone(way[i:]), r)
		}
		if done[r] {
			return nil
		}
		way = append(way, r)
		for _, next := range imports[r] {
			if cycle := visit(next); cycle != nil {
				return cycle
			}
		}
		way = way[:len(way)-1]
		done[r] = true
		return nil
	}
	for r := range imports {
		if cycle := visit(r); cycle != nil {
			return cycle
		}
	}
	return nil
}

func TestPackagesHaveNamesAndComments(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range files(t) {
		if f.test {
			continue
		}
		documented[f.dir()] = documented[f.dir()] || f.doc
		if slices.Contains(emptyNames, f.pkg) {
			t.Errorf("%s: a package named %s says nothing about what is in it", f.name, f.pkg)
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment says why it is there", dir)
		}
	}
}

func TestNothingHappensAtImport(t *testing.T) {
	for _, f := range files(t) {
		if f.init.IsValid() && !f.test {
			t.Errorf("%s: func init; let the caller do it", f.init)
		}
	}
}

// The rules themselves must be able to fail.
func TestTheRulesBite(t *testing.T) {
	for _, c := range []struct {
		file, imported string
		fault          string // a part of it; empty: none
	}{
		{"tickets/state.go", "postroom/threading", ""},
		{"tickets/state.go", "postroom/storage", "tickets may import threading"},
		{"tickets/state.go", "github.com/jmoiron/sqlx", "standard library and nothing more"},
		{"tickets/state.go", "database/sql", "is pure"},
		{"tickets/state.go", "net/netip", ""},
		{"threading/resolve.go", "postroom/tickets", "nothing more"},
		{"smtpd/data.go", "postroom/internal/queue", ""},
		{"smtpd/data.go", "postroom/internal/testenv", "for tests only"},
		{"smtpd/data_test.go", "postroom/internal/testenv", ""},
		{"smtpd/data.go", "postroom/storage", "smtpd may import"},
		{"smtpd/data.go", "github.com/emersion/go-smtp", ""},
		{"smtpd/data.go", "github.com/emersion/go-smtp-clone", "standard library and"},
		{"storage/sqlite.go", "postroom/cmd/postroom", "nothing imports cmd"},
		{"storage/sqlite_test.go", "postroom/cmd/postroom", "nothing imports cmd"},
		{"internal/testenv/withservices/main.go", "postroom/internal/testenv", ""},
		{"internal/message/parse.go", "golang.org/x/net/html/atom", ""},
		{"internal/message/parse.go", "golang.org/x/net/http2", "standard library and"},
		{"cmd/postroom/main.go", "github.com/alecthomas/kong", ""},
	} {
		f := file{name: c.file, test: strings.HasSuffix(c.file, "_test.go")}
		fault := judge(f, rooms[f.room()], c.imported)
		if (fault == "") != (c.fault == "") || !strings.Contains(fault, c.fault) {
			t.Errorf("%s imports %s: %q, want %q", c.file, c.imported, fault, c.fault)
		}
	}
	if c := findCycle(map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"b"}}); len(c) != 3 {
		t.Errorf("the cycle b, c, b was seen as %v", c)
	}
	if c := findCycle(map[string][]string{"a": {"b", "c"}, "b": {"c"}}); c != nil {
		t.Errorf("a cycle was seen where none is: %v", c)
	}
}

// files parses every Go file of the project.
func files(t *testing.T) []file {
	t.Helper()
	var all []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && name != root
			if hidden || d.Name() == "testdata" || d.Name() == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		f, err := parse(name)
		all = append(all, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no Go files: the rules were not checked")
	}
	return all
}

func parse(name string) (file, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return file{}, err
	}
	f := file{
		name: filepath.ToSlash(rel), pkg: tree.Name.Name, doc: tree.Doc != nil,
		test: strings.HasSuffix(name, "_test.go"),
	}
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, imported)
	}
	for _, decl := range tree.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			f.init = set.Position(fn.Pos())
		}
	}
	return f, nil
}
