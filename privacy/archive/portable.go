package archive

import (
	"slices"

	"postroom/privacy"
)

func (b *builder) portable() bool { return b.c.Right == privacy.Portability }

// portable leaves what the person provided, with what was observed of it, and
// takes away what others wrote or concluded: notes, answers, priorities, tags
// (Article 20; guidelines WP 242 rev.01, section 3).
func portable(c *Contents) *Contents {
	out := *c
	out.Recipients, out.Withheld = nil, nil
	out.Tickets = nil
	for _, t := range c.Tickets {
		t.Priority, t.Tags, t.State = "", nil, ""
		t.Messages = slices.DeleteFunc(slices.Clone(t.Messages), func(m Message) bool { return m.Relation != privacy.Wrote })
		if len(t.Messages) > 0 {
			out.Tickets = append(out.Tickets, t)
		}
	}
	return &out
}
