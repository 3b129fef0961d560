-- Version 1. Times are UTC milliseconds since 1970 (…_ms). The CHECKs repeat what the headers of state/ promise.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Tells this ledger's idempotency keys from another's with the same provider account.
INSERT INTO meta (key, value) VALUES ('instance', lower(hex(randomblob(8))));
-- Written by the check that a commit would work.
INSERT INTO meta (key, value) VALUES ('writable', '0');

CREATE TABLE events (
  seq          INTEGER PRIMARY KEY,
  provider     TEXT    NOT NULL CHECK (provider IN ('stripe')),
  id           TEXT    NOT NULL CHECK (id <> ''),
  type         TEXT    NOT NULL,
  created_ms   INTEGER NOT NULL,
  received_ms  INTEGER NOT NULL,
  livemode     INTEGER NOT NULL CHECK (livemode IN (0, 1)),
  object       TEXT    NOT NULL,
  subscription TEXT    NOT NULL,
  outcome      TEXT    NOT NULL CHECK (outcome IN ('waiting', 'applied', 'no_change', 'kept', 'unreadable')),
  detail       TEXT    NOT NULL,
  applied_ms   INTEGER,
  CHECK (outcome <> 'waiting' OR applied_ms IS NULL),
  UNIQUE (provider, id)
) STRICT;
CREATE INDEX events_newest ON events (provider, created_ms);
CREATE INDEX events_of_subscription ON events (subscription) WHERE subscription <> '';

-- Apart from events, so that filing an event does not rewrite its body, and lists do not read bodies.
CREATE TABLE event_bodies (
  seq  INTEGER PRIMARY KEY,
  body BLOB    NOT NULL
) STRICT;

CREATE TABLE jobs (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
  kind            TEXT    NOT NULL CHECK (kind IN ('apply', 'charge', 'take_over', 'cancel', 'refetch', 'fetch_event',
                                                   'catch_up', 'access_check', 'period_check', 'mail', 'notify',
                                                   'alert')),
  key             TEXT    NOT NULL,  -- empty: no limit on how many
  subject         TEXT    NOT NULL,
  created_ms      INTEGER NOT NULL,
  due_ms          INTEGER NOT NULL,
  state           TEXT    NOT NULL CHECK (state IN ('ready', 'dead')),
  tries           INTEGER NOT NULL CHECK (tries >= 0),
  first_failed_ms INTEGER,
  last_error      TEXT    NOT NULL,
  event_seq       INTEGER REFERENCES events (seq),
  payload         TEXT    NOT NULL,
  CHECK ((kind = 'apply') = (event_seq IS NOT NULL)),
  CHECK ((tries = 0) = (first_failed_ms IS NULL))
) STRICT;
-- Each job is in one of the two: the feeder never steps over dead ones.
CREATE INDEX jobs_ready ON jobs (due_ms) WHERE state = 'ready';
CREATE INDEX jobs_dead ON jobs (due_ms) WHERE state = 'dead';
CREATE UNIQUE INDEX jobs_by_key ON jobs (key) WHERE key <> '';
CREATE INDEX jobs_by_subject ON jobs (subject) WHERE subject <> '';

CREATE TABLE subscriptions (
  id                      TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
  provider                TEXT    NOT NULL CHECK (provider IN ('stripe')),
  account                 TEXT    NOT NULL,
  version                 INTEGER NOT NULL CHECK (version >= 1),
  status                  TEXT    NOT NULL CHECK (status IN ('pending', 'trialing', 'active', 'past_due', 'paused',
                                                             'canceled')),
  access                  TEXT    NOT NULL CHECK (access IN ('granted', 'revoked')),
  plan                    TEXT    NOT NULL,
  period_end_ms           INTEGER,
  paid_until_ms           INTEGER,
  cancel_at_ms            INTEGER,
  access_until_ms         INTEGER,
  dirty                   INTEGER NOT NULL CHECK (dirty IN (0, 1)),
  updated_ms              INTEGER NOT NULL,
  recovery_state          TEXT    NOT NULL CHECK (recovery_state IN ('none', 'following', 'taking_over', 'waiting',
                                                  'awaiting_method', 'charging', 'ending', 'exhausted')),
  recovery_invoice        TEXT    NOT NULL,
  recovery_policy         TEXT    NOT NULL,
  recovery_policy_version INTEGER NOT NULL CHECK (recovery_policy_version >= 0),
  recovery_opened_ms      INTEGER NOT NULL,
  next_attempt_ms         INTEGER,
  recovery_next_step      INTEGER NOT NULL CHECK (recovery_next_step >= -1),
  method_seen             TEXT    NOT NULL,
  open_attempt            TEXT    NOT NULL,
  failure_seen            TEXT    NOT NULL,
  facts                   TEXT    NOT NULL,
  CONSTRAINT "I5: access without an end" CHECK (status NOT IN ('past_due', 'canceled') OR access = 'revoked' OR
                                                access_until_ms IS NOT NULL),
  CONSTRAINT "R23: pending and paused have no access" CHECK (status NOT IN ('pending', 'paused') OR
                                                             access = 'revoked'),
  CONSTRAINT "a waiting recovery has a next attempt, others have none" CHECK (
    CASE recovery_state
      WHEN 'waiting' THEN next_attempt_ms IS NOT NULL
      WHEN 'taking_over' THEN TRUE
      WHEN 'following' THEN TRUE
      ELSE next_attempt_ms IS NULL
    END)
) STRICT;
CREATE INDEX subscriptions_of_account ON subscriptions (account, id);
CREATE INDEX subscriptions_by_status ON subscriptions (status, id);

