package threading

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// book is a Finder over tickets in memory.
type book struct {
	tickets []Candidate
	ids     map[string][]int64 // Message-IDs sent or held
	index   map[string][]int64
	copied  map[string]bool // "ticket address"
	asked   int             // look-ups of Message-IDs
	most    int             // ids in one of them
	broken  error
}

var _ Finder = (*book)(nil)

func (b *book) find(ok func(*Candidate) bool) (*Candidate, error) {
	if b.broken != nil {
		return nil, b.broken
	}
	for i := range b.tickets {
		if ok(&b.tickets[i]) {
			return &b.tickets[i], nil
		}
	}
	return nil, nil
}

func (b *book) ByRef(_ context.Context, ref string) (*Candidate, error) {
	return b.find(func(c *Candidate) bool { return c.Ref == ref })
}

func (b *book) ByID(_ context.Context, id int64) (*Candidate, error) {
	return b.find(func(c *Candidate) bool { return c.ID == id })
}

func (b *book) ByMessageIDs(_ context.Context, ids []string) (map[string][]int64, error) {
	b.asked++
	b.most = max(b.most, len(ids))
	out := map[string][]int64{}
	for _, id := range ids {
		if t, ok := b.ids[id]; ok {
			out[id] = t
		}
	}
	return out, b.broken
}

func (b *book) ByThreadIndex(_ context.Context, conversation string) ([]int64, error) {
	return b.index[conversation], b.broken
}

func (b *book) Copied(_ context.Context, id int64, address string) (bool, error) {
	return b.copied[fmt.Sprint(id, " ", strings.ToLower(address))], b.broken
}

const (
	ann  = "ann@customer.example"
	ann2 = "ann@home.example"
	bob  = "bob@customer.example" // in Cc of ticket 1
	carl = "carl@customer.example"
	eve  = "eve@stranger.example"
)

// desk is what the tables are tried against: 1 open, 2 merged into 1, 3
// resolved long ago, 4 another customer's, 5 resolved yesterday, 6 merged into
// one that was erased, 7 and 8 merged into each other.
func desk() *book {
	day := 24 * time.Hour
	anns := CandidateParty{No: 1, Address: ann, Word: "requester"}
	return &book{
		tickets: []Candidate{
			{ID: 1, Ref: "AAAA-AAAA", Parties: []CandidateParty{anns, {No: 2, Address: bob, Word: "cc"},
				{No: 3, Address: "third@customer.example", Word: "third", Third: true}}},
			{ID: 2, Ref: "BBBB-BBBB", MergedInto: 1, Parties: []CandidateParty{anns, {No: 2, Address: carl, Word: "cc"}}},
			{ID: 3, Ref: "CCCC-CCCC", Resolved: now.Add(-31 * day), ReopenDays: 30, Parties: []CandidateParty{anns}},
			{ID: 4, Ref: "DDDD-DDDD", Parties: []CandidateParty{{No: 1, Address: "dora@other.example", Word: "requester"}}},
			{ID: 5, Ref: "EEEE-EEEE", Resolved: now.Add(-day), ReopenDays: 30, Parties: []CandidateParty{anns}},
			{ID: 6, Ref: "FFFF-FFFF", MergedInto: 99, Parties: []CandidateParty{anns}},
			{ID: 7, Ref: "GGGG-GGGG", MergedInto: 8, Parties: []CandidateParty{anns}},
			{ID: 8, Ref: "HHHH-HHHH", MergedInto: 7, Parties: []CandidateParty{anns}},
		},
		ids: map[string][]int64{
			"ask@customer.example": {1}, "answer@desk.example": {1}, "merged@desk.example": {2}, "old@desk.example": {3},
			"dora@other.example": {4}, "recent@desk.example": {5}, "orphan@desk.example": {6}, "ring@desk.example": {7},
			"squatted@customer.example": {4, 1}, // Dora's mail bears the id of one of Ann's
		},
		index:  map[string][]int64{"01d9": {1}, "shared": {4, 1}},
		copied: map[string]bool{"1 " + carl: true, "3 " + carl: true},
	}
}

