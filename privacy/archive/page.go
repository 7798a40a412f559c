package archive

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

// The page is one template with a piece per block, so that it is written
// message by message. html/template escapes every value for its place; links
// are made here and lead into the archive only.
//
//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

type section struct{ ID, Name string }

type pageHead struct {
	Lang, Title, Intro               string
	Part, Parts                      int
	PartLine, PartsNote, GeneralNote string
	Large, Nothing                   bool
	LargeNote, NothingNote           string
	Sections                         []section
}

type list struct {
	ID, Title, Intro string
	Columns          []string
	Rows             [][]string
}

type fact struct{ Name, Text string }

type about struct {
	Title  string
	Facts  []fact
	Tables []list
}

type link struct {
	Link, Name, Note string
}

type pageMessage struct {
	No                             int
	By                             string
	Inner                          bool
	Who, From, When                string
	Badges                         []string
	To, Cc, ToLabel, CcLabel, Hint string
	Text                           string
	FilesLabel                     string
	Files                          []link
	Mail                           *link
}

// writePage writes index.html of a part.
func (b *builder) writePage(ctx context.Context, p *part, w io.Writer) error {
	put := func(name string, data any) error { return page.ExecuteTemplate(w, name, data) }
	lists := b.lists(p)
	if err := put("head", b.pageHead(p, lists)); err != nil {
		return err
	}
	if p.no == 1 {
		if err := put("list", b.record()); err != nil {
			return err
		}
	}
	if shown := b.shown(p); shown {
		if err := put("conversations", list{Title: b.words.t("conversations"), Intro: b.words.t("care")}); err != nil {
			return err
		}
	}
	err := b.conversations(p, func(t *Ticket, list []*entry) error {
		if err := put("ticket", b.pageTicket(t)); err != nil {
			return err
		}
		for _, e := range list {
			m, err := b.pageMessage(ctx, p, e)
			if err != nil {
				return err
			}
			if err := put("message", m); err != nil {
				return err
			}
		}
		return put("ticket-end", nil)
	})
	if err != nil {
		return err
	}
	for _, l := range lists {
		if err := put("list", l); err != nil {
			return err
		}
	}
	if p.no == 1 {
		if err := put("about", b.pageAbout()); err != nil {
			return err
		}
	}
	return put("foot", nil)
}

// shown says whether the part has conversations.
func (b *builder) shown(p *part) bool { return len(p.entries) > 0 || p.no == 1 && len(b.c.Tickets) > 0 }

func (b *builder) pageHead(p *part, lists []list) pageHead {
	t := b.words.t
	h := pageHead{
		Lang: b.words.language(), Title: b.title(), Intro: b.intro(), Part: p.no, Parts: len(b.parts), PartLine: fmt.Sprintf(t("part"), p.no, len(b.parts)),
		PartsNote: t("parts"), GeneralNote: t("general"), Large: p.large, LargeNote: t("large"), Nothing: p.no == 1 && b.result().Nothing, NothingNote: t("nothing"),
	}
	add := func(id string) { h.Sections = append(h.Sections, section{id, t(id)}) }
	if p.no == 1 {
		add("record")
	}
	if b.shown(p) {
		add("conversations")
	}
	for _, l := range lists {
		h.Sections = append(h.Sections, section{l.ID, l.Title})
	}
	if p.no == 1 {
		add("about")
	}
	return h
}

// record is what stands in the person's own rows.
func (b *builder) record() list {
	t := b.words.t
	l := list{ID: "record", Title: t("record"), Columns: []string{t("address"), t("name"), t("language"), t("since")}}
	known := map[string]bool{}
	for _, x := range b.c.People {
		known[tickets.FoldAddress(x.Address)] = true
		l.Rows = append(l.Rows, []string{x.Address, x.Name, x.Language, b.words.time(x.Created, b.zone)})
	}
	for _, a := range b.c.Addresses {
		if !known[tickets.FoldAddress(a)] {
			l.Rows = append(l.Rows, []string{a, "", "", ""})
		}
	}
	return l
}