CREATE TABLE attempts (
  seq                 INTEGER PRIMARY KEY,
  key                 TEXT    NOT NULL UNIQUE CHECK (key <> ''),
  job                 INTEGER NOT NULL,
  subscription        TEXT    NOT NULL CHECK (subscription <> ''),
  invoice             TEXT    NOT NULL,
  kind                TEXT    NOT NULL CHECK (kind IN ('automatic', 'staff', 'new_method')),
  state               TEXT    NOT NULL CHECK (state IN ('sending', 'processing', 'succeeded', 'declined', 'refused',
                                                        'unknown')),
  step                INTEGER NOT NULL CHECK (step >= -1),
  parameters          TEXT    NOT NULL,
  by                  TEXT    NOT NULL,
  reason              TEXT    NOT NULL,
  first_sent_ms       INTEGER NOT NULL,
  finished_ms         INTEGER,
  ask_first           INTEGER NOT NULL CHECK (ask_first IN (0, 1)),
  decline_code        TEXT    NOT NULL,
  advice_code         TEXT    NOT NULL,
  network_advice_code TEXT    NOT NULL,
  payment_method      TEXT    NOT NULL,
  detail              TEXT    NOT NULL,
  CONSTRAINT "open and finished at once" CHECK ((state IN ('sending', 'processing')) = (finished_ms IS NULL))
) STRICT;
CREATE INDEX attempts_of_subscription ON attempts (subscription);
CREATE INDEX attempts_of_job ON attempts (job);
-- The lease of a charge: one at a time.
CREATE UNIQUE INDEX attempts_open ON attempts (subscription) WHERE finished_ms IS NULL;

CREATE TABLE timeline (
  seq          INTEGER PRIMARY KEY,
  subscription TEXT    NOT NULL CHECK (subscription <> ''),
  at_ms        INTEGER NOT NULL,
  kind         TEXT    NOT NULL CHECK (kind <> ''),
  status_from  TEXT    CHECK (status_from IN ('pending', 'trialing', 'active', 'past_due', 'paused', 'canceled')),
  status_to    TEXT    CHECK (status_to IN ('pending', 'trialing', 'active', 'past_due', 'paused', 'canceled')),
  access_from  TEXT    CHECK (access_from IN ('granted', 'revoked')),
  access_to    TEXT    CHECK (access_to IN ('granted', 'revoked')),
  row          TEXT    NOT NULL,
  rule         TEXT    NOT NULL,
  policy       TEXT    NOT NULL,
  event        TEXT    NOT NULL,
  by           TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  next         TEXT    NOT NULL,
  CONSTRAINT "half a change of status" CHECK ((status_from IS NULL) = (status_to IS NULL)),
  CONSTRAINT "half a change of access" CHECK ((access_from IS NULL) = (access_to IS NULL))
) STRICT;
CREATE INDEX timeline_of_subscription ON timeline (subscription, at_ms);

CREATE TABLE aliases (
  alias   TEXT NOT NULL CHECK (alias <> ''),
  account TEXT NOT NULL CHECK (account <> ''),
  PRIMARY KEY (alias, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_of_account ON aliases (account);

CREATE TABLE payments (
  payment_intent TEXT NOT NULL PRIMARY KEY CHECK (payment_intent <> ''),
  invoice        TEXT NOT NULL CHECK (invoice <> '')
) STRICT, WITHOUT ROWID;

CREATE TABLE invoices (
  invoice      TEXT NOT NULL PRIMARY KEY CHECK (invoice <> ''),
  subscription TEXT NOT NULL CHECK (subscription <> '')
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  seq       INTEGER PRIMARY KEY,
  key       TEXT    NOT NULL CHECK (key <> ''),
  kind      TEXT    NOT NULL CHECK (kind <> ''),
  subject   TEXT    NOT NULL,
  detail    TEXT    NOT NULL,
  raised_ms INTEGER NOT NULL,
  settled   INTEGER NOT NULL CHECK (settled IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX alerts_open ON alerts (key) WHERE settled = 0;

CREATE TABLE replies (
  key          TEXT    NOT NULL PRIMARY KEY CHECK (key <> ''),
  request_hash TEXT    NOT NULL,
  status       INTEGER NOT NULL,
  body         TEXT    NOT NULL,
  at_ms        INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
  id         TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
  hash       TEXT    NOT NULL UNIQUE CHECK (hash <> ''),
  role       TEXT    NOT NULL CHECK (role IN ('product', 'viewer', 'support', 'admin')),
  name       TEXT    NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER,
  revoked_ms INTEGER
) STRICT;

CREATE TABLE policies (
  version INTEGER PRIMARY KEY,
  text    TEXT    NOT NULL
) STRICT;
