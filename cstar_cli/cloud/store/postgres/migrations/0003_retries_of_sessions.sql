-- What is pending for a session: what was never tried goes at once, in the order of its making; the rest at its time.
DROP INDEX pending_deliveries;
CREATE INDEX untried_deliveries ON deliveries (target, seq) WHERE status = 'pending' AND attempt_count = 0;
CREATE INDEX tried_deliveries ON deliveries (target, next_attempt_at_ms, seq)
    WHERE status = 'pending' AND attempt_count > 0;
