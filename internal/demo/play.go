package demo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// Ticket is what the play asks of the desk about one of its tickets.
type Ticket struct {
	Ref, Queue, State, Assignee, Requester, Subject string
	Tags                                            []string
	Messages                                        []Message
}

// Message is one of a ticket.
type Message struct{ Direction, From, Proof, Reason, Text string }

// Desk is what the play may look at inside.
type Desk interface {
	Tickets(ctx context.Context) ([]Ticket, error)
	// Verify checks the certificate of an erasure that a mail brings.
	Verify(mail []byte) error
}

// play is a performance: the world, the desk, and where the transcript goes.
type play struct {
	w    *World
	desk Desk
	out  io.Writer
	n    int
	bad  []string
	ids  int

	ref          string
	toAnn        *Mail // the answer Ann got
	noteForBerta *Mail
	noteForCarl  *Mail
}

// Play acts out a day at the desk and prints it. It returns an error when a
// step was not seen to work.
func Play(ctx context.Context, w *World, desk Desk, out io.Writer) error {
	p := &play{w: w, desk: desk, out: out}
	scenes := []struct {
		title string
		act   func(context.Context) error
	}{
		{"A customer writes", p.customerWrites},
		{"The agents have it in their own mailboxes", p.agentsNotified},
		{"Berta presses Reply", p.agentAnswers},
		{"The customer answers from a client that drops every header", p.customerReplies},
		{"Carl was slower, and is asked first", p.collision},
		{"A note stays inside", p.note},
		{"In German, HTML only, in an old character set", p.german},
		{"An out-of-office starts no loop and reopens nothing", p.outOfOffice},
		{"A forger quotes the reference", p.forger},
		{"Mail that its own domain disowns", p.disowned},
		{"A mailbox that refuses the answer", p.bounce},
		{"The same mail twice, to two queues", p.twice},
		{"Ann asks for her data, in her own words", p.access},
		{"Jonas wants to be erased", p.erasure},
	}
	for _, s := range scenes {
		p.n++
		fmt.Fprintf(out, "\n%2d. %s\n", p.n, s.title)
		if err := s.act(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			p.bad = append(p.bad, s.title)
			fmt.Fprintf(out, "    NOT SEEN: %v\n", err)
		}
	}
	fmt.Fprintln(out)
	if len(p.bad) > 0 {
		return fmt.Errorf("%d of %d steps were not seen to work: %s", len(p.bad), p.n, strings.Join(p.bad, "; "))
	}
	fmt.Fprintf(out, "All %d steps were seen to work.\n", p.n)
	return nil
}

func (p *play) say(format string, args ...any) { fmt.Fprintf(p.out, "    "+format+"\n", args...) }

// show prints a mail's lines as they arrive, indented.
func (p *play) show(who string, m *Mail, lines int) {
	p.say("%s gets: \"%s\", from %s", who, m.Msg.Subject, address(m))
	for i, l := range strings.Split(strings.TrimSpace(m.Msg.Text), "\n") {
		if i == lines {
			p.say("  | …")
			break
		}
		p.say("  | %s", l)
	}
}

func address(m *Mail) string {
	if len(m.Msg.From) == 0 {
		return m.From
	}
	if n := m.Msg.From[0].Name; n != "" {
		return n + " <" + m.Msg.From[0].Address + ">"
	}
	return m.Msg.From[0].Address
}

// letter is a mail as a client writes it.
func (p *play) letter(from, to, subject, extra, body string) string {
	p.ids++
	return fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <demo-%d-%d@%s>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n%s\n%s\n",
		from, to, subject, time.Now().Format(time.RFC1123Z), p.ids, time.Now().UnixNano(), bareDomain(from), extra, body)
}

func bareDomain(from string) string {
	return strings.TrimRight(from[strings.LastIndexByte(from, '@')+1:], ">")
}

func bare(from string) string {
	if i := strings.IndexByte(from, '<'); i >= 0 {
		return strings.TrimRight(from[i+1:], ">")
	}
	return from
}

func (p *play) write(from, to, subject, extra, body string) error {
	reply, err := p.w.send(bare(from), []string{to}, p.letter(from, to, subject, extra, body))
	if err != nil {
		return err
	}
	p.say("%s → %s: \"%s\"", bare(from), shorten(to), subject)
	p.say("desk: 250 %s", reply)
	return nil
}

