package storage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// On PostgreSQL every node has a search index of its own, the one place with
// plain words. Each node that has one says in the settings, every few seconds,
// how far it has followed; an erasure waits for those that live, and a node
// that was away follows before it serves.

const (
	searchNode   = "search of "        // begins the names of those settings
	searchWanted = "erasure waits for" // how far an erasure wants the others to follow
	searchAlive  = 30 * time.Second    // a node that says nothing for so long is away
	searchPoll   = 100 * time.Millisecond
)

// PurgeSearch brings this node's search index up to date with what another
// node erased, in the file too, and says so. It is to be called at the start,
// when another node erased somebody, and at least every [SearchBeat].
func (db *DB) PurgeSearch(ctx context.Context) error {
	end, err := db.lastChange(ctx)
	if err == nil {
		err = db.purgeSearch(ctx, 0)
	}
	if err != nil {
		return wrapErr("purge the search index", err)
	}
	return db.sayFollowed(ctx, end)
}

// SearchBeat is how often a node says that it lives.
const SearchBeat = searchAlive / 3

// SearchLives says that this node lives, and follows when an erasure waits for
// it: the word of that may have been lost.
func (db *DB) SearchLives(ctx context.Context) error {
	if !db.d.postgres || !db.hasSearch() {
		return nil
	}
	wanted, _, err := db.followed(ctx, searchWanted)
	if err != nil {
		return err
	}
	end, _, err := db.followed(ctx, searchNode+db.opt.Node)
	if err != nil {
		return err
	}
	if end < wanted {
		return db.PurgeSearch(ctx)
	}
	return db.sayFollowed(ctx, end)
}

// SearchLeaves says that this node stops: an erasure need not wait for it.
func (db *DB) SearchLeaves(ctx context.Context) error {
	if !db.d.postgres {
		return nil
	}
	return wrapErr("leave the search", db.execute(ctx, []op{{text: "DELETE FROM settings WHERE name = ?", args: []any{searchNode + db.opt.Node}, want: -1}}))
}

func (db *DB) hasSearch() bool {
	_, err := os.Stat(filepath.Join(db.opt.DataDir, searchFile))
	return err == nil
}

func (db *DB) sayFollowed(ctx context.Context, end int64) error {
	if !db.d.postgres || !db.hasSearch() {
		return nil
	}
	return db.saySearch(ctx, searchNode+db.opt.Node, end)
}

func (db *DB) saySearch(ctx context.Context, name string, end int64) error {
	return wrapErr("say how far the search follows", db.execute(ctx, []op{{text: "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		args: []any{name, fmt.Sprint(end, " ", micros(db.now()))}, want: -1}}))
}

// followed reads how far a node has followed, and when it said so.
func (db *DB) followed(ctx context.Context, name string) (end int64, at time.Time, err error) {
	var value string
	err = db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, "SELECT value FROM settings WHERE name = ?", []any{name}, &value)
		return err
	})
	a, b, _ := strings.Cut(value, " ")
	end, _ = strconv.ParseInt(a, 10, 64)
	us, _ := strconv.ParseInt(b, 10, 64)
	return end, fromMicros(us), err
}

// AwaitSearch waits until every node that lives has followed what is committed
// now.
func (db *DB) AwaitSearch(ctx context.Context) error {
	if !db.d.postgres {
		return nil
	}
	end, err := db.lastChange(ctx)
	if err == nil {
		err = db.saySearch(ctx, searchWanted, end)
	}
	if err != nil {
		return wrapErr("wait for the search of other nodes", err)
	}
	for {
		var names []string
		if err := db.main.SelectContext(ctx, &names, "SELECT name FROM settings WHERE name LIKE '"+searchNode+"%'"); err != nil {
			return wrapErr("wait for the search of other nodes", err)
		}
		behind := false
		for _, name := range names {
			if name == searchNode+db.opt.Node {
				continue
			}
			to, at, err := db.followed(ctx, name)
			if err != nil {
				return wrapErr("wait for the search of other nodes", err)
			}
			behind = behind || to < end && db.now().Sub(at) < searchAlive
		}
		if !behind {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(searchPoll):
		}
	}
}
