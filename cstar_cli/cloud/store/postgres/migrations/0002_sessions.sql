-- What people call a session, which machine's events alone it takes, if not all, and which process it is of.
ALTER TABLE sessions ADD COLUMN name text COLLATE "C";
ALTER TABLE sessions ADD COLUMN origin text COLLATE "C";
ALTER TABLE sessions ADD COLUMN listener text COLLATE "C";

-- What is still to be told to a session: who else takes some of its events.
CREATE TABLE announcements (
    session_id text COLLATE "C" NOT NULL,
    who text NOT NULL
);

-- Which machine triggered it.
ALTER TABLE events ADD COLUMN origin text COLLATE "C";

-- The fan-out walks it, and lists read it from its end.
DROP INDEX open_sessions;
CREATE INDEX open_sessions ON sessions (team_id, opened_at_ms, id) WHERE ended_at_ms IS NULL;
