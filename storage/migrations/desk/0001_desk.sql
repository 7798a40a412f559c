-- Written for SQLite; the migrator translates types for PostgreSQL. A line
-- that begins with "--sqlite " or "--postgres " is for that database alone.
--
-- Times are microseconds since 1970 UTC. Ids come from one counter for all
-- tables, are chosen before the row is written and never used twice, so that
-- what is sealed can be bound to them. "sealed", "meta", "dest" and "spec"
-- are ciphertext; "wrapped" is a content key under a person's or an
-- organisation's key; hashes are keyed.

CREATE TABLE settings (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE counters (
  name  TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;

INSERT INTO counters (name, value) VALUES ('ids', 100);
INSERT INTO counters (name, value) VALUES ('directory', 1);
INSERT INTO counters (name, value) VALUES ('changes', 0);

CREATE TABLE orgs (
  id      INTEGER NOT NULL PRIMARY KEY,
  name    TEXT NOT NULL,
  key_id  INTEGER NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE queues (
  id           INTEGER NOT NULL PRIMARY KEY,
  org          INTEGER NOT NULL REFERENCES orgs (id),
  name         TEXT NOT NULL,
  name_fold    TEXT NOT NULL,
  address      TEXT NOT NULL,
  address_fold TEXT NOT NULL,
  receives     TEXT NOT NULL,
  reply_domain TEXT NOT NULL,
  display_name TEXT NOT NULL,
  ack          INTEGER NOT NULL,
  reopen_days  INTEGER NOT NULL,
  attach_limit INTEGER NOT NULL,
  texts        TEXT NOT NULL,
  created      INTEGER NOT NULL,
  UNIQUE (org, name_fold),
  UNIQUE (address_fold)
) STRICT;

-- An agent who was removed keeps the row, because events name it, and loses
-- everything else.
CREATE TABLE agents (
  id           INTEGER NOT NULL PRIMARY KEY,
  org          INTEGER NOT NULL REFERENCES orgs (id),
  name_hash    BLOB,
  address_hash BLOB,
  role         TEXT NOT NULL,
  active       INTEGER NOT NULL,
  password     TEXT NOT NULL,
  sealed       BLOB,
  created      INTEGER NOT NULL,
  removed      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (org, name_hash),
  UNIQUE (org, address_hash)
) STRICT;

CREATE TABLE agent_queues (
  agent_id INTEGER NOT NULL REFERENCES agents (id),
  queue_id INTEGER NOT NULL REFERENCES queues (id),
  PRIMARY KEY (agent_id, queue_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX agent_queues_queue ON agent_queues (queue_id);

-- Sending domains an agent confirmed once.
CREATE TABLE agent_domains (
  agent_id INTEGER NOT NULL REFERENCES agents (id),
  hash     BLOB NOT NULL,
  sealed   BLOB NOT NULL,
  PRIMARY KEY (agent_id, hash)
) WITHOUT ROWID, STRICT;

-- A person's id is that of the key it was made with.
CREATE TABLE persons (
  id       INTEGER NOT NULL PRIMARY KEY,
  org      INTEGER NOT NULL,
  key_id   INTEGER NOT NULL,
  address  BLOB NOT NULL, -- the hash under which lookups has it
  language TEXT NOT NULL,
  created  INTEGER NOT NULL,
  sealed   BLOB NOT NULL
) STRICT;

CREATE TABLE tickets (
  id           INTEGER NOT NULL PRIMARY KEY,
  org          INTEGER NOT NULL,
  ref          TEXT NOT NULL,
  queue_id     INTEGER NOT NULL,
  state        TEXT NOT NULL,
  assignee_id  INTEGER NOT NULL,
  priority     TEXT NOT NULL,
  tags         TEXT NOT NULL, -- sorted, separated by a space
  language     TEXT NOT NULL,
  created      INTEGER NOT NULL,
  updated      INTEGER NOT NULL,
  resolved_at  INTEGER NOT NULL,
  snooze_until INTEGER NOT NULL,
  merged_into  INTEGER NOT NULL,
  linked_to    INTEGER NOT NULL,
  last_in      INTEGER NOT NULL,
  last_out     INTEGER NOT NULL,
  version      INTEGER NOT NULL,
  parties      BLOB NOT NULL, -- who takes part, by id; lookups leads from a person to tickets
  owner        INTEGER NOT NULL, -- the person whose key sealed it; 0: the organisation's
  sealed       BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX tickets_ref ON tickets (org, ref);
CREATE INDEX tickets_work ON tickets (queue_id, state, updated);
CREATE INDEX tickets_snoozed ON tickets (snooze_until) WHERE snooze_until > 0;

CREATE TABLE messages (
  id            INTEGER NOT NULL PRIMARY KEY,
  org           INTEGER NOT NULL,
  ticket_id     INTEGER REFERENCES tickets (id), -- null while it is held without a ticket
  content       INTEGER NOT NULL, -- names its chunks in bodies
  receipt       TEXT NOT NULL,
  direction     TEXT NOT NULL,
  kind          TEXT NOT NULL,
  received      INTEGER NOT NULL,
  size          INTEGER NOT NULL,
  proof         TEXT NOT NULL,
  author_agent  INTEGER NOT NULL,
  author_person INTEGER NOT NULL,
  unverified    INTEGER NOT NULL,
  version       INTEGER NOT NULL,
  owner         INTEGER NOT NULL, -- the person whose key wraps the content key; 0: the organisation's
  wrapped       BLOB NOT NULL,
  mid           BLOB, -- hashes under which lookups has it
  dedupe        BLOB,
  meta          BLOB NOT NULL
) STRICT;

CREATE INDEX messages_ticket ON messages (ticket_id);

-- Content keys wrapped for somebody else than the owner, such as the sender.
CREATE TABLE wraps (
  message_id INTEGER NOT NULL REFERENCES messages (id),
  person_id  INTEGER NOT NULL,
  wrapped    BLOB NOT NULL,
  PRIMARY KEY (message_id, person_id)
) WITHOUT ROWID, STRICT;

-- Raw bytes in sealed chunks. id = content * 4096 + number of the chunk: the
-- chunks of a message stand together, new ones at the end.
CREATE TABLE bodies (
  id   INTEGER NOT NULL PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;

-- Contents that are arriving and belong to no message yet.
CREATE TABLE stages (
  content INTEGER NOT NULL PRIMARY KEY,
  created INTEGER NOT NULL,
  touched INTEGER NOT NULL
) STRICT;

-- Keyed hash to row, for all that is looked up by what somebody wrote, and,
-- under the hash of a person's address, everything that is the person's:
-- tickets, messages, mails. The organisation and the sort of value are part of
-- what is hashed. no is 0 where one target only may have the hash, so that the
-- key keeps it unique. One table and few hashes a mail, because each random
-- page a commit writes costs more than all the rest of a row.
CREATE TABLE lookups (
  hash   BLOB NOT NULL,
  kind   INTEGER NOT NULL,
  no     INTEGER NOT NULL,
  target INTEGER NOT NULL,
  PRIMARY KEY (hash, kind, no)
) WITHOUT ROWID, STRICT;

CREATE TABLE events (
  ticket_id  INTEGER NOT NULL,
  id         INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  actor      TEXT NOT NULL,
  actor_id   INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  data       TEXT NOT NULL,
  PRIMARY KEY (ticket_id, id)
) WITHOUT ROWID, STRICT;

CREATE TABLE outbox (
  id         INTEGER NOT NULL PRIMARY KEY,
  org        INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  ticket_id  INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  queue_id   INTEGER NOT NULL,
  to_agent   INTEGER NOT NULL,
  to_person  INTEGER NOT NULL,
  owner      INTEGER NOT NULL, -- the person whose key sealed it; 0: the organisation's
  domain     INTEGER NOT NULL, -- keyed hash of the destination
  state      TEXT NOT NULL,
  created    INTEGER NOT NULL,
  next_at    INTEGER NOT NULL, -- when due; while leased, when the lease ends
  attempts   INTEGER NOT NULL,
  fence      INTEGER NOT NULL,
  worker     TEXT NOT NULL,
  noticed    INTEGER NOT NULL, -- the agents were told that it is late
  finished   INTEGER NOT NULL,
  status     TEXT NOT NULL, -- RFC 3463 code of the last answer
  dest       BLOB NOT NULL,
  spec       BLOB
) STRICT;

CREATE INDEX outbox_due ON outbox (next_at, domain) WHERE state IN ('queued', 'leased');

CREATE TABLE jobs (
  id         INTEGER NOT NULL PRIMARY KEY,
  kind       TEXT NOT NULL,
  ticket_id  INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  run_at     INTEGER NOT NULL, -- when due; while leased, when the lease ends
  attempts   INTEGER NOT NULL,
  fence      INTEGER NOT NULL,
  worker     TEXT NOT NULL,
  owner      INTEGER NOT NULL,
  sealed     BLOB
) STRICT;

CREATE INDEX jobs_due ON jobs (run_at);

CREATE TABLE held (
  id         INTEGER NOT NULL PRIMARY KEY, -- random, chosen by the decision
  org        INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  agent_id   INTEGER NOT NULL,
  ticket_id  INTEGER NOT NULL,
  message_id INTEGER NOT NULL,
  state      TEXT NOT NULL
) STRICT;

CREATE INDEX held_state ON held (org, state, id);

-- The change log: what mailboxes and the search index are built from. seq
-- grows in commit order. SQLite's one writer gives it at once; PostgreSQL
-- gives it to committed rows under a lock before anybody reads them.
--sqlite CREATE TABLE changes (
--sqlite   seq        INTEGER NOT NULL PRIMARY KEY,
--postgres CREATE TABLE changes (
--postgres   id         BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
--postgres   seq        BIGINT UNIQUE,
  org        INTEGER NOT NULL,
  ticket_id  INTEGER NOT NULL,
  message_id INTEGER NOT NULL
--sqlite ) STRICT;
--postgres );
--postgres CREATE INDEX changes_new ON changes (id) WHERE seq IS NULL;

-- Keyed hashes of people erased here, applied again after a restore.
CREATE TABLE erasures (
  hash BLOB NOT NULL PRIMARY KEY,
  org  INTEGER NOT NULL,
  at   INTEGER NOT NULL,
  ends INTEGER NOT NULL
) STRICT;
