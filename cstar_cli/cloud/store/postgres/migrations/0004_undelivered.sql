-- The deliveries that haven't succeeded, beside their table. No index of `deliveries` has anything of what an outcome
-- changes, so one is written into the row's own page (a HOT update), and not into each of the row's indexes again.
-- Triggers keep it: so do nodes of the version before, while they are still there.
LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE; -- at once: a lock that grows later may meet another's

CREATE TABLE undelivered (
    seq bigint NOT NULL,
    team_id text COLLATE "C" NOT NULL,
    target text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    created_at_ms bigint NOT NULL,
    attempt_count integer NOT NULL,
    next_attempt_at_ms bigint
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
INSERT INTO undelivered
SELECT seq, team_id, target, status, created_at_ms, attempt_count, next_attempt_at_ms
FROM deliveries WHERE status <> 'succeeded';
ALTER TABLE undelivered ADD PRIMARY KEY (seq);
CREATE INDEX undelivered_of_status ON undelivered (team_id, status, seq);
CREATE INDEX undelivered_untried ON undelivered (target, seq) WHERE status = 'pending' AND attempt_count = 0;
CREATE INDEX undelivered_tried ON undelivered (target, next_attempt_at_ms, seq)
    WHERE status = 'pending' AND attempt_count > 0;
CREATE INDEX undelivered_failed ON undelivered (target, created_at_ms, seq) WHERE status = 'failed';

-- Room for one more version of each row. Plans of a trigger's statements are kept: these have no other way to go.
ALTER TABLE deliveries SET (fillfactor = 50);
CREATE FUNCTION note_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO cstar.undelivered
    SELECT seq, team_id, target, status, created_at_ms, attempt_count, next_attempt_at_ms
    FROM changed WHERE status <> 'succeeded';
    RETURN NULL;
END $$;
CREATE FUNCTION note_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM cstar.undelivered WHERE seq = ANY (ARRAY(SELECT seq FROM changed WHERE status = 'succeeded'));
    INSERT INTO cstar.undelivered
    SELECT seq, team_id, target, status, created_at_ms, attempt_count, next_attempt_at_ms
    FROM changed WHERE status <> 'succeeded'
    ON CONFLICT (seq) DO UPDATE SET status = excluded.status, attempt_count = excluded.attempt_count,
        next_attempt_at_ms = excluded.next_attempt_at_ms;
    RETURN NULL;
END $$;
CREATE FUNCTION note_removed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM cstar.undelivered WHERE seq = ANY (ARRAY(SELECT seq FROM changed));
    RETURN NULL;
END $$;
CREATE TRIGGER made AFTER INSERT ON deliveries
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_made();
CREATE TRIGGER changed AFTER UPDATE ON deliveries
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_changed();
CREATE TRIGGER removed AFTER DELETE ON deliveries
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_removed();

DROP INDEX deliveries_of_status, untried_deliveries, tried_deliveries, failed_deliveries;
