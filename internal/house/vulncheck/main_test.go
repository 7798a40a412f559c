package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const output = `{"config":{"scanner_name":"govulncheck"}}
{"finding":{"osv":"GO-2026-0001","trace":[{"module":"stdlib","version":"v1.26.8"}]}}
{"finding":{"osv":"GO-2026-0002","fixed_version":"v1.26.9","trace":[{"module":"stdlib","version":"v1.26.8","package":"net/mail","function":"ReadMessage"}]}}
{"finding":{"osv":"GO-2026-0002","fixed_version":"v1.26.9","trace":[{"module":"stdlib","version":"v1.26.8","package":"net/mail","function":"ParseAddress"}]}}
{"finding":{"osv":"GO-2026-0003","fixed_version":"v2.0.0","trace":[{"module":"example.org/dep","version":"v1.0.0","package":"example.org/dep","function":"F"}]}}
`

func TestJudge(t *testing.T) {
	called, err := readFindings(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	if len(called) != 2 {
		t.Fatalf("want the two that are called, got %+v", called)
	}
	std, dep := called[0], called[1]
	for name, c := range map[string]struct {
		called  []finding
		excused map[string]string
		want    string // in the error; empty: none
		says    string
	}{
		"nothing found":            {nil, nil, "", "ok, 0 excused"},
		"standard library":         {[]finding{std}, nil, "1 vulnerabilities", "fixed in v1.26.9"},
		"excused":                  {[]finding{std}, map[string]string{"GO-2026-0002": "no newer Go"}, "", "no newer Go"},
		"a dependency never is":    {[]finding{dep}, map[string]string{"GO-2026-0003": "no time"}, "1 vulnerabilities", "example.org/dep.F"},
		"an excuse out of date":    {nil, map[string]string{"GO-2026-0002": "no newer Go"}, "", "take it off the list"},
		"one excused and one more": {called, map[string]string{"GO-2026-0002": "no newer Go"}, "1 vulnerabilities", "GO-2026-0003"},
	} {
		t.Run(name, func(t *testing.T) {
			var w strings.Builder
			err := judge(c.called, c.excused, &w)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if !strings.Contains(w.String(), c.says) {
				t.Errorf("says %q, want %q in it", w.String(), c.says)
			}
		})
	}
}

func TestOnlyAMissingDatabaseIsNoFailure(t *testing.T) {
	if _, ok := unreachable("govulncheck: loading packages: \nThere are errors with the provided package patterns:\n"); ok {
		t.Error("a program that does not build is taken for a missing database")
	}
	reason, ok := unreachable("govulncheck: fetching vulnerabilities: Get \"https://vuln.example/\": no such host\nexit status 1\n")
	if !ok || !strings.Contains(reason, "no such host") {
		t.Errorf("%q, %v", reason, ok)
	}
}

func TestAnExcuseNeedsAReason(t *testing.T) {
	file := filepath.Join(t.TempDir(), "excused.txt")
	if err := os.WriteFile(file, []byte("# why\nGO-2026-0002\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readExcused(file); err == nil || !strings.Contains(err.Error(), "no reason") {
		t.Errorf("got %v", err)
	}
}
