package privacy

import (
	"fmt"
	"strings"
)

// describe is a request in one line.
func describe(r *Request, c Calendar) string {
	right := string(r.Right)
	if right == "" {
		right = "not said"
	}
	return fmt.Sprintf("%s  %s  %s  due %s", r.No, right, r.State, c.Day(r.Due))
}

// officerText is what the officer has to know of a request: what is asked for,
// the dates, who waits for whom, and what can be done.
func officerText(r *Request, c Calendar) string {
	var b strings.Builder
	right := string(r.Right)
	if right == "" {
		right = "not said"
	}
	fmt.Fprintf(&b, "Request %s: %s\n", r.No, right)
	fmt.Fprintf(&b, "Arrived on %s by %s; due by law on %s, by our own target on %s.\n", c.Day(r.Received), r.Channel, c.Day(r.Due), c.Day(r.Internal))
	if r.Extended {
		b.WriteString("The time was extended once.\n")
	}
	if r.Held {
		b.WriteString("On hold (#release).\n")
	}
	b.WriteString(waits(r, c) + "\n")
	for _, h := range r.Detail.Hints {
		b.WriteString("- " + hintTexts[h] + "\n")
	}
	if !r.Record.Verified.IsZero() {
		fmt.Fprintf(&b, "Proved on %s", c.Day(r.Record.Verified))
		if r.Record.Factor {
			b.WriteString(", with the second factor on file")
		}
		b.WriteString(".\n")
	}
	if r.State == Review {
		b.WriteString("\n" + choicesFor(r))
	}
	return strings.TrimSpace(b.String())
}

// waits says who waits for whom.
func waits(r *Request, c Calendar) string {
	switch r.State {
	case Received:
		return "The question for a proof waits for its turn (one a day to each address)."
	case Challenged:
		return "Waits for the person: the proof of the mailbox is missing."
	case Verified:
		if r.After != 0 {
			return "Waits for the copy that was asked for first."
		}
		return "Waits for the preview of what would be done."
	case Review:
		return "Waits for you."
	case Cooling:
		return "Waits until " + c.Day(r.Record.On) + ": the person can still cancel."
	case Executing:
		return "Is being carried out."
	}
	return "Is ended."
}

// choicesFor lists what the officer can do about a request in review.
func choicesFor(r *Request) string {
	if r.Record.Verified.IsZero() && !r.Detail.Unsure && r.Record.Tries > 0 {
		return proofsText
	}
	var b strings.Builder
	b.WriteString("Answer this mail with a command on the first line:\n")
	add := func(s string) { b.WriteString("  " + s + "\n") }
	switch {
	case r.Right == "":
		add("#privacy <right>     what it is: access, portability, erasure, rectification, restriction, objection, withdraw")
	case r.Record.Verified.IsZero():
		add("#approve             take it for what the words say, and ask the person for a proof")
		add("#approve identity    you saw another proof of who it is")
	case r.Right == Rectification:
		add("#approve name: NAME  or address: ADDRESS; or #done <what was changed>")
	default:
		add("#approve             carry it out")
	}
	if r.Right != "" {
		add("#refuse <ground>     with the facts below; you see the mail before it is sent")
	}
	add("#extend <reason>     two months more, told to the person    #hold  #release")
	add("#link <address>      a further address that may be the person's; it has to prove itself")
	add("#not-a-request       it is none                             #close  the proof never came")
	return b.String()
}

func otherProofs(r *Request) string {
	return fmt.Sprintf("Request %s (%s): two answers to our question could not be counted as a proof.\n\n%s", r.No, r.Right, proofsText)
}
