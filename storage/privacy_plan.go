package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

const (
	sqlInsertRequest = `INSERT INTO privacy_requests (id, org, ref, legal_right, subject, ticket_id, after_id, key_id, state, channel, received, due, internal,
 extended, held, next_at, finished, ends, record, sealed, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`
	sqlUpdateRequest = `UPDATE privacy_requests SET ticket_id = ?, after_id = ?, state = ?, channel = ?, received = ?, due = ?, internal = ?,
 extended = ?, held = ?, next_at = ?, finished = ?, ends = ?, record = ?, sealed = ?, version = version + 1 WHERE id = ? AND version = ?`
	sqlInsertToken = `INSERT INTO privacy_tokens (id, hash, kind, request_id, consent_id, scope, subject, made, expires, used, owner, sealed)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUseToken   = "UPDATE privacy_tokens SET used = ? WHERE hash = ? AND used = 0"
	sqlInsertEdge = `INSERT INTO privacy_events (id, request_id, at, edge, mark, actor, actor_id, message_id, evidence, data)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id, edge, mark) DO NOTHING`
	sqlInsertConsent = `INSERT INTO consents (id, org, subject, purpose, act, version, wording_hash, language, channel, receipt, lacks, at, ends, owner, sealed)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlMayLookup = "INSERT INTO lookups (hash, kind, no, target) VALUES (?, ?, ?, ?) ON CONFLICT (hash, kind, no) DO NOTHING"
	// A mail of a request that was settled makes the request due. The version
	// grows, so that a decision that runs meanwhile does not write over it.
	sqlSettled = `UPDATE privacy_requests SET next_at = ?, version = version + 1
 WHERE id = (SELECT request_id FROM outbox WHERE id = ? AND request_id > 0)`
)

// settled is the statement that makes the request of a mail due.
func (db *DB) settled(outboxID int64) op {
	return op{text: sqlSettled, args: []any{micros(db.now()), outboxID}, want: -1}
}

// also writes the rows of the rooms that build on the desk. Requests and
// entries come first, since the others name them.
func (p *planner) also(ctx context.Context) error {
	for _, x := range p.c.Also {
		if r, ok := x.(*privacy.Request); ok && r.ID == 0 {
			id, err := p.id(ctx)
			if err != nil {
				return err
			}
			p.plan.fill(&r.ID)
			r.ID = id
			if p.requests == nil {
				p.requests = map[*privacy.Request]int64{}
			}
			p.requests[r] = 0
		}
	}
	for _, first := range []bool{true, false} {
		for _, x := range p.c.Also {
			if err := p.extra(ctx, x, first); err != nil {
				return fmt.Errorf("%T: %w", x, err)
			}
		}
	}
	return nil
}

func (p *planner) extra(ctx context.Context, x tickets.Extra, first bool) error {
	switch x := x.(type) {
	case *privacy.Request:
		if first {
			return p.request(ctx, x)
		}
	case *consent.Entry:
		if first {
			return p.consent(ctx, x)
		}
	case *privacy.Token:
		if !first {
			return p.token(ctx, x)
		}
	case *privacy.UseToken:
		if !first {
			p.add(1, sqlUseToken, micros(x.At), x.Hash)
		}
	case *privacy.Event:
		if !first {
			return p.edge(ctx, x)
		}
	case *privacy.Restrict:
		if !first {
			return p.restrict(ctx, x)
		}
	case *privacy.Rename:
		if !first {
			return p.rename(ctx, x)
		}
	case *factor:
		if !first {
			return p.factor(ctx, x)
		}
	default:
		return errors.New("the store knows no such row")
	}
	return nil
}

// sealedRequest is what of a request is personal.
type sealedRequest struct {
	Address  string         `json:"address"`
	Name     string         `json:"name,omitempty"`
	Language string         `json:"lang,omitempty"`
	Detail   privacy.Detail `json:"detail"`
}