// shorten keeps secret addresses readable in the transcript.
func shorten(a string) string {
	local, domain, _ := strings.Cut(a, "@")
	if i := strings.IndexByte(local, '.'); i > 0 && len(local) > 30 {
		return local[:i+7] + "…@" + domain
	}
	return a
}

func replyTo(m *Mail) string {
	if len(m.Msg.ReplyTo) > 0 {
		return m.Msg.ReplyTo[0].Address
	}
	return m.Msg.From[0].Address
}

func has(s string) func(*Mail) bool {
	return func(m *Mail) bool { return strings.Contains(m.Msg.Subject+"\n"+m.Msg.Text, s) }
}

func (p *play) ticket(ctx context.Context, fits func(Ticket) bool) (*Ticket, error) {
	list, err := p.desk.Tickets(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if fits(list[i]) {
			return &list[i], nil
		}
	}
	return nil, errors.New("the desk has no such ticket")
}

func (p *play) byRef(ctx context.Context, ref string) (*Ticket, error) {
	return p.ticket(ctx, func(t Ticket) bool { return t.Ref == ref })
}

func (p *play) showTicket(t *Ticket) {
	who := t.Assignee
	if who == "" {
		who = "nobody"
	}
	p.say("ticket %s in %s: %s, has it: %s, %d messages", t.Ref, t.Queue, t.State, who, len(t.Messages))
}

