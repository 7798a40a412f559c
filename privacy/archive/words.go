package archive

import (
	"fmt"
	"strings"
	"time"
)

// words are the texts of one language.
type words struct{ column int }

// wordsOf returns the language's words, or the English ones.
func wordsOf(language string) *words {
	language, _, _ = strings.Cut(strings.ToLower(language), "-")
	for i, l := range languages {
		if l == language {
			return &words{i}
		}
	}
	return &words{0}
}

// t is a text or label by its name.
func (w *words) t(name string) string {
	if r, ok := texts[name]; ok {
		return r[w.column]
	}
	return labels[name][w.column]
}

// value puts a code, such as a state, into words; an unknown one stays as it is.
func (w *words) value(code string) string {
	if r, ok := labels["value:"+code]; ok {
		return r[w.column]
	}
	return code
}

func (w *words) language() string { return languages[w.column] }

func (w *words) time(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(w.t("date"))
}

// locked tells how to open an encrypted part. It stands in the clear and says
// nothing about anybody.
func (w *words) locked() string { return w.t("locked") }

// readme is README.txt of a part.
func (w *words) readme(b *builder, p *part) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s\n%s\n\n%s\n", b.title(), fmt.Sprintf(w.t("part"), p.no, len(b.parts)), b.intro())
	if len(b.parts) > 1 {
		s.WriteString(w.t("parts") + "\n")
	}
	if p.large {
		s.WriteString(w.t("large") + "\n")
	}
	s.WriteString(w.t("readme-start") + "\n\n")
	for _, f := range []string{"index.html", "data.json", "*.csv", "messages.mbox", "messages/", "attachments/", "manifest.json"} {
		fmt.Fprintf(&s, "%-15s %s\n", f, w.t("f:"+f))
	}
	fmt.Fprintf(&s, "\n%s\n", w.t("care"))
	return s.String()
}

func (b *builder) title() string {
	if b.portable() {
		return b.words.t("title-port")
	}
	return b.words.t("title")
}

func (b *builder) intro() string {
	name := "intro"
	if b.portable() {
		name = "intro-port"
	}
	return fmt.Sprintf(b.words.t(name), firstLine(b.c.About.Controller), b.words.time(b.c.Made, b.zone), b.c.No)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
