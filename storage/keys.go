package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// keyring holds the keys of people and organisations. They stand in a
// database of their own; the ring keeps a bounded number of them opened.
//
// New keys are committed in advance, many with one fsync, and taken from a
// pool: a mail of a new person then waits for no second fsync. What was never
// used is swept: at the start on SQLite, after a day on PostgreSQL, where
// another node's pool may hold it. No pool keeps a key for longer than
// poolAge.
type keyring struct {
	db   *sqlx.DB
	d    dialect
	wrap sealer // under the master key
	now  func() time.Time

	mu     sync.Mutex
	cache  map[int64]cachedKey
	pool   []int64 // ids of committed unused keys, whose keys are in fresh
	fresh  map[int64][]byte
	filled time.Time // monotonic
	making sync.Mutex

	firstID int64 // every key below was made before this process opened the ring
}

type cachedKey struct {
	key  []byte
	read time.Time
}

const (
	poolSize  = 256
	poolAge   = 10 * time.Minute
	cacheSize = 8192
	// cacheAge bounds how long another node may still open what was shredded.
	cacheAge = 30 * time.Second
	sweepAge = 24 * time.Hour
)

func newKeyring(db *sqlx.DB, d dialect, master []byte, now func() time.Time) (*keyring, error) {
	kek, err := masterKey(master)
	if err != nil {
		return nil, err
	}
	return &keyring{firstID: newKeyID(now()) &^ (1<<22 - 1), db: db, d: d, wrap: newSealer(kek), now: now,
		cache: map[int64]cachedKey{}, fresh: map[int64][]byte{}}, nil
}

// newKeyID is ordered by time, so that new keys are written at the end of
// their table, and random, so that it says nothing and rarely meets another.
func newKeyID(now time.Time) int64 {
	var b [8]byte
	_, _ = rand.Read(b[5:])
	r := int64(binary.BigEndian.Uint64(b[:])) & (1<<22 - 1)
	return (now.UnixMilli()&(1<<41-1))<<22 | r
}

// take returns a committed key nobody uses.
func (k *keyring) take(ctx context.Context) (id int64, key []byte, err error) {
	for {
		k.mu.Lock()
		if time.Since(k.filled) > poolAge {
			k.pool, k.fresh = nil, map[int64][]byte{}
		}
		if n := len(k.pool); n > 0 {
			id = k.pool[0]
			k.pool = k.pool[1:]
			key = k.fresh[id]
			delete(k.fresh, id)
			k.remember(id, key)
			k.mu.Unlock()
			if n == poolSize/4 {
				go func() { _ = k.fill(context.WithoutCancel(ctx)) }()
			}
			return id, key, nil
		}
		k.mu.Unlock()
		if err := k.fill(context.WithoutCancel(ctx)); err != nil {
			return 0, nil, err
		}
	}
}

// fill commits a pool's worth of new keys.
func (k *keyring) fill(ctx context.Context) error {
	k.making.Lock()
	defer k.making.Unlock()
	k.mu.Lock()
	enough := len(k.pool) > poolSize/4
	k.mu.Unlock()
	if enough {
		return nil
	}
	start := time.Now()
	ids, keys, err := k.create(ctx, "person", poolSize)
	if err != nil {
		return fmt.Errorf("make new keys: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// What is left of the last filling sets the age of all.
	if len(k.pool) == 0 {
		k.filled = start
	}
	for i, id := range ids {
		k.fresh[id] = keys[i]
	}
	k.pool = append(k.pool, ids...) // oldest first: ids then grow as they are used
	return nil
}

// create commits n keys in one transaction. Their ids begin at a random place
// of the millisecond; where others have it, at another.
func (k *keyring) create(ctx context.Context, kind string, n int) (ids []int64, keys [][]byte, err error) {
	for range tries {
		if ids, keys, err = k.createAt(ctx, kind, n); !moved(err) {
			break
		}
	}
	return ids, keys, err
}

func (k *keyring) createAt(ctx context.Context, kind string, n int) (ids []int64, keys [][]byte, err error) {
	tx, err := k.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = tx.Rollback() }()
	stmt, err := tx.PrepareContext(ctx, k.d.keys("INSERT INTO keys.keys (id, kind, created, wrapped) VALUES (?, ?, ?, ?)"))
	if err != nil {
		return nil, nil, err
	}
	defer stmt.Close()
	now := k.now()
	next := max(newKeyID(now), k.firstID+1) // also when the clock was set back
	for range n {
		id, key := next, randomKey()
		next++
		if _, err := stmt.ExecContext(ctx, id, kind, now.UnixMicro(), k.wrap.seal(place{column: "keys.wrapped", row: id}, key)); err != nil {
			return nil, nil, err
		}
		ids, keys = append(ids, id), append(keys, key)
	}
	return ids, keys, tx.Commit()
}

// remember puts a key into the cache; k.mu is held.
func (k *keyring) remember(id int64, key []byte) {
	if len(k.cache) >= cacheSize {
		for old := range k.cache { // any: the order of a map is random
			delete(k.cache, old)
			if len(k.cache) < cacheSize*7/8 {
				break
			}
		}
	}
	k.cache[id] = cachedKey{key, time.Now()}
}

// get opens a key; errKeyGone when there is none.
func (k *keyring) get(ctx context.Context, id int64) (sealer, error) {
	k.mu.Lock()
	c, ok := k.cache[id]
	k.mu.Unlock()
	if ok && time.Since(c.read) < cacheAge {
		return newSealer(c.key), nil
	}
	var wrapped []byte
	err := k.db.QueryRowContext(ctx, k.d.keys("SELECT wrapped FROM keys.keys WHERE id = ?"), id).Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		k.forget(id)
		return sealer{}, errKeyGone
	}
	if err != nil {
		return sealer{}, fmt.Errorf("read a key: %w", err)
	}
	key, err := k.wrap.open(place{column: "keys.wrapped", row: id}, wrapped)
	if err != nil {
		return sealer{}, err
	}
	k.mu.Lock()
	k.remember(id, key)
	k.mu.Unlock()
	return newSealer(key), nil
}

func (k *keyring) forget(id int64) {
	k.mu.Lock()
	delete(k.cache, id)
	k.mu.Unlock()
}

// drop destroys a key. What it sealed cannot be opened again; secure_delete
// overwrites the row.
func (k *keyring) drop(ctx context.Context, id int64) error {
	_, err := k.db.ExecContext(ctx, k.d.keys("DELETE FROM keys.keys WHERE id = ?"), id)
	k.forget(id)
	return err
}
