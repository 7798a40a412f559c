package message

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxHTMLDepth = 20      // of quotes and lists that are shown as such
	maxHTMLText  = 2 << 20 // bytes of text made of HTML
)

// HTMLToText renders an HTML body as plain text: links as "text (url)", lists
// with "- " or numbers, the cells of a row between " | ", quotes behind "> ",
// preformatted text as it is. What is not shown (scripts, styles, hidden
// elements) is left out. It never fails, takes linear time and returns at
// most 2 MiB.
func HTMLToText(s string) string {
	w := textWriter{z: html.NewTokenizer(strings.NewReader(s)), rest: s}
	for w.out.Len() < maxHTMLText {
		switch w.z.Next() {
		case html.ErrorToken:
			return trimText(cleanText(w.out.String()))
		case html.TextToken:
			if w.skip == 0 {
				w.text(string(w.z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			w.start()
		case html.EndTagToken:
			name, _ := w.z.TagName()
			w.end(atom.Lookup(name))
		}
	}
	return trimText(cleanText(truncate(w.out.String(), maxHTMLText)))
}

// textWriter holds where in the page the text is and what is owed before the
// next character: line ends, a space, a cell's border, a list's mark.
type textWriter struct {
	z    *html.Tokenizer
	rest string
	out  strings.Builder

	newlines  int  // owed
	space     bool // owed
	inLine    bool // the current line has text
	pre       int
	quote     int    // depth of quotes at the next text
	lastQuote int    // depth of quotes on the current line
	quotes    []bool // the open blockquotes: shown as a quote, or only indented
	lists     []list
	mark      string // of a list item, owed
	cell      bool   // a border between cells is owed
	fresh     bool   // nothing in this cell yet
	cellLine  int    // line on which the cell's text began
	line      int
	skip      int       // depth within what is not shown
	skipTag   atom.Atom // the element not shown
	links     []link
}

type list struct {
	ordered bool
	n       int
}

type link struct {
	url  string
	from int
}

func (w *textWriter) start() {
	name, more := w.z.TagName()
	tag := atom.Lookup(name)
	if w.skip > 0 {
		if tag == w.skipTag {
			w.skip++
		}
		return
	}
	var href, alt, style, first string
	hidden := false
	for more {
		var k, v []byte
		k, v, more = w.z.TagAttr()
		switch string(k) {
		case "href":
			href = string(v)
		case "alt":
			alt = string(v)
		case "style":
			style = strings.ToLower(strings.ReplaceAll(string(v[:min(len(v), 1024)]), " ", ""))
		case "hidden":
			hidden = true
		case "start":
			first = string(v)
		}
	}
	hidden = hidden || strings.Contains(style, "display:none") || strings.Contains(style, "mso-hide:all")
	if hidden && !isVoid(tag) || tag == atom.Script || tag == atom.Style || tag == atom.Title || tag == atom.Template || tag == atom.Select || tag == atom.Svg || tag == atom.Object {
		w.skip, w.skipTag = 1, tag
		return
	}
	switch tag {
	case atom.Br:
		w.br()
	case atom.A:
		if len(w.links) < 100 {
			w.links = append(w.links, link{cleanURL(href), -1})
		}
	case atom.Img:
		if alt = strings.TrimSpace(cleanLine(alt)); alt != "" && !hidden {
			w.text("[" + alt + "]")
		}
	case atom.Hr:
		w.block(1)
		w.text("---")
		w.block(1)
	case atom.Blockquote:
		w.openQuote(style)
	case atom.Ul, atom.Ol, atom.Menu, atom.Dir:
		w.block(2 - btoi(len(w.lists) > 0))
		n, err := strconv.Atoi(first)
		if err != nil || n < 0 {
			n = 1
		}
		w.lists = append(w.lists, list{tag == atom.Ol, n - 1})
	case atom.Li:
		w.item()
	case atom.Pre, atom.Listing, atom.Xmp:
		w.block(1)
		w.pre++
	case atom.Tr:
		w.block(1)
		w.cell = false
	case atom.Td, atom.Th:
		w.fresh = true
	default:
		w.block(margin(tag))
	}
}

func (w *textWriter) end(tag atom.Atom) {
	if w.skip > 0 {
		if tag == w.skipTag {
			w.skip--
		}
		return
	}
	switch tag {
	case atom.A:
		w.closeLink()
	case atom.Blockquote:
		if n := len(w.quotes); n > 0 {
			if w.quotes[n-1] {
				w.quote--
			}
			w.quotes = w.quotes[:n-1]
			w.block(1)
		}
	case atom.Ul, atom.Ol, atom.Menu, atom.Dir:
		if n := len(w.lists); n > 0 {
			w.lists = w.lists[:n-1]
		}
		w.mark = ""
		w.block(2 - btoi(len(w.lists) > 0))
	case atom.Li:
		w.block(1)
	case atom.Pre, atom.Listing, atom.Xmp:
		w.pre = max(w.pre-1, 0)
		w.block(1)
	case atom.Tr:
		w.cell, w.fresh = false, false
		w.block(1)
	case atom.Td, atom.Th:
		// A cell of one line stands beside the next, whatever blocks it is made of.
		if !w.fresh {
			if w.cell = w.line == w.cellLine; w.cell {
				w.newlines = 0
			} else {
				w.block(1)
			}
		}
		w.fresh = false
	case atom.Br: // </br>
		w.br()
	default:
		w.block(margin(tag))
	}
}

func (w *textWriter) block(n int) {
	if n == 0 || w.fresh {
		return
	}
	w.newlines = max(w.newlines, n)
	w.space, w.inLine = false, false
}

func (w *textWriter) br() {
	w.fresh = false
	if w.inLine || w.newlines == 0 {
		w.newlines = max(w.newlines, 1)
	} else if w.newlines < 4 {
		w.newlines++
	}
	w.space, w.inLine = false, false
}

func (w *textWriter) openQuote(style string) {
	w.block(1)
	shown := len(w.quotes) < maxHTMLDepth && !strings.Contains(style, "border:none")
	if len(w.quotes) > 10000 {
		return
	}
	w.quotes = append(w.quotes, shown)
	if shown {
		w.quote++
	}
}

func (w *textWriter) item() {
	w.fresh = false
	w.block(1)
	if w.mark = "- "; len(w.lists) > 0 {
		l := &w.lists[len(w.lists)-1]
		if l.n++; l.ordered {
			w.mark = strconv.Itoa(l.n) + ". "
		}
		w.mark = strings.Repeat("  ", min(len(w.lists), maxHTMLDepth)-1) + w.mark
	}
}

func (w *textWriter) closeLink() {
	n := len(w.links)
	if n == 0 {
		return
	}
	l := w.links[n-1]
	w.links = w.links[:n-1]
	if l.url == "" || l.from < 0 {
		return
	}
	text := strings.TrimSpace(w.out.String()[l.from:])
	if text == "" || sameURL(text, l.url) {
		return
	}
	space, newlines, cell := w.space, w.newlines, w.cell
	w.space, w.newlines, w.cell = false, 0, false
	w.put(" (" + l.url + ")")
	w.space, w.newlines, w.cell = space, newlines, cell
	w.inLine = newlines == 0
}

// text writes a run of text, white space collapsed unless preformatted.
func (w *textWriter) text(s string) {
	if w.pre > 0 {
		for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if i > 0 {
				w.newlines++
				w.inLine = false
			}
			if line != "" {
				w.put(line)
			}
		}
		return
	}
	for len(s) > 0 {
		n := 0
		for n < len(s) && !isSpace(s[n]) {
			n++
		}
		if n > 0 {
			w.word(s[:n])
			s = s[n:]
		}
		if len(s) > 0 {
			w.space = true
			for len(s) > 0 && isSpace(s[0]) {
				s = s[1:]
			}
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }

var invisible = strings.NewReplacer("\u00a0", " ", "\u200b", "", "\ufeff", "", "\u034f", "", "\u00ad", "", "\u2007", " ", "\u202f", " ")

func (w *textWriter) word(s string) {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			s = invisible.Replace(s)
			break
		}
	}
	if s == "" {
		return
	}
	if !w.inLine && strings.TrimLeft(s, " ") == "" { // a non-breaking space alone opens no line
		if w.newlines == 0 && w.out.Len() > 0 {
			w.space = true
		}
		return
	}
	w.put(s)
}

// put writes what is owed and then s, which has no line end in it.
func (w *textWriter) put(s string) {
	if w.out.Len() == 0 {
		w.newlines = 0
		w.quotePrefix(w.quote)
		w.lastQuote = w.quote
	}
	switch {
	case w.newlines > 0:
		for i := min(w.newlines, 5); i > 0; i-- {
			w.out.WriteByte('\n')
			w.line++
			if i == 1 {
				w.quotePrefix(w.quote)
			} else {
				w.quotePrefix(min(w.quote, w.lastQuote)) // an empty line between quotes belongs to the outer
			}
		}
		w.lastQuote = w.quote
		if w.pre > 0 && w.space {
			w.out.WriteByte(' ')
		}
	case w.cell:
		w.out.WriteString(" | ")
	case w.space && w.inLine:
		w.out.WriteByte(' ')
	}
	if w.fresh {
		w.cellLine = w.line
	}
	w.newlines, w.space, w.cell, w.fresh = 0, false, false, false
	if w.mark != "" {
		w.out.WriteString(w.mark)
		w.mark = ""
	}
	for i := len(w.links) - 1; i >= 0 && w.links[i].from < 0; i-- {
		w.links[i].from = w.out.Len()
	}
	w.out.WriteString(s)
	w.inLine = true
}

func (w *textWriter) quotePrefix(depth int) {
	for range depth {
		w.out.WriteString("> ")
	}
}
