package message

import (
	"regexp"
	"sort"
	"strings"
)

var addressRE = regexp.MustCompile(`[^\s<>()\[\],;:"'=\\|]+@[^\s<>()\[\],;:"'\\|@/?!&]+`)

// findRecipients weighs every address of the report by where it stands.
func (r *report) findRecipients(m *Message, h *marks) {
	type found struct {
		addr   string
		weight int
		line   int
	}
	var all []found
	byAddr := map[string]int{}
	add := func(addr string, weight, line int) {
		k := strings.ToLower(addr)
		if i, ok := byAddr[k]; ok {
			if weight > all[i].weight {
				all[i].weight = weight
				if all[i].line < 0 || weight >= 9 && line >= 0 {
					all[i].line = line
				}
			}
			if all[i].line < 0 {
				all[i].line = line
			}
			return
		}
		if len(all) < maxRecipients {
			byAddr[k] = len(all)
			all = append(all, found{addr, weight, line})
		}
	}
	for _, a := range addressRE.FindAllString(clip(h.failedRcpt, 4096), maxRecipients) {
		add(trimAddress(a), 12, -1)
		r.failedRcpt = orElse(r.failedRcpt, trimAddress(a))
	}
	listed := 0 // lines left in which a list of recipients was announced
	lines := r.lines
	for i, l := range lines {
		low := r.lower[i]
		for _, at := range addressRE.FindAllStringIndex(clip(l, 2000), 8) {
			addr := trimAddress(l[at[0]:at[1]])
			if w := addressWeight(low, at[0], at[1]); w > 0 && strings.Contains(addr, "@") {
				if i > 1 && sentBy(lines[:i]) {
					w = 1
				}
				if listed > 0 && w >= 3 {
					w++
				}
				add(addr, w-ownAddress(m, addr), i)
			}
		}
		if strings.Contains(low, "recipient") || strings.Contains(low, "address") || strings.Contains(low, "delivered to") {
			listed = 4
		} else if strings.TrimSpace(l) != "" {
			listed--
		}
	}
	// Where the field names recipients, others count only in the list after them.
	for i, first := 0, -1; i < len(all) && r.failedRcpt != ""; i++ {
		switch {
		case all[i].weight >= 12:
			first = max(first, all[i].line)
		case all[i].line < first:
			all[i].weight = min(all[i].weight, 3)
		}
	}
	best := 0
	for _, f := range all {
		best = max(best, f.weight)
	}
	if best < 2 {
		if a := r.returnedTo(m); a != "" {
			x := rcpt{final: a, weight: 1}
			x.text = strings.Join(r.lines, "\n")
			x.diag = r.diagnostic(0, len(r.lines), "")
			r.rcpts = append(r.rcpts, x)
		}
		return
	}
	keep := all[:0]
	for _, f := range all {
		if f.weight == best || best >= 9 && f.weight >= 9 {
			keep = append(keep, f)
		}
	}
	if best < 9 {
		keep = keep[:1]
	}
	order := make([]int, 0, len(keep))
	for _, f := range keep {
		if f.line >= 0 {
			order = append(order, f.line)
		}
	}
	sort.Ints(order)
	for _, f := range keep {
		x := rcpt{final: f.addr, weight: f.weight}
		from, to := 0, len(lines)
		if len(keep) > 1 && f.line >= 0 {
			from = f.line
			for _, o := range order {
				if o > from {
					to = o
					break
				}
			}
		}
		x.text = r.about(f.addr, from, to)
		x.diag = r.diagnostic(from, to, f.addr)
		if x.diag == "" && len(keep) > 1 {
			x.diag = r.diagnostic(order[len(order)-1], len(lines), f.addr)
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
