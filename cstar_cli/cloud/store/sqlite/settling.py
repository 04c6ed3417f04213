"""What came of deliveries to webhooks, within a transaction that the writer holds: few statements for many of them."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import cache

import msgspec

from cstar_cli.cloud import logs
from cstar_cli.cloud.store.reasons import STOPPED, WEBHOOK_DELETED, always_failed, webhook_disabled
from cstar_cli.cloud.store.records import DeliveryStatus
from cstar_cli.cloud.store.sqlite.chunks import chunks, values
from cstar_cli.cloud.store.sqlite.recording import Recorded, record, recording_time, stop
from cstar_cli.cloud.store.sqlite.writer import Written
from cstar_cli.cloud.store.wakeups import WEBHOOKS, attempts_of
from cstar_cli.cloud.store.webhooks import Settlement

# As JSON, which is one step of SQLite and not one for each row.
_FIND = (
    "SELECT json_group_array(json_array(l.lease, d.seq, d.id, d.team_id, d.target, d.status, d.attempt_count, d.once))"
    " FROM json_each(?) g CROSS JOIN temp.leases l ON l.lease = g.value CROSS JOIN deliveries d ON d.seq = l.seq"
)


class _Delivery(msgspec.Struct, array_like=True, gc=False):
    """A delivery and the lease it is under, as this transaction leaves them."""

    lease: int
    seq: int
    id: str
    team_id: str
    webhook_id: str
    status: DeliveryStatus
    attempt_count: int
    once: int
    is_leased: bool = True
    retry_at_ms: int | None = None
    stopped: str | None = None


class _Webhook(msgspec.Struct, gc=False):
    """How the webhook is, and what becomes of that."""

    is_active: int
    disabled_reason: str | None
    failing_since_ms: int | None
    is_changed: bool = False


_found = msgspec.json.Decoder(list[_Delivery])


def settle(
    connection: sqlite3.Connection, settlements: Sequence[Settlement], disable_after_ms: int, now_ms: int
) -> Written[Collection[str]]:
    """Record the attempts of their deliveries' last leases; answer what is settled, by now or by an earlier call."""
    settling = _Settling(connection, disable_after_ms, now_ms)
    settling.look_up(settlements)
    settled = {one.outcome.delivery_id for one in settlements if settling.settle(one)}
    settling.write()
    return Written(settled, tuple(settling.topics))


def release(connection: sqlite3.Connection, leases: Mapping[str, int]) -> Written[None]:
    """Give back what was claimed and not posted."""
    connection.executemany(
        "DELETE FROM temp.leases WHERE lease = ? AND seq = (SELECT seq FROM deliveries WHERE id = ?)",
        [(lease, delivery_id) for delivery_id, lease in leases.items()],
    )
    return Written(None, topics=[WEBHOOKS])


