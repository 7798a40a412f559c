package house

// room is a folder at the top or in internal, with all folders in it.
type room struct {
	purpose string   // one sentence; two purposes are two rooms
	own     []string // the rooms it may import; "internal" is every room there
	others  []string // the modules it may import (or one package of them)
}

// rooms is the whole house. A room that is not here fails the test; so does an
// import that is not here. Tests may import what they like, but cmd.
var rooms = map[string]room{
	"cmd": {
		purpose: "the command line, and the one place where the parts are wired together",
		own:     []string{"smtpd", "imapd", "threading", "tickets", "consent", "privacy", "storage", "internal"},
		others:  []string{"*"},
	},
	"smtpd": {
		purpose: "the SMTP doors: speaks the protocol, applies limits, hands an envelope and bytes to an Intake",
		own:     []string{"tickets", "internal"},
		others:  []string{"github.com/emersion/go-smtp", "github.com/emersion/go-sasl", "golang.org/x/net/idna", "golang.org/x/text"},
	},
	"imapd": {
		purpose: "the IMAP door: shows tickets as messages in mailboxes, turns moves and flags into ticket actions",
		own:     []string{"tickets", "internal"},
		others:  []string{"github.com/emersion/go-imap/v2", "github.com/emersion/go-sasl", "golang.org/x/text"},
	},
	"tickets": {
		purpose: "the desk itself: tickets, messages, people, agents, queues, rules of state, commands, events",
		own:     []string{"threading"},
	},
	"threading": {
		purpose: "which ticket a mail belongs to, and why",
	},
	"consent": {
		purpose: "the ledger of who agreed to which wording for which purpose, and the withdrawal",
	},
	"privacy": {
		purpose: "the privacy desk: requests, clocks, export archives, erasure, retention, breach, record of processing",
		own:     []string{"tickets", "consent"},
	},
	"storage": {
		purpose: "the stores behind the domain's interfaces, on SQLite and PostgreSQL: migrations, sealing, search index",
		own:     []string{"tickets", "threading", "consent", "privacy"},
		others: []string{"github.com/jmoiron/sqlx", "github.com/mattn/go-sqlite3", "github.com/jackc/pgx/v5",
			"github.com/klauspost/compress", "golang.org/x/crypto", "golang.org/x/sync", "golang.org/x/sys", "golang.org/x/text"},
	},

	"internal/bench": {
		purpose: "how fast it is, beside Postfix and a bare SMTP server",
		own:     []string{"smtpd", "imapd", "threading", "tickets", "consent", "privacy", "storage", "internal"},
		others:  []string{"github.com/emersion/go-smtp"},
	},
	"internal/config": {
		purpose: "one typed configuration, read once, unknown keys refused with the line",
		others:  []string{"github.com/pelletier/go-toml/v2"},
	},
	"internal/demo": {
		purpose: "the outside world of the demo: customers and agents who write real mail, and their servers",
		own:     []string{"tickets", "internal"},
		others:  []string{"github.com/emersion/go-smtp", "github.com/emersion/go-sasl", "github.com/emersion/go-message"},
	},
	"internal/e2e": {
		purpose: "tests of the whole, through the binary and real mail clients",
		own:     []string{"tickets", "internal"},
		others:  []string{"github.com/emersion/go-smtp"},
	},
	"internal/fetch": {
		purpose: "draws mail from existing IMAP mailboxes into the same intake",
		own:     []string{"tickets", "internal"},
		others:  []string{"github.com/emersion/go-imap/v2"},
	},
	"internal/house": {
		purpose: "the order of the project: rooms, import rules, checkers",
	},
	"internal/intake": {
		purpose: "what happens to a mail, in one function that can be read from top to bottom",
		own:     []string{"tickets", "threading", "consent", "privacy", "internal"},
	},
	"internal/jobs": {
		purpose: "the many-fold and slow work that follows from a change, as leased rows",
		own:     []string{"tickets", "internal"},
	},
	"internal/mailtext": {
		purpose: "the words of the mails Postroom writes itself, in each language",
		own:     []string{"tickets", "privacy", "internal/message"},
		others:  []string{"golang.org/x/text"},
	},
	"internal/message": {
		purpose: "MIME in and out: headers, bodies, attachments, reply text, HTML to text, automatic replies and bounces",
		others: []string{"github.com/emersion/go-message", "golang.org/x/text", "golang.org/x/net/html",
			"golang.org/x/net/idna", "github.com/microcosm-cc/bluemonday"},
	},
	"internal/outbound": {
		purpose: "the outbox: compose, sign, hand to the relay or the MX, retry, report",
		own:     []string{"tickets", "threading", "internal"},
		others: []string{"github.com/emersion/go-smtp", "github.com/emersion/go-sasl", "github.com/emersion/go-msgauth",
			"golang.org/x/net/idna", "golang.org/x/sync"},
	},
	"internal/pace": {
		purpose: "lets work that can wait go slowly while the doors are busy",
	},
	"internal/password": {
		purpose: "hashes and checks agents' passwords, at an even pace",
		others:  []string{"golang.org/x/crypto/argon2"},
	},
	"internal/privacydesk": {
		purpose: "carries out what privacy requests ask for: archives, erasures, clocks, masking of MIME",
		own:     []string{"tickets", "threading", "consent", "privacy", "internal"},
		others:  []string{"golang.org/x/net/idna", "golang.org/x/text"},
	},
	"internal/queue": {
		purpose: "wake-ups for workers and nodes, on Redis or in process",
		own:     []string{"internal/redisconn"},
		others:  []string{"github.com/redis/go-redis/v9"},
	},
	"internal/ratelimit": {
		purpose: "how often something may happen, counted on Redis or in process",
		own:     []string{"internal/redisconn"},
		others:  []string{"github.com/redis/go-redis/v9"},
	},
	"internal/redisconn": {
		purpose: "connections to Redis, opened in one way",
		others:  []string{"github.com/redis/go-redis/v9"},
	},
	"internal/resolver": {
		purpose: "asks the DNS in one bounded place",
		others:  []string{"github.com/miekg/dns", "golang.org/x/net/idna", "golang.org/x/sync"},
	},
	"internal/senderauth": {
		purpose: "what a mail proves about its sender: SPF, DKIM, DMARC, ARC",
		own:     []string{"internal/resolver"},
		others: []string{"blitiri.com.ar/go/spf", "github.com/emersion/go-msgauth", "github.com/miekg/dns",
			"golang.org/x/net/idna", "golang.org/x/net/publicsuffix", "golang.org/x/text"},
	},
	"internal/spam": {
		purpose: "how likely a mail is junk, and why",
		own:     []string{"tickets", "internal/message", "internal/resolver", "internal/senderauth"},
	},
	"internal/testenv": {
		purpose: "real servers for tests",
		others:  []string{"github.com/jackc/pgx/v5", "github.com/redis/go-redis/v9"},
	},
	"internal/tlspolicy": {
		purpose: "how well a connection to another domain's mail server must be protected",
		own:     []string{"internal/resolver"},
		others:  []string{"github.com/miekg/dns"},
	},
}

// pure rooms know no SQL, no socket, no process and no log.
var pure = []string{"tickets", "threading", "consent", "privacy"}

var notPure = []string{"database/sql", "net", "net/http", "net/smtp", "net/rpc", "os", "os/exec", "syscall", "log", "log/slog"}

// cgo are the only files of ours with C behind them.
var cgo = []string{"storage/gather_linux.go"} // a layer of SQLite's file system, which is C itself

// forTests are the rooms that nothing but tests, and they themselves, import.
var forTests = []string{"internal/testenv", "internal/e2e", "internal/bench", "internal/house"}

// topLevel are the folders a newcomer sees.
var topLevel = []string{"cmd", "smtpd", "imapd", "threading", "tickets", "consent", "privacy", "storage",
	"internal", "docs", "testdata", "packaging"}

// emptyNames say nothing about a package.
var emptyNames = []string{"util", "utils", "core", "models", "common", "helpers", "misc", "shared", "base"}
