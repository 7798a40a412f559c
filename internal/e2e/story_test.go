package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The people of the story. Their mailboxes are in the world.
const (
	ann   = "Ann Cooper <ann@acme.example>"
	berta = "Berta Blau <berta@agents.example>"
	carl  = "Carl Clark <carl@agents.example>"

	support = "support@desk.example"
)

// Words that must not leave the team, each in one mail of the story.
const (
	privateSignature = "+44 20 7946 0000"
	secretNote       = "this customer pays late every quarter"
)

// The way of a conversation from the first mail to the last, on each way to
// run the desk, with every outgoing mail received by a real SMTP server.
func TestStory(t *testing.T) {
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := &story{t: t, w: w, h: a.start(t, w, nil)}
			s.customerWrites()
			s.agentsAreTold()
			s.agentAnswers()
			s.customerReplies()
			s.collision()
			s.notesStayInside()
			s.awayMessages()
			s.strangers()
			s.bounces()
			s.fullMailbox()
			s.submission()
			s.commandAddress()
			s.unprovedAgent()
			s.whatLeft()
		})
	}
}

// story holds what one act hands to the next.
type story struct {
	t *testing.T
	w *world
	h *house

	pdf             []byte
	first           string // Message-ID of Ann's first mail
	ref             string
	toBerta, toCarl *mail // the notifications
	toAnn           *mail // the answer
}

func (s *story) write(from, to, subject, extra, body string) string {
	s.t.Helper()
	return s.h.door().mustSend(bare(from), to, letter(from, to, subject, extra, body))
}

// replying is the header and text of a reply as mail clients write it: what is
// new, the writer's own signature, and the whole mail quoted below.
func replying(m *mail, text, signature string) (extra, body string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n-- \n%s\n\nOn %s, %s wrote:\n", text, signature, time.Now().Format("Mon, 2 Jan 2006 at 15:04"), m.msg.From[0].Address)
	for line := range strings.Lines(m.msg.Text) {
		b.WriteString("> " + line)
	}
	return fmt.Sprintf("In-Reply-To: <%s>\nReferences: <%s>\n", m.msg.MessageID, m.msg.MessageID), b.String()
}

// reply presses Reply on a mail.
func (s *story) reply(from string, m *mail, text, signature string) string {
	s.t.Helper()
	extra, body := replying(m, text, signature)
	return s.write(from, m.replyTo(), "Re: "+m.msg.Subject, extra, body)
}

func (s *story) ticket() ticket { s.t.Helper(); return s.h.admin().ticket(s.ref) }

func (s *story) expect(ok bool, format string, args ...any) {
	s.t.Helper()
	if !ok {
		s.t.Errorf(format, args...)
	}
}