func secret(ref string, party int) Token { return Token{Kind: TokenReply, Ref: ref, PartyNo: party} }

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		name   string
		e      Evidence
		action Action
		ticket int64
		party  int
	}{
		{"nothing names a ticket", Evidence{From: ann, Proved: true, Subject: "Printer"}, New, 0, 0},
		{"no joining by subject alone", Evidence{From: ann, Proved: true, Subject: "Re: Printer on fire"}, New, 0, 0},

		// How clients answer our mail, whose Reply-To is the secret address.
		{"Gmail", Evidence{From: ann, Proved: true, Reply: []Token{secret("AAAA-AAAA", 1)}, InReplyTo: []string{"answer@desk.example"},
			References: []string{"ask@customer.example", "answer@desk.example"}, Subject: "Re: Printer [#AAAA-AAAA]"}, Join, 1, 1},
		{"Apple Mail", Evidence{From: ann, Proved: true, Reply: []Token{secret("AAAA-AAAA", 1)}, InReplyTo: []string{"answer@desk.example"}}, Join, 1, 1},
		{"Thunderbird, answering her own mail", Evidence{From: ann, Proved: true, InReplyTo: []string{"ask@customer.example"},
			References: []string{"ask@customer.example"}}, Join, 1, 1},
		{"Outlook desktop rewrites References", Evidence{From: ann, Proved: true, Reply: []Token{secret("AAAA-AAAA", 1)},
			References: []string{"mangled@exchange.local"}, ThreadIndex: "01d9"}, Join, 1, 1},
		{"Outlook web drops References and goes by Thread-Index", Evidence{From: ann, Proved: true, ThreadIndex: "01d9"}, Join, 1, 1},
		{"Exchange gateway replaced our Message-ID", Evidence{From: ann, Proved: true, Reply: []Token{secret("AAAA-AAAA", 1)},
			InReplyTo: []string{"<000@gateway.customer.example>"}}, Join, 1, 1},
		{"Exchange gateway replaced our Message-ID and the address book knows support@", Evidence{From: ann, Proved: true,
			InReplyTo: []string{"000@gateway.customer.example"}, Subject: "AW: Printer [#AAAA-AAAA]"}, Join, 1, 1},
		{"phone that keeps no header", Evidence{From: ann, Reply: []Token{secret("AAAA-AAAA", 1)}}, Join, 1, 1},
		{"phone with the address in capitals", Evidence{From: strings.ToUpper(ann), Reply: []Token{secret("AAAA-AAAA", 1)}}, Join, 1, 1},
		{"References from last to first", Evidence{From: ann, Proved: true, References: []string{"recent@desk.example", "answer@desk.example"}}, Join, 1, 1},
		{"In-Reply-To goes before References", Evidence{From: ann, Proved: true, InReplyTo: []string{"recent@desk.example"},
			References: []string{"answer@desk.example"}}, Join, 5, 1},
		{"junk In-Reply-To, good References", Evidence{From: ann, Proved: true, InReplyTo: []string{"Your message of Monday"},
			References: []string{"answer@desk.example"}}, Join, 1, 1},
		{"mailing list in front of the customer", Evidence{From: "list@lists.example", Proved: true, InReplyTo: []string{"answer@desk.example"}}, Linked, 1, 0},
		{"something new in answer to an old mail", Evidence{From: ann, Proved: true, InReplyTo: []string{"old@desk.example"},
			Subject: "Another question"}, FollowUp, 3, 1},
		{"something new in answer to a recent mail", Evidence{From: ann, Proved: true, InReplyTo: []string{"recent@desk.example"},
			Subject: "Another question"}, Join, 5, 1},

		// Other people of the customer.
		{"colleague in Cc with an address of his own", Evidence{From: bob, Proved: true, Reply: []Token{secret("AAAA-AAAA", 2)}}, Join, 1, 2},
		{"colleague in Cc answers what Ann got", Evidence{From: bob, Proved: true, InReplyTo: []string{"ask@customer.example"}}, Join, 1, 2},
		{"colleague whom a party had put in Cc later", Evidence{From: carl, Proved: true, InReplyTo: []string{"ask@customer.example"}}, Third, 1, 0},
		{"the same, who writes again", Evidence{From: "third@customer.example", Proved: true, InReplyTo: []string{"ask@customer.example"}}, Third, 1, 3},
		{"Cc of a ticket resolved long ago", Evidence{From: carl, Proved: true, InReplyTo: []string{"old@desk.example"}}, Linked, 3, 0},
		{"second address of the customer, with the secret one", Evidence{From: ann2, Proved: true, Reply: []Token{secret("AAAA-AAAA", 1)}}, Unverified, 1, 0},
		{"second address of the customer, without", Evidence{From: ann2, Proved: true, InReplyTo: []string{"answer@desk.example"}}, Linked, 1, 0},

		// Tickets that are not as they were.
		{"reply to a merged ticket", Evidence{From: ann, Reply: []Token{secret("BBBB-BBBB", 1)}}, Join, 1, 1},
		{"reply to a merged ticket by Message-ID", Evidence{From: ann, Proved: true, InReplyTo: []string{"merged@desk.example"}}, Join, 1, 1},
		{"somebody who took part only before the merge, and was removed since", Evidence{From: carl, Proved: true,
			Reply: []Token{secret("BBBB-BBBB", 2)}}, Unverified, 1, 0},
		{"reply to one resolved within the window", Evidence{From: ann, Reply: []Token{secret("EEEE-EEEE", 1)}}, Join, 5, 1},
		{"reply to one resolved before the window", Evidence{From: ann, Reply: []Token{secret("CCCC-CCCC", 1)}}, FollowUp, 3, 1},
		{"reply to an erased ticket", Evidence{From: ann, Reply: []Token{secret("9999-9999", 1)}, InReplyTo: []string{"gone@desk.example"}}, New, 0, 0},
		{"reply to one merged into an erased ticket", Evidence{From: ann, Reply: []Token{secret("FFFF-FFFF", 1)}}, New, 0, 0},
		{"the same by Message-ID", Evidence{From: ann, Proved: true, InReplyTo: []string{"orphan@desk.example"}}, New, 0, 0},
		{"merges in a ring", Evidence{From: ann, Proved: true, InReplyTo: []string{"ring@desk.example"}}, New, 0, 0},

		// One mail, several tickets.
		{"secret addresses of two tickets, party to the second", Evidence{From: ann, Reply: []Token{secret("DDDD-DDDD", 1), secret("AAAA-AAAA", 1)}}, Join, 1, 1},
		{"secret addresses of an erased ticket and another", Evidence{From: ann, Reply: []Token{secret("9999-9999", 1), secret("AAAA-AAAA", 1)}}, Join, 1, 1},
		{"a stranger with two", Evidence{From: eve, Reply: []Token{secret("DDDD-DDDD", 1), secret("AAAA-AAAA", 1)}}, Unverified, 4, 0},
		{"references of two tickets in the subject", Evidence{From: ann, Proved: true, Subject: "[#DDDD-DDDD] and [#AAAA-AAAA]"}, Join, 1, 1},
		{"Thread-Index of two tickets", Evidence{From: ann, Proved: true, ThreadIndex: "shared"}, Join, 1, 1},
		{"somebody wrote a mail with the id of Ann's", Evidence{From: ann, Proved: true, InReplyTo: []string{"squatted@customer.example"}}, Join, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, desk(), c.e, c.action, c.ticket, c.party) })
	}
}

