package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// Consents makes the changes of the ledger, with the mails they cause. Its
// methods are decisions: they read the view and nothing else, and may run again.
type Consents struct {
	Rules   *consent.Rules
	Address string            // of the privacy desk
	Public  string            // URL under which one click withdraws (RFC 8058); empty: by mail only
	Secret  []byte            // makes the tokens of withdrawals
	Addr    tickets.Addresses // of the officers' answers
}

// stopTag stands before the secret that withdraws, in the privacy address.
const stopTag = "stop."

// StopForm returns the hash of the secret in an address that withdraws a
// consent. ok says that the address is, or was meant to be, one; hash is nil
// where the secret is damaged.
func (c *Consents) StopForm(address string) (hash []byte, ok bool) {
	tag, _ := c.tag(address)
	text, ok := strings.CutPrefix(strings.ToLower(tag), stopTag)
	return hashOf(text), ok
}

// AgreeForm returns the hash of the secret in a challenge's address, or nil.
func (c *Consents) AgreeForm(address string) []byte {
	tag, _ := c.tag(address)
	hash, _ := TokenInTag(tag)
	return hash
}

// ClickForm returns the hash of the secret that ends a URL, or nil.
func ClickForm(text string) []byte { return hashOf(strings.ToLower(text)) }

func (c *Consents) tag(address string) (string, bool) {
	local, domain, _ := tickets.SplitAddress(address)
	own, ownDomain, _ := tickets.SplitAddress(c.Address)
	base, tag, plus := strings.Cut(local, "+")
	return tag, plus && strings.EqualFold(base, own) && strings.EqualFold(domain, ownDomain)
}

// stopSecret is the secret that withdraws the consent given by an entry. It is
// the same whenever it is made, also after the person moved to another address,
// so that each mail for the purpose can name it and one token stands for all.
func (c *Consents) stopSecret(e *consent.Entry) (s [16]byte) {
	m := hmac.New(sha256.New, c.Secret)
	for _, part := range []string{"consent-stop", e.Purpose, e.Receipt, e.At.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)} {
		m.Write([]byte(part + "\x00"))
	}
	copy(s[:], m.Sum(nil))
	return s
}

// Unsubscribe gives what List-Unsubscribe of a mail under this entry holds:
// the address that a mail to withdraws, and the URL where a POST does, if the
// HTTP port is public.
func (c *Consents) Unsubscribe(e *consent.Entry) (mail, url string) {
	secret := c.stopSecret(e)
	text := tokenText.EncodeToString(secret[:])
	if c.Public != "" {
		url = strings.TrimRight(c.Public, "/") + "/" + text
	}
	local, domain, _ := tickets.SplitAddress(c.Address)
	return local + "+" + stopTag + text + "@" + domain, url
}

// Question is a consent to be asked for.
type Question struct {
	Purpose string
	Person  *tickets.Person // who is asked; ID 0 when nothing is known of the person yet
	consent.Who
	ReplyTo *tickets.Message // a mail of the person's that the question answers; nil if none
}

// ErrPurpose says that the configuration has no such purpose.
var ErrPurpose = errors.New("there is no such purpose in the configuration")

// Ask sends the question: one purpose, in plain words. It is asked of nobody
// who said no, or was asked, a short time ago.
func (c *Consents) Ask(ctx context.Context, v View, q Question, now time.Time) (*tickets.Change, error) {
	p := c.Rules.Purpose(q.Purpose)
	if p == nil {
		return nil, ErrPurpose
	}
	entries, err := v.ConsentsOf(ctx, q.Person.Org, q.Person.Address)
	if err != nil {
		return nil, err
	}
	now = now.Truncate(time.Microsecond)
	q.Org, q.Address = q.Person.Org, q.Person.Address
	e, err := p.Ask(entries, q.Who, now)
	if err != nil {
		return nil, err
	}
	ch := &tickets.Change{Also: []tickets.Extra{e}}
	return ch, c.challenge(ctx, v, ch, p, e, q.Person, now)
}

// challenge asks somebody, by a mail whose reply address is the secret. Under
// an entry that waits for a parent it asks the parent.
func (c *Consents) challenge(ctx context.Context, v View, ch *tickets.Change, p *consent.Purpose, e *consent.Entry, to *tickets.Person, now time.Time) error {
	tok, replyTo, code := NewToken(TokenAgree, nil, to.Address, c.Address, now)
	tok.Entry, tok.Scope, tok.Expires = e, e.WordingHash, now.Add(consent.AskStands)
	ch.Also = append(ch.Also, tok)
	args := map[string]string{"purpose": p.Label(e.Language), "wording": words(p.Wording(e)), "word": consent.Word(e.Language),
		"code": code, "until": tok.Expires.UTC().Format(time.DateOnly), "stop": c.plainStop()}
	if e.Act == consent.Pending {
		args["child"] = e.Address // taken along by the child's erasure, see About
	}
	if p.Express(e) {
		args["special"] = "yes"
	}
	return c.write(ctx, v, ch, MailConsentAsk, e.Language, args, to, replyTo, nil)
}

// words is what a question shows of a wording: its text, and the statement
// that a yes makes under the bar special.
func words(w *consent.Wording) string {
	if w == nil {
		return ""
	}
	if w.Statement != "" {
		return strings.TrimSpace(w.Text) + "\n\n" + strings.TrimSpace(w.Statement)
	}
	return strings.TrimSpace(w.Text)
}

func (c *Consents) plainStop() string {
	local, domain, _ := tickets.SplitAddress(c.Address)
	return local + "+stop@" + domain
}

// write adds a mail of the privacy desk to the change.
func (c *Consents) write(ctx context.Context, v View, ch *tickets.Change, mail Mail, language string, args map[string]string, to *tickets.Person, replyTo string, under *consent.Entry) error {
	d, err := v.Directory(ctx)
	if err != nil {
		return err
	}
	q := d.QueueByAddress(c.Address)
	if q == nil {
		return errors.New("there is no queue of the privacy address")
	}
	if to.Language == "" {
		to.Language = language
	}
	out := &tickets.Outgoing{Org: to.Org, Kind: tickets.OutPrivacy, MessageID: tickets.NewMessageID(q.ReplyDomain), To: to.Address, ToPerson: to,
		QueueID: q.ID, Spec: tickets.OutSpec{Template: string(mail), Language: language, Args: args, ReplyTo: replyTo}}
	if child := args["child"]; child != "" {
		out.About = []string{child}
	}
	if under != nil {
		out.Spec.Unsubscribe, out.Spec.OneClick = c.Unsubscribe(under)
	}
	ch.Outbox = append(ch.Outbox, out)
	return nil
}

// person finds the person of an address, or makes one.
func (c *Consents) person(ctx context.Context, v View, org int64, address string, now time.Time) (*tickets.Person, error) {
	p, err := v.PersonByAddress(ctx, org, address)
	if err != nil || p != nil {
		return p, err
	}
	return &tickets.Person{Org: org, Address: address, Created: now}, nil
}
