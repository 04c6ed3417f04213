-- Leases live in memory (leases.py): whoever opens the file knows that nobody holds any. What is due keeps its place.
UPDATE deliveries SET due_at_ms = next_attempt_at_ms WHERE due_at_ms IS NOT NULL AND leased_until_ms IS NOT NULL;
DROP INDEX canceled_under_way;
ALTER TABLE deliveries DROP COLUMN leased_until_ms;

-- How often the file was opened: a lease of an earlier time is never one of now.
CREATE TABLE openings (number INTEGER NOT NULL) STRICT;
INSERT INTO openings VALUES (0);

-- Indexes by numbers that grow: those by random ids, and that by time, cost each attempt more than all others together.
-- A moment is found by `attempts_of_team`, in which times grow too.
CREATE TABLE new_attempts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    team_id TEXT NOT NULL,
    delivery_seq INTEGER NOT NULL REFERENCES deliveries (seq),
    delivery_id TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
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
    error_class TEXT,
    connect_ms REAL,
    first_byte_ms REAL,
    next_attempt_at_ms INTEGER,
    request_headers TEXT NOT NULL,
    response_headers TEXT NOT NULL,
    response_body BLOB NOT NULL,
    UNIQUE (delivery_seq, number)
) STRICT;
INSERT INTO sqlite_sequence SELECT 'new_attempts', seq FROM sqlite_sequence WHERE name = 'attempts';
INSERT INTO new_attempts
SELECT a.seq, a.team_id, d.seq, delivery_id, d.event_seq, a.event_id, a.event_type, a.target, a.url, number,
    recorded_at_ms, started_at_ms, duration_ms, a.status, outcome, error, error_class, connect_ms, first_byte_ms,
    a.next_attempt_at_ms, request_headers, response_headers, response_body
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id ORDER BY a.seq;
DROP TABLE attempts;
ALTER TABLE new_attempts RENAME TO attempts;
CREATE INDEX attempts_of_team ON attempts (team_id, seq);
CREATE INDEX attempts_of_type ON attempts (team_id, event_type, seq);
CREATE INDEX attempts_of_outcome ON attempts (team_id, outcome, seq);
CREATE INDEX attempts_to_target ON attempts (team_id, target, seq);
CREATE INDEX attempts_to_url ON attempts (team_id, url, seq);
CREATE INDEX attempts_of_event ON attempts (event_seq, seq);
