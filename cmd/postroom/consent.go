package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"postroom/consent"
	"postroom/internal/config"
	"postroom/privacy"
	"postroom/tickets"
)

type consentCmd struct {
	List     consentListCmd     `cmd:"" help:"List where each person's consents stand."`
	Show     consentShowCmd     `cmd:"" help:"Show everything the ledger says of one person."`
	Prove    consentProveCmd    `cmd:"" help:"Print the evidence of a consent."`
	Purposes consentPurposesCmd `cmd:"" help:"List purposes and wordings, and on what each kind of mail rests."`
	Ask      consentAskCmd      `cmd:"" help:"Ask people for their consent to one purpose."`
	Review   consentReviewCmd   `cmd:"" help:"Decide, as the privacy officer, about a consent that concerns special categories of data."`
	Withdraw consentWithdrawCmd `cmd:"" help:"Enter a withdrawal that came by phone or post."`
	Send     consentSendCmd     `cmd:"" help:"Send a mail to everybody who consented to a purpose."`
}

// consentRules are what the configuration says, in the ledger's terms.
func consentRules(cfg *config.Config) *consent.Rules {
	r := &consent.Rules{Bases: map[string]consent.Basis{}, ChildTags: cfg.Consent.ChildTags, SpecialTags: cfg.Consent.SpecialTags,
		Keep: time.Duration(cfg.Consent.Keep)}
	for kind, basis := range cfg.Consent.Basis.ByKind() {
		r.Bases[kind] = consent.Basis(basis)
	}
	for i := range cfg.Consent.Purpose {
		c := &cfg.Consent.Purpose[i]
		p := consent.Purpose{Name: c.Name, Kind: c.Kind, Basis: consent.Basis(c.Basis), Bar: consent.Bar(c.Bar), Lasts: c.Expires()}
		for _, w := range c.Wording {
			p.Wordings = append(p.Wordings, consent.Wording(w))
		}
		r.Purposes = append(r.Purposes, p)
	}
	return r
}

// newConsents makes the decisions about consents for this installation.
func newConsents(cfg *config.Config, secret []byte, addr tickets.Addresses) *privacy.Consents {
	return &privacy.Consents{Rules: consentRules(cfg), Address: cfg.Privacy.Address, Public: cfg.Consent.PublicURL, Secret: secret, Addr: addr}
}

// consentGate reads the ledger for the outbox.
type consentGate struct{ d *desk }

func (g consentGate) Stands(ctx context.Context, out *tickets.Outgoing) (ok bool, why string, err error) {
	p := g.d.consents.Rules.Purpose(out.Purpose)
	if p == nil {
		return false, "the purpose is no longer configured", nil
	}
	err = g.d.privacyView(ctx, func(v privacy.View) error {
		entries, err := v.ConsentsOf(ctx, out.Org, out.To)
		if err != nil {
			return err
		}
		s := p.Standing(entries, g.d.now())
		if ok, why = s.Stands, s.Why; !ok {
			return nil
		}
		requests, err := v.RequestsOf(ctx, out.Org, out.To, false)
		if slices.ContainsFunc(requests, func(r *privacy.Request) bool { return r.Restricts(out.To) }) {
			ok, why = false, "the use of this person's data is restricted (Article 18 GDPR)"
		}
		return err
	})
	return ok, why, err
}

// privacyView runs fn on one consistent reading with the privacy desk's rows.
func (d *desk) privacyView(ctx context.Context, fn func(privacy.View) error) error {
	return d.store.View(ctx, func(v tickets.View) error {
		pv, ok := v.(privacy.View)
		if !ok {
			return errors.New("the store keeps no consents")
		}
		return fn(pv)
	})
}

// applyPrivacy commits a decision on the privacy desk's rows and wakes who
// carries out what follows.
func (d *desk) applyPrivacy(ctx context.Context, decide func(privacy.View) (*tickets.Change, error)) (*tickets.Change, error) {
	ch, err := d.store.Apply(ctx, func(_ context.Context, v tickets.View) (*tickets.Change, error) {
		pv, ok := v.(privacy.View)
		if !ok {
			return nil, errors.New("the store keeps no consents")
		}
		return decide(pv)
	})
	if err == nil && ch != nil {
		for _, o := range ch.Outbox {
			d.wake("outbox", o.ID)
		}
		for _, j := range ch.Jobs {
			d.wake("jobs", j.ID)
		}
	}
	return ch, err
}

