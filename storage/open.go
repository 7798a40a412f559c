package storage

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/jmoiron/sqlx"
	"github.com/klauspost/compress/zstd"

	"postroom/privacy"
	"postroom/tickets"
)

// Options say where a store is.
type Options struct {
	URL       string // "sqlite:" (in DataDir), "sqlite:/path/desk.db" or "postgres://…"
	DataDir   string // folder of the database files, keys.db and search.db
	MasterKey []byte // at least 32 bytes; wraps every other key
	Logger    *slog.Logger
	Now       func() time.Time // nil: time.Now
	Node      string           // name of this process in leases; empty: a random one

	ScanAlso []string // folders that Scan looks through besides DataDir, such as that of the logs

	mending bool // a restore goes on: the database may be marked
}

// DB is the store. It is safe for concurrent use.
type DB struct {
	d       dialect
	opt     Options
	log     *slog.Logger
	now     func() time.Time
	main    *sqlx.DB // PostgreSQL: all; SQLite: the writer's one connection
	readers *readers // where views read
	keys    *keyring
	ids     idSource
	hash    *hasher
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	writer  *writer // SQLite only
	dir     directoryCache
	fresh   freshLook
	orgs    orgKeys
	stages  stageSet
	search  searchIndex
	leases  jobLeases
	listing sync.Mutex // the list of erasures

	failpoint func(step, at string) error // a test's failure in an erasure; nil otherwise
	flushes   chan struct{}               // bounds staged chunks in memory

	arriving  atomic.Int64 // stages that are neither adopted nor aborted
	broken    atomic.Pointer[error]
	fatal     chan struct{}
	fatalOnce sync.Once
	stop      context.CancelFunc
	closeOnce sync.Once
	closeErr  error
	work      sync.WaitGroup
}

var (
	_ tickets.Store = (*DB)(nil)
	_ privacy.Store = (*DB)(nil)
)

// Open opens or makes the store: migrations, secrets, the default
// organisation. A database of a later version, or one whose keys are missing
// or do not fit, is refused with a sentence that says what to do.
func Open(ctx context.Context, opt Options) (*DB, error) {
	db, err := newDB(opt)
	if err != nil {
		return nil, err
	}
	if err := db.open(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// newDB fills in what the options leave out and makes what needs no database.
func newDB(opt Options) (*DB, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Node == "" {
		opt.Node = rand.Text()
	}
	db := &DB{opt: opt, log: opt.Logger, now: opt.Now, fatal: make(chan struct{}), flushes: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	var err error
	if db.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(256<<10),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false)); err != nil {
		return nil, err
	}
	db.dec, err = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(8<<20), zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true))
	return db, err
}

func (db *DB) open(ctx context.Context) error {
	if err := db.connect(ctx, 0); err != nil {
		return err
	}
	if err := db.setUp(ctx); err != nil {
		return err
	}
	bg, stop := context.WithCancel(context.Background())
	db.stop = stop
	if db.writer != nil {
		db.writer.start(bg)
	}
	db.work.Go(func() { db.sweepLoop(bg) })
	return nil
}

// connect opens the databases and brings their schemas up to date; that of
// the content only up to a version, when it is not 0.
func (db *DB) connect(ctx context.Context, upTo int) error {
	var keysDB *sqlx.DB
	var err error
	switch {
	case strings.HasPrefix(db.opt.URL, "postgres://"), strings.HasPrefix(db.opt.URL, "postgresql://"):
		keysDB, err = db.openPostgres(ctx, upTo)
	case strings.HasPrefix(db.opt.URL, "sqlite:"):
		keysDB, err = db.openSQLite(ctx, upTo)
	default:
		return fmt.Errorf("database url %q: say sqlite: or postgres://…", redactURL(db.opt.URL))
	}
	if err != nil {
		return err
	}
	if db.keys, err = newKeyring(keysDB, db.d, db.opt.MasterKey, db.now); err != nil {
		keysDB.Close()
	}
	return err
}

