package mailtext

import (
	"fmt"
	"strings"
	"time"

	"postroom/internal/message"
	"postroom/tickets"
)

// NotifyVars is what a notification says. Texts are clean: no controls, no
// direction marks.
type NotifyVars struct {
	Ref, Queue, State, Priority string
	Tags                        []string
	Assignee                    string
	Yours                       bool   // the reader is the assignee
	Why                         string // why an old message comes again: assigned, moved, snooze ended
	From                        string
	EnvelopeFrom                string // when its domain is another
	To, Cc                      []string
	Received                    time.Time
	Proof                       string // as tickets.Message.Proof
	Unverified, Note            bool
	Case                        bool // a request to the privacy desk
	Bounce, Automatic           bool
	Defects                     []string
	Text                        string
	Earlier                     []Earlier // oldest first
}

const rule = "----------------------------------------------------------------"

// LooksLikeRequest tells agents that a mail seems to exercise a right of a data
// subject, by the right's name.
func LooksLikeRequest(right string) string {
	return "looks like a privacy request: #privacy " + right + " hands it to the privacy officer, with the clock from its arrival"
}

// proofs says what the sender check found, so that nobody needs to know SPF.
var proofs = map[string]string{
	"aligned": "passed: the mail comes from a server of the sender's domain",
	"none":    "NOT PROVED: the sender's domain says nothing by which to check it",
	"fail":    "FAILED: the mail does not come from the sender's domain; do not trust the name",
	"temp":    "NOT PROVED: the check could not be finished",
	"agent":   "passed: written by an agent",
	"import":  "not made: old mail that was imported",
}

const (
	markReply  = "Reply to this mail to answer the customer; put #note on the first line to keep it inside."
	markOthers = "Other first lines: #take #resolve #wait #open #assign NAME"
	markCase   = "On a request: #approve #refuse GROUND #extend REASON"
	markCheck  = "Sender check: "
)

// Marks are words that stand in mails to agents and nowhere else: an answer to
// a customer that holds one has not been cut free of the notification.
func Marks() []string {
	marks := []string{message.ReplyLine, markReply, markOthers, markCase}
	for _, p := range proofs {
		marks = append(marks, markCheck+p)
	}
	return marks
}

// Notify is the text of a notification to an agent.
func Notify(v NotifyVars) string {
	var b strings.Builder
	b.WriteString(message.ReplyLine + "\n\n")
	v.head(&b)
	if v.From != "" {
		v.who(&b)
	}
	if v.Ref != "" {
		b.WriteString("\n" + markReply + "\n")
		if v.Case {
			b.WriteString(markCase + " #hold #release #link ADDRESS #withhold RECEIPT GROUND #not-a-request\n")
		}
		b.WriteString(markOthers + " #tag WORD #priority high #snooze 3d #queue NAME #merge REF #spam; all of them: #help\n")
	}
	b.WriteString("\n" + rule + "\n\n")
	b.WriteString(strings.TrimSpace(v.Text))
	b.WriteString("\n")
	v.history(&b)
	return b.String()
}

func (v *NotifyVars) head(b *strings.Builder) {
	what := "New message"
	switch {
	case v.Note:
		what = "Internal note"
	case v.Bounce:
		what = "Delivery report"
	case v.Automatic:
		what = "Automatic reply"
	case v.From == "":
		what = "News"
	case v.Why != "":
		what = "Message"
	}
	line := what
	if v.Ref != "" {
		line += " in " + v.Ref
	}
	line += " (" + v.Queue + ")"
	if v.State != "" {
		line += ": " + v.State
	}
	switch {
	case v.Yours:
		line += ", yours"
	case v.Assignee != "":
		line += ", " + v.Assignee + " has it"
	case v.Ref != "":
		line += ", nobody has it yet"
	}
	if v.Priority != "" && v.Priority != string(tickets.PriorityNormal) {
		line += ", priority " + v.Priority
	}
	if len(v.Tags) > 0 {
		line += ", tags " + strings.Join(v.Tags, " ")
	}
	b.WriteString(line + "\n")
	if v.Why != "" {
		b.WriteString("You get it now because: " + v.Why + "\n")
	}
	if v.Unverified {
		b.WriteString("\nUNVERIFIED: this came to the ticket's reply address, but not from anybody who takes part in the ticket. " +
			"It is shown to agents only. An answer goes to the ticket's customer, not to this sender.\n")
	}
}

func (v *NotifyVars) who(b *strings.Builder) {
	fmt.Fprintf(b, "\nFrom: %s\n", v.From)
	if v.EnvelopeFrom != "" {
		fmt.Fprintf(b, "Sent by: %s\n", v.EnvelopeFrom)
	}
	if len(v.To) > 0 {
		fmt.Fprintf(b, "To: %s\n", strings.Join(v.To, ", "))
	}
	if len(v.Cc) > 0 {
		fmt.Fprintf(b, "Cc: %s\n", strings.Join(v.Cc, ", "))
	}
	if !v.Received.IsZero() {
		fmt.Fprintf(b, "Received: %s\n", v.Received.UTC().Format("Mon, 2 Jan 2006 15:04 UTC"))
	}
	if p := proofs[v.Proof]; p != "" {
		fmt.Fprintf(b, "Sender check: %s\n", p)
	}
	for _, d := range v.Defects {
		fmt.Fprintf(b, "Noticed: %s\n", d)
	}
}