// purpose finds a purpose, or says which there are.
func (d *desk) purpose(name string) (*consent.Purpose, error) {
	if p := d.consents.Rules.Purpose(name); p != nil {
		return p, nil
	}
	var names []string
	for _, p := range d.consents.Rules.Purposes {
		names = append(names, p.Name)
	}
	if names == nil {
		return nil, errors.New("the configuration has no [[consent.purpose]]")
	}
	return nil, fmt.Errorf("the configuration has no purpose %q; it has %s", name, strings.Join(names, ", "))
}

// consentJSON is a line of the ledger. Others test against the names.
type consentJSON struct {
	ID          int64  `json:"id"`
	Address     string `json:"address"` // empty after an erasure
	Purpose     string `json:"purpose"` // empty: all of them
	Act         string `json:"act"`
	At          string `json:"at"`
	Version     string `json:"version,omitempty"`
	WordingHash string `json:"wording_sha256,omitempty"`
	Language    string `json:"language,omitempty"`
	Channel     string `json:"channel,omitempty"`
	Receipt     string `json:"receipt,omitempty"`
	Lacks       string `json:"lacks,omitempty"`
	Guardian    string `json:"guardian,omitempty"`
	Ends        string `json:"ends,omitempty"`
	Until       string `json:"kept_until,omitempty"`
	Stands      *bool  `json:"stands,omitempty"`
	Why         string `json:"why,omitempty"`
}

func toConsentJSON(e *consent.Entry) consentJSON {
	j := consentJSON{ID: e.ID, Address: e.Address, Purpose: e.Purpose, Act: string(e.Act), At: stamp(e.At), Version: e.Version,
		WordingHash: hex.EncodeToString(e.WordingHash), Language: e.Language, Channel: e.Channel, Receipt: e.Receipt, Lacks: e.Lacks, Guardian: e.Guardian}
	if !e.Ends.IsZero() {
		j.Ends = stamp(e.Ends)
	}
	if !e.Until.IsZero() {
		j.Until = stamp(e.Until)
	}
	return j
}

func (j consentJSON) standing(s consent.Standing) consentJSON {
	j.Stands, j.Why = &s.Stands, s.Why
	return j
}

type consentListCmd struct {
	Purpose string `help:"Only this purpose." placeholder:"NAME"`
	JSON    bool   `help:"One JSON object a line."`
}