func expect(t *testing.T, f *book, e Evidence, action Action, ticket int64, party int) {
	t.Helper()
	e.Now = now
	d, err := Resolve(context.Background(), e, f)
	if err != nil {
		t.Fatal(err)
	}
	if d.Action != action || d.TicketID != ticket || d.PartyNo != party {
		t.Errorf("%s ticket %d party %d (%s), want %s ticket %d party %d", d.Action, d.TicketID, d.PartyNo, d.Reason, action, ticket, party)
	}
	if d.Reason == "" || strings.Contains(d.Reason, "@") {
		t.Errorf("the reason says %q", d.Reason)
	}
}

func TestH2_ClaimedPartyIsNotProved(t *testing.T) {
	// The right Message-ID and From the requester, with nothing that proves it.
	for _, e := range []Evidence{
		{From: ann, InReplyTo: []string{"answer@desk.example"}},
		{From: ann, Subject: "Re: Printer [#AAAA-AAAA]"},
		{From: ann, ThreadIndex: "01d9"},
	} {
		expect(t, desk(), e, Unverified, 1, 1)
	}
}

func TestH3_GuessedReference(t *testing.T) {
	for _, e := range []Evidence{
		{From: eve, Proved: true, InReplyTo: []string{"answer@desk.example"}},
		{From: eve, Proved: true, References: []string{"ask@customer.example", "answer@desk.example"}},
		{From: eve, Proved: true, Subject: "Re: [#AAAA-AAAA]"},
		{From: eve, Proved: true, ThreadIndex: "01d9"},
		{From: "", InReplyTo: []string{"answer@desk.example"}},
	} {
		expect(t, desk(), e, Linked, 1, 0)
	}
	for _, e := range []Evidence{ // numbers of no ticket
		{From: eve, Proved: true, Subject: "Re: [#1234]"},
		{From: eve, Proved: true, Subject: "Re: [#9999-9999]"},
		{From: eve, Proved: true, InReplyTo: []string{"no@desk.example"}},
	} {
		expect(t, desk(), e, New, 0, 0)
	}
}

