-- Jobs of two more kinds: retention and erase. The table is made anew, because its list of words grows; its rows are
-- copied as they are.
CREATE TABLE jobs_new (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
  kind            TEXT    NOT NULL CHECK (kind IN ('apply', 'charge', 'take_over', 'cancel', 'refetch', 'fetch_event',
                                                   'catch_up', 'access_check', 'period_check', 'mail', 'notify',
                                                   'alert', 'retention', 'erase')),
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
CREATE INDEX jobs_ready_outside ON jobs (due_ms) WHERE state = 'ready' AND kind NOT IN ('apply', 'access_check');
CREATE INDEX jobs_dead ON jobs (due_ms) WHERE state = 'dead';
CREATE UNIQUE INDEX jobs_by_key ON jobs (key) WHERE key <> '';
CREATE INDEX jobs_by_subject ON jobs (subject) WHERE subject <> '';
