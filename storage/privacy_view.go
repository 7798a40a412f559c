package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"postroom/consent"
	"postroom/privacy"
)

var _ privacy.View = (*view)(nil)

func (v *view) TokenByHash(ctx context.Context, hash []byte) (*privacy.Token, error) {
	t := &privacy.Token{}
	var id, made, expires, used, owner int64
	var sealed []byte
	found, err := v.row(ctx, "SELECT id, hash, kind, request_id, consent_id, scope, made, expires, used, owner, sealed FROM privacy_tokens WHERE hash = ?", []any{hash},
		&id, &t.Hash, &t.Kind, &t.RequestID, &t.Consent, &t.Scope, &made, &expires, &used, &owner, &sealed)
	if err != nil || !found {
		return nil, wrapErr("find a token", err)
	}
	t.Made, t.Expires, t.Used = fromMicros(made), fromMicros(expires), fromMicros(used)
	plain, err := v.openSealed(ctx, owner, place{column: "privacy_tokens.sealed", row: id}, sealed)
	t.Address = string(plain)
	return t, err
}

// openSealed opens what stands under an owner's key; nil when that is gone.
func (v *view) openSealed(ctx context.Context, owner int64, at place, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, nil
	}
	key, err := v.keyOf(ctx, 0, owner)
	if errors.Is(err, errKeyGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return key.open(at, sealed)
}

const heldMailColumns = "id, org, kind, template, artifact, ticket_id, message_id, owner, state, status, created, finished, dest"

func (v *view) MailsOfRequest(ctx context.Context, requestID int64) ([]privacy.HeldMail, error) {
	if requestID == 0 {
		return nil, nil
	}
	return v.heldMails(ctx, "WHERE request_id = ? AND request_id > 0 ORDER BY id", requestID)
}

// heldMails reads mails of ours. One whose key was destroyed has no address.
func (v *view) heldMails(ctx context.Context, where string, args ...any) (list []privacy.HeldMail, err error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT "+heldMailColumns+" FROM outbox "+where), args...)
	if err != nil {
		return nil, wrapErr("read mails", err)
	}
	type sealedDest struct {
		org, owner int64
		dest       []byte
	}
	var sealed []sealedDest
	if err := eachRow(rows, func() error {
		var m privacy.HeldMail
		var s sealedDest
		var created, finished int64
		if err := rows.Scan(&m.ID, &s.org, &m.Kind, &m.Template, &m.Artifact, &m.TicketID, &m.MessageID, &s.owner, &m.State, &m.Status, &created, &finished, &s.dest); err != nil {
			return err
		}
		m.Created, m.Finished = fromMicros(created), fromMicros(finished)
		list, sealed = append(list, m), append(sealed, s)
		return nil
	}); err != nil {
		return nil, wrapErr("read mails", err)
	}
	for i, s := range sealed {
		key, err := v.keyOf(ctx, s.org, s.owner)
		if errors.Is(err, errKeyGone) {
			continue
		}
		if err == nil {
			list[i].To, _, err = openDest(key, list[i].ID, s.dest)
		}
		if err != nil {
			return nil, fmt.Errorf("outgoing mail %d: %w", list[i].ID, err)
		}
	}
	return list, nil
}

func (v *view) ChallengesSince(ctx context.Context, org int64, address string, since time.Time) (int, error) {
	var n int
	_, err := v.row(ctx, "SELECT COUNT(*) FROM privacy_tokens WHERE subject = CAST(? AS BLOB) AND made >= CAST(? AS INTEGER) AND kind IN ('proof', 'link')",
		[]any{v.db.hash.address(org, address), micros(since)}, &n)
	return n, wrapErr("count challenges", err)
}

func (v *view) Written(ctx context.Context, org int64, address, once string) (bool, error) {
	var id int64
	found, err := v.row(ctx, "SELECT target FROM lookups WHERE hash = ? AND kind = 15 AND no = ?", []any{v.db.hash.address(org, address), onceNo(once)}, &id)
	return found, wrapErr("find a mail of a mailing", err)
}

func (v *view) SecondFactor(ctx context.Context, org int64, address string) ([]byte, error) {
	var id, owner int64
	var sealed []byte
	found, err := v.row(ctx, "SELECT id, owner, sealed FROM factors WHERE subject = ?", []any{v.db.hash.address(org, address)}, &id, &owner, &sealed)
	if err != nil || !found {
		return nil, wrapErr("find a second factor", err)
	}
	return v.openSealed(ctx, owner, place{column: "factors.sealed", row: id}, sealed)
}

const consentColumns = "id, org, subject, purpose, act, version, wording_hash, language, channel, receipt, lacks, at, ends, kept_until, owner, sealed"

func (v *view) ConsentsOf(ctx context.Context, org int64, address string) ([]consent.Entry, error) {
	return v.consents(ctx, "WHERE subject = ? ORDER BY at, id", v.db.hash.address(org, address))
}

func (v *view) ConsentByID(ctx context.Context, id int64) (*consent.Entry, error) {
	list, err := v.consents(ctx, "WHERE id = ?", id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func (v *view) consents(ctx context.Context, where string, args ...any) (list []consent.Entry, err error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT "+consentColumns+" FROM consents "+where), args...)
	if err != nil {
		return nil, wrapErr("read the ledger", err)
	}
	type ownedBy struct {
		owner  int64
		sealed []byte
	}
	var sealed []ownedBy
	if err := eachRow(rows, func() error {
		var e consent.Entry
		var o ownedBy
		var at, ends, until int64
		if err := rows.Scan(&e.ID, &e.Org, &e.Subject, &e.Purpose, &e.Act, &e.Version, &e.WordingHash, &e.Language, &e.Channel, &e.Receipt, &e.Lacks,
			&at, &ends, &until, &o.owner, &o.sealed); err != nil {
			return err
		}
		e.At, e.Ends, e.Until = fromMicros(at), fromMicros(ends), fromMicros(until)
		list, sealed = append(list, e), append(sealed, o)
		return nil
	}); err != nil {
		return nil, wrapErr("read the ledger", err)
	}
	for i, o := range sealed {
		plain, err := v.openSealed(ctx, o.owner, place{column: "consents.sealed", row: list[i].ID}, o.sealed)
		if err != nil {
			return nil, err
		}
		d := decoder{b: plain}
		list[i].Address, list[i].Guardian = d.str(), d.str()
		if d.err != nil {
			return nil, d.err
		}
		// Who was moved to another address is meant by the one that holds now.
		if list[i].Address != "" && o.owner > 0 {
			if r, err := v.readPerson(ctx, o.owner); err != nil {
				return nil, err
			} else if r != nil && !r.gone && r.was.Address != "" {
				list[i].Address = r.was.Address
			}
		}
	}
	return list, nil
}

// Consents implements [privacy.Store]. No transaction is open while fn runs.
func (db *DB) Consents(ctx context.Context, org int64, fn func(*consent.Entry) error) error {
	last := int64(0)
	return pages(func() (list []consent.Entry, err error) {
		err = db.readers.snapshot(ctx, func(q querier) error {
			list, err = db.newView(q).consents(ctx, "WHERE id > ? AND org = ? ORDER BY id LIMIT 256", last, org)
			return err
		})
		if len(list) > 0 {
			last = list[len(list)-1].ID
		}
		return list, err
	}, func(e consent.Entry) error { return fn(&e) })
}