// request writes a new request under a new key of its own, or what became of a
// known one.
func (p *planner) request(ctx context.Context, r *privacy.Request) error {
	if r.Org == 0 {
		r.Org = tickets.DefaultOrg
	}
	if r.Ticket != nil {
		p.plan.fill(&r.TicketID)
		r.TicketID = r.Ticket.ID
	}
	if r.First != nil {
		p.plan.fill(&r.After)
		r.After = r.First.ID
	}
	_, isNew := p.requests[r]
	var keyID int64
	var key sealer
	if isNew {
		ids, keys, err := p.db.keys.create(ctx, "request", 1)
		if err != nil {
			if diskBroken(err) {
				p.db.poison(err)
			}
			return err
		}
		keyID, key = ids[0], newSealer(keys[0])
		p.requests[r] = keyID
	} else {
		var err error
		if keyID, err = p.v.requestKeyID(ctx, r.ID); err != nil {
			return err
		}
		if key, err = p.db.keys.get(ctx, keyID); err != nil && !errors.Is(err, errKeyGone) {
			return err
		}
	}
	var sealed any
	if key.aead != nil {
		plain, err := json.Marshal(sealedRequest{r.Address, r.Name, r.Language, r.Detail})
		if err != nil {
			return err
		}
		sealed = p.db.sealSqueezed(key, place{column: "privacy_requests.sealed", row: r.ID}, plain, squeezeAbove)
	}
	record, err := json.Marshal(&r.Record)
	if err != nil {
		return err
	}
	common := []any{string(r.State), string(r.Channel), micros(r.Received), micros(r.Due), micros(r.Internal), bit(r.Extended), bit(r.Held),
		micros(r.NextAt), micros(r.Finished), micros(r.Ends), string(record), sealed}
	p.plan.fill(&r.Version)
	if isNew {
		r.Version = 1
		p.add(-1, sqlInsertRequest, append([]any{r.ID, r.Org, r.No, string(r.Right), p.db.hash.address(r.Org, r.Address), r.TicketID, r.After, keyID}, common...)...)
	} else {
		p.add(1, sqlUpdateRequest, append(append([]any{r.TicketID, r.After}, common...), r.ID, r.Version)...)
		r.Version++
	}
	if r.Address == "" {
		return nil
	}
	for _, a := range r.Addresses() {
		p.add(-1, sqlMayLookup, p.db.hash.address(r.Org, a), kindRequest, r.ID, r.ID)
	}
	return p.onlyOpen(ctx, r, isNew)
}

// onlyOpen keeps the place of the one open request of a right and an address:
// of two that are made at once the second is decided again, and then sees the
// first. What is decided knowing of an open one is left alone.
func (p *planner) onlyOpen(ctx context.Context, r *privacy.Request, isNew bool) error {
	h := p.db.openHash(r)
	switch {
	case r.State.Final():
		p.add(-1, "DELETE FROM lookups WHERE hash = ? AND kind = ? AND no = 0 AND target = ?", h, kindOpen, r.ID)
	case isNew:
		var other int64
		found, err := p.v.row(ctx, "SELECT target FROM lookups WHERE hash = ? AND kind = 21 AND no = 0", []any{h}, &other)
		if err != nil {
			return err
		}
		if !found {
			p.lookup(h, kindOpen, 0, r.ID)
		}
	}
	return nil
}

// openHash is where the open request of a right and an address is found.
func (db *DB) openHash(r *privacy.Request) []byte {
	return db.hash.sum(hashOpen, r.Org, string(r.Right)+" "+tickets.FoldAddress(r.Address))
}

// requestKey returns the key of a request, as an owner; 0 when the request has
// none any more.
func (p *planner) requestKey(ctx context.Context, r *privacy.Request, id int64) (owner int64, key sealer, err error) {
	keyID := p.requests[r]
	if keyID == 0 {
		if keyID, err = p.v.requestKeyID(ctx, id); err != nil {
			return 0, sealer{}, err
		}
	}
	key, err = p.db.keys.get(ctx, keyID)
	if errors.Is(err, errKeyGone) {
		return 0, sealer{}, nil
	}
	return -keyID, key, err
}

// subject returns the key of the person with the address, who is made when
// nobody has it.
func (p *planner) subject(ctx context.Context, org int64, address string) (int64, sealer, error) {
	who, err := p.v.PersonByAddress(ctx, org, address)
	if err != nil {
		return 0, sealer{}, err
	}
	if who == nil {
		who = &tickets.Person{Org: org, Address: address}
	}
	key, err := p.person(ctx, who)
	return who.ID, key, err
}

