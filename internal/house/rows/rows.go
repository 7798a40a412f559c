// Command rows prints which test holds off which attack, and what came of it:
// one line for each row of the threats this version faces. It reads the tests'
// names from the sources and their results from the saved output of a run
// (`go test -v` or `go test`), and fails where a row has no test, or one that
// did not pass.
//
//	go run ./internal/house/rows OUTPUT
package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
)

// row is one attack, by the id its tests are named after: TestH1_….
type row struct{ id, what string }

// rows are the attacks on the desk, the SMTP doors, the reading of mail and of
// addresses. Those on an IMAP door come with that door.
var rows = []row{
	{"H1", "ticket trick: a code for somebody else's service, mailed to the desk"},
	{"H2", "a forged requester brings a stranger in by Cc"},
	{"H3", "guessed ticket numbers and references"},
	{"H4", "a secret reply address used by a stranger"},
	{"H5", "forged secret addresses, and very many references"},
	{"H6", "commands under an agent's name"},
	{"H7", "mail from outside under our own domain"},
	{"H8", "Reply-To as identity"},
	{"H9", "no author, or several"},
	{"H10", "an address as display name"},
	{"H11", "a forwarded notification leaks to the customer"},
	{"H12", "acknowledgements as a mail bomb"},
	{"H13", "two desks that answer each other"},
	{"H14", "a person's answer marked as automatic"},
	{"H15", "forged bounces"},
	{"H16", "an export of everything by a mail's command"},
	{"H17", "a foreign token quoted; merge and split"},
	{"S1", "a second mail smuggled in after an odd end of data"},
	{"S2", "a second mail smuggled out"},
	{"S3", "BDAT mixed with DATA, and its sizes"},
	{"S4", "commands injected before TLS"},
	{"S5", "passwords in clear"},
	{"S6", "open relay, in all spellings"},
	{"S7", "addresses that two parsers read in two ways"},
	{"S8", "talking too early"},
	{"S9", "limits of lines, recipients, errors and sizes"},
	{"S10", "slow clients by the thousand"},
	{"S11", "guessing passwords"},
	{"S12", "finding out who has an account"},
	{"S13", "header fields injected through ours"},
	{"S14", "forged and flooded logs"},
	{"S15", "addresses in UTF-8 without leave"},
	{"S16", "mail that goes in circles"},
	{"S17", "TLS stripped on the way out"},
	{"S18", "tokens instead of passwords"},
	{"M1", "deeply nested parts"},
	{"M2", "very many parts, and odd boundaries"},
	{"M3", "monstrous headers"},
	{"M4", "archives that expand without end"},
	{"M5", "names of attachments"},
	{"M6", "character sets"},
	{"M7", "active and remote content in HTML"},
	{"M8", "parts joined to leak what was encrypted"},
	{"M9", "quotes that cost time"},
	{"M10", "look-alike domains and hidden characters"},
	{"M11", "forged results, and signatures that prove little"},
	{"M12", "SPF records that cost look-ups"},
	{"M13", "a DNS that fails"},
	{"AddressCorpus", "the list of hostile addresses, at the door"},
}

// test is one test of a row.
type test struct{ name, pkg string }

var declared = regexp.MustCompile(`(?m)^func Test([A-Z][A-Za-z]*[0-9]*)_(\w+)\(\w+ \*testing\.T\)`)

// find lists the rows' tests in the sources under root, by row id.
func find(root fs.FS) (map[string][]test, error) {
	known := map[string]bool{}
	for _, r := range rows {
		known[r.id] = true
	}
	found := map[string][]test{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			if known[m[1]] {
				found[m[1]] = append(found[m[1]], test{"Test" + m[1] + "_" + m[2], path.Dir(name)})
			}
		}
		return nil
	})
	return found, err
}

// results are what a run said: of single tests where it was told, else of
// whole packages.
type results struct {
	packages map[string]string            // folder within the module: ok, FAIL
	tests    map[string]map[string]string // package, test: PASS, FAIL, SKIP
}

var (
	packageLine = regexp.MustCompile(`^(ok|FAIL)\s+postroom/(\S+)`)
	testLine    = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (Test\w+)`)
)

// read takes in the output of go test. The lines on a package's tests come
// before the line on the package.
func read(r io.Reader) (results, error) {
	out := results{map[string]string{}, map[string]map[string]string{}}
	pending := map[string]string{}
	in := bufio.NewScanner(r)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		if m := testLine.FindStringSubmatch(in.Text()); m != nil {
			pending[m[2]] = m[1]
		}
		if m := packageLine.FindStringSubmatch(in.Text()); m != nil {
			out.packages[m[2]], out.tests[m[2]] = m[1], pending
			pending = map[string]string{}
		}
	}
	return out, in.Err()
}

// of is the result of one test in a word.
func (r results) of(t test) string {
	if word, ok := r.tests[t.pkg][t.name]; ok {
		return strings.ToLower(word)
	}
	switch r.packages[t.pkg] {
	case "ok":
		return "pass"
	case "FAIL":
		return "unsure" // another test of the package failed, or it was not built
	}
	return "not run"
}

// table prints the rows and returns how many are not held off.
func table(w io.Writer, found map[string][]test, r results) (open int) {
	for _, row := range rows {
		tests := found[row.id]
		if len(tests) == 0 {
			open++
			fmt.Fprintf(w, "%-13s  %-8s  %s: there is no test\n", row.id, "OPEN", row.what)
			continue
		}
		held := false
		for _, t := range tests {
			held = held || r.of(t) == "pass"
		}
		for i, t := range tests {
			id, what := row.id, row.what
			if i > 0 {
				id, what = "", ""
			}
			word := r.of(t)
			if word == "fail" {
				held = false
			}
			fmt.Fprintf(w, "%-13s  %-8s  %-70s  %s\n", id, word, t.pkg+"."+t.name, what)
		}
		if !held {
			open++
		}
	}
	return open
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/house/rows OUTPUT-OF-GO-TEST")
		os.Exit(2)
	}
	open, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "rows:", err)
		os.Exit(2)
	}
	if open > 0 {
		fmt.Printf("%d of %d rows are not held off\n", open, len(rows))
		os.Exit(1)
	}
	fmt.Printf("all %d rows are held off\n", len(rows))
}

func run(output string) (open int, err error) {
	f, err := os.Open(output)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r, err := read(f)
	if err != nil {
		return 0, err
	}
	found, err := find(os.DirFS("."))
	if err != nil {
		return 0, err
	}
	return table(os.Stdout, found, r), nil
}