func TestH4_TokenReplay(t *testing.T) {
	for _, from := range []string{eve, "", "ann@customer.example.evil.example", "aann@customer.example"} {
		expect(t, desk(), Evidence{From: from, Proved: true, Reply: []Token{secret("AAAA-AAAA", 1)}}, Unverified, 1, 0)
	}
}

func TestH5_ManyReferencesCostOneLookup(t *testing.T) {
	f := desk()
	e := Evidence{From: ann, Proved: true}
	for i := range 200 {
		e.References = append(e.References, fmt.Sprintf("n%d@desk.example", i))
		e.InReplyTo = append(e.InReplyTo, fmt.Sprintf("i%d@desk.example", i))
	}
	e.References[100] = "answer@desk.example" // not among the last
	expect(t, f, e, New, 0, 0)
	if f.asked != 1 || f.most > maxRefs+maxReplies {
		t.Errorf("%d look-ups of up to %d ids", f.asked, f.most)
	}
	e.References[199] = "answer@desk.example"
	expect(t, f, e, Join, 1, 1)
}

func TestH17_ForeignTokenQuoted(t *testing.T) {
	// Dora's own address with Ann's reference and id quoted: her ticket decides.
	e := Evidence{From: "dora@other.example", Proved: true, Reply: []Token{secret("DDDD-DDDD", 1)}, InReplyTo: []string{"answer@desk.example"},
		Subject: "[#AAAA-AAAA]"}
	expect(t, desk(), e, Join, 4, 1)
	// Ann's secret address, passed on to Dora: kept from both.
	e.Reply = []Token{secret("AAAA-AAAA", 1)}
	expect(t, desk(), e, Unverified, 1, 0)
}

func TestBetterEvidenceOfALaterRuleWins(t *testing.T) {
	// A stranger's hit by Message-ID does not hide that the subject names a
	// ticket of the writer's own.
	expect(t, desk(), Evidence{From: ann, Proved: true, InReplyTo: []string{"dora@other.example"}, Subject: "[#AAAA-AAAA]"}, Join, 1, 1)
}

func TestResolveReportsErrors(t *testing.T) {
	broken := errors.New("no store")
	for _, e := range []Evidence{
		{From: ann, Reply: []Token{secret("AAAA-AAAA", 1)}},
		{From: ann, InReplyTo: []string{"answer@desk.example"}},
		{From: ann, Subject: "[#AAAA-AAAA]"},
		{From: ann, ThreadIndex: "01d9"},
	} {
		f := desk()
		f.broken = broken
		if _, err := Resolve(context.Background(), e, f); !errors.Is(err, broken) {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

func TestResolveKeepsTheEvidence(t *testing.T) {
	e := Evidence{From: ann, InReplyTo: []string{"a", "b"}, References: []string{"c", "d"}}
	in, refs := slices.Clone(e.InReplyTo), slices.Clone(e.References)
	expect(t, desk(), e, New, 0, 0)
	if !slices.Equal(in, e.InReplyTo) || !slices.Equal(refs, e.References) {
		t.Error("the mail's own ids were changed")
	}
}

// Who was put in Cc has a secret address too; it does not let them speak as
// the requester (docs/threats.md H4).
func TestH4_AnotherPartysAddress(t *testing.T) {
	f := &book{tickets: []Candidate{{ID: 1, Ref: "K7Q2-9F3M", Parties: []CandidateParty{
		{No: 1, Address: "rita@kunde.example", Word: "requester"}, {No: 2, Address: "mallory@evil.example", Word: "cc"}}}}}
	for _, c := range []struct {
		from   string
		party  int
		proved bool
		want   Action
	}{
		{"rita@kunde.example", 1, false, Join},
		{"rita@kunde.example", 2, false, Unverified},
		{"rita@kunde.example", 2, true, Join},
		{"mallory@evil.example", 2, false, Join},
		{"mallory@evil.example", 1, false, Unverified},
	} {
		d, err := Resolve(context.Background(), Evidence{From: c.from, Proved: c.proved, Reply: []Token{{Kind: TokenReply, Ref: "K7Q2-9F3M", PartyNo: c.party}}}, f)
		if err != nil || d.Action != c.want {
			t.Errorf("%+v: %+v, %v", c, d, err)
		}
	}
}