// A mail with text, HTML and an attachment becomes a ticket and is
// acknowledged once.
func (s *story) customerWrites() {
	s.pdf = bytes.Repeat([]byte("%PDF-1.4 e2e \x00\xff\r\n"), 500)
	s.first = newID(ann)
	raw := fmt.Sprintf(`From: %s
To: Support <%s>
Subject: =?iso-8859-1?Q?My_invoice_has_the_wrong_VAT_=A7_12?=
Date: %s
Message-ID: <%s>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=out

--out
Content-Type: multipart/alternative; boundary=in

--in
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Hello,

invoice 2026-1182 says 25 =25 VAT, it should be 20. Could you send a corrected one to the caf=E9?

Thanks, Ann
--in
Content-Type: text/html; charset=utf-8

<p>Hello,</p><p>invoice <b>2026-1182</b> says 25 %% VAT, it should be 20.</p>
--in--
--out
Content-Type: application/pdf
Content-Disposition: attachment; filename="invoice.pdf"
Content-Transfer-Encoding: base64

%s
--out--
`, ann, support, time.Now().Format(time.RFC1123Z), s.first, wrap(base64.StdEncoding.EncodeToString(s.pdf)))
	receipt := s.h.door().mustSend("ann@acme.example", support, raw)
	ack := s.w.next("ann@acme.example")
	list := s.h.admin().of("ann@acme.example")
	if len(list) != 1 || len(list[0].Messages) != 1 {
		s.t.Fatalf("Ann's mail made %+v", list)
	}
	t := list[0]
	s.ref = t.Ref
	m := t.Messages[0]
	s.expect(t.Queue == "support" && t.State == "new" && t.Assignee == "", "the ticket is %+v", t)
	s.expect(t.Subject == "My invoice has the wrong VAT § 12", "the subject is %q", t.Subject)
	s.expect(m.Receipt == receipt && m.SHA256 == sum(crlf(raw)) && m.Size == int64(len(crlf(raw))), "the message is %+v, the receipt %s", m, receipt)
	s.expect(m.Direction == "in" && m.MessageID == s.first && m.Proof == "aligned", "the message is %+v", m)
	s.expect(ack.from == "" || strings.HasPrefix(ack.from, "support+"), "the acknowledgement's return path is %q", ack.from)
	s.expect(ack.msg.Get("Auto-Submitted") == "auto-replied", "the acknowledgement is Auto-Submitted: %q", ack.msg.Get("Auto-Submitted"))
	s.expect(slices.Equal(ack.msg.InReplyTo, []string{s.first}), "the acknowledgement is In-Reply-To %q", ack.msg.InReplyTo)
	s.expect(strings.Contains(ack.msg.Subject, "[#"+s.ref+"]"), "the acknowledgement's subject is %q", ack.msg.Subject)
	s.expect(strings.Contains(ack.msg.Text, "privacy@desk.example"), "no privacy notice in the acknowledgement:\n%s", ack.msg.Text)
	s.expect(!strings.Contains(ack.msg.Text, "2026-1182"), "the acknowledgement repeats what the customer wrote:\n%s", ack.msg.Text)
}

func wrap(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s
}

// Both agents of the queue have the whole mail, each with a secret of their own.
func (s *story) agentsAreTold() {
	s.toBerta = s.w.next("berta@agents.example", "2026-1182")
	s.toCarl = s.w.next("carl@agents.example", "2026-1182")
	s.expect(s.toBerta.replyTo() != s.toCarl.replyTo(), "both agents answer to %s", s.toBerta.replyTo())
	for _, m := range []*mail{s.toBerta, s.toCarl} {
		s.expect(m.msg.From[0].Address == support, "the notification is from %s", m.msg.From[0].Address)
		s.expect(strings.HasSuffix(m.replyTo(), "@desk.example") && m.replyTo() != support, "the notification's Reply-To is %s", m.replyTo())
		s.expect(strings.Contains(m.msg.Text, "ann@acme.example") && strings.Contains(m.msg.Text, "café"), "the notification reads\n%s", m.msg.Text)
		s.expect(strings.Contains(strings.ToLower(m.msg.Text), "passed"), "the notification says nothing of the sender check:\n%s", m.msg.Text)
		if len(m.msg.Attachments) != 1 || m.msg.Attachments[0].SHA256 != sum(s.pdf) {
			s.t.Errorf("the notification's attachments are %+v", m.msg.Attachments)
		}
	}
}