// lists are the tables after the conversations.
func (b *builder) lists(p *part) []list {
	var out []list
	t, v := b.words.t, b.words.value
	at := func(x time.Time) string { return b.words.time(x, b.zone) }
	add := func(l list) {
		if len(l.Rows) > 0 || l.Intro != "" {
			out = append(out, l)
		}
	}
	if p.no == 1 {
		withheld := list{ID: "withheld", Title: t("withheld"), Columns: []string{t("ticket"), t("when"), t("what"), t("ground")}}
		for _, x := range b.c.Withheld {
			withheld.Rows = append(withheld.Rows, []string{x.Ticket, at(x.Received), v(x.What), v(x.Ground)})
		}
		if len(withheld.Rows) > 0 {
			withheld.Intro = t("withheld-intro")
		}
		add(withheld)
		if !b.portable() {
			add(b.recipients())
		}
		deliveries := list{ID: "deliveries", Title: t("deliveries"), Columns: []string{t("when"), t("what"), t("to"), t("ticket"), t("state")}}
		for _, x := range b.c.Deliveries {
			deliveries.Rows = append(deliveries.Rows, []string{at(x.Created), v(x.Kind), x.To, x.Ticket, strings.TrimSpace(v(x.State) + " " + at(x.Finished) + " " + x.Status)})
		}
		add(deliveries)
		consents := list{ID: "consents", Title: t("consents"), Columns: []string{t("when"), t("purpose"), t("state")}}
		for _, x := range b.c.Consents {
			act := string(x.Act)
			if x.Act == consent.Expired {
				act = "consent-expired"
			}
			consents.Rows = append(consents.Rows, []string{at(x.At), x.Purpose, v(act)})
		}
		add(consents)
		requests := list{ID: "requests", Title: t("requests"), Columns: []string{"", t("right"), t("received"), t("due"), t("state")}}
		for _, x := range b.c.Requests {
			state := "request-open"
			if x.State.Final() {
				state = string(x.State)
			}
			requests.Rows = append(requests.Rows, []string{x.No, v(string(x.Right)), at(x.Received), at(x.Due), v(state)})
		}
		add(requests)
	}
	if len(b.parts) > 1 && len(p.pieces) > 0 && len(p.entries) == 0 {
		files := list{ID: "files", Title: t("files"), Columns: []string{t("files-l"), t("ticket"), t("when")}}
		for _, x := range p.pieces {
			name := x.m.eml.name
			if x.index >= 0 {
				name = x.m.files[x.index].name
			}
			files.Rows = append(files.Rows, []string{name, x.m.ticket.Ref, at(x.m.Received)})
		}
		add(files)
	}
	return out
}

func (b *builder) recipients() list {
	t := b.words.t
	l := list{ID: "recipients", Title: t("recipients"), Intro: t("recipients-intro"), Columns: []string{t("name"), t("what"), t("times"), t("when"), t("country")}}
	for _, x := range b.c.Recipients {
		period := b.words.time(x.First, b.zone)
		if last := b.words.time(x.Last, b.zone); last != period && last != "" {
			period += " – " + last
		}
		l.Rows = append(l.Rows, []string{x.Name, b.words.value(x.What), strconv.Itoa(x.Count), period, x.Country})
	}
	if len(l.Rows) == 0 {
		l.Intro = t("no-recipients")
	}
	return l
}