func (p *planner) token(ctx context.Context, t *privacy.Token) error {
	id, err := p.id(ctx)
	if err != nil {
		return err
	}
	if t.Request != nil {
		p.plan.fill(&t.RequestID)
		t.RequestID = t.Request.ID
	}
	if t.Entry != nil {
		p.plan.fill(&t.Consent)
		t.Consent = t.Entry.ID
	}
	org := tickets.DefaultOrg
	var owner int64
	var key sealer
	switch {
	case t.RequestID != 0:
		if owner, key, err = p.requestKey(ctx, t.Request, t.RequestID); err == nil && owner == 0 {
			err = errKeyGone
		}
	default:
		owner, key, err = p.subject(ctx, org, t.Address)
	}
	if err != nil {
		return err
	}
	if t.Made.IsZero() {
		t.Made = p.now
	}
	p.add(-1, sqlInsertToken, id, t.Hash, string(t.Kind), t.RequestID, t.Consent, bytesOrNil(t.Scope), p.db.hash.address(org, t.Address),
		micros(t.Made), micros(t.Expires), micros(t.Used), owner, key.seal(place{column: "privacy_tokens.sealed", row: id}, []byte(t.Address)))
	return nil
}

func (p *planner) edge(ctx context.Context, e *privacy.Event) error {
	id, err := p.id(ctx)
	if err != nil {
		return err
	}
	if e.Request != nil {
		p.plan.fill(&e.RequestID)
		e.RequestID = e.Request.ID
	}
	if e.At.IsZero() {
		e.At = p.now
	}
	p.add(-1, sqlInsertEdge, id, e.RequestID, micros(e.At), e.Edge, e.Key, string(e.Actor), e.ActorID, messageID(e.Message), bytesOrNil(e.Evidence), encodeData(e.Data))
	return nil
}

func (p *planner) consent(ctx context.Context, e *consent.Entry) error {
	if e.ID != 0 {
		return errors.New("a line of the ledger is never changed")
	}
	if e.Org == 0 {
		e.Org = tickets.DefaultOrg
	}
	id, err := p.id(ctx)
	if err != nil {
		return err
	}
	owner, key, err := p.subject(ctx, e.Org, e.Address)
	if err != nil {
		return err
	}
	p.plan.fill(&e.ID)
	e.ID, e.Subject = id, p.db.hash.address(e.Org, e.Address)
	if e.At.IsZero() {
		e.At = p.now
	}
	enc := encoder{}
	enc.str(e.Address)
	enc.str(e.Guardian)
	p.add(-1, sqlInsertConsent, id, e.Org, e.Subject, e.Purpose, string(e.Act), e.Version, bytesOrNil(e.WordingHash), e.Language, e.Channel, e.Receipt, e.Lacks,
		micros(e.At), micros(e.Ends), owner, key.seal(place{column: "consents.sealed", row: id}, enc.b))
	return nil
}

// factor is a second factor to be kept, or forgotten when it is empty.
type factor struct {
	org     int64
	address string
	hash    []byte
}

// Extra marks a row of a change.
func (*factor) Extra() {}

func (p *planner) factor(ctx context.Context, f *factor) error {
	subject := p.db.hash.address(f.org, f.address)
	p.add(-1, "DELETE FROM factors WHERE subject = ?", subject)
	if len(f.hash) == 0 {
		return nil
	}
	id, err := p.id(ctx)
	if err != nil {
		return err
	}
	owner, key, err := p.subject(ctx, f.org, f.address)
	if err != nil {
		return err
	}
	p.add(-1, "INSERT INTO factors (subject, org, id, owner, sealed) VALUES (?, ?, ?, ?, ?)", subject, f.org, id, owner,
		key.seal(place{column: "factors.sealed", row: id}, f.hash))
	return nil
}

// SetSecondFactor keeps the salted hash of what somebody can prove himself
// with besides the mailbox; an empty one forgets it.
func (db *DB) SetSecondFactor(ctx context.Context, org int64, address string, hash []byte) error {
	_, err := db.Apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
		return &tickets.Change{Also: []tickets.Extra{&factor{org, address, hash}}}, nil
	})
	return err
}
