package mailtext

import (
	"fmt"
	"strings"
)

// template is a text with gaps: {name} is filled in, {?name}…{:}…{/} is the
// first part when the name has a value, else the second, and {?name=value}
// when it has that one. Parts may hold parts.
type template []node

type node struct {
	text  string
	name  string   // of a gap or a condition
	value string   // of a condition
	cond  bool     // a condition
	yes   template // when it holds
	no    template
}

func parseTemplate(s string) (template, error) {
	p := &parser{rest: s}
	t, end, err := p.run()
	if err == nil && end != "" {
		err = fmt.Errorf("{%s} without a {?…} before it", end)
	}
	return t, err
}

type parser struct {
	rest  string
	depth int
}

// run reads up to {:}, {/} or the end and says which it was.
func (p *parser) run() (t template, end string, err error) {
	if p.depth++; p.depth > 8 {
		return nil, "", fmt.Errorf("conditions within conditions, too deep")
	}
	defer func() { p.depth-- }()
	for {
		text, rest, ok := strings.Cut(p.rest, "{")
		if text != "" {
			t = append(t, node{text: text})
		}
		if !ok {
			p.rest = ""
			return t, "", nil
		}
		name, rest, ok := strings.Cut(rest, "}")
		if !ok || strings.ContainsAny(name, "{\n ") || name == "" {
			return nil, "", fmt.Errorf("a { that is no gap such as {due}: %.20q", "{"+rest)
		}
		p.rest = rest
		switch {
		case name == ":" || name == "/":
			return t, name, nil
		case name[0] == '?':
			n, err := p.condition(name[1:])
			if err != nil {
				return nil, "", err
			}
			t = append(t, n)
		default:
			t = append(t, node{name: name})
		}
	}
}

func (p *parser) condition(name string) (n node, err error) {
	n.cond = true
	n.name, n.value, _ = strings.Cut(name, "=")
	var end string
	if n.yes, end, err = p.run(); err == nil && end == ":" {
		n.no, end, err = p.run()
	}
	if err == nil && end != "/" {
		err = fmt.Errorf("{?%s} without {/}", name)
	}
	return n, err
}

// names lists all that the template names, conditions included.
func (t template) names(list []string) []string {
	for _, n := range t {
		if n.name != "" {
			list = append(list, n.name)
		}
		list = n.no.names(n.yes.names(list))
	}
	return list
}

// filler fills templates in. Values are put in as they are, never read as
// templates; fragments are.
type filler struct {
	values    map[string]string
	fragments map[string]string
	depth     int
	missing   string
}

func (f *filler) fill(t template) string {
	var b strings.Builder
	for _, n := range t {
		switch {
		case n.cond:
			v := f.values[n.name]
			if n.value != "" && v == n.value || n.value == "" && v != "" {
				b.WriteString(f.fill(n.yes))
			} else {
				b.WriteString(f.fill(n.no))
			}
		case n.name != "":
			b.WriteString(f.gap(n.name))
		default:
			b.WriteString(n.text)
		}
	}
	return b.String()
}

func (f *filler) gap(name string) string {
	if s, ok := f.fragments[name]; ok && f.depth < 4 {
		t, err := parseTemplate(s)
		if err != nil {
			f.missing = name
			return ""
		}
		f.depth++
		defer func() { f.depth-- }()
		return f.fill(t)
	}
	v := f.values[name]
	if v == "" {
		f.missing = name
	}
	return v
}

// tidy takes out what empty parts left: lines of spaces and more than one
// empty line.
func tidy(s string) string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		line = strings.TrimRight(line, " ")
		if line == "" && len(out) > 0 && out[len(out)-1] == "" {
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
