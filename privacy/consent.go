package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
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
	Address string // of the privacy desk
	Public  string // URL under which one click withdraws (RFC 8058); empty: by mail only
	Secret  []byte // makes the tokens of withdrawals
}

// The kinds of plus-forms of the privacy address that end in a secret.
const (
	agreeForm = "p"
	stopForm  = "stop"
)

var consentEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// secretForm writes a secret as a plus-form of the privacy address.
func secretForm(address, form string, secret [16]byte) string {
	local, domain, _ := tickets.SplitAddress(address)
	return local + "+" + form + "." + consentEncoding.EncodeToString(secret[:]) + "@" + domain
}

// ReadSecret reads the 26 characters of a secret, in either case, and returns
// the hash by which its token is found; nil when they are none.
func ReadSecret(s string) []byte {
	b, err := consentEncoding.DecodeString(strings.ToLower(s))
	if err != nil || len(b) != 16 {
		return nil
	}
	h := sha256.Sum256(b)
	return h[:]
}

// StopForm reports whether the address asks to stop, and the hash of the
// secret in it: nil for the plain form, which means everything.
func (c *Consents) StopForm(address string) (hash []byte, ok bool) {
	tag, ok := c.tag(address)
	switch {
	case !ok:
		return nil, false
	case strings.EqualFold(tag, stopForm):
		return nil, true
	}
	form, secret, _ := strings.Cut(tag, ".")
	hash = ReadSecret(secret)
	return hash, strings.EqualFold(form, stopForm) && hash != nil
}

// AgreeForm returns the hash of the secret in a challenge's address, or nil.
func (c *Consents) AgreeForm(address string) []byte {
	tag, _ := c.tag(address)
	form, secret, _ := strings.Cut(tag, ".")
	if !strings.EqualFold(form, agreeForm) {
		return nil
	}
	return ReadSecret(secret)
}

func (c *Consents) tag(address string) (string, bool) {
	local, domain, _ := tickets.SplitAddress(address)
	own, ownDomain, _ := tickets.SplitAddress(c.Address)
	base, tag, plus := strings.Cut(local, "+")
	return tag, plus && strings.EqualFold(base, own) && strings.EqualFold(domain, ownDomain)
}

// stopSecret is the secret that withdraws the consent given by an entry. It is
// the same whenever it is made, so that each mail for the purpose can name it
// and one token stands for all of them.
func (c *Consents) stopSecret(e *consent.Entry) (s [16]byte) {
	m := hmac.New(sha256.New, c.Secret)
	for _, part := range []string{"consent-stop", e.Purpose, tickets.FoldAddress(e.Address), e.At.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)} {
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
	if c.Public != "" {
		url = strings.TrimRight(c.Public, "/") + "/" + consentEncoding.EncodeToString(secret[:])
	}
	return secretForm(c.Address, stopForm, secret), url
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
	var secret [16]byte
	rand.Read(secret[:])
	text := consentEncoding.EncodeToString(secret[:])
	until := now.Add(consent.AskStands)
	ch.Also = append(ch.Also, &Token{Hash: ReadSecret(text), Kind: TokenAgree, Entry: e, Scope: e.WordingHash, Address: to.Address, Made: now, Expires: until})
	args := map[string]string{"purpose": p.Label(e.Language), "wording": words(p.Wording(e)), "word": consent.Word(e.Language),
		"code": grouped(text), "until": until.UTC().Format(time.DateOnly), "stop": c.plainStop()}
	if e.Act == consent.Pending {
		args["child"] = e.Address
	}
	if p.Express(e) {
		args["special"] = "yes"
	}
	return c.write(ctx, v, ch, MailConsentAsk, e.Language, args, to, secretForm(c.Address, agreeForm, secret), nil)
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
	return local + "+" + stopForm + "@" + domain
}

// grouped writes a code so that somebody can copy it by hand.
func grouped(s string) string {
	var parts []string
	for ; len(s) > 5; s = s[5:] {
		parts = append(parts, s[:5])
	}
	return strings.ToUpper(strings.Join(append(parts, s), "-"))
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
