package mailtext

import (
	"html"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"postroom/privacy"
)

// day writes a date the language's way. What is none stays as it is.
func (w *privacyWords) day(s string) string {
	if len(s) < 10 {
		return s
	}
	t, err := time.Parse("2006-01-02", s[:10])
	if err != nil {
		return s
	}
	d := strconv.Itoa(t.Day())
	if t.Day() == 1 && w.first != "" {
		d = w.first
	}
	return strings.NewReplacer("{d}", d, "{month}", w.months[t.Month()-1], "{y}", strconv.Itoa(t.Year())).Replace(w.date)
}

// rightNames puts names of rights, separated by spaces, into words.
func (w *privacyWords) rightNames(s string) string {
	var list []string
	for r := range strings.FieldsSeq(s) {
		name := w.rights[privacy.Right(r)]
		if name == "" {
			name = r
		}
		list = append(list, name)
	}
	return w.join(list)
}

// named puts names of fields, separated by spaces, into words; anything else is
// the officer's words and stays.
func (w *privacyWords) named(names map[string]string, s string) string {
	var list []string
	for f := range strings.FieldsSeq(s) {
		n := names[f]
		if n == "" {
			return strings.TrimRight(s, ". \n")
		}
		list = append(list, n)
	}
	return w.join(list)
}

func (w *privacyWords) join(list []string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " " + w.list + " " + list[n-1]
	}
	return strings.Join(list, "")
}

// sep stands between a name and its value in lists.
func (w *privacyWords) sep() string {
	if w.colon != "" {
		return w.colon
	}
	return ": "
}

// article finds the number of an article in what names a ground.
var article = regexp.MustCompile(`\d+(\(\w\))*`)

// ground puts the ground of a refusal, by its article, into words.
func (w *privacyWords) ground(s string) string {
	if g := w.grounds[s]; g != "" {
		return g
	}
	if g := w.grounds[strings.ReplaceAll(article.FindString(strings.ReplaceAll(s, " ", "")), " ", "")]; g != "" {
		return g
	}
	return s
}

// links are the ready-made mails, each with its label. In the text the label
// stands before the address, in HTML it is the link.
func (w *privacyWords) links(args map[string]string) string {
	var b strings.Builder
	for _, r := range []privacy.Right{privacy.Access, privacy.Portability, privacy.Erasure, privacy.Rectification, privacy.Restriction,
		privacy.Objection, privacy.ConsentWithdrawal} {
		if link := args["mailto."+string(r)]; link != "" {
			b.WriteString("- " + w.labels[r] + w.sep() + link + "\n")
		}
	}
	return strings.TrimSpace(b.String())
}

// countLines are the counts of a certificate, one a line. What is kept and who
// was told stands in lists of their own.
func (w *privacyWords) countLines(args map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(args)) {
		what, ok := strings.CutPrefix(key, "count.")
		if !ok || args[key] == "" || args[key] == "0" || what == "kept" || what == "told" {
			continue
		}
		name := w.counts[what]
		if name == "" {
			name = what
		}
		b.WriteString("- " + name + w.sep() + args[key] + "\n")
	}
	return strings.TrimSpace(b.String())
}

// keptLines says what is kept: ground, law, until when, how many.
func (w *privacyWords) keptLines(s string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		f := strings.Split(line, "|")
		if strings.TrimSpace(line) == "" {
			continue
		}
		for len(f) < 4 {
			f = append(f, "")
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		b.WriteString("- " + w.counts["messages"] + w.sep() + f[3] + "; " + w.ground(f[0]))
		if f[1] != "" {
			b.WriteString("; " + f[1])
		}
		if f[2] != "" {
			b.WriteString("; " + strings.ReplaceAll(w.until, "{until}", w.day(f[2])))
		}
		b.WriteString("\n")
	}
	return strings.TrimSpace(b.String())
}

// statusLines puts lines of who|count|status, or who|status, into words.
func (w *privacyWords) statusLines(s string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		f := strings.Split(line, "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
			if n := w.states[f[i]]; n != "" && i > 0 {
				f[i] = n
			}
			if n := w.counts[f[i]]; n != "" && i == 0 {
				f[i] = n
			}
		}
		b.WriteString("- " + f[0])
		if rest := strings.Trim(strings.Join(f[1:], ", "), ", "); rest != "" {
			b.WriteString(w.sep() + rest)
		}
		b.WriteString("\n")
	}
	return strings.TrimSpace(b.String())
}

// htmlOf gives the same words as HTML, without anything that is loaded.
func htmlOf(text, lang string) string {
	var b strings.Builder
	for para := range strings.SplitSeq(text, "\n\n") {
		lines := strings.Split(para, "\n")
		b.WriteString("<p lang=\"" + lang + "\">")
		for i, line := range lines {
			if i > 0 {
				b.WriteString("<br>\n")
			}
			b.WriteString(htmlLine(line))
		}
		b.WriteString("</p>\n")
	}
	return b.String()
}

func htmlLine(line string) string {
	if item, ok := strings.CutPrefix(line, "- "); ok {
		if i := strings.LastIndex(item, ": mailto:"); i > 0 {
			return "• <a href=\"" + html.EscapeString(item[i+2:]) + "\">" + html.EscapeString(strings.TrimSpace(item[:i])) + "</a>"
		}
		return "• " + html.EscapeString(item)
	}
	return html.EscapeString(line)
}