// openSQLite opens the writer, the readers and the keys beside them.
func (db *DB) openSQLite(ctx context.Context, upTo int) (*sqlx.DB, error) {
	file := strings.TrimPrefix(db.opt.URL, "sqlite:")
	if file == "" {
		file = filepath.Join(db.opt.DataDir, "desk.db")
	}
	if err := private(file, filepath.Join(db.opt.DataDir, keysFile)); err != nil {
		return nil, err
	}
	keysDB := openLite(filepath.Join(db.opt.DataDir, keysFile), 2, 1024, false, false)
	if err := db.d.migrate(ctx, keysDB, "keys", 0); err != nil {
		keysDB.Close()
		return nil, fmt.Errorf("%s: %w", keysFile, err)
	}
	db.main = openLite(file, 2, writerKiB, false, true)
	if err := db.d.migrate(ctx, db.main, "desk", upTo); err != nil {
		keysDB.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	db.readers = newReaders(openLite(file, n, readerKiB, true, true), n, func(c *sqlx.Conn) (connection, error) { return newLiteConn(c) })
	db.writer = newWriter(db, file)
	db.ids.reserve = db.writer.reserve
	return keysDB, nil
}

const (
	keysFile  = "keys.db"
	writerKiB = 16 << 10
	// While the database is smaller than the page number that balancing uses for
	// a moment (SQLite's pending byte), SQLite walks through all of the writer's
	// pages at almost every commit: more of them then cost more than the reads
	// they save, which the system's cache serves.
	walkedBelow = 1 << 30
	walkedKiB   = 4 << 10
	// A reader's cache is emptied with every commit it did not see, and
	// emptying costs by its size: small caches are faster.
	readerKiB = 256
)

// openPostgres opens the pools. Keys have one of their own, so that a view
// that needs a key never waits for a connection held by another view.
func (db *DB) openPostgres(ctx context.Context, upTo int) (*sqlx.DB, error) {
	db.d = dialect{postgres: true, texts: &sync.Map{}}
	pool := func(n int) (*sqlx.DB, error) {
		p, err := sqlx.Open("pgx", db.opt.URL)
		if err != nil {
			return nil, fmt.Errorf("database url %s: %w", redactURL(db.opt.URL), err)
		}
		p.SetMaxOpenConns(n)
		p.SetMaxIdleConns(n)
		p.SetConnMaxLifetime(time.Hour)
		return p, nil
	}
	var err error
	if db.main, err = pool(16); err != nil {
		return nil, err
	}
	if err := db.d.migrate(ctx, db.main, "desk", upTo); err != nil {
		return nil, err
	}
	views, err := pool(16)
	if err != nil {
		return nil, err
	}
	db.readers = newReaders(views, 16, func(c *sqlx.Conn) (connection, error) { return &pooled{Conn: c}, nil })
	keysDB, err := pool(4)
	if err != nil {
		return nil, err
	}
	if err := db.d.migrate(ctx, keysDB, "keys", 0); err != nil {
		keysDB.Close()
		return nil, err
	}
	db.ids.reserve = func(ctx context.Context, n int64) (end int64, err error) {
		err = db.main.QueryRowContext(ctx, db.d.sql(sqlReserve), n).Scan(&end)
		return end, err
	}
	return keysDB, nil
}

// private makes the database files readable by their owner only, before
// SQLite makes them with the umask of the day.
func private(files ...string) error {
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f), 0o700); err != nil {
			return fmt.Errorf("data folder: %w", err)
		}
		h, err := os.OpenFile(f, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return fmt.Errorf("database file: %w", err)
		}
		h.Close()
	}
	return nil
}

