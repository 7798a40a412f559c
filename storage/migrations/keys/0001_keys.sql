-- Keys stand apart from the content they open: a database file of its own
-- beside SQLite, the schema "keys" in PostgreSQL. Everything in here is
-- wrapped by a key derived from the installation's master key.

CREATE TABLE keys.settings (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Persons' and organisations' keys. An unused person's key is harmless and swept.
CREATE TABLE keys.keys (
  id      INTEGER NOT NULL PRIMARY KEY,
  kind    TEXT NOT NULL, -- person or org
  created INTEGER NOT NULL,
  wrapped BLOB NOT NULL
) STRICT;

-- The installation's own secrets; the newest of a name is in use, older ones still verify.
CREATE TABLE keys.secrets (
  id      INTEGER NOT NULL PRIMARY KEY,
  name    TEXT NOT NULL,
  created INTEGER NOT NULL,
  wrapped BLOB NOT NULL
) STRICT;
