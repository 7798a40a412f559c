package privacy

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
)

// mailCase is a mail in testdata with what must be seen in it.
type mailCase struct {
	line          int
	language      string
	rights        []Right // nil: no request
	any           bool    // a request, whatever the right
	certainty     string  // "sure", "unsure" or either
	subject, text string
}

func readCases(t testing.TB, file string) []mailCase {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []mailCase
	for n, line := range strings.Split(string(raw), "\n") {
		if head, ok := strings.CutPrefix(line, "=== "); ok {
			what, subject, ok := strings.Cut(head, "|")
			words := strings.Fields(what)
			if !ok || len(words) < 2 || len(words) > 3 {
				t.Fatalf("%s:%d: %q", file, n+1, line)
			}
			c := mailCase{line: n + 1, language: words[0], subject: strings.TrimSpace(subject)}
			switch words[1] {
			case "none":
			case "any":
				c.any = true
			default:
				for r := range strings.SplitSeq(words[1], "+") {
					c.rights = append(c.rights, Right(r))
				}
			}
			if len(words) == 3 {
				c.certainty = words[2]
			}
			list = append(list, c)
		} else if len(list) > 0 {
			list[len(list)-1].text += line + "\n"
		}
	}
	return list
}

// fault says what is wrong with the answer, empty if nothing is.
func (c mailCase) fault(r *Recognition) string {
	switch {
	case c.rights == nil && !c.any:
		if r != nil {
			return "a false alarm"
		}
		return ""
	case r == nil:
		return "not seen"
	case c.any:
	case r.Rights == nil:
		return "no list of rights"
	default:
		for _, want := range c.rights {
			if !slices.Contains(r.Rights, want) {
				return "without " + string(want)
			}
		}
		if !slices.Contains(c.rights, r.Rights[0]) {
			return "first " + string(r.Rights[0])
		}
		if len(r.Rights) > len(c.rights)+2 {
			return "too many rights"
		}
	}
	if c.certainty != "" && r.Sure != (c.certainty == "sure") {
		return fmt.Sprintf("sure is %v", r.Sure)
	}
	if r.Language != c.language {
		return "language " + r.Language
	}
	return ""
}

// TestMails holds what natural mails must be recognised as, and prints how
// many were by language and right.
func TestMails(t *testing.T) {
	for _, file := range []string{"testdata/mails.txt", "testdata/held-back.txt", "testdata/fresh.txt", "testdata/last.txt", "testdata/strangers.txt", "testdata/ordinary.txt", "testdata/second.txt", "testdata/third.txt", "testdata/fourth.txt"} {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txt"), func(t *testing.T) {
			cases := readCases(t, file)
			right, all := map[string]int{}, map[string]int{}
			for _, c := range cases {
				kind := "none"
				if c.any {
					kind = "any"
				} else if c.rights != nil {
					kind = string(c.rights[0])
				}
				r := Recognise(c.subject, c.text)
				fault := c.fault(r)
				for _, key := range []string{c.language + " " + kind, "all " + kind, c.language + " all", "all all"} {
					all[key]++
					if fault == "" {
						right[key]++
					}
				}
				if fault != "" {
					t.Errorf("%s:%d: %s: %+v\n%s | %s", file, c.line, fault, r, c.subject, c.text)
				}
			}
			t.Log(matrix(right, all))
		})
	}
}

func matrix(right, all map[string]int) string {
	rows, columns := map[string]bool{}, map[string]bool{}
	for key := range all {
		row, column, _ := strings.Cut(key, " ")
		rows[row], columns[column] = true, true
	}
	var b strings.Builder
	b.WriteByte('\n')
	names := sorted(columns)
	fmt.Fprintf(&b, "%-4s", "")
	for _, c := range names {
		fmt.Fprintf(&b, "%19s", c)
	}
	for _, r := range sorted(rows) {
		fmt.Fprintf(&b, "\n%-4s", r)
		for _, c := range names {
			cell := ""
			if n := all[r+" "+c]; n > 0 {
				cell = fmt.Sprintf("%d/%d", right[r+" "+c], n)
			}
			fmt.Fprintf(&b, "%19s", cell)
		}
	}
	return b.String()
}

func sorted(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for s := range set {
		list = append(list, s)
	}
	sort.Strings(list)
	return list
}