func (b *builder) pageAbout() about {
	t, i := b.words.t, b.information()
	a := about{Title: t("about"), Facts: []fact{
		{t("controller"), i.Controller}, {t("contact"), i.Contact}, {t("dpo"), i.DPO}, {t("authority"), i.Authority},
		{t("rights-l"), i.Rights}, {t("source-l"), i.Source}, {t("auto-l"), i.Automated},
	}}
	purposes := list{Columns: []string{t("purpose"), t("basis"), t("categories"), t("retention")}}
	for _, p := range i.Purposes {
		purposes.Rows = append(purposes.Rows, []string{b.words.value(p.Name), p.Basis, p.Categories, p.Retention})
	}
	processors := list{Title: t("processors"), Columns: []string{t("name"), t("purpose"), t("country"), t("safeguard")}}
	for _, p := range i.Processors {
		processors.Rows = append(processors.Rows, []string{p.Name, p.Purpose, p.Country, p.Safeguard})
	}
	a.Tables = []list{purposes, processors}
	return a
}

func (b *builder) pageTicket(x *Ticket) any {
	t, v := b.words.t, b.words.value
	facts := []fact{{t("queue"), x.Queue}, {t("since"), b.words.time(x.Created, b.zone)}}
	if x.State != "" {
		facts = append(facts, fact{t("state"), v(string(x.State))})
	}
	if x.Priority != "" && x.Priority != tickets.PriorityNormal {
		facts = append(facts, fact{t("priority"), v(string(x.Priority))})
	}
	if len(x.Tags) > 0 {
		facts = append(facts, fact{t("tags"), strings.Join(x.Tags, ", ")})
	}
	out := struct {
		Ref, Subject, Frozen string
		Facts                []fact
	}{Ref: x.Ref, Subject: x.Subject, Facts: facts}
	if out.Subject == "" {
		out.Subject = t("untitled")
	}
	if x.Frozen {
		out.Frozen = t("frozen")
	}
	return out
}

func (b *builder) pageMessage(ctx context.Context, p *part, e *entry) (pageMessage, error) {
	t := b.words.t
	text, err := b.src.Text(ctx, e.ID)
	if err != nil {
		return pageMessage{}, err
	}
	m := pageMessage{
		No: e.seq, By: string(e.By), Who: t(string(e.By)), When: b.words.time(e.Received, b.zone), ToLabel: t("to"), CcLabel: t("cc"), FilesLabel: t("files-l"),
		To: strings.Join(e.To, ", "), Cc: strings.Join(e.Cc, ", "), Text: strings.TrimSpace(strings.ToValidUTF8(text, "\ufffd")),
		Inner: e.Relation == privacy.Internal || e.Relation == privacy.Beside,
	}
	if e.Direction == tickets.DirectionNote {
		m.Badges = append(m.Badges, t("note"))
	}
	if e.Direction != tickets.DirectionNote {
		m.From = strings.TrimSpace(e.FromName + " " + angle(e.From))
	}
	if e.Kind == "auto-reply" || e.Kind == "bounce" {
		m.Badges = append(m.Badges, b.words.value(e.Kind))
	}
	if e.Masked {
		m.Hint = t("masked")
	}
	for i, a := range e.Attachments {
		m.Files = append(m.Files, b.link(p, e.files[i], path.Base(e.files[i].name), size(a.Size)))
	}
	if e.eml.name != "" {
		l := b.link(p, e.eml, t("as-was"), size(e.Size))
		m.Mail = &l
	}
	return m, nil
}

// link leads to a file of this part, or of another unpacked beside it.
func (b *builder) link(p *part, at place, name, note string) link {
	l := link{Link: escapePath(at.name), Name: name, Note: note}
	if at.part != p.no {
		l.Link = "../" + escapePath(b.folder(at.part)) + "/" + l.Link
		l.Note += ", " + fmt.Sprintf(b.words.t("in-part"), at.part)
	}
	return l
}

// escapePath makes a relative link of a path: every byte but the plainest is
// escaped, so that no name is a scheme, a query or an anchor.
func escapePath(name string) string {
	var s strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_./", c) >= 0 {
			s.WriteByte(c)
		} else {
			fmt.Fprintf(&s, "%%%02X", c)
		}
	}
	return s.String()
}

func angle(address string) string {
	if address == "" {
		return ""
	}
	return "<" + address + ">"
}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
