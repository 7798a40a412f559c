-- The privacy desk: requests of data subjects, consents, what is restricted
-- (Article 18 GDPR) or kept because a law obliges to (Article 17(3)).
--
-- An owner below 0 is the id, negated, of a key that is no person's: of a
-- request, or of something frozen. subject is the hash of an address under
-- which lookups has it.

ALTER TABLE tickets ADD COLUMN restricted INTEGER NOT NULL DEFAULT 0; -- the request that asked for it
ALTER TABLE tickets ADD COLUMN frozen INTEGER NOT NULL DEFAULT 0; -- kept until then, then erased
ALTER TABLE messages ADD COLUMN restricted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN frozen INTEGER NOT NULL DEFAULT 0;

CREATE INDEX messages_frozen ON messages (frozen) WHERE frozen > 0;
CREATE INDEX tickets_merged ON tickets (merged_into) WHERE merged_into > 0;
CREATE INDEX held_ticket ON held (ticket_id);

ALTER TABLE outbox ADD COLUMN request_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN purpose TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN template TEXT NOT NULL DEFAULT ''; -- stays when spec goes
ALTER TABLE outbox ADD COLUMN artifact INTEGER NOT NULL DEFAULT 0;

-- All mails about a ticket: an erasure has to find them.
CREATE INDEX outbox_ticket ON outbox (ticket_id) WHERE ticket_id > 0;
CREATE INDEX outbox_request ON outbox (request_id) WHERE request_id > 0;

-- One right exercised by one person. The columns before key_id are all that is
-- left when the key is destroyed, and go at ends.
CREATE TABLE privacy_requests (
  id          INTEGER NOT NULL PRIMARY KEY,
  org         INTEGER NOT NULL,
  ref         TEXT NOT NULL,
  legal_right TEXT NOT NULL,
  state       TEXT NOT NULL,
  ticket_id   INTEGER NOT NULL,
  subject     BLOB NOT NULL,
  channel     TEXT NOT NULL,
  received    INTEGER NOT NULL,
  due         INTEGER NOT NULL,
  internal    INTEGER NOT NULL,
  extended    INTEGER NOT NULL,
  held        INTEGER NOT NULL,
  after_id    INTEGER NOT NULL,
  next_at     INTEGER NOT NULL,
  finished    INTEGER NOT NULL,
  ends        INTEGER NOT NULL,
  record      TEXT NOT NULL,
  version     INTEGER NOT NULL,
  key_id      INTEGER NOT NULL,
  sealed      BLOB
) STRICT;

CREATE UNIQUE INDEX privacy_requests_ref ON privacy_requests (org, ref);
CREATE INDEX privacy_requests_due ON privacy_requests (next_at) WHERE next_at > 0;
CREATE INDEX privacy_requests_ticket ON privacy_requests (ticket_id);
CREATE INDEX privacy_requests_subject ON privacy_requests (subject);

CREATE TABLE privacy_tokens (
  id         INTEGER NOT NULL PRIMARY KEY,
  hash       BLOB NOT NULL UNIQUE,
  kind       TEXT NOT NULL,
  request_id INTEGER NOT NULL,
  consent_id INTEGER NOT NULL,
  scope      BLOB,
  subject    BLOB NOT NULL,
  made       INTEGER NOT NULL,
  expires    INTEGER NOT NULL,
  used       INTEGER NOT NULL,
  owner      INTEGER NOT NULL,
  sealed     BLOB
) STRICT;

CREATE INDEX privacy_tokens_subject ON privacy_tokens (subject, made);
CREATE INDEX privacy_tokens_request ON privacy_tokens (request_id);

-- What happened to a request. Rows are only ever added.
CREATE TABLE privacy_events (
  id         INTEGER NOT NULL PRIMARY KEY,
  request_id INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  edge       TEXT NOT NULL,
  mark       TEXT NOT NULL,
  actor      TEXT NOT NULL,
  actor_id   INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  evidence   BLOB,
  data       TEXT NOT NULL,
  UNIQUE (request_id, edge, mark)
) STRICT;

-- Steps of an erasure that are done, with what they did.
CREATE TABLE privacy_steps (
  request_id INTEGER NOT NULL,
  step       TEXT NOT NULL,
  at         INTEGER NOT NULL,
  counts     TEXT NOT NULL,
  PRIMARY KEY (request_id, step)
) WITHOUT ROWID, STRICT;

-- What an erasure has to find again after it began: people whose rows are gone
-- but whose keys are still needed, and what it took in hand.
CREATE TABLE privacy_work (
  request_id INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  target     INTEGER NOT NULL,
  owner      INTEGER NOT NULL,
  sealed     BLOB,
  PRIMARY KEY (request_id, kind, target)
) WITHOUT ROWID, STRICT;

-- Content kept because a law obliges to, each ticket under a key of its own.
CREATE TABLE privacy_frozen (
  ticket_id  INTEGER NOT NULL,
  key_id     INTEGER NOT NULL,
  request_id INTEGER NOT NULL,
  until      INTEGER NOT NULL,
  ground     TEXT NOT NULL,
  law        TEXT NOT NULL,
  PRIMARY KEY (ticket_id, key_id)
) WITHOUT ROWID, STRICT;

-- Parts of an archive. Their bytes are in bodies, under a content key that
-- stands in sealed.
CREATE TABLE artifacts (
  request_id INTEGER NOT NULL,
  no         INTEGER NOT NULL,
  content    INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  made       INTEGER NOT NULL,
  sealed     BLOB NOT NULL,
  PRIMARY KEY (request_id, no)
) WITHOUT ROWID, STRICT;

-- The ledger of consents. Rows are only ever added; an erasure blinds them.
CREATE TABLE consents (
  id           INTEGER NOT NULL PRIMARY KEY,
  org          INTEGER NOT NULL,
  subject      BLOB NOT NULL,
  purpose      TEXT NOT NULL,
  act          TEXT NOT NULL,
  version      TEXT NOT NULL,
  wording_hash BLOB,
  language     TEXT NOT NULL,
  channel      TEXT NOT NULL,
  receipt      TEXT NOT NULL,
  lacks        TEXT NOT NULL,
  at           INTEGER NOT NULL,
  ends         INTEGER NOT NULL,
  kept_until   INTEGER NOT NULL DEFAULT 0, -- after an erasure: when the last of it goes
  owner        INTEGER NOT NULL,
  sealed       BLOB
) STRICT;

CREATE INDEX consents_subject ON consents (subject, at);
CREATE INDEX consents_kept ON consents (kept_until) WHERE kept_until > 0;

-- Salted hashes of what somebody besides the mailbox can prove himself with.
CREATE TABLE factors (
  subject BLOB NOT NULL PRIMARY KEY,
  org     INTEGER NOT NULL,
  id      INTEGER NOT NULL,
  owner   INTEGER NOT NULL,
  sealed  BLOB NOT NULL
) STRICT;

CREATE INDEX erasures_ends ON erasures (ends);
