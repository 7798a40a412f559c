// Command vulncheck runs govulncheck and judges what it finds:
//
//	vulncheck golang.org/x/vuln/cmd/govulncheck@VERSION EXCUSED.txt
//
// A vulnerability whose code we call fails, unless it is in the standard
// library and EXCUSED.txt names it with a reason: the standard library comes
// with the toolchain, which a project cannot always choose. A dependency is
// never excused. Where the database cannot be reached (GOVULNDB names
// another), the check was not made; that is said in one line and is no failure,
// because a closed network is none.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: vulncheck GOVULNCHECK@VERSION EXCUSED.txt")
		os.Exit(2)
	}
	excused, err := readExcused(os.Args[2])
	if err == nil {
		err = check(os.Args[1], excused, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vulncheck:", err)
		os.Exit(1)
	}
}

func check(tool string, excused map[string]string, w io.Writer) error {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("go", "run", tool, "-format", "json", "./...")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if reason, ok := unreachable(stderr.String()); ok {
			fmt.Fprintf(w, "vulncheck: NOT RUN: the vulnerability database cannot be reached from here (%s)\n", reason)
			return nil
		}
		return fmt.Errorf("%s: %w\n%s", tool, err, stderr.String())
	}
	called, err := readFindings(&stdout)
	if err != nil {
		return fmt.Errorf("%s: %w", tool, err)
	}
	return judge(called, excused, w)
}

// unreachable tells a missing database from a program that does not build: it
// is what govulncheck says when it was fetching.
func unreachable(stderr string) (reason string, ok bool) {
	for line := range strings.Lines(stderr) {
		if _, reason, ok := strings.Cut(line, "fetching vulnerabilities: "); ok {
			return strings.TrimSpace(reason), true
		}
	}
	return "", false
}

// finding is the part we need of govulncheck's message of that name.
type finding struct {
	OSV          string `json:"osv"`
	FixedVersion string `json:"fixed_version"`
	Trace        []struct {
		Module   string `json:"module"`
		Version  string `json:"version"`
		Package  string `json:"package"`
		Function string `json:"function"`
	} `json:"trace"`
}

// readFindings returns those whose vulnerable function we call, one an id; a
// finding without a function says only that the module or package is there.
func readFindings(r io.Reader) ([]finding, error) {
	var called []finding
	dec := json.NewDecoder(r)
	for {
		var m struct {
			Finding *finding `json:"finding"`
		}
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			return called, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read its output: %w", err)
		}
		f := m.Finding
		if f == nil || len(f.Trace) == 0 || f.Trace[0].Function == "" {
			continue
		}
		if !slices.ContainsFunc(called, func(c finding) bool { return c.OSV == f.OSV }) {
			called = append(called, *f)
		}
	}
}

func judge(called []finding, excused map[string]string, w io.Writer) error {
	bad := 0
	for _, f := range called {
		at := f.Trace[0]
		reason, known := excused[f.OSV]
		if known && at.Module == "stdlib" {
			fmt.Fprintf(w, "vulncheck: %s in %s.%s is excused: %s\n", f.OSV, at.Package, at.Function, reason)
			continue
		}
		bad++
		fmt.Fprintf(w, "vulncheck: %s: we call %s.%s of %s %s; fixed in %s\n",
			f.OSV, at.Package, at.Function, at.Module, at.Version, f.FixedVersion)
	}
	for id := range excused {
		if !slices.ContainsFunc(called, func(f finding) bool { return f.OSV == id }) {
			fmt.Fprintf(w, "vulncheck: %s is excused but not found any more; take it off the list\n", id)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d vulnerabilities", bad)
	}
	fmt.Fprintf(w, "vulncheck: ok, %d excused\n", len(called))
	return nil
}

// readExcused reads lines of an id and a reason; # begins a comment.
func readExcused(file string) (map[string]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	excused := map[string]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		if reason = strings.TrimSpace(reason); reason == "" {
			return nil, fmt.Errorf("%s: %s has no reason", file, id)
		}
		excused[id] = reason
	}
	return excused, nil
}