// setUp makes what an empty installation needs and checks that content and
// keys belong together.
func (db *DB) setUp(ctx context.Context) error {
	var unfinished int
	if err := db.main.GetContext(ctx, &unfinished, "SELECT COUNT(*) FROM settings WHERE name = '"+restoring+"'"); err != nil {
		return fmt.Errorf("read the database: %w", err)
	}
	if unfinished > 0 && !db.opt.mending {
		return errors.New("a restore into this database was broken off: clear it and restore again")
	}
	name, err := db.installation(ctx)
	if err != nil {
		return err
	}
	all, err := db.keys.secrets(ctx)
	if err != nil {
		return err
	}
	db.hash = newHasher(all[secretLookup][0])
	if err := db.ensureOrg(ctx, tickets.DefaultOrg, "default"); err != nil {
		return fmt.Errorf("set up the organisation: %w", err)
	}
	db.log.Debug("store open", "installation", name)
	return nil
}

// installation returns the random name that content and keys share.
func (db *DB) installation(ctx context.Context) (string, error) {
	const read, write = "SELECT value FROM settings WHERE name = 'installation'",
		"INSERT INTO settings (name, value) VALUES ('installation', ?) ON CONFLICT DO NOTHING"
	get := func(from *sqlx.DB, text string) (v string, err error) {
		err = from.GetContext(ctx, &v, text)
		if isNoRows(err) {
			err = nil
		}
		return v, err
	}
	keyText := func(s string) string { return db.d.keys(strings.Replace(s, "settings", "keys.settings", 1)) }
	inKeys, err := get(db.keys.db, keyText(read))
	if err != nil {
		return "", fmt.Errorf("read the keys: %w", err)
	}
	inMain, err := get(db.main, read)
	if err != nil {
		return "", fmt.Errorf("read the database: %w", err)
	}
	switch {
	case inMain != "" && inKeys == "":
		return "", errors.New("the database has content, but its keys are not here: put keys.db back, or restore a backup of the keys")
	case inMain != "" && inMain != inKeys:
		return "", errors.New("the keys belong to another installation: put back the keys that go with this database")
	case inMain != "":
		return inMain, nil
	}
	if inKeys == "" {
		var b [8]byte
		_, _ = rand.Read(b[:])
		if _, err := db.keys.db.ExecContext(ctx, keyText(write), hex.EncodeToString(b[:])); err != nil {
			return "", fmt.Errorf("write the keys: %w", err)
		}
		if inKeys, err = get(db.keys.db, keyText(read)); err != nil {
			return "", err
		}
	}
	if _, err := db.main.ExecContext(ctx, db.d.sql(write), inKeys); err != nil {
		return "", fmt.Errorf("write the database: %w", err)
	}
	return inKeys, nil
}

// Fatal is closed when the store can no longer tell what the disk holds. The
// process must end with a status that makes its supervisor start it again.
func (db *DB) Fatal() <-chan struct{} { return db.fatal }

// Err returns why the store is closed to changes, or nil.
func (db *DB) Err() error {
	if p := db.broken.Load(); p != nil {
		return *p
	}
	return nil
}

// poison closes the store to changes for good.
func (db *DB) poison(err error) {
	db.broken.CompareAndSwap(nil, &err)
	db.fatalOnce.Do(func() {
		db.log.Error("the disk failed, no more changes are taken", "err", err)
		close(db.fatal)
	})
}

// Close waits for the commit under way and closes the database. It may be
// called again.
func (db *DB) Close() error {
	db.closeOnce.Do(func() { db.closeErr = db.closeAll() })
	return db.closeErr
}

func (db *DB) closeAll() error {
	if db.stop != nil {
		db.stop()
	}
	if db.writer != nil {
		db.writer.close()
	}
	db.work.Wait()
	errs := []error{db.search.close()}
	if db.readers != nil {
		errs = append(errs, db.readers.close())
	}
	if db.main != nil {
		errs = append(errs, db.main.Close())
	}
	if db.keys != nil {
		errs = append(errs, db.keys.db.Close())
	}
	if db.dec != nil {
		db.dec.Close()
	}
	return errors.Join(errs...)
}
