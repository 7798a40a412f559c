package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"mime"
	"mime/quotedprintable"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"postroom/internal/message"
)

// script is how some of the customers write.
type script struct {
	charset     string
	enc         encoding.Encoding
	name, words string
}

var scripts = []script{
	{"utf-8", unicode.UTF8, "Zoë Åström", "Wo bleibt meine Lieferung? Ångström, naïve, œuvre – 20 €."},
	{"iso-8859-1", charmap.ISO8859_1, "Jürgen Müller", "Grüße aus Köln, wo bleibt mein Päckchen für 12 £?"},
	{"iso-8859-2", charmap.ISO8859_2, "Łukasz Żółć", "Zażółć gęślą jaźń: gdzie jest moja przesyłka?"},
	{"windows-1251", charmap.Windows1251, "Мария Іваненко", "Где мой заказ? Я жду уже две недели – «срочно»."},
	{"koi8-r", charmap.KOI8R, "Пётр Чехов", "Добрый день, когда придёт посылка?"},
	{"iso-2022-jp", japanese.ISO2022JP, "山田花子", "注文した時計がまだ届きません。よろしくお願いします。"},
	{"gb18030", simplifiedchinese.GB18030, "王小明", "您好，我的订单什么时候发货？谢谢！"},
}

// writer is one of the forty.
type writer struct {
	script
	n               int
	address, token  string // the token stands in all that concerns the writer, and in nothing else
	raw             []byte // the first mail
	file            []byte // attached to it; nil: nothing
	id              string // of the first mail
	agent           string // who answers
	notice, answer  *mail
	receipt, second string
}

func newWriter(n int) *writer {
	c := &writer{script: scripts[n%len(scripts)], n: n, token: fmt.Sprintf("QX%02dTOKEN%02dZ", n, 97-n), agent: []string{"berta", "carl"}[n%2]}
	c.address = fmt.Sprintf("writer%02d@%s", n, []string{"acme.example", "kunde.example", "many.example"}[n%3])
	if n == fullOne {
		c.address = "writer@full.example"
	}
	if n%4 == 0 {
		c.file = bytes.Repeat([]byte(c.token+"\x00\xff\r\n.\r\n"), 300)
	}
	c.id = newID(c.address)
	c.raw = c.letter(c.id, support, c.words, fmt.Sprintf("%s\n\nMy order is %s.", c.words, c.token), "", n%3 == 0, c.file)
	return c
}

func (c *writer) encode(s string) []byte {
	b, err := c.enc.NewEncoder().Bytes([]byte(s))
	if err != nil {
		panic(err) // the words above are of the script
	}
	return b
}

// part is a text part, in one transfer encoding or another.
func (c *writer) part(kind, text string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Content-Type: text/%s; charset=%s\n", kind, c.charset)
	switch raw := c.encode(text); {
	case c.n%3 == 1:
		b.WriteString("Content-Transfer-Encoding: base64\n\n" + wrap(base64.StdEncoding.EncodeToString(raw)) + "\n")
	case c.n%3 == 2:
		b.WriteString("Content-Transfer-Encoding: quoted-printable\n\n")
		q := quotedprintable.NewWriter(&b)
		q.Write(raw)
		q.Close()
		b.WriteString("\n")
	default:
		b.WriteString("Content-Transfer-Encoding: 8bit\n\n" + string(raw) + "\n")
	}
	return b.String()
}

// letter is a mail in the writer's own character set.
func (c *writer) letter(id, to, subject, text, extra string, alternative bool, file []byte) []byte {
	body := c.part("plain", text)
	if alternative {
		body = "Content-Type: multipart/alternative; boundary=alt\n\n--alt\n" + body + "--alt\n" +
			c.part("html", "<p>"+strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n")+"</p><img src=\"https://tracker.example/x\">") + "--alt--\n"
	}
	if file != nil {
		body = "Content-Type: multipart/mixed; boundary=mix\n\n--mix\n" + body + "--mix\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"" +
			c.token + ".bin\"\nContent-Transfer-Encoding: base64\n\n" + wrap(base64.StdEncoding.EncodeToString(file)) + "\n--mix--\n"
	}
	word := func(s string) string { return mime.BEncoding.Encode(c.charset, string(c.encode(s))) }
	return crlf(fmt.Sprintf("From: %s <%s>\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%s>\nMIME-Version: 1.0\n%s%s",
		word(c.name), c.address, to, word(subject), time.Now().Format(time.RFC1123Z), id, extra, body))
}