class _Settling:
    """Settles one by one, each changing what the next one finds, and writes it all at the end."""

    def __init__(self, connection: sqlite3.Connection, disable_after_ms: int, now_ms: int) -> None:
        self._connection = connection
        self._disable_after_ms = disable_after_ms
        self._now_ms = now_ms
        self._leased: Mapping[int, _Delivery] = {}
        self._webhooks: Mapping[str, _Webhook] = {}
        self._recording_times: dict[str, int] = {}
        self._attempts: list[Recorded] = []
        self._changed: list[_Delivery] = []
        self.topics: set[str] = set()

    def look_up(self, settlements: Sequence[Settlement]) -> None:
        leases = msgspec.json.encode([settlement.lease for settlement in settlements]).decode()
        (found,) = self._connection.execute(_FIND, (leases,)).fetchone()
        self._leased = {delivery.lease: delivery for delivery in _found.decode(found)}
        ids = msgspec.json.encode({delivery.webhook_id for delivery in self._leased.values()}).decode()
        self._webhooks = {
            id_: _Webhook(*how)
            for id_, *how in self._connection.execute(
                "SELECT id, is_active, disabled_reason, failing_since_ms FROM webhooks"
                " WHERE id IN (SELECT value FROM json_each(?))",
                (ids,),
            )
        }

    def settle(self, settlement: Settlement) -> bool:
        """Say whether the outcome is durable with this transaction."""
        outcome = settlement.outcome
        delivery = self._leased.get(settlement.lease)
        if not delivery or delivery.id != outcome.delivery_id:
            return self._is_known(settlement)
        if not delivery.is_leased or outcome.attempt != delivery.attempt_count + 1:
            return delivery.attempt_count >= outcome.attempt
        webhook = self._webhooks.get(delivery.webhook_id)
        is_wanted = delivery.status == "pending" and not outcome.succeeded
        if is_wanted and settlement.retry_in_ms is not None and not delivery.once:
            self._retry(delivery, webhook, settlement.retry_in_ms)
        recorded_at_ms = self._recording_time(delivery.team_id)
        self._attempts.append(Recorded(delivery.seq, outcome, recorded_at_ms, delivery.retry_at_ms))
        self._changed.append(delivery)
        self.topics.add(attempts_of(delivery.team_id))
        if outcome.succeeded:
            delivery.status = "succeeded"
        elif is_wanted and delivery.retry_at_ms is None and delivery.stopped is None:
            delivery.status = "failed"
        delivery.attempt_count = outcome.attempt
        delivery.is_leased = False
        if webhook and outcome.succeeded:
            _works(webhook)
        elif webhook and webhook.is_active and not delivery.once:
            self._fails(delivery, webhook, for_good=settlement.retry_in_ms is None)
        return True

    def write(self) -> None:
        record(self._connection, self._attempts)
        for chunk in chunks(self._changed):
            self._connection.execute(
                _update(len(chunk)),
                [
                    value
                    for one in chunk
                    for value in (one.seq, one.status, one.attempt_count, one.retry_at_ms, one.lease)
                ],
            )
        self._connection.execute(
            "DELETE FROM temp.leases WHERE lease IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode([delivery.lease for delivery in self._changed]).decode(),),
        )
        for delivery in self._changed:
            if delivery.stopped is not None:
                # The retry that would follow has nowhere to go: say so in the log.
                reason = delivery.stopped
                stop(self._connection, delivery.team_id, [delivery.seq], "failed", reason, STOPPED, self._now_ms)
        for id_, webhook in self._webhooks.items():
            if webhook.is_changed:
                self._store(id_, webhook)

    def _is_known(self, settlement: Settlement) -> bool:
        """Say whether an earlier call has settled the delivery under this lease."""
        known = self._connection.execute(
            "SELECT 1 FROM deliveries WHERE id = ? AND lease = ? AND attempt_count >= ?",
            (settlement.outcome.delivery_id, settlement.lease, settlement.outcome.attempt),
        ).fetchone()
        return known is not None

    def _retry(self, delivery: _Delivery, webhook: _Webhook | None, retry_in_ms: int) -> None:
        if webhook and webhook.is_active:
            delivery.retry_at_ms = self._now_ms + retry_in_ms
            self.topics.add(WEBHOOKS)
        else:
            delivery.stopped = webhook_disabled(webhook.disabled_reason) if webhook else WEBHOOK_DELETED

    def _recording_time(self, team_id: str) -> int:
        if team_id not in self._recording_times:
            self._recording_times[team_id] = recording_time(self._connection, team_id, self._now_ms)
        return self._recording_times[team_id]

    def _fails(self, delivery: _Delivery, webhook: _Webhook, *, for_good: bool) -> None:
        """Note since when the webhook fails, and disable it when that is too long."""
        since_ms = webhook.failing_since_ms
        if since_ms is None:
            webhook.failing_since_ms = self._now_ms
            webhook.is_changed = True
        elif for_good and self._now_ms - since_ms >= self._disable_after_ms:
            reason = always_failed(since_ms)
            webhook.is_active, webhook.disabled_reason, webhook.is_changed = False, reason, True
            logs.warning("webhook disabled", team_id=delivery.team_id, webhook_id=delivery.webhook_id, reason=reason)
            self.topics.add(WEBHOOKS)

    def _store(self, webhook_id: str, webhook: _Webhook) -> None:
        self._connection.execute(
            "UPDATE webhooks SET failing_since_ms = :since_ms, disabled_reason = :reason, is_active = :is_active,"
            " updated_at_ms = iif(is_active AND NOT :is_active, :now_ms, updated_at_ms) WHERE id = :id",
            {
                "since_ms": webhook.failing_since_ms,
                "reason": webhook.disabled_reason,
                "is_active": int(webhook.is_active),
                "now_ms": self._now_ms,
                "id": webhook_id,
            },
        )


def _works(webhook: _Webhook) -> None:
    if webhook.failing_since_ms is not None:
        webhook.failing_since_ms, webhook.is_changed = None, True


@cache
def _update(count: int) -> str:
    return (
        "UPDATE deliveries SET status = column2, attempt_count = column3, next_attempt_at_ms = column4,"
        f" due_at_ms = column4, lease = column5 FROM ({values(5, count)}) WHERE seq = column1"
    )
