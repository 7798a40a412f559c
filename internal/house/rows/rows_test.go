package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// Every attack has a test that bears its id.
func TestEveryRowHasATest(t *testing.T) {
	found, err := find(os.DirFS(filepath.Join("..", "..", "..")))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if len(found[r.id]) == 0 {
			t.Errorf("no test is named Test%s_…: %s", r.id, r.what)
		}
	}
}

func TestTable(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	found, err := find(fstest.MapFS{
		"smtpd/a_test.go":           file("package smtpd\nfunc TestS1_One(t *testing.T) {}\nfunc TestS1_Two(t *testing.T) {\n// func TestS2_Not(t *testing.T)\n"),
		"smtpd/a.go":                file("func TestS3_NotInATestFile(t *testing.T) {}"),
		"internal/x/b_test.go":      file("func TestM4_Failing(t *testing.T) {}\nfunc TestM7_BesideIt(t *testing.T) {}\nfunc TestS33_Unknown(t *testing.T) {}\nfunc TestM5_Skipped(tt *testing.T) {}"),
		"internal/y/b_test.go":      file("func TestM6_NotRun(t *testing.T) {}\n"),
		"testdata/x/c_test.go":      file("func TestH1_Data(t *testing.T) {}"),
		".hidden/c_test.go":         file("func TestH1_Hidden(t *testing.T) {}"),
		"internal/z/corpus_test.go": file("func TestAddressCorpus_X(t *testing.T) {}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := read(strings.NewReader("=== RUN x\n--- SKIP: TestM5_Skipped (0.00s)\n--- FAIL: TestM4_Failing (0.10s)\n    --- PASS: TestM4_Failing/sub\nFAIL\nFAIL\tpostroom/internal/x\t1s\n" +
		"ok  \tpostroom/smtpd\t1.2s\nok  \tpostroom/internal/z\t(cached)\n"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	open := table(&b, found, r)
	want := map[string]string{"smtpd.TestS1_One": "pass", "smtpd.TestS1_Two": "pass", "internal/x.TestM4_Failing": "fail",
		"internal/x.TestM5_Skipped": "skip", "internal/y.TestM6_NotRun": "not run", "internal/x.TestM7_BesideIt": "unsure", "internal/z.TestAddressCorpus_X": "pass"}
	lines := 0
	for line := range strings.Lines(b.String()) {
		for name, word := range want {
			if strings.Contains(line, name+" ") {
				lines++
				if !strings.Contains(line, " "+word+" ") {
					t.Errorf("%q should say %q", line, word)
				}
			}
		}
		for _, no := range []string{"S33", "Hidden", "_Data", "S2_Not", "S3_Not"} {
			if strings.Contains(line, no) {
				t.Errorf("%q should not be there", line)
			}
		}
	}
	if lines != len(want) || open != len(rows)-2 {
		t.Errorf("%d lines, %d open:\n%s", lines, open, b.String())
	}
}