const (
	fortyWriters = 40
	awayOne      = 7  // has an out-of-office that answers every mail, as it should
	rudeOne      = 9  // has one that says so only in words, and answers every mail
	fullOne      = 11 // has a mailbox that is full at first
)

// Forty people write in seven character sets at once, two agents answer, the
// people thank; in between are attachments, HTML, holiday notices of both sides
// and a mailbox that is full. Everybody gets what is theirs, once, and nothing of
// anybody else's; nothing goes round.
func TestFortyWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	start := time.Now()
	f := &forty{t: t, w: w, d: d}
	f.faults()
	f.all(func(c *writer) { c.receipt = f.send(c.address, support, c.raw) })
	for _, c := range f.writers {
		f.agentAnswers(c)
	}
	for _, c := range f.writers {
		f.thanks(c)
	}
	f.settle()
	f.tickets()
	f.whatCame()
	d.verify()
	t.Logf("%d conversations, %d mails out, in %v", fortyWriters, len(w.all()), time.Since(start).Round(time.Millisecond))
}

type forty struct {
	t       *testing.T
	w       *world
	d       *desk
	writers []*writer
	away    sync.WaitGroup // holiday notices on their way
	mu      sync.Mutex
	notices map[string]int // by who is away
}

// all lets everybody act at once.
func (f *forty) all(act func(*writer)) {
	for n := range fortyWriters {
		f.writers = append(f.writers, newWriter(n))
	}
	var wg sync.WaitGroup
	for _, c := range f.writers {
		wg.Go(func() { act(c) })
	}
	wg.Wait()
	if f.t.Failed() {
		f.t.FailNow()
	}
}

func (f *forty) send(from, to string, raw []byte) (receipt string) {
	receipt, err := f.d.send(from, to, string(raw))
	if err != nil {
		f.t.Errorf("mail from %s to %s: %v", from, to, err)
	}
	return receipt
}

// faults are what is wrong with some mailboxes of the world.
func (f *forty) faults() {
	f.notices = map[string]int{}
	full := 0
	away, rude := newWriter(awayOne), newWriter(rudeOne)
	f.w.faults(func(to string) error {
		if to == newWriter(fullOne).address {
			if full++; full <= 3 {
				return refuse(452, 4, 2, 2, "mailbox full")
			}
		}
		return nil
	}, func(_ string, to []string, raw []byte) error {
		switch to[0] {
		case away.address:
			f.holiday(away.address, raw, "Subject: Abwesend\nAuto-Submitted: auto-replied\n")
		case rude.address:
			f.holiday(rude.address, raw, "Subject: Abwesenheitsnotiz: bis Montag\n")
		case "carl@agents.example":
			f.holiday("carl@agents.example", raw, "Subject: Out of office\nAuto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\n")
		}
		return nil
	})
}

// holiday answers a mail to where its Reply button leads.
func (f *forty) holiday(from string, raw []byte, head string) {
	f.mu.Lock()
	f.notices[from]++
	n := f.notices[from]
	f.mu.Unlock()
	const enough = 40 // else a loop of ours is one without end
	if n > enough {
		return
	}
	parsed, err := message.Parse(bytes.NewReader(raw), message.Limits{})
	if err != nil {
		f.t.Error(err)
		return
	}
	m := &mail{msg: parsed}
	to := m.replyTo()
	text := fmt.Sprintf("From: %s\nTo: %s\n%sDate: %s\nMessage-ID: <%s>\nIn-Reply-To: <%s>\nContent-Type: text/plain\n\nHOLIDAYNOTICE of %s: I am away until Monday.\n",
		from, to, head, time.Now().Format(time.RFC1123Z), newID(from), m.msg.MessageID, from)
	f.away.Go(func() { f.send(from, to, crlf(text)) })
}

// agentAnswers checks what the agents are told and lets one of them answer.
func (f *forty) agentAnswers(c *writer) {
	f.t.Helper()
	agent := c.agent + "@agents.example"
	c.notice = f.w.next(agent, c.token)
	if !strings.Contains(c.notice.msg.Text, c.words) || !strings.Contains(c.notice.msg.Text, c.name) {
		f.t.Errorf("%s of %s is shown as\n%s", c.charset, c.address, c.notice.msg.Text)
	}
	if strings.Contains(string(c.notice.raw), "tracker.example") && strings.Contains(c.notice.msg.HTML, "tracker.example") {
		f.t.Errorf("the notification about %s fetches from outside", c.address)
	}
	if c.file != nil {
		if a := c.notice.msg.Attachments; len(a) != 1 || a[0].SHA256 != sum(c.file) {
			f.t.Errorf("the attachment of %s came as %+v", c.address, a)
		}
	}
	extra, body := replying(c.notice, "ANSWER"+c.token+"\n"+c.words, c.agent+"\n"+privateSignature)
	f.send(agent, c.notice.replyTo(), crlf(letter(c.agent+" <"+agent+">", c.notice.replyTo(), "Re: "+c.notice.msg.Subject, extra, body)))
}

