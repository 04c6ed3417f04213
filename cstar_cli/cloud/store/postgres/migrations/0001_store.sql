-- Times are integer milliseconds by the database's clock; whoever asks for the time asks here.
CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE
AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- No foreign keys: each row of the hot tables would cost a look-up and a lock, and only `forget` removes any.
CREATE TABLE events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    team_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    created_at_ms bigint NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX events_of_team ON events (team_id, seq);
CREATE INDEX events_of_type ON events (team_id, type, seq);
CREATE INDEX events_by_age ON events (created_at_ms);

-- The types a team has had: a filter of globs is resolved against these, so that lists can use plain equality.
CREATE TABLE event_types (
    team_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    PRIMARY KEY (team_id, type)
);

-- A session is at the node that holds its connection, or away since a time.
CREATE TABLE sessions (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    team_id text COLLATE "C" NOT NULL,
    patterns text NOT NULL,
    forward_to text NOT NULL,
    epoch integer NOT NULL,
    node text COLLATE "C",
    opened_at_ms bigint NOT NULL,
    away_since_ms bigint,
    ended_at_ms bigint
);
CREATE INDEX open_sessions ON sessions (team_id) WHERE ended_at_ms IS NULL;
CREATE INDEX sessions_of_node ON sessions (node) WHERE ended_at_ms IS NULL;
CREATE INDEX away_sessions ON sessions (away_since_ms) WHERE ended_at_ms IS NULL AND away_since_ms IS NOT NULL;
CREATE INDEX ended_sessions ON sessions (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

-- Whoever has the store open, and when it was last heard of.
CREATE TABLE nodes (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    seen_at_ms bigint NOT NULL
);

CREATE TABLE webhooks (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    team_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    url text NOT NULL,
    patterns text NOT NULL,
    secret text NOT NULL,
    is_active boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    updated_at_ms bigint NOT NULL,
    previous_secret text,
    previous_secret_until_ms bigint,
    disabled_reason text,
    failing_since_ms bigint
);
CREATE INDEX webhooks_of_team ON webhooks (team_id, seq);

-- `first_attempt` is the number that the schedule of retries counts from. Most deliveries have succeeded: the index by
-- status leaves those out.
CREATE TABLE deliveries (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    team_id text COLLATE "C" NOT NULL,
    event_seq bigint NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    target text COLLATE "C" NOT NULL,
    url text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    attempt_count integer NOT NULL,
    created_at_ms bigint NOT NULL,
    next_attempt_at_ms bigint,
    first_attempt integer NOT NULL DEFAULT 1,
    once boolean NOT NULL DEFAULT FALSE
);
CREATE INDEX deliveries_of_team ON deliveries (team_id, seq);
CREATE INDEX deliveries_of_type ON deliveries (team_id, event_type, seq);
CREATE INDEX deliveries_of_status ON deliveries (team_id, status, seq) WHERE status <> 'succeeded';
CREATE INDEX deliveries_to_target ON deliveries (team_id, target, seq);
CREATE INDEX deliveries_to_url ON deliveries (team_id, md5(url), seq); -- an index takes no text of any length
CREATE INDEX deliveries_of_event ON deliveries (event_seq, seq);
CREATE INDEX pending_deliveries ON deliveries (target, seq) WHERE status = 'pending';
CREATE INDEX failed_deliveries ON deliveries (target, created_at_ms) WHERE status = 'failed';

-- What waits to be posted to webhooks, in a narrow table of its own: a claim touches none of the indexes above.
-- `due_at_ms` is when it may be claimed; a claim moves it to the end of its lease, and gives it a lease that no claim
-- had before. It is null once the delivery is canceled with an attempt under way.
CREATE TABLE queue (
    seq bigint NOT NULL PRIMARY KEY,
    target text COLLATE "C" NOT NULL,
    due_at_ms bigint,
    lease bigint,
    leased_until_ms bigint,
    once boolean NOT NULL DEFAULT FALSE,
    size integer NOT NULL
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX queue_by_target ON queue (target, due_at_ms, seq) WHERE due_at_ms IS NOT NULL;
CREATE INDEX queue_of_once ON queue (target, due_at_ms, seq) WHERE due_at_ms IS NOT NULL AND once;
CREATE SEQUENCE leases;

-- The log. Its order is that of the transactions, `xid`, and within one that of `seq`: a reader sees those whose
-- transactions are all over, so nothing is ever committed before what it has seen. What a tail shows and filters by is
-- copied from the delivery: a tail needs no join. Large columns come last.
CREATE TABLE attempts (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    team_id text COLLATE "C" NOT NULL,
    delivery_id text COLLATE "C" NOT NULL,
    event_seq bigint NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    target text COLLATE "C" NOT NULL,
    url text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    lease bigint,
    recorded_at_ms bigint NOT NULL,
    started_at_ms bigint NOT NULL,
    duration_ms double precision NOT NULL,
    status integer,
    outcome text COLLATE "C" NOT NULL,
    error text,
    error_class text,
    connect_ms double precision,
    first_byte_ms double precision,
    next_attempt_at_ms bigint,
    request_headers text NOT NULL,
    response_headers text NOT NULL,
    response_body bytea NOT NULL,
    UNIQUE (delivery_id, number)
);
CREATE INDEX attempts_of_team ON attempts (team_id, xid, seq);
CREATE INDEX attempts_by_time ON attempts (team_id, recorded_at_ms, xid, seq);
CREATE INDEX attempts_of_type ON attempts (team_id, event_type, xid, seq);
CREATE INDEX attempts_of_outcome ON attempts (team_id, outcome, xid, seq) WHERE outcome <> 'succeeded';
CREATE INDEX attempts_to_target ON attempts (team_id, target, xid, seq);
CREATE INDEX attempts_to_url ON attempts (team_id, md5(url), xid, seq);
CREATE INDEX attempts_of_event ON attempts (event_seq, xid, seq);

CREATE TABLE api_keys (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    team_id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    hash text COLLATE "C" NOT NULL UNIQUE,
    hint text NOT NULL,
    read_only boolean NOT NULL,
    created_at_ms bigint NOT NULL,
    revoked_at_ms bigint
);
CREATE INDEX api_keys_of_team ON api_keys (team_id, seq) WHERE revoked_at_ms IS NULL;

-- How many requests a key has made in its window of now; `granted` is what the last asking got.
CREATE TABLE request_windows (
    key_id text COLLATE "C" NOT NULL PRIMARY KEY,
    began_at_ms bigint NOT NULL,
    used integer NOT NULL,
    granted integer NOT NULL
);

-- Requests with an `Idempotency-Key`: being done since `taken_at_ms`, then answered.
CREATE TABLE idempotent_requests (
    team_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint text NOT NULL,
    seed text NOT NULL,
    began_at_ms bigint NOT NULL,
    taken_at_ms bigint NOT NULL,
    status integer,
    body bytea,
    PRIMARY KEY (team_id, key)
);
CREATE INDEX idempotent_requests_by_age ON idempotent_requests (began_at_ms);