// shown is how many earlier messages a notification tells of.
const shown = 3

func (v *NotifyVars) history(b *strings.Builder) {
	list := v.Earlier
	if len(list) == 0 {
		return
	}
	more := max(len(list)-shown, 0)
	fmt.Fprintf(b, "\n%s\n\nEarlier", rule)
	if more > 0 {
		fmt.Fprintf(b, " (the last %d of %d; #show %s sends all)", shown, len(list), v.Ref)
	}
	b.WriteString("\n")
	for _, e := range list[more:] {
		fmt.Fprintf(b, "\n%s, %s:\n", e.At.UTC().Format("2006-01-02 15:04"), e.Who)
		for line := range strings.SplitSeq(clip(e.Text, 5, 400), "\n") {
			b.WriteString("| " + line + "\n")
		}
	}
}

// LeftOut says which attachments a notification does not carry; empty for none.
func LeftOut(list []tickets.Attachment) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n" + rule + "\n\nNot attached, over the limit (reply with #send attachments to get them):\n")
	for _, a := range list {
		name := a.Name
		if name == "" {
			name = "without a name"
		}
		fmt.Fprintf(&b, "- %s (%s, %s)\n", name, a.Type, size(a.Size))
	}
	return b.String()
}

// ReceiptSubject is the subject of a receipt that has none of its own.
const ReceiptSubject = "Done"

// ReportVars is what a report on a delivery says.
type ReportVars struct {
	Ref    string
	Late   bool // not given up yet
	To     string
	Kind   string
	Status string // x.y.z
	Words  string // the far server's, on one line
	Host   string // who said them; empty when it was us
	Text   string // what was not delivered, in short
}

var kindWords = map[string]string{
	"answer": "answer", "ack": "acknowledgement", "notification": "notification", "privacy": "privacy mail", "receipt": "receipt", "report": "report",
}

func (v ReportVars) kind() string {
	if w := kindWords[v.Kind]; w != "" {
		return w
	}
	return "mail"
}

// ReportSubject is the subject of a report.
func ReportSubject(v ReportVars) string {
	if v.Late {
		return "Not delivered yet: the " + v.kind()
	}
	return "Not delivered: the " + v.kind()
}

// Report tells an agent that a mail did not arrive, why, and what happens now.
func Report(v ReportVars) string {
	var b strings.Builder
	about := ""
	if v.Ref != "" {
		about = " in " + v.Ref
	}
	if v.Late {
		fmt.Fprintf(&b, "The %s%s to %s has not been delivered yet. It is being tried again, for five days in all; there is nothing you need to do.\n", v.kind(), about, v.To)
	} else {
		fmt.Fprintf(&b, "The %s%s to %s was not delivered, and it is not tried again.\n", v.kind(), about, v.To)
	}
	if m := meaning(v.Status); m != "" {
		fmt.Fprintf(&b, "\n%s\n", m)
	}
	if v.Words != "" {
		if v.Host != "" {
			fmt.Fprintf(&b, "\nThe mail server %s said (%s):\n| %s\n", v.Host, v.Status, v.Words)
		} else {
			fmt.Fprintf(&b, "\nWhy (%s): %s.\n", v.Status, strings.TrimRight(v.Words, ". "))
		}
	}
	if v.Text != "" {
		fmt.Fprintf(&b, "\n%s\n\nWhat it said:\n", rule)
		for line := range strings.SplitSeq(clip(v.Text, 30, 2000), "\n") {
			b.WriteString("| " + line + "\n")
		}
	}
	return b.String()
}

// meaning puts the commonest codes of RFC 3463 into words.
func meaning(status string) string {
	_, sub, _ := strings.Cut(status, ".")
	switch sub {
	case "1.0", "1.1":
		return "There is no such mailbox. The address may be misspelt or closed."
	case "1.2", "4.4":
		return "There is no mail server for this address. Its domain may be misspelt."
	case "1.3":
		return "The address is not one that mail can be sent to."
	case "1.10":
		return "This domain takes no mail at all."
	case "2.1":
		return "The mailbox is closed."
	case "2.2":
		return "The mailbox is full."
	case "3.4", "2.3":
		return "The mail is too large for the recipient's server. Sending it with fewer attachments may help."
	case "4.1", "4.2", "4.3", "4.0":
		return "The recipient's mail server could not be reached."
	case "4.7":
		return "The recipient's mail server did not take it for five days."
	case "6.7":
		return "The address has letters beyond ASCII, and the recipient's mail server cannot handle that."
	case "7.4", "7.5":
		return "No encrypted connection with a verified certificate could be had, and this mail goes over no other."
	case "7.0", "7.1", "7.26", "7.25":
		return "The recipient's mail server refused it by its policy. If that happens to others too, tell your administrator."
	}
	return ""
}