// thanks lets the writer answer the answer: by References, or by the address alone.
func (f *forty) thanks(c *writer) {
	f.t.Helper()
	c.answer = f.w.next(c.address, "ANSWER"+c.token)
	if !strings.Contains(c.answer.msg.Text, c.words) {
		f.t.Errorf("the answer to %s reads\n%s", c.address, c.answer.msg.Text)
	}
	extra := ""
	if c.n%2 == 0 {
		extra = "In-Reply-To: <" + c.answer.msg.MessageID + ">\nReferences: <" + c.id + "> <" + c.answer.msg.MessageID + ">\n"
	}
	c.second = newID(c.address)
	f.send(c.address, c.answer.replyTo(), c.letter(c.second, c.answer.replyTo(), "Re: "+c.words, "THANKS"+c.token+"\n"+c.words, extra, false, nil))
	f.w.next(c.agent+"@agents.example", "THANKS"+c.token)
}

// settle waits until nobody has anything to say any more.
func (f *forty) settle() {
	f.t.Helper()
	for before := -1; before != len(f.w.all()); {
		before = len(f.w.all())
		f.away.Wait()
		f.d.quiet()
		eventually(f.t, "all jobs are done", func() string {
			if n := len(f.d.jobs()); n > 0 {
				return fmt.Sprintf("%d are not", n)
			}
			return ""
		})
		f.d.quiet()
	}
}

// tickets: everybody has one, with the question, the answer and the thanks in
// it, byte for byte, and holiday notices beside.
func (f *forty) tickets() {
	f.t.Helper()
	list := f.d.tickets()
	if len(list) != fortyWriters {
		f.t.Errorf("%d tickets", len(list))
	}
	by := map[string]ticket{}
	for _, tk := range list {
		by[tk.Requester] = tk
	}
	for _, c := range f.writers {
		tk, in, out := by[c.address], map[string]int{}, 0
		for _, m := range tk.Messages {
			if m.Direction == "out" {
				out++
			}
			in[m.MessageID]++
			if m.MessageID == c.id && (m.Receipt != c.receipt || m.SHA256 != sum(c.raw)) {
				f.t.Errorf("%s: the first mail is kept as %+v", c.address, m)
			}
		}
		if out != 1 || in[c.id] != 1 || in[c.second] != 1 || tk.Assignee != c.agent || tk.State != "open" || tk.Subject != c.words {
			f.t.Errorf("%s has %d answers in %+v", c.address, out, tk)
		}
	}
	if held := f.d.held(); len(held) != 0 {
		f.t.Errorf("held: %+v", held)
	}
	for _, o := range f.d.outbox() {
		if o.State != "sent" {
			f.t.Errorf("not sent: %+v", o)
		}
	}
}

// whatCame: each writer has an acknowledgement and an answer, and nothing more;
// no mail holds what is another's or the team's.
func (f *forty) whatCame() {
	f.t.Helper()
	ids := map[string]bool{}
	for _, m := range f.w.all() {
		key := m.msg.MessageID + " " + m.to
		if ids[key] {
			f.t.Errorf("%s came twice", key)
		}
		ids[key] = true
	}
	for _, c := range f.writers {
		mails := f.w.to(c.address)
		acks := 0
		for _, m := range mails {
			if m.msg.Get("Auto-Submitted") == "auto-replied" {
				acks++
			}
			raw := string(m.raw) + m.msg.Text + m.msg.HTML + m.msg.Subject
			for _, other := range f.writers {
				if other != c && (strings.Contains(raw, other.token) || strings.Contains(raw, other.address)) {
					f.t.Errorf("%s was sent something of %s", c.address, other.address)
				}
			}
			for _, secret := range []string{"agents.example", privateSignature, "HOLIDAYNOTICE", "127.0.0.1"} {
				if strings.Contains(raw, secret) {
					f.t.Errorf("%s was sent %q:\n%s", c.address, secret, m.raw)
				}
			}
		}
		if len(mails) != 2 || acks != 1 {
			f.t.Errorf("%s has %d mails, %d of them acknowledgements", c.address, len(mails), acks)
		}
	}
}
