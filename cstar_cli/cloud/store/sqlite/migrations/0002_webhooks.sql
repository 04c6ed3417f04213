CREATE TABLE webhooks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    team_id TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    patterns TEXT NOT NULL,
    secret TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    previous_secret TEXT,
    previous_secret_until_ms INTEGER,
    disabled_reason TEXT,
    failing_since_ms INTEGER
) STRICT;
CREATE INDEX webhooks_of_team ON webhooks (team_id, seq);

-- Deliveries to webhooks. `next_attempt_at_ms` is what people see; by `due_at_ms` they are claimed, and it is set for
-- as long as one is pending. A claim moves it to the end of its lease. `lease` counts the claims, and the last one is
-- under way while `leased_until_ms` is set. `first_attempt` is the number that the schedule of retries counts from.
ALTER TABLE deliveries ADD COLUMN due_at_ms INTEGER;
ALTER TABLE deliveries ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN leased_until_ms INTEGER;
ALTER TABLE deliveries ADD COLUMN first_attempt INTEGER NOT NULL DEFAULT 1;
ALTER TABLE deliveries ADD COLUMN once INTEGER NOT NULL DEFAULT 0;
CREATE INDEX due_deliveries ON deliveries (target, due_at_ms) WHERE due_at_ms IS NOT NULL;
CREATE INDEX due_once ON deliveries (target, due_at_ms) WHERE due_at_ms IS NOT NULL AND once = 1;
CREATE INDEX canceled_under_way ON deliveries (seq) WHERE status = 'canceled' AND leased_until_ms IS NOT NULL;
CREATE INDEX failed_deliveries ON deliveries (target, created_at_ms) WHERE status = 'failed';

-- What is pending for a session goes in the order of its own making, which a resend of an old event is last in.
DROP INDEX pending_deliveries;
CREATE INDEX pending_deliveries ON deliveries (target, seq, id) WHERE status = 'pending' AND due_at_ms IS NULL;

-- By the number of the event: that also finds what refers to an event that is to be forgotten.
DROP INDEX deliveries_of_event;
CREATE INDEX deliveries_of_event ON deliveries (event_seq, seq);
CREATE INDEX events_by_age ON events (created_at_ms);

ALTER TABLE attempts ADD COLUMN error_class TEXT;
ALTER TABLE attempts ADD COLUMN connect_ms REAL;
ALTER TABLE attempts ADD COLUMN first_byte_ms REAL;

ALTER TABLE sessions ADD COLUMN away_since_ms INTEGER;
CREATE INDEX away_sessions ON sessions (away_since_ms) WHERE ended_at_ms IS NULL AND away_since_ms IS NOT NULL;
CREATE INDEX ended_sessions ON sessions (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

CREATE TABLE api_keys (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    team_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    read_only INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
) STRICT;
CREATE INDEX api_keys_of_team ON api_keys (team_id, seq) WHERE revoked_at_ms IS NULL;

-- How many requests a key has made in its window of now.
CREATE TABLE request_windows (
    key_id TEXT NOT NULL PRIMARY KEY,
    began_at_ms INTEGER NOT NULL,
    used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Requests with an `Idempotency-Key`: being done since `taken_at_ms`, then answered.
CREATE TABLE idempotent_requests (
    seq INTEGER PRIMARY KEY,
    team_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    seed TEXT NOT NULL,
    began_at_ms INTEGER NOT NULL,
    taken_at_ms INTEGER NOT NULL,
    status INTEGER,
    body BLOB,
    UNIQUE (team_id, key)
) STRICT;
CREATE INDEX idempotent_requests_by_age ON idempotent_requests (began_at_ms);
