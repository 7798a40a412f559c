package storage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// The list of erasures stands outside the database, so that a backup that was
// made before an erasure can be restored without bringing anybody back. It is
// a text: a line that says what it is, then a line for each erased address
// with a keyed hash of it, the time, the request and the date the line may go.
// Each line ends with a MAC over itself and the line before, so that none can
// be added, altered or left out of the middle. It holds nobody's address.

// ErasuresFile is beside the database, in the data folder.
const ErasuresFile = "erasures.list"

const erasuresMagic = "postroom erasures 1 "

// ErrNoErasures says that a restore needs to know what was erased.
var ErrNoErasures = errors.New("give the newest list of erasures (erasures.list of the data folder, or from the daily mail to the privacy officer), or what was erased since the backup comes back")

// Erasures are what a restore erases again.
type Erasures struct {
	List          io.Reader      // the newest list; nil only with AcceptMissing
	AcceptMissing bool           // restore without it; this is recorded
	Masker        privacy.Masker // nil: whole messages go in which an erased person is named
	Duties        []privacy.Duty
}

type listLine struct {
	at   time.Time
	ref  string
	org  int64
	hash []byte
	ends time.Time
	text string // the line without its MAC
	mac  string
}

func makeLine(at time.Time, ref string, org int64, hash []byte, ends time.Time) listLine {
	at, ends = at.UTC().Truncate(time.Microsecond), ends.UTC().Truncate(time.Second)
	return listLine{at: at, ref: ref, org: org, hash: hash, ends: ends,
		text: strings.Join([]string{at.Format(time.RFC3339Nano), ref, strconv.FormatInt(org, 10), hex.EncodeToString(hash), ends.Format(time.RFC3339)}, " ")}
}

// listKey is what the list's lines are signed with.
func (db *DB) listKey(ctx context.Context) ([]byte, error) {
	all, err := db.keys.secrets(ctx)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, all[secretLookup][0], nil, "postroom: list of erasures, 1", keySize)
}

func lineMAC(key []byte, before, text string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(before + "\n" + text))
	return hex.EncodeToString(m.Sum(nil))
}

// readList reads and checks a list. What stands behind the last whole line, as
// after a crash while it was written, is left out.
func readList(r io.Reader, installation string, key []byte) (list []listLine, err error) {
	in := bufio.NewReader(io.LimitReader(r, 1<<30))
	head, err := in.ReadString('\n')
	if err != nil || strings.TrimSpace(strings.TrimPrefix(head, erasuresMagic)) != installation {
		return nil, errors.New("this is not the list of erasures of this installation")
	}
	before := strings.TrimSpace(head)
	for n := 2; ; n++ {
		s, err := in.ReadString('\n')
		if err != nil {
			return list, nil
		}
		l, err := parseLine(strings.TrimSpace(s))
		if err != nil || !hmac.Equal([]byte(l.mac), []byte(lineMAC(key, before, l.text))) {
			return nil, fmt.Errorf("line %d of the list of erasures was altered, or lines before it are missing", n)
		}
		list, before = append(list, l), l.mac
	}
}

func parseLine(s string) (listLine, error) {
	f := strings.Fields(s)
	if len(f) != 6 {
		return listLine{}, errEncoding
	}
	at, err1 := time.Parse(time.RFC3339Nano, f[0])
	org, err2 := strconv.ParseInt(f[2], 10, 64)
	hash, err3 := hex.DecodeString(f[3])
	ends, err4 := time.Parse(time.RFC3339, f[4])
	l := makeLine(at, f[1], org, hash, ends)
	l.mac = f[5]
	return l, errors.Join(err1, err2, err3, err4)
}

// listErased writes an erasure into the list before it begins.
func (db *DB) listErased(ctx context.Context, p privacy.Plan, hashes [][]byte, at, ends time.Time) error {
	ref := "-"
	if err := db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, "SELECT ref FROM privacy_requests WHERE id = ?", []any{p.RequestID}, &ref)
		return err
	}); err != nil {
		return err
	}
	var fresh []listLine
	for _, h := range hashes {
		fresh = append(fresh, makeLine(at, ref, p.Org, h, ends))
	}
	_, err := db.extendList(ctx, fresh)
	return wrapErr("write the list of erasures", err)
}

// ErasureList returns the list of erasures as it has to be kept outside this
// machine: what is in this node's file and what other nodes erased.
func (db *DB) ErasureList(ctx context.Context) ([]byte, error) {
	b, err := db.extendList(ctx, nil)
	return b, wrapErr("read the list of erasures", err)
}