// Berta presses Reply in her own mailbox; Ann gets a clean answer.
func (s *story) agentAnswers() {
	extra, body := replying(s.toBerta, "Hello Ann,\n\nyou are right, sorry! The corrected invoice is attached.", "Berta Blau\nprivate: "+privateSignature)
	invoice := []byte("the corrected invoice")
	raw := fmt.Sprintf("From: %s\nTo: %s\nSubject: Re: %s\nDate: %s\nMessage-ID: <%s>\nMIME-Version: 1.0\nUser-Agent: bertas-own-client\nX-Originating-IP: [192.0.2.77]\n%s"+
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n%s\n--b\nContent-Type: application/pdf; name=\"new.pdf\"\nContent-Disposition: attachment; filename=\"new.pdf\"\nContent-Transfer-Encoding: base64\n\n%s\n--b--\n",
		berta, s.toBerta.replyTo(), s.toBerta.msg.Subject, time.Now().Format(time.RFC1123Z), newID(berta), extra, body, base64.StdEncoding.EncodeToString(invoice))
	s.h.door().mustSend("berta@agents.example", s.toBerta.replyTo(), raw)
	m := s.w.next("ann@acme.example", "corrected invoice is attached")
	s.toAnn = m
	s.expect(m.msg.From[0].Address == support, "the answer is from %s", m.msg.From[0].Address)
	s.expect(m.replyTo() != support && strings.HasPrefix(m.replyTo(), "support+"), "the answer's Reply-To is %s", m.replyTo())
	s.expect(strings.HasSuffix(m.from, "@desk.example") && m.from != support, "the answer's return path is %s", m.from)
	s.expect(slices.Equal(m.msg.InReplyTo, []string{s.first}) && slices.Contains(m.msg.References, s.first), "the answer is In-Reply-To %q, References %q", m.msg.InReplyTo, m.msg.References)
	s.expect(m.msg.Get("Auto-Submitted") == "", "the answer is Auto-Submitted: %s", m.msg.Get("Auto-Submitted"))
	if len(m.msg.Attachments) != 1 || m.msg.Attachments[0].SHA256 != sum(invoice) {
		s.t.Errorf("the answer's attachments are %+v", m.msg.Attachments)
	}
	names := fieldNames(m.raw)
	for _, n := range names {
		if !slices.Contains([]string{"dkim-signature", "date", "from", "to", "reply-to", "subject", "message-id", "in-reply-to", "references", "mime-version", "content-type"}, n) {
			s.t.Errorf("the answer has a field %s that the customer has no use for", n)
		}
	}
	if t := s.ticket(); t.State != "waiting" || t.Assignee != "berta" || len(t.Messages) != 2 || t.Messages[1].Direction != "out" {
		s.t.Errorf("after the answer the ticket is %+v", t)
	}
}

func fieldNames(raw []byte) (names []string) {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if name, _, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
			names = append(names, strings.ToLower(name))
		}
	}
	return names
}

// The customer's replies thread: by the secret address alone, by References
// alone, by In-Reply-To alone.
func (s *story) customerReplies() {
	s.write(ann, s.toAnn.replyTo(), "(no subject)", "", "It came, thank you! Is 2026-1183 all right?\n\nSent from my phone")
	n := s.w.next("berta@agents.example", "2026-1183")
	if t := s.ticket(); t.State != "open" || len(t.Messages) != 3 {
		s.t.Errorf("after Ann's reply the ticket is %+v", t)
	}
	if got := len(s.w.to("carl@agents.example")); got != 1 {
		s.t.Errorf("Carl was told %d times of a ticket that is Berta's", got)
	}
	s.expect(strings.Contains(n.msg.Text, "corrected invoice"), "the notification tells nothing of what came before:\n%s", n.msg.Text)
	s.write(ann, support, "Re: invoice", "References: <elsewhere@acme.example> <"+s.toAnn.msg.MessageID+">\n", "And 2026-1184?")
	s.w.next("berta@agents.example", "2026-1184")
	s.write(ann, support, "invoice", "In-Reply-To: <"+s.toAnn.msg.MessageID+">\n", "And 2026-1185?")
	s.w.next("berta@agents.example", "2026-1185")
	if t := s.ticket(); len(t.Messages) != 5 {
		s.t.Errorf("after three replies the ticket has %d messages", len(t.Messages))
	}
	if got := len(s.w.to("ann@acme.example")); got != 2 {
		s.t.Errorf("Ann has %d mails; replies are not acknowledged again", got)
	}
}

// Carl answers a mail that Berta has answered: he is asked, and what he
// confirms goes out.
func (s *story) collision() {
	s.reply(carl, s.toCarl, "Dear Ann, your invoice is correct as it is.", "Carl")
	asked := s.w.next("carl@agents.example", "berta", "held back")
	for _, m := range s.w.to("ann@acme.example") {
		if m.holds("correct as it is") {
			s.t.Fatal("Ann got both answers")
		}
	}
	if list := s.h.admin().held(); len(list) != 1 || list[0].Ticket != s.ref || list[0].Agent != "carl" {
		s.t.Errorf("held: %+v", list)
	}
	s.reply(carl, asked, "#confirm\nyes", "Carl")
	m := s.w.next("ann@acme.example", "correct as it is")
	s.expect(!strings.Contains(m.msg.Text, "yes"), "the confirmation's text reached the customer:\n%s", m.msg.Text)
	if list := s.h.admin().held(); len(list) != 0 {
		s.t.Errorf("still held: %+v", list)
	}
}

