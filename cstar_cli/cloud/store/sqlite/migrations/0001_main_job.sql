CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    team_id TEXT NOT NULL,
    type TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX events_of_team ON events (team_id, seq);
CREATE INDEX events_of_type ON events (team_id, type, seq);

-- The types a team has had: a filter of globs is resolved against these, so that lists can use plain equality.
CREATE TABLE event_types (
    team_id TEXT NOT NULL,
    type TEXT NOT NULL,
    PRIMARY KEY (team_id, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    team_id TEXT NOT NULL,
    patterns TEXT NOT NULL,
    forward_to TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    opened_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER
) STRICT;
CREATE INDEX open_sessions ON sessions (team_id) WHERE ended_at_ms IS NULL;

CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    team_id TEXT NOT NULL,
    event_seq INTEGER NOT NULL REFERENCES events (seq),
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    target TEXT NOT NULL,
    url TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt_count INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    next_attempt_at_ms INTEGER
) STRICT;
CREATE INDEX deliveries_of_team ON deliveries (team_id, seq);
CREATE INDEX deliveries_of_type ON deliveries (team_id, event_type, seq);
CREATE INDEX deliveries_of_status ON deliveries (team_id, status, seq);
CREATE INDEX deliveries_to_target ON deliveries (team_id, target, seq);
CREATE INDEX deliveries_to_url ON deliveries (team_id, url, seq);
CREATE INDEX deliveries_of_event ON deliveries (event_id, seq);
CREATE INDEX pending_deliveries ON deliveries (target, event_seq, id) WHERE status = 'pending';

-- What a tail shows and filters by is copied from the delivery: a tail needs no join. Large columns come last.
CREATE TABLE attempts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    team_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    target TEXT NOT NULL,
    url TEXT NOT NULL,
    number INTEGER NOT NULL,
    recorded_at_ms INTEGER NOT NULL, -- never less than that of the team's attempt before
    started_at_ms INTEGER NOT NULL,
    duration_ms REAL NOT NULL,
    status INTEGER,
    outcome TEXT NOT NULL,
    error TEXT,
    next_attempt_at_ms INTEGER,
    request_headers TEXT NOT NULL,
    response_headers TEXT NOT NULL,
    response_body BLOB NOT NULL,
    UNIQUE (delivery_id, number)
) STRICT;
CREATE INDEX attempts_of_team ON attempts (team_id, seq);
CREATE INDEX attempts_by_time ON attempts (team_id, recorded_at_ms, seq);
CREATE INDEX attempts_of_type ON attempts (team_id, event_type, seq);
CREATE INDEX attempts_of_outcome ON attempts (team_id, outcome, seq);
CREATE INDEX attempts_to_target ON attempts (team_id, target, seq);
CREATE INDEX attempts_to_url ON attempts (team_id, url, seq);
CREATE INDEX attempts_of_event ON attempts (event_id, seq);
