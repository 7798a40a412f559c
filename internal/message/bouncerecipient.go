package message

import (
	"regexp"
	"strings"
)

var addressRE = regexp.MustCompile(`[^\s<>()\[\],;:"'=\\|]+@[^\s<>()\[\],;:"'\\|@/?!&]+`)

// candidate is an address of the report, how surely it is the recipient's, and
// the line that speaks most for it; -1 where only a header field names it.
type candidate struct {
	addr   string
	weight int
	line   int
}

// sure is the weight from which several candidates are all recipients.
const sure = 9

// findRecipients takes as recipients the addresses that stand where recipients
// do, each with the words about it.
func (r *report) findRecipients(m *Message, h *marks) {
	all := r.candidates(m, h)
	best := 0
	for _, f := range all {
		best = max(best, f.weight)
	}
	if best < 2 {
		if a := r.returnedTo(m); a != "" {
			all, best = []candidate{{a, 2, -1}}, 2
		}
	}
	if best < 2 {
		return
	}
	keep := all[:0]
	for _, f := range all {
		if f.weight == best || f.weight >= sure {
			keep = append(keep, f)
		}
	}
	if best < sure {
		keep = keep[:1]
	}
	r.take(keep)
}

// candidates weighs every address of the report by where it stands.
func (r *report) candidates(m *Message, h *marks) []candidate {
	var all []candidate
	byAddr := map[string]int{}
	add := func(addr string, weight, line int) {
		i, ok := byAddr[strings.ToLower(addr)]
		switch {
		case !ok && len(all) < maxRecipients:
			byAddr[strings.ToLower(addr)] = len(all)
			all = append(all, candidate{addr, weight, line})
		case ok && all[i].line < 0:
			all[i].line, all[i].weight = line, max(all[i].weight, weight)
		case ok && weight > all[i].weight:
			all[i].weight = weight
			if weight >= sure {
				all[i].line = line
			}
		}
	}
	for _, a := range addressRE.FindAllString(clip(h.failedRcpt, 4096), maxRecipients) {
		add(trimAddress(a), sure+3, -1)
		r.failedRcpt = orElse(r.failedRcpt, trimAddress(a))
	}
	announced := 0 // lines left of a list of recipients
	for i, l := range r.lines {
		low := r.lower[i]
		for _, at := range addressRE.FindAllStringIndex(clip(l, 2000), 8) {
			addr := trimAddress(l[at[0]:at[1]])
			w := addressWeight(low, at[0], at[1])
			if w == 0 || !strings.Contains(addr, "@") {
				continue
			}
			if i > 1 && sentBy(r.lines[:i]) {
				w = 1
			}
			if announced > 0 && w >= 3 {
				w++
			}
			add(addr, w-ownAddress(m, addr), i)
		}
		if strings.Contains(low, "recipient") || strings.Contains(low, "address") || strings.Contains(low, "delivered to") {
			announced = 4
		} else if strings.TrimSpace(l) != "" {
			announced--
		}
	}
	// Where the field names recipients, others count only in the list after them.
	for i, first := 0, -1; i < len(all) && r.failedRcpt != ""; i++ {
		switch {
		case all[i].weight >= sure+3:
			first = max(first, all[i].line)
		case all[i].line < first:
			all[i].weight = min(all[i].weight, 3)
		}
	}
	return all
}

// take makes recipients of the candidates. A single one has all the words of
// the report; of several each has the lines down to the next.
func (r *report) take(keep []candidate) {
	end := len(r.lines)
	last := 0
	for _, f := range keep {
		last = max(last, f.line)
	}
	for _, f := range keep {
		from, to := 0, end
		if len(keep) > 1 && f.line >= 0 {
			from = f.line
			for _, g := range keep {
				if g.line > from {
					to = min(to, g.line)
				}
			}
		}
		x := rcpt{final: f.addr, text: r.about(f.addr, from, to), diag: r.diagnostic(from, to, f.addr)}
		if x.diag == "" && len(keep) > 1 {
			x.diag = r.diagnostic(last, end, f.addr)
		}
		r.rcpts = append(r.rcpts, x)
	}
}

// sentBy reports whether the last line with words announces the sender.
func sentBy(lines []string) bool {
	for i := len(lines) - 1; i >= 0 && i > len(lines)-4; i-- {
		if t := strings.ToLower(strings.TrimSpace(lines[i])); t != "" {
			return strings.HasSuffix(t, " by") || strings.HasSuffix(t, " from") || strings.HasSuffix(t, "from:") || strings.HasSuffix(t, "sender:")
		}
	}
	return false
}

// about returns the lines from..to and all others that name the address.
func (r *report) about(addr string, from, to int) string {
	var b strings.Builder
	addr = strings.ToLower(addr)
	for i, l := range r.lines {
		if i >= from && i < to || strings.Contains(r.lower[i], addr) {
			b.WriteString(l)
			b.WriteByte('\n')
		}
		if b.Len() > 4*maxReason*2 {
			break
		}
	}
	return b.String()
}

// addressWeight says how much the place of an address in a lower-cased line
// speaks for its being the recipient; 0 for a sender's or a contact's.
func addressWeight(low string, from, to int) int {
	if to > len(low) || from > to {
		return 1
	}
	before := strings.TrimRight(strings.TrimSpace(low[:from]), "<\"'([ ")
	after := strings.TrimLeft(low[to:], ">\"')]. ")
	for _, w := range []string{"from:", "mail from", "sender", "reply-to", "message-id", "return-path", "received:", "envelope-from", "references:", "in-reply-to", "http:", "https:", "contact", "postmaster at", "report", "x-", "helpdesk", "e-mail us", "write to", "send a mail", "please send", "from <", "by the", "help"} {
		if strings.Contains(before, w) {
			return 0
		}
	}
	switch strings.Trim(before, "*->.•· \t") {
	case "":
		if after == "" || after == ":" || strings.HasPrefix(after, "<") {
			return 10
		}
		return 9
	}
	if strings.Contains(before, "rcpt to") {
		return 8
	}
	if strings.HasPrefix(before, "to:") && after == "" {
		return 4
	}
	for _, w := range []string{"deliver", "recipient", "user", "mailbox", "address", "to", "to:", "for", "unknown", "failed", "an", "à", "an:", "für", "для", "account"} {
		if strings.HasSuffix(before, w) || strings.HasSuffix(before, w+":") {
			return 7
		}
	}
	return 3
}

func trimAddress(a string) string {
	a = strings.TrimPrefix(a, "mailto:")
	return clip(strings.Trim(a, ".*`{}>-"), 320)
}

// ownAddress is what the sender's own address, or the server's, loses.
func ownAddress(m *Message, addr string) int {
	for _, t := range m.To {
		if sameAddress(t.Address, addr) {
			return 6
		}
	}
	for _, t := range m.From {
		if sameAddress(t.Address, addr) {
			return 8
		}
	}
	local, _, _ := strings.Cut(strings.ToLower(addr), "@")
	switch local {
	case "postmaster", "mailer-daemon", "abuse", "support", "helpdesk":
		return 2
	}
	return 0
}