// extendList adds to the file what is new, and what the database knows of
// other nodes. Lines whose time has come go, and all after them are signed
// anew.
func (db *DB) extendList(ctx context.Context, fresh []listLine) ([]byte, error) {
	db.listing.Lock()
	defer db.listing.Unlock()
	key, err := db.listKey(ctx)
	if err != nil {
		return nil, err
	}
	name, err := db.installation(ctx)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(db.opt.DataDir, ErasuresFile)
	var list []listLine
	if f, err := os.Open(path); err == nil {
		list, err = readList(f, name, key)
		f.Close()
		if err != nil {
			return nil, err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	known, err := db.erasedRows(ctx)
	if err != nil {
		return nil, err
	}
	n := len(list)
	for _, l := range append(known, fresh...) {
		if !slices.ContainsFunc(list, func(o listLine) bool { return bytes.Equal(l.hash, o.hash) && !o.at.Before(l.at) }) {
			list = append(list, l)
		}
	}
	now := db.now()
	list = slices.DeleteFunc(list, func(l listLine) bool { return l.ends.Before(now) })
	var b bytes.Buffer
	before := erasuresMagic + name
	b.WriteString(before + "\n")
	for i := range list {
		list[i].mac = lineMAC(key, before, list[i].text)
		before = list[i].mac
		b.WriteString(list[i].text + " " + list[i].mac + "\n")
	}
	if n == len(list) && len(fresh) == 0 && n > 0 {
		return b.Bytes(), nil
	}
	return b.Bytes(), replaceFile(path, b.Bytes())
}

func (db *DB) erasedRows(ctx context.Context) (list []listLine, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, "SELECT hash, org, at, ends FROM erasures ORDER BY at, hash")
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			var hash []byte
			var org, at, ends int64
			err := rows.Scan(&hash, &org, &at, &ends)
			list = append(list, makeLine(fromMicros(at), "-", org, hash, fromMicros(ends)))
			return err
		})
	})
	return list, err
}

// replaceFile writes a file durably under its name, whole or not at all.
func replaceFile(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// eraseAgain erases from a restored database whoever was erased since, and
// then takes away the mark that keeps it from being opened. Who came back
// after the erasure is left alone.
func eraseAgain(ctx context.Context, opt Options, x Erasures) error {
	opt.mending = true
	db, err := Open(ctx, opt)
	if err != nil {
		return err
	}
	defer db.Close()
	key, err := db.listKey(ctx)
	if err != nil {
		return err
	}
	name, err := db.installation(ctx)
	if err != nil {
		return err
	}
	var list []listLine
	if x.List != nil {
		if list, err = readList(x.List, name, key); err != nil {
			return err
		}
	}
	if f, err := os.Open(filepath.Join(opt.DataDir, ErasuresFile)); err == nil {
		here, err := readList(f, name, key)
		f.Close()
		if err != nil {
			return err
		}
		list = append(list, here...)
	}
	for i := range list {
		if err := db.eraseListed(ctx, -int64(i)-1, &list[i], x); err != nil {
			return err
		}
	}
	ops := []op{{text: "DELETE FROM privacy_steps WHERE request_id < 0", want: -1}, {text: "DELETE FROM privacy_work WHERE request_id < 0", want: -1},
		{text: "DELETE FROM lookups WHERE kind IN (16, 18) AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = lookups.target)", want: -1},
		{text: "DELETE FROM lookups WHERE kind IN (17, 19) AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = lookups.target)", want: -1}}
	if x.List == nil {
		db.log.Warn("restored without a list of erasures: people who were erased since the backup may be back")
		ops = append(ops, op{want: -1, text: "INSERT INTO settings (name, value) VALUES ('restored without erasures', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			args: []any{db.now().UTC().Format(time.RFC3339)}})
	}
	if err := db.execute(ctx, append(ops, op{text: "DELETE FROM settings WHERE name = '" + restoring + "'", want: -1})); err != nil {
		return err
	}
	if _, err := db.extendList(ctx, nil); err != nil {
		return err
	}
	return db.settleFiles(ctx, erasedTables...)
}

func (db *DB) eraseListed(ctx context.Context, id int64, l *listLine, x Erasures) error {
	org := l.org
	if org == 0 {
		org = tickets.DefaultOrg
	}
	e := &erasure{db: db, mask: x.Masker, hashes: [][]byte{l.hash}, until: l.at,
		plan: privacy.Plan{RequestID: id, Org: org, Duties: x.Duties, Now: l.at, Ends: l.ends}}
	for _, step := range db.EraseSteps() {
		if step == "files" {
			continue // once, at the end
		}
		if _, err := e.run(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// RestoredWithoutErasures says when the database was restored without the list
// of erasures; zero if it never was.
func (db *DB) RestoredWithoutErasures(ctx context.Context) (at time.Time, err error) {
	var s string
	err = db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, "SELECT value FROM settings WHERE name = 'restored without erasures'", nil, &s)
		return err
	})
	if err == nil && s != "" {
		at, err = time.Parse(time.RFC3339, s)
	}
	return at, wrapErr("read the database", err)
}
