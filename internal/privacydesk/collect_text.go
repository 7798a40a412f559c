package privacydesk

import (
	"cmp"
	"context"
	"io"
	"regexp"
	"slices"
	"strings"

	"postroom/internal/message"
	"postroom/privacy"
	"postroom/tickets"
)

// What stands for somebody else in what the person never saw.
const (
	maskedWord  = "[…]"
	maskedPlace = "[…]"
)

// others are the patterns of everybody in the ticket but the person, agents
// included.
func (c *collector) others(t *tickets.Ticket) []pattern {
	if c.last.ticket == t.ID && t.ID != 0 {
		return c.last.patterns
	}
	var id privacy.Identity
	for i := range t.Parties {
		if p := t.Parties[i].Person; p != nil && !c.own[tickets.FoldAddress(p.Address)] {
			id.Addresses, id.Names = append(id.Addresses, p.Address), append(id.Names, p.Name)
		}
	}
	for _, a := range c.dir.Agents {
		id.Addresses, id.Names = append(id.Addresses, a.Address), append(id.Names, a.DisplayName, a.Name)
	}
	mine := map[string]bool{}
	for _, p := range c.me {
		mine[p.text] = true
	}
	c.last = masks{t.ID, slices.DeleteFunc(patternsOf(id), func(p pattern) bool { return mine[p.text] })}
	return c.last.patterns
}

// Text implements archive.Source.
func (c *collector) Text(ctx context.Context, id int64) (text string, err error) {
	s := c.src[id]
	err = c.d.view(ctx, func(v privacy.View) error {
		m, err := v.MessageByID(ctx, id)
		if err != nil || m == nil {
			return err
		}
		switch {
		case s.relation == privacy.Addressed && m.Direction == tickets.DirectionOut:
			a, err := c.answered(ctx, v, s, m)
			if err != nil {
				return err
			}
			text = a.text
		case s.relation == privacy.Wrote && passedOn(m):
			text = m.Text
		case s.relation == privacy.Wrote || s.relation == privacy.Addressed:
			text = cmp.Or(m.Whole, m.Text)
		default:
			t, err := v.TicketByID(ctx, s.ticket)
			if err != nil || t == nil {
				return err
			}
			text = m.Text
			if s.relation == privacy.Beside {
				text = c.about(text)
			}
			text, _ = maskText(text, append(slices.Clip(c.others(t)), c.writer(m)...), maskedWord, maskedPlace, plain)
			text = c.strangers(text)
		}
		return nil
	})
	return text, err
}

// anyAddress is roughly what an address looks like.
var anyAddress = regexp.MustCompile(`[\pL\pN._%+'-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+`)

// strangers masks the addresses of those who are not in the ticket at all; the
// person's own and those of the desk stay.
func (c *collector) strangers(text string) string {
	return anyAddress.ReplaceAllStringFunc(text, func(a string) string {
		if c.own[tickets.FoldAddress(a)] || c.dir.QueueByAddress(a) != nil {
			return a
		}
		return maskedPlace
	})
}

// writer are the patterns of who wrote a message, who need be no party.
func (c *collector) writer(m *tickets.Message) []pattern {
	if m.Direction == tickets.DirectionOut || c.own[tickets.FoldAddress(m.From)] {
		return nil
	}
	return patternsOf(privacy.Identity{Addresses: append(slices.Concat(m.To, m.Cc), m.From), Names: []string{m.FromName}})
}

// about keeps the paragraphs of somebody else's mail that name the person.
func (c *collector) about(text string) string {
	var kept []string
	for _, p := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if len(find(fold(p, plain), c.me)) > 0 {
			kept = append(kept, p)
		} else if n := len(kept); n == 0 || kept[n-1] != maskedWord {
			kept = append(kept, maskedWord)
		}
	}
	return strings.Join(kept, "\n\n")
}

// WriteRaw implements archive.Source.
func (c *collector) WriteRaw(ctx context.Context, id int64, w io.Writer) error {
	s := c.src[id]
	if s.relation == privacy.Wrote {
		return c.d.Store.WriteRaw(ctx, id, w)
	}
	var m *tickets.Message
	var a *answered
	err := c.d.view(ctx, func(v privacy.View) (err error) {
		if m, err = v.MessageByID(ctx, id); err == nil && m != nil && m.Direction == tickets.DirectionOut {
			a, err = c.answered(ctx, v, s, m)
		}
		return err
	})
	if err != nil || m == nil {
		return err
	}
	if a == nil {
		return c.d.Store.WriteRaw(ctx, id, w)
	}
	return c.writeAnswer(ctx, m, a, w)
}

// WriteAttachment implements archive.Source.
func (c *collector) WriteAttachment(ctx context.Context, id int64, index int, w io.Writer) error {
	return pipe(func(w io.Writer) error { return c.d.Store.WriteRaw(ctx, id, w) }, func(raw io.Reader) error {
		return message.OpenAttachment(raw, index, w)
	})
}
