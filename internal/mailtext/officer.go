package mailtext

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"postroom/privacy"
)

// PreviewText tells the officer, in English, exactly what an erasure would do.
// Days are those of the zone.
func PreviewText(p *privacy.Preview, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Erased: %s and %s, those about the person's requests among them, and %s of ours.\n", many(p.Tickets, "ticket"), many(p.Messages, "message"), many(p.Mails, "mail"))
	previewMasked(&b, p.Masked)
	if len(p.Kept) > 0 {
		b.WriteString("\nKept by law, locked, open to you only, erased on the date:\n")
		for _, k := range p.Kept {
			fmt.Fprintf(&b, "- %s until %s: %s, %s\n", many(k.Count, "message"), k.Until.In(zone).Format("2 January 2006"), k.Ground, k.Law)
		}
	}
	if !p.Blocked.IsZero() {
		fmt.Fprintf(&b, "\nNothing is erased before %s: an access request covers it, so that what was asked for is not lost.\n", p.Blocked.In(zone).Format("2 January 2006"))
	}
	if len(p.Copies) > 0 {
		b.WriteString("\nCopies outside this installation, which it cannot erase (they are told, and the certificate names them):\n")
		for _, what := range slices.Sorted(maps.Keys(p.Copies)) {
			name := privacyEN.counts[what]
			if name == "" {
				name = what
			}
			fmt.Fprintf(&b, "- %s: %d\n", name, p.Copies[what])
		}
	}
	return strings.TrimSpace(b.String())
}

// previewMasked tells of messages in other people's tickets: in most the person
// is masked, and of some only the officer can say what becomes of them.
func previewMasked(b *strings.Builder, list []privacy.Masked) {
	if len(list) == 0 {
		return
	}
	left := 0
	for _, m := range list {
		if len(m.Left) > 0 {
			left++
		}
	}
	fmt.Fprintf(b, "Masked: the person is made unrecognisable in %s of other people's tickets, which stay.\n", many(len(list), "message"))
	if left == 0 {
		return
	}
	fmt.Fprintf(b, "\nNot looked into in %s of them; look yourself before you approve (images, PDFs, signed or encrypted mail cannot be masked):\n", many(left, "message"))
	for _, m := range list {
		if len(m.Left) > 0 {
			fmt.Fprintf(b, "- ticket %s, message %d: %s\n", m.Ref, m.MessageID, strings.Join(m.Left, ", "))
		}
	}
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Monthly gathers what the data protection officer is told each month (Article
// 39(1)(b) GDPR): numbers only, nobody's data.
type Monthly struct {
	From, To time.Time // the first instant of the month, and of the next
	rights   map[privacy.Right]*monthlyRow
	days     []int // of those that ended: from the arrival to the end
	kept     int
	factors  int
}

type monthlyRow struct{ received, done, refused, closed, withdrawn, open, overdue, extended int }

// NewMonthly begins the report on the month of t, in t's zone.
func NewMonthly(t time.Time) *Monthly {
	from := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location())
	return &Monthly{From: from, To: from.AddDate(0, 1, 0), rights: map[privacy.Right]*monthlyRow{}}
}

// Add counts a request as it stands now.
func (m *Monthly) Add(r *privacy.Request) {
	in := func(t time.Time) bool { return !t.IsZero() && !t.Before(m.From) && t.Before(m.To) }
	arrived, ended := in(r.Received), in(r.Finished)
	if r.Received.After(m.To) || !arrived && !ended && r.State.Final() {
		return
	}
	row := m.rights[r.Right]
	if row == nil {
		row = &monthlyRow{}
		m.rights[r.Right] = row
	}
	if arrived {
		row.received++
	}
	switch end := r.Finished; {
	case !r.State.Final():
		row.open++
		if r.Due.Before(m.To) {
			row.overdue++
		}
	case ended:
		m.days = append(m.days, int(end.Sub(r.Received).Hours()/24))
		for _, k := range r.Record.Kept {
			m.kept += k.Count
		}
		switch r.State {
		case privacy.Done:
			row.done++
		case privacy.Refused:
			row.refused++
		case privacy.Expired:
			row.closed++
		default:
			row.withdrawn++
		}
	}
	if r.Extended && (arrived || ended) {
		row.extended++
	}
	if r.Record.Factor && ended {
		m.factors++
	}
}

// Mail is the report's subject and text, in English.
func (m *Monthly) Mail() (subject, text string) {
	var b strings.Builder
	month := m.From.Format("January 2006")
	fmt.Fprintf(&b, "Requests of data subjects in %s, for the data protection officer. Numbers only; nothing is decided by an answer to this mail.\n\n", month)
	if len(m.rights) == 0 {
		b.WriteString("There were none.\n")
		return "Privacy requests in " + month, b.String()
	}
	fmt.Fprintf(&b, "%-20s %8s %6s %8s %7s %10s %6s %8s %9s\n", "", "received", "done", "refused", "closed", "withdrawn", "open", "overdue", "extended")
	for _, r := range slices.Sorted(maps.Keys(m.rights)) {
		row, name := m.rights[r], string(r)
		if name == "" {
			name = "not said"
		}
		fmt.Fprintf(&b, "%-20s %8d %6d %8d %7d %10d %6d %8d %9d\n", name, row.received, row.done, row.refused, row.closed, row.withdrawn, row.open, row.overdue, row.extended)
	}
	if n := len(m.days); n > 0 {
		slices.Sort(m.days)
		fmt.Fprintf(&b, "\nDays from the arrival to the end: %d in the middle, %d at most. The law gives one month (Article 12(3) GDPR).\n", m.days[n/2], m.days[n-1])
	}
	fmt.Fprintf(&b, "Messages kept under a law after an erasure: %d. Requests with a second factor: %d.\n", m.kept, m.factors)
	b.WriteString("\nClosed: the mailbox was never proved, and the privacy officer ended it with reasons and remedies.\n")
	return "Privacy requests in " + month, b.String()
}

// ErasureList is the mail that brings the officer the signed list of erasures,
// which a restore asks for.
func ErasureList(day time.Time, count int) (subject, text string) {
	return "List of erasures of " + day.Format("2 January 2006"),
		fmt.Sprintf("The attached list names %s by keyed hashes and holds nobody's data. It is signed.\n\nKeep the newest one outside this server. A restore from a backup asks for it "+
			"and opens no port without it, so that nobody who was erased comes back.\n", many(count, "erasure"))
}
