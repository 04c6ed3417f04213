"""What came of deliveries to webhooks, within a transaction that the writer holds."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cstar_cli.cloud import logs
from cstar_cli.cloud.store.reasons import STOPPED, WEBHOOK_DELETED, always_failed, webhook_disabled
from cstar_cli.cloud.store.sqlite.recording import record, recording_time, stop
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import WEBHOOKS, attempts_of
from cstar_cli.cloud.store.webhooks import Settlement


@dataclass(frozen=True, slots=True)
class _Delivery:
    seq: int
    team_id: str
    webhook_id: str
    status: str
    attempt_count: int
    lease: int
    leased_until_ms: int | None
    once: int
    is_active: int | None
    disabled_reason: str | None
    failing_since_ms: int | None


def settle(
    connection: sqlite3.Connection, settlements: Sequence[Settlement], disable_after_ms: int, now_ms: int
) -> Written[Collection[str]]:
    """Record the attempts of their deliveries' last leases; answer what is settled, by now or by an earlier call."""
    settling = _Settling(connection, disable_after_ms, now_ms)
    settled = {settlement.outcome.delivery_id for settlement in settlements if settling.settle(settlement)}
    return Written(settled, tuple(settling.topics))


def release(connection: sqlite3.Connection, leases: Mapping[str, int], now_ms: int) -> Written[None]:
    """Give back what was claimed and not posted."""
    connection.executemany(
        "UPDATE deliveries SET leased_until_ms = NULL, due_at_ms = iif(status = 'pending', ?, NULL)"
        " WHERE id = ? AND lease = ? AND leased_until_ms IS NOT NULL",
        [(now_ms, delivery_id, lease) for delivery_id, lease in leases.items()],
    )
    return Written(None, topics=[WEBHOOKS])


class _Settling:
    """Settles one by one: each changes what the next one finds."""

    def __init__(self, connection: sqlite3.Connection, disable_after_ms: int, now_ms: int) -> None:
        self._connection = connection
        self._disable_after_ms = disable_after_ms
        self._now_ms = now_ms
        self._recording_times: dict[str, int] = {}
        self.topics: set[str] = set()

    def settle(self, settlement: Settlement) -> bool:
        """Say whether the outcome is durable with this transaction."""
        outcome = settlement.outcome
        delivery = self._find(outcome.delivery_id)
        if not delivery or delivery.lease != settlement.lease:
            return False
        if delivery.leased_until_ms is None or outcome.attempt != delivery.attempt_count + 1:
            return delivery.attempt_count >= outcome.attempt
        retry_at_ms = None
        if delivery.status == "pending" and not outcome.succeeded and delivery.is_active and not delivery.once:
            retry_at_ms = None if settlement.retry_in_ms is None else self._now_ms + settlement.retry_in_ms
        record(self._connection, outcome, self._recording_time(delivery.team_id), retry_at_ms)
        self._connection.execute(
            "UPDATE deliveries SET status = ?, attempt_count = ?, next_attempt_at_ms = ?, due_at_ms = ?,"
            " leased_until_ms = NULL WHERE seq = ?",
            (
                _status(delivery, outcome.succeeded, retry_at_ms),
                outcome.attempt,
                retry_at_ms,
                retry_at_ms,
                delivery.seq,
            ),
        )
        self.topics.add(attempts_of(delivery.team_id))
        if retry_at_ms is not None:
            self.topics.add(WEBHOOKS)
        if outcome.succeeded:
            self._works(delivery)
        elif delivery.is_active and not delivery.once:
            self._fails(delivery, for_good=settlement.retry_in_ms is None)
        elif delivery.status == "pending" and settlement.retry_in_ms is not None:
            self._stop(delivery)
        return True

    def _find(self, delivery_id: str) -> _Delivery | None:
        row = self._connection.execute(
            "SELECT d.seq, d.team_id, target, status, attempt_count, lease, leased_until_ms, once, is_active,"
            " disabled_reason, failing_since_ms FROM deliveries d LEFT JOIN webhooks w ON w.id = target WHERE d.id = ?",
            (delivery_id,),
        ).fetchone()
        return _Delivery(*row) if row else None

    def _recording_time(self, team_id: str) -> int:
        if team_id not in self._recording_times:
            self._recording_times[team_id] = recording_time(self._connection, team_id, self._now_ms)
        return self._recording_times[team_id]

    def _works(self, delivery: _Delivery) -> None:
        if delivery.failing_since_ms is not None:
            self._connection.execute("UPDATE webhooks SET failing_since_ms = NULL WHERE id = ?", (delivery.webhook_id,))

    def _fails(self, delivery: _Delivery, *, for_good: bool) -> None:
        """Note since when the webhook fails, and disable it when that is too long."""
        if delivery.failing_since_ms is None:
            self._connection.execute(
                "UPDATE webhooks SET failing_since_ms = ? WHERE id = ?", (self._now_ms, delivery.webhook_id)
            )
        elif for_good and self._now_ms - delivery.failing_since_ms >= self._disable_after_ms:
            reason = always_failed(delivery.failing_since_ms)
            self._connection.execute(
                "UPDATE webhooks SET is_active = 0, disabled_reason = ?, updated_at_ms = ? WHERE id = ?",
                (reason, self._now_ms, delivery.webhook_id),
            )
            logs.warning("webhook disabled", team_id=delivery.team_id, webhook_id=delivery.webhook_id, reason=reason)
            self.topics.add(WEBHOOKS)

    def _stop(self, delivery: _Delivery) -> None:
        """The retry that would follow has nowhere to go: say so in the log."""
        gone = delivery.is_active is None
        reason = WEBHOOK_DELETED if gone else webhook_disabled(delivery.disabled_reason)
        stop(self._connection, delivery.team_id, [delivery.seq], "failed", reason, STOPPED, self._now_ms)


def _status(delivery: _Delivery, succeeded: bool, retry_at_ms: int | None) -> str:
    if succeeded:
        return "succeeded"
    if delivery.status != "pending":
        return delivery.status
    return "failed" if retry_at_ms is None else "pending"
