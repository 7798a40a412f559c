package house

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// limitRow is a row of docs/limits.md: what is limited, to how much, and where
// that stands.
var limitRow = regexp.MustCompile("^\\| ([^|]*?) ?\\| ([0-9,]+)( [^|]*)? \\| [^|]*\\| `([^`]+)` \\|$")

// Every limit that docs/limits.md tells of is the one in the code.
func TestLimitsAreTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(root, "internal", "config", "postroom.toml"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]map[string]float64{}
	rows := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what |") {
			continue
		}
		m := limitRow.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("not a limit: %s", line)
			continue
		}
		rows++
		said := amount(t, m[2], m[3])
		dir, name, inCode := strings.Cut(m[4], " ")
		if !inCode {
			if have, ok := configured(string(config), m[4]); !ok || have != said {
				t.Errorf("%s: %s is %v in postroom.toml, not %v", m[1], m[4], have, said)
			}
			continue
		}
		if values[dir] == nil {
			values[dir] = numbers(t, dir)
		}
		if have, ok := values[dir][name]; !ok || have != said {
			t.Errorf("%s: %s is %v in the code, not %v", m[1], m[4], have, said)
		}
	}
	if rows < 50 {
		t.Errorf("%d limits were compared", rows)
	}
}

// amount reads "25 MiB" and "5 min", durations in nanoseconds; words that are no
// unit say what is counted.
func amount(t *testing.T, digits, rest string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.ReplaceAll(digits, ",", ""), 64)
	if err != nil {
		t.Fatal(err)
	}
	unit, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	by := map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20, "ms": float64(time.Millisecond), "s": float64(time.Second),
		"min": float64(time.Minute), "h": float64(time.Hour), "d": 24 * float64(time.Hour)}[unit]
	if by == 0 {
		by = 1
	}
	return n * by
}

// configured is the value of a key of the example configuration.
func configured(text, key string) (float64, bool) {
	section, name, _ := strings.Cut(key, ".")
	_, text, _ = strings.Cut(text, "\n["+section+"]\n")
	text, _, _ = strings.Cut(text, "\n[")
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, name+" = "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return n, err == nil
		}
	}
	return math.NaN(), false
}

// numbers are the constants of a package, and the defaults that its code sets:
// by an assignment or by a call with the address of a field and a value.
func numbers(t *testing.T, dir string) map[string]float64 {
	t.Helper()
	found := map[string]float64{}
	set := func(name string, e ast.Expr) {
		if _, again := found[name]; again { // the usual comes first, then what differs by the configuration
			return
		}
		if v := evaluate(e); v.Kind() == constant.Int || v.Kind() == constant.Float {
			found[name], _ = constant.Float64Val(v)
		}
	}
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no Go files: %v", dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GenDecl:
				for _, s := range n.Specs {
					if v, ok := s.(*ast.ValueSpec); ok && n.Tok == token.CONST {
						for i := range min(len(v.Names), len(v.Values)) {
							set(v.Names[i].Name, v.Values[i])
						}
					}
				}
			case *ast.AssignStmt:
				if len(n.Lhs) == 1 && n.Tok == token.ASSIGN {
					set(field(n.Lhs[0]), n.Rhs[0])
				}
			case *ast.CallExpr:
				if a, ok := first(n.Args).(*ast.UnaryExpr); ok && len(n.Args) == 2 && a.Op == token.AND {
					set(field(a.X), n.Args[1])
				}
			}
			return true
		})
	}
	return found
}

func first(list []ast.Expr) ast.Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// field is the path of a field from its first exported name on: Timeouts.Command.
func field(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || !s.Sel.IsExported() {
		return ""
	}
	if before := field(s.X); before != "" {
		return before + "." + s.Sel.Name
	}
	return s.Sel.Name
}

// evaluate reckons with literals and the units of time; anything else is unknown.
func evaluate(e ast.Expr) constant.Value {
	switch e := e.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0)
	case *ast.ParenExpr:
		return evaluate(e.X)
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && x.Name == "time" {
			if d, ok := map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}[e.Sel.Name]; ok {
				return constant.MakeInt64(int64(d))
			}
		}
	case *ast.BinaryExpr:
		x, y := evaluate(e.X), evaluate(e.Y)
		if x.Kind() == constant.Unknown || y.Kind() == constant.Unknown {
			break
		}
		switch e.Op {
		case token.SHL:
			n, _ := constant.Uint64Val(y)
			return constant.Shift(x, token.SHL, uint(n))
		case token.MUL, token.ADD, token.SUB:
			return constant.BinaryOp(x, e.Op, y)
		}
	}
	return constant.MakeUnknown()
}