// Notes never leave, nor what stood under a mistyped command; commands are obeyed.
func (s *story) notesStayInside() {
	s.reply(berta, s.toBerta, "#note\n#tag vip\n#priority high\n#resolve\n"+secretNote, "Berta")
	r := s.w.next("berta@agents.example", "vip")
	s.expect(r.msg.Get("Auto-Submitted") == "auto-generated", "the receipt is Auto-Submitted: %q", r.msg.Get("Auto-Submitted"))
	if t := s.ticket(); t.State != "resolved" || !slices.Equal(t.Tags, []string{"vip"}) || t.Priority != "high" {
		s.t.Errorf("after the commands the ticket is %+v", t)
	}
	s.reply(berta, s.toBerta, "#notee\nAnn must not see this either: "+secretNote, "Berta")
	s.w.next("berta@agents.example", "#notee")
}

// What an agent answers to a receipt is for the team: it says what was done with
// a note, and a thought added to that must not go to the customer. #note is not
// needed there.
func TestAnAnswerToAReceiptIsANote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &story{t: t, w: w, h: arrangements[0].start(t, w, nil)}
	s.write(ann, support, "Invoice", "", "Where is invoice 2026-1182?")
	n := w.next("berta@agents.example", "2026-1182")
	s.reply(berta, n, "#note\n"+secretNote, "Berta")
	r := w.next("berta@agents.example", "internal note")
	s.reply(berta, r, "And she shouts, too.", "Berta")
	s.h.admin().quiet()
	for _, m := range w.to("ann@acme.example") {
		if m.holds("she shouts") {
			t.Errorf("it reached the customer:\n%s", m.raw)
		}
	}
}

// An out-of-office of the customer reopens nothing and starts no loop; one of
// the agent is no answer.
func (s *story) awayMessages() {
	before := len(s.w.to("ann@acme.example"))
	s.write(ann, s.toAnn.replyTo(), "Automatic reply: away", "Auto-Submitted: auto-replied\n", "I am away until Monday.")
	s.write(berta, s.toBerta.replyTo(), "Out of office", "Auto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\nIn-Reply-To: <"+s.toBerta.msg.MessageID+">\n", "Berta is on holiday: "+secretNote)
	s.h.admin().quiet()
	s.expect(s.ticket().State == "resolved", "an automatic mail made the ticket %s", s.ticket().State)
	s.expect(len(s.w.to("ann@acme.example")) == before, "an automatic mail was answered")
}

// Who quotes a reference or a Message-ID without being a party gets a ticket of
// their own and learns nothing; who the domain disowns gets nothing.
func (s *story) strangers() {
	s.write("Mallory <mallory@kunde.example>", support, "Re: My invoice [#"+s.ref+"]",
		"In-Reply-To: <"+s.toAnn.msg.MessageID+">\nReferences: <"+s.first+">\n", "Hi, please send me the whole conversation. Ann")
	m := s.w.next("mallory@kunde.example")
	for _, word := range []string{"2026-118", "ann@", s.ref} {
		s.expect(!bytes.Contains(m.raw, []byte(word)) || word == s.ref, "Mallory was told %q:\n%s", word, m.raw)
	}
	list := s.h.admin().of("mallory@kunde.example")
	if len(list) != 1 || list[0].Ref == s.ref {
		s.t.Errorf("Mallory's mail made %+v", list)
	}
	s.expect(s.ticket().State == "resolved", "a stranger made the ticket %s", s.ticket().State)
	if _, err := s.h.door().send("boss@strict.example", support, letter("The Boss <boss@strict.example>", support, "Urgent", "", "Pay at once.")); err == nil ||
		!strings.HasPrefix(err.Error(), "550 5.7.1") {
		s.t.Errorf("mail that DMARC says to reject: %v", err)
	}
	for _, to := range []string{"nobody@desk.example", "ann@acme.example", "support+r.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@desk.example"} {
		if _, err := s.h.door().send("ann@acme.example", to, letter(ann, to, "x", "", "x")); err == nil || !strings.HasPrefix(err.Error(), "550 5.") {
			s.t.Errorf("mail to %s: %v", to, err)
		}
	}
}

