package storage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"postroom/privacy"
)

// errNoArtifact is returned for a part of an archive that is not there.
var errNoArtifact = errors.New("this part of the archive is not there")

var _ privacy.Artifacts = (*DB)(nil)

// PutArtifact implements [privacy.Artifacts]. The bytes go into the same chunks
// as messages' bytes, and are swept unless all of them arrived.
func (db *DB) PutArtifact(ctx context.Context, requestID int64, no int, name string, r io.Reader) (size int64, err error) {
	st := db.Stage(ctx).(*stage)
	defer st.Abort()
	if _, err := io.Copy(st, r); err != nil {
		return 0, wrapErr("keep a part of an archive", err)
	}
	raw, err := st.Finish()
	if err != nil {
		return 0, wrapErr("keep a part of an archive", err)
	}
	var ops []op
	content, cek := raw.StageID, st.cek
	if content != 0 {
		ops = append(ops, op{text: sqlAdoptStage, args: []any{content}, want: 1})
	} else {
		if content, err = db.ids.take(ctx, 1); err != nil {
			return 0, err
		}
		cek = randomKey()
		p := &planner{db: db, plan: &plan{}}
		p.body(newSealer(cek), content, raw.Bytes)
		ops = p.plan.ops
	}
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		key, err := v.requestSealer(ctx, requestID)
		if err != nil {
			return err
		}
		old, err := v.artifactOps(ctx, requestID, no)
		if err != nil {
			return err
		}
		e := encoder{}
		e.str(name)
		e.str(string(cek))
		ops = append(append(old, ops...), op{want: 1, text: "INSERT INTO artifacts (request_id, no, content, size, made, sealed) VALUES (?, ?, ?, ?, ?, ?)",
			args: []any{requestID, int64(no), content, raw.Size, micros(db.now()), key.seal(artifactPlace(requestID, no), e.b)}})
		return nil
	})
	if err == nil {
		err = db.execute(ctx, ops)
	}
	if err != nil {
		return 0, wrapErr("keep a part of an archive", err)
	}
	if raw.StageID != 0 {
		db.stages.adopted(st)
	}
	return raw.Size, nil
}

func artifactPlace(requestID int64, no int) place {
	return place{column: "artifacts.sealed", row: requestID, sub: int64(no)}
}

// requestSealer returns the sealer of a request's own key.
func (v *view) requestSealer(ctx context.Context, requestID int64) (sealer, error) {
	id, err := v.requestKeyID(ctx, requestID)
	if err != nil {
		return sealer{}, err
	}
	return v.db.keys.get(ctx, id)
}

// artifactOps removes one part of an archive, or all when no is below 0.
func (v *view) artifactOps(ctx context.Context, requestID int64, no int) (ops []op, err error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT no, content FROM artifacts WHERE request_id = ?"), requestID)
	if err != nil {
		return nil, err
	}
	err = eachRow(rows, func() error {
		var n, content int64
		if err := rows.Scan(&n, &content); err != nil {
			return err
		}
		if no < 0 || n == int64(no) {
			ops = append(ops, op{text: "DELETE FROM bodies WHERE id >= ? AND id < ?", args: []any{chunkID(content, 0), chunkID(content+1, 0)}, want: -1},
				op{text: "DELETE FROM artifacts WHERE request_id = ? AND no = ?", args: []any{requestID, n}, want: 1})
		}
		return nil
	})
	return ops, err
}

// WriteArtifact implements [privacy.Artifacts]. No transaction is held while w
// takes the bytes.
func (db *DB) WriteArtifact(ctx context.Context, requestID int64, no int, w io.Writer) error {
	_, r, err := db.openArtifact(ctx, requestID, no)
	if err == nil {
		_, err = r.WriteTo(w)
	}
	return wrapErr(fmt.Sprintf("read part %d of an archive", no), err)
}

// ArtifactName returns the file name of a part of an archive.
func (db *DB) ArtifactName(ctx context.Context, requestID int64, no int) (string, error) {
	name, _, err := db.openArtifact(ctx, requestID, no)
	return name, err
}

