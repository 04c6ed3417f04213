-- What people call a session, and which machine's events alone it takes, if not all.
ALTER TABLE sessions ADD COLUMN name text COLLATE "C";
ALTER TABLE sessions ADD COLUMN origin text COLLATE "C";

-- Which machine triggered it.
ALTER TABLE events ADD COLUMN origin text COLLATE "C";

-- The fan-out walks it, and lists read it from its end.
DROP INDEX open_sessions;
CREATE INDEX open_sessions ON sessions (team_id, opened_at_ms, id) WHERE ended_at_ms IS NULL;
