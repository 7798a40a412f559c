package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"postroom/tickets"
)

// view reads one consistent state. It remembers what it opened, so that a
// change can be told from what was read.
type view struct {
	db       *DB
	q        querier
	now      time.Time
	persons  map[int64]*readPerson
	messages map[int64]*readMessage
	parted   map[partyKey]bool // who takes part in the tickets that were read
	dir      *tickets.Directory

	hashed        []byte // of the address asked for last
	hashedOrg     int64
	hashedAddress string
}

var _ tickets.View = (*view)(nil)

type partyKey struct{ ticket, person int64 }

// readPerson is a person as the store has it.
type readPerson struct {
	was    tickets.Person
	keyID  int64
	hash   []byte // of the address
	seal   sealer
	gone   bool // the key was destroyed
	shared *tickets.Person
}

// readMessage is a message as the store has it.
type readMessage struct {
	m       *tickets.Message
	cek     []byte
	version int64
	content int64
	owner   int64
	org     int64
}

func (db *DB) newView(q querier) *view {
	return &view{db: db, q: q, now: db.now()}
}

// View runs fn on one consistent reading. fn must not write to a socket: what
// is streamed is read with EachTicket, WriteRaw and the like.
func (db *DB) View(ctx context.Context, fn func(tickets.View) error) error {
	return db.readers.snapshot(ctx, func(q querier) error { return fn(db.newView(q)) })
}

func (v *view) Directory(ctx context.Context) (*tickets.Directory, error) {
	if v.dir != nil {
		return v.dir, nil
	}
	var err error
	v.dir, err = v.db.dir.get(ctx, v)
	return v.dir, err
}

// row reads one row; found is false when there is none.
func (v *view) row(ctx context.Context, text string, args []any, dest ...any) (found bool, err error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql(text), args...)
	if err != nil {
		return false, err
	}
	if rows.Next() {
		err = rows.Scan(dest...)
		found = err == nil
	}
	if err == nil {
		err = rows.Err()
	}
	if e := rows.Close(); err == nil {
		err = e
	}
	return found, err
}

// SQLite prepares a statement anew at each use when a parameter is compared
// and more than one way to the rows is possible, since its value may tell
// which is better. That costs more than the query. A comparison with all of a
// key leaves no choice; elsewhere a CAST hides the parameter.

func (v *view) PersonByAddress(ctx context.Context, org int64, address string) (*tickets.Person, error) {
	var row personRow
	found, err := v.row(ctx, sqlPersonByHash, []any{v.addressHash(org, address)}, row.dest()...)
	if err != nil || !found {
		return nil, wrapErr("find a person", err)
	}
	r, err := v.openPerson(ctx, &row)
	if err != nil {
		return nil, err
	}
	return r.shared, nil
}

// addressHash remembers the last address: most of a decision is about one.
func (v *view) addressHash(org int64, address string) []byte {
	if v.hashed == nil || v.hashedOrg != org || v.hashedAddress != address {
		v.hashed, v.hashedOrg, v.hashedAddress = v.db.hash.address(org, address), org, address
	}
	return v.hashed
}

const (
	sqlPerson       = "SELECT id, org, key_id, address, language, created, sealed FROM persons WHERE id = ?"
	sqlPersonByHash = `SELECT id, org, key_id, address, language, created, sealed FROM persons
 WHERE id = (SELECT target FROM lookups WHERE hash = ? AND kind = 11 AND no = 0)`
)

// person returns the person with that id, or nil.
func (v *view) person(ctx context.Context, id int64) (*tickets.Person, error) {
	r, err := v.readPerson(ctx, id)
	if err != nil || r == nil {
		return nil, err
	}
	return r.shared, nil
}

func (v *view) readPerson(ctx context.Context, id int64) (*readPerson, error) {
	if r := v.persons[id]; r != nil {
		return r, nil
	}
	var row personRow
	found, err := v.row(ctx, sqlPerson, []any{id}, row.dest()...)
	if err != nil || !found {
		return nil, wrapErr("read a person", err)
	}
	return v.openPerson(ctx, &row)
}

type personRow struct {
	id, org, keyID int64
	hash           []byte
	language       string
	created        int64
	sealed         []byte
}

func (p *personRow) dest() []any {
	return []any{&p.id, &p.org, &p.keyID, &p.hash, &p.language, &p.created, &p.sealed}
}

// openPerson opens a row. Whoever's key was destroyed has no name and no
// address any more.
func (v *view) openPerson(ctx context.Context, row *personRow) (*readPerson, error) {
	if r := v.persons[row.id]; r != nil {
		return r, nil
	}
	r := &readPerson{keyID: row.keyID, hash: row.hash}
	r.was = tickets.Person{ID: row.id, Org: row.org, Language: row.language, Created: fromMicros(row.created)}
	var err error
	r.seal, err = v.db.keys.get(ctx, row.keyID)
	switch {
	case errors.Is(err, errKeyGone):
		r.gone = true
	case err != nil:
		return nil, err
	default:
		plain, err := r.seal.open(place{column: "persons.sealed", row: row.id}, row.sealed)
		if err != nil {
			return nil, err
		}
		d := decoder{b: plain}
		r.was.Address, r.was.Name = d.str(), d.str()
		if d.err != nil {
			return nil, fmt.Errorf("person %d: %w", row.id, d.err)
		}
	}
	p := r.was
	r.shared = &p
	if v.persons == nil {
		v.persons = map[int64]*readPerson{}
	}
	v.persons[row.id] = r
	return r, nil
}

func encodePerson(p *tickets.Person) []byte {
	e := encoder{make([]byte, 0, 4+len(p.Address)+len(p.Name))}
	e.str(p.Address)
	e.str(p.Name)
	return e.b
}

// keyOf returns the sealer of a person, of the organisation when the person is
// 0, or of the key that is meant when it is below (migration 0002).
func (v *view) keyOf(ctx context.Context, org, person int64) (sealer, error) {
	if person < 0 {
		return v.db.keys.get(ctx, -person)
	}
	if person == 0 {
		return v.db.orgs.get(ctx, v, org)
	}
	r, err := v.readPerson(ctx, person)
	if err != nil {
		return sealer{}, err
	}
	if r == nil || r.gone {
		return sealer{}, errKeyGone
	}
	return r.seal, nil
}

func (v *view) AcksSince(ctx context.Context, org int64, address string, since time.Time) (int, error) {
	var n int
	_, err := v.row(ctx, "SELECT COUNT(*) FROM lookups WHERE hash = CAST(? AS BLOB) AND kind = 12 AND no >= CAST(? AS INTEGER)",
		[]any{v.addressHash(org, address), micros(since)}, &n)
	return n, wrapErr("count acknowledgements", err)
}

func (v *view) TicketsByThreadIndex(ctx context.Context, org int64, conversation string) ([]int64, error) {
	if conversation == "" {
		return nil, nil
	}
	rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT target FROM lookups WHERE hash = CAST(? AS BLOB) AND kind = 19 ORDER BY no DESC LIMIT 10"),
		v.db.hash.thread(org, conversation))
	if err != nil {
		return nil, wrapErr("find a conversation", err)
	}
	defer rows.Close()
	var list []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

func wrapErr(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// micros is how times are stored; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