func expect(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

const (
	ann   = "Ann Cooper <ann@acme.example>"
	berta = "Berta Blau <berta@agents.example>"
	carl  = "Carl Clark <carl@agents.example>"
	desk  = "support@desk.example"
)

var refPattern = regexp.MustCompile(`\[#([0-9A-Z]{4}-[0-9A-Z]{4})\]`)

func (p *play) customerWrites(ctx context.Context) error {
	if err := p.write(ann, desk, "My invoice has the wrong VAT", "",
		"Hello,\n\ninvoice 2026-1182 says 25 % VAT, it should be 20 %.\nCould you send a corrected one?\n\nThanks, Ann"); err != nil {
		return err
	}
	m, err := p.w.wait(ctx, "ann@acme.example", func(m *Mail) bool { return m.Msg.Get("Auto-Submitted") != "" })
	if err != nil {
		return err
	}
	ref := refPattern.FindStringSubmatch(m.Msg.Subject)
	if ref == nil {
		return fmt.Errorf("the acknowledgement's subject %q has no reference", m.Msg.Subject)
	}
	p.ref = ref[1]
	p.show("Ann", m, 5)
	return nil
}

func (p *play) agentsNotified(ctx context.Context) (err error) {
	if p.noteForBerta, err = p.w.wait(ctx, "berta@agents.example", has("2026-1182")); err != nil {
		return err
	}
	if p.noteForCarl, err = p.w.wait(ctx, "carl@agents.example", has("2026-1182")); err != nil {
		return err
	}
	p.show("Berta", p.noteForBerta, 12)
	p.say("Carl has it too. Each has a reply address of their own: %s", shorten(replyTo(p.noteForBerta)))
	return expect(replyTo(p.noteForBerta) != replyTo(p.noteForCarl), "both agents have the same secret address")
}

// quoted is a reply as mail clients write it: text, signature, the whole
// notification below.
func quoted(m *Mail, text, signature string) string {
	var b strings.Builder
	b.WriteString(text + "\n\n-- \n" + signature + "\n\nOn " + time.Now().Format("Mon, 2 Jan 2006 at 15:04") + ", " + address(m) + " wrote:\n")
	for _, l := range strings.Split(m.Msg.Text, "\n") {
		b.WriteString("> " + l + "\n")
	}
	return b.String()
}

func inReply(m *Mail) string {
	return "In-Reply-To: <" + m.Msg.MessageID + ">\nReferences: <" + m.Msg.MessageID + ">\n"
}

func (p *play) agentAnswers(ctx context.Context) error {
	if p.noteForBerta == nil {
		return errors.New("there is no notification to answer")
	}
	body := quoted(p.noteForBerta, "Hello Ann,\n\nyou are right, sorry! The corrected invoice is on its way to you.", "Berta Blau\nprivate: +44 20 7946 0000")
	if err := p.write(berta, replyTo(p.noteForBerta), "Re: "+p.noteForBerta.Msg.Subject, inReply(p.noteForBerta), body); err != nil {
		return err
	}
	m, err := p.w.wait(ctx, "ann@acme.example", has("corrected invoice is on its way"))
	if err != nil {
		return err
	}
	p.toAnn = m
	p.show("Ann", m, 8)
	raw := string(m.Raw)
	for _, leak := range []string{"berta@agents.example", "7946", "above this line", "agents.example"} {
		if strings.Contains(raw, leak) {
			return fmt.Errorf("the answer gives away %q", leak)
		}
	}
	p.say("Nothing of Berta's address, signature or notification is in it.")
	t, err := p.byRef(ctx, p.ref)
	if err != nil {
		return err
	}
	p.showTicket(t)
	return expect(t.State == "waiting" && t.Assignee == "berta", "the ticket is %s and has %q", t.State, t.Assignee)
}

func (p *play) customerReplies(ctx context.Context) error {
	if p.toAnn == nil {
		return errors.New("there is no answer to reply to")
	}
	if err := p.write(ann, replyTo(p.toAnn), "(no subject)", "", "It came, thank you! Is 2026-1183 all right?\n\nSent from my phone"); err != nil {
		return err
	}
	if _, err := p.w.wait(ctx, "berta@agents.example", has("2026-1183")); err != nil {
		return err
	}
	t, err := p.byRef(ctx, p.ref)
	if err != nil {
		return err
	}
	p.showTicket(t)
	last := t.Messages[len(t.Messages)-1]
	p.say("why here: %s", last.Reason)
	return expect(t.State == "open" && len(t.Messages) == 3, "the ticket is %s with %d messages", t.State, len(t.Messages))
}

func (p *play) collision(ctx context.Context) error {
	if p.noteForCarl == nil {
		return errors.New("there is no notification to answer")
	}
	body := quoted(p.noteForCarl, "Dear Ann, your invoice is correct as it is.", "Carl")
	if err := p.write(carl, replyTo(p.noteForCarl), "Re: "+p.noteForCarl.Msg.Subject, inReply(p.noteForCarl), body); err != nil {
		return err
	}
	m, err := p.w.wait(ctx, "carl@agents.example", has("held back"))
	if err != nil {
		return err
	}
	p.show("Carl", m, 3)
	for _, a := range p.w.all("ann@acme.example") {
		if strings.Contains(a.Msg.Text, "correct as it is") {
			return errors.New("both answers reached Ann")
		}
	}
	return nil
}

func (p *play) note(ctx context.Context) error {
	m := p.noteForBerta
	if m == nil {
		return errors.New("there is no notification to answer")
	}
	secret := "This customer pays late every quarter."
	if err := p.write(berta, replyTo(m), "Re: "+m.Msg.Subject, inReply(m), quoted(m, "#note\n#tag vip\n#resolve\n"+secret, "Berta")); err != nil {
		return err
	}
	r, err := p.w.wait(ctx, "berta@agents.example", has("vip"))
	if err != nil {
		return err
	}
	p.show("Berta", r, 6)
	t, err := p.byRef(ctx, p.ref)
	if err != nil {
		return err
	}
	p.showTicket(t)
	for _, a := range p.w.all("ann@acme.example") {
		if strings.Contains(string(a.Raw), "pays late") {
			return errors.New("the note reached the customer")
		}
	}
	return expect(t.State == "resolved" && len(t.Tags) == 1 && t.Tags[0] == "vip", "the ticket is %s, tagged %v", t.State, t.Tags)
}

func (p *play) german(ctx context.Context) error {
	html := "<html><body><p>Guten Tag,</p><p>der Schl\xfcssel f\xfcr das Tor schlie\xdft nicht mehr. K\xf6nnen Sie bitte einen neuen schicken? Ich w\xe4re sehr dankbar, wenn das noch diese Woche ginge.</p><ul><li>Modell: T\xfcr 7</li><li>Gr\xf6\xdfe: 40 mm</li></ul><p>Mit freundlichen Gr\xfc\xdfen<br>J\xfcrgen M\xfcller</p></body></html>"
	p.ids++
	raw := fmt.Sprintf("From: =?ISO-8859-1?Q?J=FCrgen_M=FCller?= <juergen@kunde.example>\nTo: %s\nSubject: =?ISO-8859-1?Q?Schl=FCssel_schlie=DFt_nicht?=\nDate: %s\nMessage-ID: <demo-%d-%d@kunde.example>\nMIME-Version: 1.0\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\n%s\n",
		desk, time.Now().Format(time.RFC1123Z), p.ids, time.Now().UnixNano(), wrap(base64.StdEncoding.EncodeToString([]byte(html))))
	reply, err := p.w.send("juergen@kunde.example", []string{desk}, raw)
	if err != nil {
		return err
	}
	p.say("juergen@kunde.example → %s: \"Schlüssel schließt nicht\"", desk)
	p.say("desk: 250 %s", reply)
	m, err := p.w.wait(ctx, "juergen@kunde.example", func(*Mail) bool { return true })
	if err != nil {
		return err
	}
	p.show("Jürgen", m, 4)
	n, err := p.w.wait(ctx, "carl@agents.example", has("schließt nicht mehr"))
	if err != nil {
		return err
	}
	p.say("Carl reads it as plain text, list and all.")
	return expect(strings.Contains(n.Msg.Text, "40 mm"), "the list is not in the notification")
}

func wrap(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s
}

func (p *play) outOfOffice(ctx context.Context) error {
	before := len(p.w.all("ann@acme.example"))
	if err := p.write(ann, replyTo(p.toAnn), "Automatic reply: I am away", "Auto-Submitted: auto-replied\n", "I am away until Monday."); err != nil {
		return err
	}
	t, err := p.byRef(ctx, p.ref)
	if err != nil {
		return err
	}
	p.showTicket(t)
	if n := len(p.w.all("ann@acme.example")); n != before {
		return errors.New("the out-of-office was answered")
	}
	return expect(t.State == "resolved", "the ticket is %s", t.State)
}

func (p *play) forger(ctx context.Context) error {
	if err := p.write("Mallory <mallory@kunde.example>", desk, "Re: My invoice has the wrong VAT [#"+p.ref+"]", "", "Hi, please resend me the whole conversation. Ann"); err != nil {
		return err
	}
	t, err := p.ticket(ctx, func(t Ticket) bool { return t.Requester == "mallory@kunde.example" })
	if err != nil {
		return err
	}
	p.showTicket(t)
	p.say("why: %s", t.Messages[0].Reason)
	m, err := p.w.wait(ctx, "mallory@kunde.example", func(*Mail) bool { return true })
	if err != nil {
		return err
	}
	if strings.Contains(string(m.Raw), "2026-118") {
		return errors.New("the forger was told of the invoice")
	}
	old, err := p.byRef(ctx, p.ref)
	if err != nil {
		return err
	}
	p.say("Mallory gets an acknowledgement for %s, and not a word of %s.", t.Ref, p.ref)
	return expect(t.Ref != p.ref && old.State == "resolved", "the forger touched the ticket")
}

func (p *play) disowned(context.Context) error {
	_, err := p.w.send("boss@strict.example", []string{desk}, p.letter("The Boss <boss@strict.example>", desk, "Urgent wire transfer", "", "Please pay at once."))
	if err == nil {
		return errors.New("it was accepted")
	}
	p.say("boss@strict.example → %s: \"Urgent wire transfer\"", desk)
	p.say("desk: %v", err)
	return nil
}

func (p *play) bounce(ctx context.Context) error {
	if err := p.write("Fred Full <fred@full.example>", desk, "Is the shop open on Sunday?", "", "Dear team,\n\nis the shop open on Sunday?\n\nFred"); err != nil {
		return err
	}
	n, err := p.w.wait(ctx, "carl@agents.example", has("open on Sunday"))
	if err != nil {
		return err
	}
	if err := p.write(carl, replyTo(n), "Re: "+n.Msg.Subject, inReply(n), quoted(n, "Hello Fred, yes, from ten to six.", "Carl")); err != nil {
		return err
	}
	m, err := p.w.wait(ctx, "carl@agents.example", has("Not delivered"))
	if err != nil {
		return err
	}
	p.show("Carl", m, 8)
	return nil
}

func (p *play) twice(ctx context.Context) error {
	raw := p.letter(ann, "support@desk.example, billing@desk.example", "Do you deliver to Norway?", "", "Just asking. I wrote to both of your addresses, to be sure.")
	var receipts []string
	for _, to := range [][]string{{"support@desk.example"}, {"billing@desk.example"}, {"support@desk.example"}} {
		r, err := p.w.send("ann@acme.example", to, raw)
		if err != nil {
			return err
		}
		p.say("ann@acme.example → %s: 250 %s", to[0], r)
		receipts = append(receipts, r)
	}
	list, err := p.desk.Tickets(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, t := range list {
		if t.Subject == "Do you deliver to Norway?" {
			n++
			p.showTicket(&t)
		}
	}
	return expect(n == 1 && receipts[0] == receipts[1] && receipts[1] == receipts[2], "it made %d tickets", n)
}
