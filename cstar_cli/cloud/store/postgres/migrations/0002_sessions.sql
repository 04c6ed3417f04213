-- What people call a session.
ALTER TABLE sessions ADD COLUMN name text COLLATE "C";

-- The fan-out walks it, and lists read it from its end.
DROP INDEX open_sessions;
CREATE INDEX open_sessions ON sessions (team_id, opened_at_ms, id) WHERE ended_at_ms IS NULL;
