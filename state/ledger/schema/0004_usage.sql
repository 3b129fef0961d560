-- Version 4: usage of what AWS Marketplace sells.

-- One row for each dimension and hour under one meter; AWS keeps one record for each.
CREATE TABLE usage_hours (
  seq                INTEGER PRIMARY KEY AUTOINCREMENT,
  subscription       TEXT    NOT NULL CHECK (subscription <> ''),
  meter              TEXT    NOT NULL CHECK (meter <> ''),  -- "l-…" or "product/buyer"
  product            TEXT    NOT NULL CHECK (product <> ''),
  licence            TEXT    NOT NULL,
  aws_account        TEXT    NOT NULL,
  customer           TEXT    NOT NULL,
  dimension          TEXT    NOT NULL CHECK (dimension <> ''),
  hour_ms            INTEGER NOT NULL CHECK (hour_ms % 3600000 = 0),
  state              TEXT    NOT NULL CHECK (state IN ('open', 'frozen', 'sent', 'duplicate', 'not_subscribed',
                                                       'refused', 'expired')),
  quantity           INTEGER NOT NULL CHECK (quantity BETWEEN 0 AND 2147483647),
  stamp_ms           INTEGER,
  frozen_ms          INTEGER,
  closes_ms          INTEGER,
  batch              TEXT    NOT NULL,
  settled_ms         INTEGER,
  metering_record_id TEXT    NOT NULL,
  detail             TEXT    NOT NULL,
  UNIQUE (meter, dimension, hour_ms),
  CONSTRAINT "one buyer" CHECK ((aws_account = '') <> (customer = '')),
  CONSTRAINT "a customer identifier and a licence" CHECK (customer = '' OR licence = ''),
  CONSTRAINT "frozen in part" CHECK (
    CASE state
      WHEN 'open' THEN frozen_ms IS NULL AND stamp_ms IS NULL AND closes_ms IS NULL AND batch = ''
      ELSE frozen_ms IS NOT NULL AND stamp_ms IS NOT NULL AND closes_ms IS NOT NULL AND batch <> ''
    END),
  CONSTRAINT "a time outside the hour" CHECK (stamp_ms >= hour_ms AND stamp_ms < hour_ms + 3600000),
  CONSTRAINT "AWS takes nothing after 24 hours" CHECK (closes_ms > hour_ms AND closes_ms <= hour_ms + 86400000),
  CONSTRAINT "settled and not" CHECK ((state IN ('open', 'frozen')) = (settled_ms IS NULL)),
  CONSTRAINT "a record of AWS that it did not take" CHECK (state = 'sent' OR metering_record_id = '')
) STRICT;
CREATE INDEX usage_hours_of_subscription ON usage_hours (subscription, hour_ms);
CREATE INDEX usage_hours_open ON usage_hours (subscription) WHERE state = 'open';
CREATE INDEX usage_hours_to_send ON usage_hours (batch) WHERE state = 'frozen';
CREATE INDEX usage_hours_closing ON usage_hours (closes_ms, hour_ms) WHERE state = 'frozen';

-- What the product reported. One that found no open hour has none.
CREATE TABLE usage_entries (
  seq          INTEGER PRIMARY KEY,
  account      TEXT    NOT NULL CHECK (account <> ''),
  key          TEXT    NOT NULL CHECK (key <> ''),
  subscription TEXT    NOT NULL CHECK (subscription <> ''),
  user         TEXT    NOT NULL,
  dimension    TEXT    NOT NULL CHECK (dimension <> ''),
  quantity     INTEGER NOT NULL CHECK (quantity BETWEEN 0 AND 2147483647),
  at_ms        INTEGER NOT NULL,
  received_ms  INTEGER NOT NULL,
  hour_seq     INTEGER REFERENCES usage_hours (seq),
  UNIQUE (account, key)
) STRICT;
CREATE INDEX usage_entries_of_hour ON usage_entries (hour_seq);
CREATE INDEX usage_entries_of_subscription ON usage_entries (subscription);
CREATE INDEX usage_entries_without_hour ON usage_entries (subscription) WHERE hour_seq IS NULL;