// Do lists the newest entry of each person and purpose, with where it stands.
func (cmd *consentListCmd) Do(ctx context.Context, d *desk, s streams) error {
	if cmd.Purpose != "" {
		if _, err := d.purpose(cmd.Purpose); err != nil {
			return err
		}
	}
	out := bufio.NewWriterSize(s.out, 64<<10)
	const columns = "%-16s  %-12s  %-9s  %-8s  %-30s  %s\n"
	if !cmd.JSON {
		fmt.Fprintf(out, columns, "SINCE", "PURPOSE", "ACT", "STANDS", "WHY", "ADDRESS")
	}
	err := d.store.Consents(ctx, tickets.DefaultOrg, func(e *consent.Entry) error {
		if e.Address == "" || cmd.Purpose != "" && e.Purpose != "" && !strings.EqualFold(cmd.Purpose, e.Purpose) {
			return nil
		}
		st, newest, err := d.standing(ctx, e)
		if err != nil || !newest {
			return err
		}
		if cmd.JSON {
			return json.NewEncoder(out).Encode(toConsentJSON(e).standing(st))
		}
		_, err = fmt.Fprintf(out, columns, minute(e.At), orAll(e.Purpose), e.Act, yesNo(st.Stands), st.Why, e.Address)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// standing says where an entry's purpose stands, and whether the entry is the
// newest about it.
func (d *desk) standing(ctx context.Context, e *consent.Entry) (st consent.Standing, newest bool, err error) {
	err = d.privacyView(ctx, func(v privacy.View) error {
		entries, err := v.ConsentsOf(ctx, e.Org, e.Address)
		if err != nil {
			return err
		}
		for _, other := range entries {
			if strings.EqualFold(other.Purpose, e.Purpose) {
				newest = other.ID == e.ID
			}
		}
		st = consent.Standing{Why: string(e.Act)}
		if p := d.consents.Rules.Purpose(e.Purpose); p != nil {
			st = p.Standing(entries, d.now())
		} else if e.Purpose != "" {
			st.Why = "no such purpose"
		}
		return nil
	})
	return st, newest, err
}

func orAll(purpose string) string {
	if purpose == "" {
		return "(all)"
	}
	return purpose
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

type consentShowCmd struct {
	Address string `arg:"" help:"The person's mail address."`
	JSON    bool   `help:"As a JSON object."`
}

type consentShowJSON struct {
	Address  string        `json:"address"`
	Standing []consentJSON `json:"standing"`
	Ledger   []consentJSON `json:"ledger"`
}

func (cmd *consentShowCmd) Do(ctx context.Context, d *desk, s streams) error {
	j := consentShowJSON{Address: cmd.Address, Standing: []consentJSON{}, Ledger: []consentJSON{}}
	err := d.privacyView(ctx, func(v privacy.View) error {
		entries, err := v.ConsentsOf(ctx, tickets.DefaultOrg, cmd.Address)
		for i := range entries {
			j.Ledger = append(j.Ledger, toConsentJSON(&entries[i]))
		}
		for i := range d.consents.Rules.Purposes {
			p := &d.consents.Rules.Purposes[i]
			st := p.Standing(entries, d.now())
			line := consentJSON{Purpose: p.Name}
			if st.Entry != nil {
				line = toConsentJSON(st.Entry)
				line.Purpose = p.Name
			}
			j.Standing = append(j.Standing, line.standing(st))
		}
		return err
	})
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(s.out, j)
	}
	for _, l := range j.Standing {
		fmt.Fprintf(s.out, "%s: %s (%s)\n", l.Purpose, map[bool]string{true: "stands", false: "does not stand"}[*l.Stands], l.Why)
	}
	if len(j.Ledger) == 0 {
		fmt.Fprintln(s.out, "The ledger has nothing about this address.")
	}
	for _, l := range j.Ledger {
		fmt.Fprintf(s.out, "  %s  %-9s  %s  version %s  by %s  receipt %s\n", toSecond(l.At), l.Act, orAll(l.Purpose), orDash(l.Version), orDash(l.Channel), orDash(l.Receipt))
	}
	return nil
}

// toSecond cuts the fraction off a stamp, for people to read.
func toSecond(at string) string {
	if whole, _, ok := strings.Cut(at, "."); ok {
		return whole + "Z"
	}
	return at
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type consentPurposesCmd struct {
	JSON bool `help:"As a JSON object."`
}

type purposeJSON struct {
	Name     string        `json:"name"`
	Kind     string        `json:"kind"`
	Basis    string        `json:"basis"`
	Article  string        `json:"article"`
	Bar      string        `json:"bar"`
	Lasts    string        `json:"lasts,omitempty"`
	Wordings []wordingJSON `json:"wordings"`
}

type wordingJSON struct {
	Language  string `json:"language"`
	Version   string `json:"version"`
	SHA256    string `json:"sha256"`
	Asked     bool   `json:"asked"`
	Title     string `json:"title,omitempty"`
	Text      string `json:"text"`
	Statement string `json:"statement,omitempty"`
}

func (cmd *consentPurposesCmd) Do(_ context.Context, d *desk, s streams) error {
	r := d.consents.Rules
	list := []purposeJSON{}
	for i := range r.Purposes {
		p := &r.Purposes[i]
		j := purposeJSON{Name: p.Name, Kind: p.Kind, Basis: string(p.Basis), Article: p.Basis.Article(), Bar: string(p.Bar), Wordings: []wordingJSON{}}
		if p.Lasts > 0 {
			j.Lasts = p.Lasts.String()
		}
		for k := range p.Wordings {
			w := &p.Wordings[k]
			j.Wordings = append(j.Wordings, wordingJSON{Language: w.Language, Version: w.Version, SHA256: hex.EncodeToString(w.Hash()),
				Asked: p.Current(w.Language) == w, Title: w.Title, Text: w.Text, Statement: w.Statement})
		}
		list = append(list, j)
	}
	if cmd.JSON {
		return printJSON(s.out, map[string]any{"bases": r.Bases, "purposes": list})
	}
	for _, kind := range []string{"ack", "answer", "notification", "privacy", "news", "survey"} {
		fmt.Fprintf(s.out, "%-12s  %-20s  %s\n", kind, r.Bases[kind], r.Bases[kind].Article())
	}
	for _, p := range list {
		fmt.Fprintf(s.out, "\n%s: %s, on %s, bar %s\n", p.Name, p.Kind, p.Basis, p.Bar)
		for _, w := range p.Wordings {
			asked := ""
			if w.Asked {
				asked = "  (asked)"
			}
			fmt.Fprintf(s.out, "  %s version %s, sha256 %s%s\n    %s\n", w.Language, w.Version, w.SHA256, asked, strings.ReplaceAll(w.Text, "\n", "\n    "))
		}
	}
	return nil
}

// textFile is the text of a mail, read where the command was typed.
type textFile struct {
	Text string `help:"File with the text; - reads standard input." placeholder:"FILE" required:""`
}

func (f *textFile) Input() (io.ReadCloser, error) {
	if f.Text == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(f.Text)
}
