package mailtext

import (
	"fmt"
	"strings"
	"time"

	"postroom/internal/message"
)

// SummarySubject is the subject of a notification that carries no content.
func SummarySubject(v NotifyVars) string {
	switch {
	case v.Note:
		return "Internal note"
	case v.Bounce:
		return "Delivery report"
	case v.Automatic:
		return "Automatic reply"
	case v.From == "":
		return "News"
	}
	return "New message"
}

// Summary is a notification that carries no content: nothing that a customer
// wrote, nobody's name or address.
func Summary(v NotifyVars) string {
	var b strings.Builder
	b.WriteString(message.ReplyLine + "\n\n")
	v.head(&b)
	if !v.Received.IsZero() {
		fmt.Fprintf(&b, "Received: %s\n", v.Received.UTC().Format(time.RFC1123))
	}
	if p := proofs[v.Proof]; p != "" {
		fmt.Fprintf(&b, "%s%s\n", markCheck, p)
	}
	b.WriteString("\n" + stays(v.Ref) + "\n")
	if v.Ref != "" {
		b.WriteString("\n" + markReply + "\n" + markOthers + " #tag WORD #priority high #snooze 3d #queue NAME #spam\n")
	}
	return b.String()
}

// SummaryShown stands where what was asked for with #show or #list, or a
// colleague's answer, would be content.
func SummaryShown(ref string, collision bool) string {
	if collision {
		return "A colleague answered the customer after the message that you answered. Your answer is held back and was sent to nobody.\n" +
			"#confirm on the first line of your reply sends it all the same, #drop forgets it.\n\n" + stays(ref)
	}
	return "The commands were read. What #show and #list would send is content. " + stays(ref)
}

func stays(ref string) string {
	if ref == "" {
		ref = "REF"
	}
	return "No content is sent to mailboxes outside (privacy.notify = \"summary\"). To read it, on the server: postroom ticket show " + ref
}
