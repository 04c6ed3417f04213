-- Which wire version an event is made in, and which one a webhook or a session wants.
ALTER TABLE events ADD COLUMN wire TEXT NOT NULL DEFAULT '2025-12';
ALTER TABLE webhooks ADD COLUMN wire TEXT NOT NULL DEFAULT '2025-12';
ALTER TABLE sessions ADD COLUMN wire TEXT NOT NULL DEFAULT '2025-12';