// An answer that is refused at once, and one that bounces later, come back to
// the agent.
func (s *story) bounces() {
	s.w.faults(func(to string) error {
		if strings.HasSuffix(to, "@full.example") {
			return refuse(550, 5, 1, 1, "no such user")
		}
		return nil
	}, nil)
	s.write("Fred <fred@full.example>", support, "Open on Sunday?", "", "Is the shop open on Sunday?")
	s.reply(carl, s.w.next("carl@agents.example", "open on Sunday"), "Hello Fred, from ten to six.", "Carl")
	s.w.next("carl@agents.example", "Not delivered", "fred@full.example")

	s.write("Lena <lena@kunde.example>", support, "Parking?", "", "Can I park at your shop?")
	s.w.next("lena@kunde.example")
	s.reply(carl, s.w.next("carl@agents.example", "park at your shop"), "Hello Lena, behind the house.", "Carl")
	answer := s.w.next("lena@kunde.example", "behind the house")
	dsn := fmt.Sprintf(`From: Mail Delivery System <MAILER-DAEMON@kunde.example>
To: %s
Subject: Undelivered Mail Returned to Sender
Date: %s
Message-ID: <%s>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=d

--d
Content-Type: text/plain

The mailbox is gone.
--d
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.outside.example

Final-Recipient: rfc822; lena@kunde.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--d
Content-Type: text/rfc822-headers

Message-ID: <%s>
From: support@desk.example
To: lena@kunde.example

--d--
`, answer.from, time.Now().Format(time.RFC1123Z), newID("x@kunde.example"), answer.msg.MessageID)
	s.h.door().mustSend("", answer.from, dsn)
	s.w.next("carl@agents.example", "Undelivered Mail", "The mailbox is gone")
	if list := s.h.admin().of("lena@kunde.example"); len(list) != 1 {
		s.t.Errorf("the bounce made tickets: %+v", list)
	}
}

// A mailbox that is full for now gets the answer later, once.
func (s *story) fullMailbox() {
	tries := 0
	s.w.faults(func(to string) error {
		if to != "gina@full.example" {
			return nil
		}
		if tries++; tries <= 2 {
			return refuse(452, 4, 2, 2, "mailbox full")
		}
		return nil
	}, nil)
	defer s.w.faults(nil, nil)
	s.write("Gina <gina@full.example>", support, "Do you repair clocks?", "", "Mine stopped.")
	s.w.next("gina@full.example", s.h.admin().of("gina@full.example")[0].Ref)
	s.h.admin().quiet()
	for _, o := range s.h.admin().outbox() {
		if o.To == "gina@full.example" && (o.Kind != "ack" || o.State != "sent" || o.Attempts != 3) {
			s.t.Errorf("the acknowledgement's row is %+v", o)
		}
	}
}

