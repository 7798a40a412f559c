package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"

	"postroom/tickets"
)

// The search index is the one place with plain words: a file of its own beside
// the database, on each node that searches, built from the change log, left
// out of backups. It may be deleted at any time. Trigrams choose the
// candidates; the opened message decides, so that the index may hold too much
// or be old, but never gives a wrong answer. Words deleted from it are
// overwritten ("secure-delete" of FTS5 and of SQLite).

// searchFile is beside the other files of the data folder.
const searchFile = "search.db"

// searchIndex is opened by the first search.
type searchIndex struct {
	mu   sync.Mutex
	db   *sqlx.DB
	fts  bool
	read bool // fts was found out
}

// schema of the index. Columns' details are left out: they would only serve
// phrases, and the candidates are looked at anyway.
const searchSchema = `CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, tokenize = 'trigram case_sensitive 1', detail = none);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);`

// SearchMode says in one line how messages are searched.
func (db *DB) SearchMode() string {
	db.search.mu.Lock()
	defer db.search.mu.Unlock()
	if !db.search.read {
		probe := openLite(":memory:", 1, 256, false, false)
		_, err := probe.Exec("CREATE VIRTUAL TABLE temp.probe USING fts5(text, tokenize = 'trigram')")
		_ = probe.Close()
		db.search.fts, db.search.read = err == nil, true
	}
	if db.search.fts {
		return "by an index of trigrams"
	}
	return "by reading every message: this postroom was built without -tags sqlite_fts5"
}

// Search returns the newest messages of an organisation that contain all the
// words, each anywhere in addresses, names, subject, text or attachments'
// names, compared without case. What was committed before the call is found.
func (db *DB) Search(ctx context.Context, org int64, words []string, limit int) ([]int64, error) {
	folded := make([]string, 0, len(words))
	for _, w := range words {
		if w = strings.ToLower(strings.TrimSpace(w)); w != "" {
			folded = append(folded, w)
		}
	}
	if len(folded) == 0 || limit <= 0 {
		return nil, nil
	}
	db.SearchMode()
	if err := db.catchUp(ctx); err != nil {
		return nil, wrapErr("bring the search index up to date", err)
	}
	var found []int64
	before := int64(1<<63 - 1)
	for len(found) < limit {
		ids, err := db.candidates(ctx, org, folded, before)
		if err != nil {
			return nil, wrapErr("search", err)
		}
		if len(ids) == 0 {
			break
		}
		before = ids[len(ids)-1]
		good, err := db.decideFound(ctx, org, ids, folded)
		if err != nil {
			return nil, wrapErr("search", err)
		}
		found = append(found, good...)
	}
	return found[:min(limit, len(found))], nil
}

// candidates returns ids below before, newest first, of messages that may
// contain the words.
func (db *DB) candidates(ctx context.Context, org int64, words []string, before int64) (ids []int64, err error) {
	const some = 256
	match := trigrams(words)
	if db.search.fts && match != "" {
		err = db.search.db.SelectContext(ctx, &ids, "SELECT rowid FROM words WHERE words MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?", match, before, some)
		return ids, err
	}
	err = db.readers.with(ctx, func(q querier) error {
		ids, err = db.newView(q).ids(ctx, "SELECT id FROM messages WHERE id < ? AND org = ? ORDER BY id DESC LIMIT ?", before, org, some)
		return err
	})
	return ids, err
}

// trigrams asks for all trigrams of all words; empty when no word has one.
func trigrams(words []string) string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, w := range words {
		r := []rune(w)
		for i := 0; i+3 <= len(r); i++ {
			t := string(r[i : i+3])
			if seen[t] || strings.ContainsRune(t, 0) {
				continue
			}
			seen[t] = true
			if b.Len() > 0 {
				b.WriteString(" AND ")
			}
			b.WriteString(`"` + strings.ReplaceAll(t, `"`, `""`) + `"`)
			if len(seen) == 64 {
				return b.String()
			}
		}
	}
	return b.String()
}

