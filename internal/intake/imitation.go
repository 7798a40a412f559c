package intake

import (
	"sync"

	"postroom/internal/senderauth"
	"postroom/tickets"
)

// imitations keeps how the desk's own and its agents' domains are drawn, as
// long as the directory is the same.
type imitations struct {
	mu    sync.Mutex
	of    *tickets.Directory
	known *senderauth.Known
}

func (i *imitations) knownOf(d *tickets.Directory) *senderauth.Known {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.of == d {
		return i.known
	}
	var domains []string
	for _, q := range d.Queues {
		domains = append(domains, tickets.Domain(q.Address), q.ReplyDomain)
		for _, r := range q.Receives {
			domains = append(domains, tickets.Domain(r))
		}
	}
	for _, a := range d.Agents {
		domains = append(domains, tickets.Domain(a.Address))
	}
	i.of, i.known = d, senderauth.NewKnown(domains)
	return i.known
}

// warnOfImitation tells the agents of an author whose domain looks like one of
// ours, or like the one of a colleague's mailbox (docs/threats.md M10). It
// proves itself as any domain does: only a look can tell.
func (in *Intake) warnOfImitation(m *mail, d *tickets.Directory) {
	if m.noFrom || m.imitation {
		return
	}
	if like := in.drawn.knownOf(d).Imitated(tickets.Domain(m.from.Address)); like != "" {
		m.imitation = true // said once, however often the decision runs
		m.msg.Defects = append(m.msg.Defects, "the sender's domain is not "+like+", though it looks like it")
	}
}