// Berta sends through the desk's own submission port, with her password, over
// both kinds of TLS.
func (s *story) submission() {
	s.write("Hal <hal@acme.example>", support, "Do you sell lamps?", "", "I need a lamp.")
	n := s.w.next("berta@agents.example", "need a lamp")
	extra, body := replying(n, "Hello Hal, yes we do.", "Berta, "+privateSignature)
	d := s.h.door()
	c, err := dialSMTP(d.submission())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.close()
	if _, err := c.say(250, "MAIL FROM:<berta@agents.example>"); err == nil {
		s.t.Error("the submission port takes mail from anybody")
	}
	if _, err := c.startTLS(); err != nil {
		s.t.Fatal(err)
	}
	plain := func(pass string) string {
		return base64.StdEncoding.EncodeToString([]byte("\x00berta\x00" + pass))
	}
	if _, err := c.say(235, "AUTH PLAIN %s", plain("wrong")); err == nil || !strings.HasPrefix(err.Error(), "535 5.7.8") {
		s.t.Errorf("a wrong password: %v", err)
	}
	if _, err := c.say(235, "AUTH PLAIN %s", plain(agentPassword)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := c.send("ann@acme.example", []string{n.replyTo()}, crlf("From: ann@acme.example\n\nx")); err == nil {
		s.t.Error("an agent may send as a customer")
	}
	if _, err := c.send("berta@agents.example", []string{n.replyTo()}, crlf(letter(berta, n.replyTo(), "Re: "+n.msg.Subject, extra, body))); err != nil {
		s.t.Fatal(err)
	}
	s.w.next("hal@acme.example", "yes we do")
}

// The command address lists, shows and writes first. Anybody can guess it: the
// mail there is asked about. What answers it has a command address of Berta's own.
func (s *story) commandAddress() {
	commands := "support+commands@desk.example"
	s.write(berta, commands, "x", "", "#list")
	asked := s.w.next("berta@agents.example", "held back")
	s.reply(berta, asked, "#confirm", "Berta")
	commands = s.w.next("berta@agents.example", "Do you sell lamps?", "Parking?").replyTo()
	s.write(berta, commands, "x", "", "#show "+s.ref)
	s.w.next("berta@agents.example", "corrected invoice is attached", secretNote)
	s.write(berta, commands, "Your order is ready", "", "#new ida@kunde.example\nDear Ida, your order is ready.")
	m := s.w.next("ida@kunde.example", "your order is ready")
	s.expect(m.msg.From[0].Address == support && !strings.Contains(m.msg.Text, "#new"), "what Ida got:\n%s", m.raw)
	s.write("Ida <ida@kunde.example>", m.replyTo(), "Re: Your order", "", "I come tomorrow.")
	s.w.next("berta@agents.example", "I come tomorrow")
	if list := s.h.admin().of("ida@kunde.example"); len(list) != 1 || len(list[0].Messages) != 2 || list[0].Assignee != "berta" {
		s.t.Errorf("Ida's ticket: %+v", list)
	}
}

// A mail that claims to be Berta's and proves nothing is held, whatever secret
// it knows; she is asked in her own mailbox, and nothing happens before.
func (s *story) unprovedAgent() {
	before := len(s.w.to("ann@acme.example"))
	s.h.door().mustSend("someone@kunde.example", s.toBerta.replyTo(), letter(berta, s.toBerta.replyTo(), "Re: x", "", "#open\nDear Ann, send money to the new account."))
	s.w.next("berta@agents.example", "held back")
	s.h.admin().quiet()
	s.expect(len(s.w.to("ann@acme.example")) == before, "Ann got mail that nobody proved to have written")
	list := s.h.admin().held()
	if len(list) != 1 || list[0].Agent != "berta" {
		s.t.Fatalf("held: %+v", list)
	}
	s.h.admin().must("held", "drop", fmt.Sprint(list[0].ID))
	s.expect(len(s.h.admin().held()) == 0, "still held after drop")
}

// whatLeft looks at every mail that left the desk in the whole story.
func (s *story) whatLeft() {
	s.h.admin().quiet()
	ids := map[string]int{}
	for _, m := range s.w.all() {
		s.w.mustVerify(s.t, m)
		ids[m.msg.MessageID+" "+m.to]++
		if strings.HasSuffix(m.to, "@agents.example") {
			continue
		}
		raw := string(m.raw) + m.msg.Text + m.msg.HTML
		for _, secret := range []string{secretNote, privateSignature, "agents.example", "above this line", "bertas-own-client", "192.0.2.77", "#note", "#resolve", "127.0.0.1"} {
			if strings.Contains(raw, secret) {
				s.t.Errorf("the mail to %s gives away %q:\n%s", m.to, secret, m.raw)
			}
		}
		for line := range strings.SplitSeq(string(m.raw), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
				s.t.Errorf("the mail to %s has a line that SMTP does not allow", m.to)
			}
		}
	}
	for id, n := range ids {
		if n > 1 {
			s.t.Errorf("%s came %d times", id, n)
		}
	}
	sent := 0
	for _, o := range s.h.admin().outbox() {
		switch {
		case o.State == "sent", o.To == "lena@kunde.example" && o.State == "failed": // hers bounced after it was sent
			sent++
		case o.To != "fred@full.example":
			s.t.Errorf("not sent: %+v", o)
		}
	}
	s.expect(sent == len(s.w.all()), "the outbox says %d sent, the world has %d mails", sent, len(s.w.all()))
	for _, n := range s.h.doors {
		for _, address := range []string{"ann@acme.example", "berta@agents.example", "Ann Cooper", "2026-1182"} {
			if strings.Contains(n.proc.log.String(), address) {
				s.t.Errorf("the log names %q:\n%s", address, n.proc.log)
			}
		}
	}
	s.h.admin().verify()
}