// decideFound keeps the candidates that contain every word.
func (db *DB) decideFound(ctx context.Context, org int64, ids []int64, words []string) (good []int64, err error) {
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		for _, id := range ids {
			r, err := v.readMessage(ctx, id)
			if err != nil {
				return err
			}
			if r == nil || r.org != org || r.cek == nil || r.m.Restricted {
				continue
			}
			text := searchText(r.m)
			all := true
			for _, w := range words {
				all = all && strings.Contains(text, w)
			}
			if all {
				good = append(good, id)
			}
		}
		return nil
	})
	return good, err
}

// searchText is what a message is found by, folded.
func searchText(m *tickets.Message) string {
	parts := []string{m.From, m.FromName, m.EnvelopeFrom, m.Subject, m.MessageID, m.Text, m.Whole}
	parts = append(append(append(parts, m.To...), m.Cc...), m.EnvelopeTo...)
	for _, a := range m.Attachments {
		parts = append(parts, a.Name)
	}
	return strings.ToLower(strings.Join(parts, "\n"))
}

// catchUp reads the change log from where the index stands.
func (db *DB) catchUp(ctx context.Context) error {
	s := &db.search
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fts {
		return nil
	}
	if s.db == nil {
		if err := db.openSearch(ctx); err != nil {
			return err
		}
	}
	var text string
	if err := s.db.GetContext(ctx, &text, "SELECT COALESCE((SELECT value FROM state WHERE name = 'seq'), '0')"); err != nil {
		return err
	}
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err
	}
	end, err := db.lastChange(ctx)
	if err != nil {
		return err
	}
	for seq < end { // what comes meanwhile is the next call's
		list, err := db.Changes(ctx, seq, 200)
		if err != nil || len(list) == 0 {
			return err
		}
		seq = list[len(list)-1].Seq
		if err := db.index(ctx, list, seq); err != nil {
			return err
		}
	}
	return nil
}

// lastChange is where the change log ends now.
func (db *DB) lastChange(ctx context.Context) (seq int64, err error) {
	if db.d.postgres {
		if err := db.numberChanges(ctx); err != nil {
			return 0, err
		}
	}
	err = db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, "SELECT COALESCE(MAX(seq), 0) FROM changes", nil, &seq)
		return err
	})
	return seq, err
}

// index takes entries of the change log in, in one transaction with how far
// it got.
func (db *DB) index(ctx context.Context, list []LogEntry, seq int64) error {
	texts := map[int64]string{}
	err := db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		for _, e := range list {
			if e.MessageID == 0 {
				continue
			}
			r, err := v.readMessage(ctx, e.MessageID)
			if err != nil {
				return err
			}
			texts[e.MessageID] = ""
			if r != nil && r.cek != nil && !r.m.Restricted {
				texts[e.MessageID] = searchText(r.m)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	tx, err := db.search.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for id, text := range texts {
		statement, args := "INSERT OR REPLACE INTO words (rowid, text) VALUES (?, ?)", []any{id, text}
		if text == "" { // erased or restricted
			statement, args = "DELETE FROM words WHERE rowid = ?", args[:1]
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO state (name, value) VALUES ('seq', ?)", fmt.Sprint(seq)); err != nil {
		return err
	}
	return tx.Commit()
}

// openSearch opens the index, or begins a new one when it is of another
// installation or cannot be read.
func (db *DB) openSearch(ctx context.Context) error {
	name, err := db.installation(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(db.opt.DataDir, searchFile)
	for again := false; ; again = true {
		if err := private(path); err != nil {
			return err
		}
		s := openLite(path, 1, 4096, false, false)
		_, err := s.ExecContext(ctx, searchSchema)
		var of string
		if err == nil {
			err = s.GetContext(ctx, &of, "SELECT COALESCE((SELECT value FROM state WHERE name = 'installation'), '')")
		}
		if err == nil && of == "" {
			_, err = s.ExecContext(ctx, "INSERT INTO state (name, value) VALUES ('installation', ?)", name)
			of = name
		}
		if err == nil && of == name {
			db.search.db = s
			return nil
		}
		_ = s.Close()
		if again || ctx.Err() != nil {
			return errors.Join(fmt.Errorf("%s cannot be used", searchFile), err)
		}
		if err := removeSearch(db.opt.DataDir); err != nil {
			return err
		}
	}
}

// removeSearch deletes the index; the next search builds it again.
func removeSearch(dir string) error {
	var errs []error
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(dir, searchFile+end)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *searchIndex) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}
