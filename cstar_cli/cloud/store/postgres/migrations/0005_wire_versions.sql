-- Which wire version an event is made in, and which one a webhook or a session wants. No row is written for it.
ALTER TABLE events ADD COLUMN wire text COLLATE "C" NOT NULL DEFAULT '2025-12';
ALTER TABLE webhooks ADD COLUMN wire text COLLATE "C" NOT NULL DEFAULT '2025-12';
ALTER TABLE sessions ADD COLUMN wire text COLLATE "C" NOT NULL DEFAULT '2025-12';