func (db *DB) openArtifact(ctx context.Context, requestID int64, no int) (name string, r *contentReader, err error) {
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		var content int64
		var sealed []byte
		found, err := v.row(ctx, "SELECT content, sealed FROM artifacts WHERE request_id = ? AND no = ?", []any{requestID, int64(no)}, &content, &sealed)
		if err != nil {
			return err
		}
		if !found {
			return errNoArtifact
		}
		key, err := v.requestSealer(ctx, requestID)
		if err != nil {
			return err
		}
		plain, err := key.open(artifactPlace(requestID, no), sealed)
		if err != nil {
			return err
		}
		d := decoder{b: plain}
		name = d.str()
		cek := []byte(d.str())
		if d.err != nil || len(cek) != keySize {
			return errEncoding
		}
		r = db.readContent(ctx, content, cek)
		return nil
	})
	return name, r, err
}

// DropArtifacts implements [privacy.Artifacts].
func (db *DB) DropArtifacts(ctx context.Context, requestID int64) error {
	var ops []op
	err := db.readers.snapshot(ctx, func(q querier) (err error) {
		ops, err = db.newView(q).artifactOps(ctx, requestID, -1)
		return err
	})
	if err == nil && len(ops) > 0 {
		err = db.execute(ctx, ops)
	}
	return wrapErr("drop an archive", err)
}

// Forget implements [privacy.Eraser]: with the request's key go its archive,
// its mails and tokens, and, when no other request is worked on there, its
// ticket. It may be repeated.
func (db *DB) Forget(ctx context.Context, requestID int64) error {
	var ops []op
	var keyID int64
	err := db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		var err error
		if keyID, err = v.requestKeyID(ctx, requestID); err != nil {
			return err
		}
		if ops, err = v.artifactOps(ctx, requestID, -1); err != nil {
			return err
		}
		more, err := v.forgetOps(ctx, requestID)
		ops = append(ops, more...)
		return err
	})
	if err == nil {
		err = db.execute(ctx, ops)
	}
	if err == nil {
		err = db.keys.drop(ctx, keyID)
	}
	if err == nil {
		err = db.purgeSearch(ctx, 0)
	}
	if err == nil {
		err = db.settleFiles(ctx)
	}
	return wrapErr("forget a request", err)
}

func (v *view) forgetOps(ctx context.Context, requestID int64) (ops []op, err error) {
	r, err := v.RequestByID(ctx, requestID)
	if err != nil || r == nil {
		return nil, err
	}
	add := func(text string, args ...any) { ops = append(ops, op{text: text, args: args, want: -1}) }
	if r.Address != "" {
		for _, a := range r.Addresses() {
			add(sqlDropLookup, v.db.hash.address(r.Org, a), kindRequest, r.ID)
		}
		add("DELETE FROM lookups WHERE hash = ? AND kind = 21 AND target = ?", v.db.openHash(r), r.ID)
	}
	add("DELETE FROM privacy_tokens WHERE request_id = ?", r.ID)
	add("DELETE FROM outbox WHERE request_id = ? AND request_id > 0", r.ID)
	add("UPDATE privacy_requests SET sealed = NULL, version = version + 1 WHERE id = ?", r.ID)
	if r.TicketID == 0 || !r.State.Final() {
		return ops, nil
	}
	// What stands in a ticket without a requester is of an erasure.
	t, err := v.TicketByID(ctx, r.TicketID)
	if err != nil || t == nil || t.Requester() != nil {
		return ops, err
	}
	others, err := v.RequestsOfTicket(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		if o.ID != r.ID && (!o.State.Final() || o.Address != "") {
			return ops, nil
		}
	}
	more, err := v.ticketOps(ctx, t)
	add("UPDATE privacy_requests SET ticket_id = 0 WHERE ticket_id = ?", t.ID)
	return append(ops, more...), err
}
