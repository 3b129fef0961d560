-- Version 3: AWS Marketplace. Three tables are made anew, because their lists of words grow; their rows are copied as
-- they are. Bodies of events stay where they lie.

CREATE TABLE events_new (
  seq          INTEGER PRIMARY KEY,
  provider     TEXT    NOT NULL CHECK (provider IN ('stripe', 'aws_marketplace')),
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
INSERT INTO events_new (seq, provider, id, type, created_ms, received_ms, livemode, object, subscription, outcome,
                        detail, applied_ms)
  SELECT seq, provider, id, type, created_ms, received_ms, livemode, object, subscription, outcome, detail, applied_ms
  FROM events;
DROP TABLE events;
ALTER TABLE events_new RENAME TO events;
CREATE INDEX events_newest ON events (provider, created_ms);
CREATE INDEX events_of_subscription ON events (subscription) WHERE subscription <> '';

CREATE TABLE jobs_new (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
  kind            TEXT    NOT NULL CHECK (kind IN ('apply', 'charge', 'take_over', 'cancel', 'refetch', 'fetch_event',
                                                   'catch_up', 'access_check', 'period_check', 'mail', 'notify',
                                                   'alert', 'entitlements', 'entitlement_sweep', 'confirm_topic',
                                                   'freeze_usage', 'meter', 'retention', 'erase')),
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
INSERT INTO jobs_new (id, kind, key, subject, created_ms, due_ms, state, tries, first_failed_ms, last_error, event_seq,
                      payload)
  SELECT id, kind, key, subject, created_ms, due_ms, state, tries, first_failed_ms, last_error, event_seq, payload
  FROM jobs;
-- The ids of jobs that are done are not used again either: charges are keyed by them.
DELETE FROM sqlite_sequence WHERE name = 'jobs_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'jobs_new', seq FROM sqlite_sequence WHERE name = 'jobs';
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
-- Each job is in one of the three: the feeder never steps over dead ones, nor over those of the other lane.
CREATE INDEX jobs_ready_apply ON jobs (due_ms) WHERE state = 'ready' AND kind IN ('apply', 'access_check');
CREATE INDEX jobs_ready_messages ON jobs (due_ms) WHERE state = 'ready' AND kind IN ('mail', 'notify', 'alert');
CREATE INDEX jobs_ready_outside ON jobs (due_ms)
  WHERE state = 'ready' AND kind NOT IN ('apply', 'access_check', 'mail', 'notify', 'alert');
CREATE INDEX jobs_dead ON jobs (due_ms) WHERE state = 'dead';
CREATE UNIQUE INDEX jobs_by_key ON jobs (key) WHERE key <> '';
CREATE INDEX jobs_by_subject ON jobs (subject) WHERE subject <> '';

CREATE TABLE subscriptions_new (
  id                      TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
  provider                TEXT    NOT NULL CHECK (provider IN ('stripe', 'aws_marketplace')),
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
  CONSTRAINT "R23: active and trialing have access" CHECK (provider <> 'stripe' OR access = 'granted' OR
                                                           status NOT IN ('active', 'trialing')),
  CONSTRAINT "a waiting recovery has a next attempt, others have none" CHECK (
    CASE recovery_state
      WHEN 'waiting' THEN next_attempt_ms IS NOT NULL
      WHEN 'taking_over' THEN TRUE
      WHEN 'following' THEN TRUE
      ELSE next_attempt_ms IS NULL
    END),
  CONSTRAINT "R21: what the marketplace collects is never recovered here" CHECK (provider <> 'aws_marketplace' OR
                                                                                 recovery_state = 'none')
) STRICT;
INSERT INTO subscriptions_new (
    id, provider, account, version, status, access, plan, period_end_ms, paid_until_ms, cancel_at_ms, access_until_ms,
    dirty, updated_ms, recovery_state, recovery_invoice, recovery_policy, recovery_policy_version, recovery_opened_ms,
    next_attempt_ms, recovery_next_step, method_seen, open_attempt, failure_seen, facts)
  SELECT
    id, provider, account, version, status, access, plan, period_end_ms, paid_until_ms, cancel_at_ms, access_until_ms,
    dirty, updated_ms, recovery_state, recovery_invoice, recovery_policy, recovery_policy_version, recovery_opened_ms,
    next_attempt_ms, recovery_next_step, method_seen, open_attempt, failure_seen, facts
  FROM subscriptions;
DROP TABLE subscriptions;
ALTER TABLE subscriptions_new RENAME TO subscriptions;
CREATE INDEX subscriptions_of_account ON subscriptions (account, id);
CREATE INDEX subscriptions_by_status ON subscriptions (status, id);
CREATE INDEX subscriptions_of_marketplace ON subscriptions (id) WHERE provider = 'aws_marketplace';

-- Every id that was ever linked to a subscription of the marketplace. One that binds belongs to one subscription
-- alone; one that does not (a product and an AWS account with several licences) may belong to many.
CREATE TABLE market_links (
  key          TEXT    NOT NULL CHECK (key <> ''),
  subscription TEXT    NOT NULL CHECK (subscription <> ''),
  binds        INTEGER NOT NULL CHECK (binds IN (0, 1)),
  PRIMARY KEY (key, subscription)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX market_links_that_bind ON market_links (key) WHERE binds = 1;
CREATE INDEX market_links_of_subscription ON market_links (subscription);

-- The ids carried by events that wait for their registration.
CREATE TABLE orphan_keys (
  key       TEXT    NOT NULL CHECK (key <> ''),
  event_seq INTEGER NOT NULL REFERENCES events (seq),
  PRIMARY KEY (key, event_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX orphan_keys_of_event ON orphan_keys (event_seq);

-- The one-time codes by which the product ties a registration to an account of its own.
CREATE TABLE registrations (
  code_hash  TEXT    NOT NULL PRIMARY KEY CHECK (code_hash <> ''),  -- SHA-256 in hex; the code itself is kept nowhere
  event      TEXT    NOT NULL CHECK (event <> ''),                  -- the id of the registration's event
  account    TEXT    NOT NULL CHECK (account <> ''),                -- the buyer's, as the provider calls it
  created_ms INTEGER NOT NULL,
  claimed_by TEXT    NOT NULL,                                      -- the product's account; empty: not claimed yet
  claimed_ms INTEGER,
  CONSTRAINT "half a claim" CHECK ((claimed_by = '') = (claimed_ms IS NULL))
) STRICT;
