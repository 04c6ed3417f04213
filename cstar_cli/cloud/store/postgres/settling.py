"""What came of deliveries to webhooks, many a transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cstar_cli.cloud import logs
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Written
from cstar_cli.cloud.store.postgres.recording import Recorded, record, stop
from cstar_cli.cloud.store.reasons import STOPPED, WEBHOOK_DELETED, always_failed, webhook_disabled
from cstar_cli.cloud.store.records import DeliveryStatus
from cstar_cli.cloud.store.wakeups import WEBHOOKS, attempts_of
from cstar_cli.cloud.store.webhooks import Settlement

_FIND = """
SELECT d.id, d.seq, d.team_id, d.target, d.status, d.attempt_count, d.once, now.ms
FROM deliveries d, (SELECT now_ms() AS ms) now WHERE d.id = ANY ($1::text[]) ORDER BY d.seq + 0 FOR UPDATE OF d
"""
_RETRY = """
WITH updated AS (
    UPDATE deliveries SET attempt_count = attempt_count + 1,
        next_attempt_at_ms = ($2::bigint[])[array_position($1, seq)] WHERE seq = ANY ($1::bigint[])
)
UPDATE queue SET due_at_ms = ($2::bigint[])[array_position($1, seq)], leased_until_ms = NULL
WHERE seq = ANY ($1::bigint[])
"""
_END = """
WITH updated AS (
    UPDATE deliveries SET status = $2, attempt_count = attempt_count + 1, next_attempt_at_ms = NULL
    WHERE seq = ANY ($1::bigint[])
)
DELETE FROM queue WHERE seq = ANY ($1::bigint[])
"""
_KNOWN = """
SELECT given.* FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS given (id, number, lease)
CROSS JOIN LATERAL (
    SELECT FROM attempts a WHERE a.delivery_id = given.id AND a.number = given.number AND a.lease = given.lease LIMIT 1
) known
"""


@dataclass(frozen=True, slots=True)
class Settling:
    """One call of `Queue.settle`."""

    settlements: Sequence[Settlement]
    disable_after_ms: int


@dataclass(slots=True)
class _Webhook:
    """How the webhook is, and what becomes of that; one that was deleted is None in its place."""

    is_active: bool
    disabled_reason: str | None
    failing_since_ms: int | None
    is_changed: bool = False


@dataclass(slots=True)
class _Delivery:
    """A delivery and the lease it is under, as this transaction leaves them."""

    seq: int
    team_id: str
    webhook_id: str
    status: DeliveryStatus
    attempt_count: int
    once: bool
    now_ms: int
    lease: int | None = None
    is_leased: bool = False
    retry_at_ms: int | None = None
    stopped: str | None = None
    is_changed: bool = False


async def settle(connection: Connection, calls: Sequence[Settling]) -> Written[Sequence[Collection[str] | Exception]]:
    """Record the attempts of their deliveries' last leases; answer what is settled, by now or by an earlier call."""
    everything = [settlement for call in calls for settlement in call.settlements]
    if not everything:
        return Written([() for _ in calls])
    deliveries = await _find(connection, {settlement.outcome.delivery_id for settlement in everything})
    webhooks = await _webhooks(connection, {delivery.webhook_id for delivery in deliveries.values()})
    batch = _Batch(deliveries, webhooks)
    for call in calls:
        for settlement in call.settlements:
            batch.settle(settlement, call.disable_after_ms)
    await record(connection, batch.attempts)
    await _update(connection, [delivery for delivery in deliveries.values() if delivery.is_changed])
    await _update_webhooks(connection, webhooks, next((one.now_ms for one in deliveries.values()), 0))
    settled = batch.settled | await _known(connection, [one for one in everything if _key(one) not in batch.settled])
    return Written(
        [{one.outcome.delivery_id for one in call.settlements if _key(one) in settled} for call in calls],
        tuple(batch.topics),
    )


async def release(connection: Connection, leases: Mapping[str, int]) -> Written[None]:
    """Give back what was claimed and not posted."""
    await connection.execute(
        "UPDATE queue SET leased_until_ms = NULL, due_at_ms = CASE WHEN due_at_ms IS NOT NULL THEN now_ms() END"
        " FROM unnest($1::text[], $2::bigint[]) AS given (id, lease) JOIN deliveries d USING (id)"
        " WHERE queue.seq = d.seq AND queue.lease = given.lease AND leased_until_ms IS NOT NULL",
        list(leases.keys()),
        list(leases.values()),
    )
    return Written(None, topics=[WEBHOOKS])


class _Batch:
    """Settles one by one: each changes what the next one finds."""

    def __init__(self, deliveries: Mapping[str, _Delivery], webhooks: Mapping[str, _Webhook]) -> None:
        self._deliveries = deliveries
        self._webhooks = webhooks
        self.attempts: list[Recorded] = []
        self.settled: set[tuple[str, int, int]] = set()
        self.topics: set[str] = set()

    def settle(self, settlement: Settlement, disable_after_ms: int) -> None:
        outcome = settlement.outcome
        delivery = self._deliveries.get(outcome.delivery_id)
        if not delivery or delivery.lease != settlement.lease or not delivery.is_leased:
            return
        if outcome.attempt != delivery.attempt_count + 1:
            return
        webhook = self._webhooks.get(delivery.webhook_id)
        may_retry = delivery.status == "pending" and not outcome.succeeded and not delivery.once
        if may_retry and webhook and webhook.is_active and settlement.retry_in_ms is not None:
            delivery.retry_at_ms = delivery.now_ms + settlement.retry_in_ms
            self.topics.add(WEBHOOKS)
        elif may_retry and settlement.retry_in_ms is not None:
            # The retry that would follow has nowhere to go: the log says so.
            delivery.stopped = webhook_disabled(webhook.disabled_reason) if webhook else WEBHOOK_DELETED
        self.attempts.append(Recorded(delivery.seq, outcome, settlement.lease, delivery.retry_at_ms))
        self.settled.add(_key(settlement))
        self.topics.add(attempts_of(delivery.team_id))
        if outcome.succeeded:
            delivery.status = "succeeded"
        elif delivery.status == "pending" and delivery.retry_at_ms is None and delivery.stopped is None:
            delivery.status = "failed"
        delivery.attempt_count = outcome.attempt
        delivery.is_leased = False
        delivery.is_changed = True
        if outcome.succeeded and webhook:
            _works(webhook)
        elif webhook and webhook.is_active and not delivery.once:
            self._fails(webhook, delivery, settlement, disable_after_ms)

    def _fails(self, webhook: _Webhook, delivery: _Delivery, settlement: Settlement, disable_after_ms: int) -> None:
        """Note since when the webhook fails, and disable it when that is too long."""
        since_ms = webhook.failing_since_ms
        if since_ms is None:
            webhook.failing_since_ms = delivery.now_ms
            webhook.is_changed = True
        elif settlement.retry_in_ms is None and delivery.now_ms - since_ms >= disable_after_ms:
            webhook.is_active = False
            webhook.disabled_reason = always_failed(since_ms)
            webhook.is_changed = True
            self.topics.add(WEBHOOKS)
            logs.warning(
                "webhook disabled",
                team_id=delivery.team_id,
                webhook_id=delivery.webhook_id,
                reason=webhook.disabled_reason,
            )


def _works(webhook: _Webhook) -> None:
    if webhook.failing_since_ms is not None:
        webhook.failing_since_ms = None
        webhook.is_changed = True


def _key(settlement: Settlement) -> tuple[str, int, int]:
    return settlement.outcome.delivery_id, settlement.outcome.attempt, settlement.lease


async def _find(connection: Connection, delivery_ids: Iterable[str]) -> Mapping[str, _Delivery]:
    """Return the deliveries, which nobody else changes now; their leases come second, as everywhere."""
    deliveries = {row[0]: _Delivery(*tuple(row)[1:]) for row in await connection.fetch(_FIND, sorted(delivery_ids))}
    leases = await connection.fetch(
        "SELECT seq, lease, leased_until_ms IS NOT NULL FROM queue WHERE seq = ANY ($1::bigint[])"
        " ORDER BY seq FOR UPDATE",
        [delivery.seq for delivery in deliveries.values()],
    )
    of_seq = {delivery.seq: delivery for delivery in deliveries.values()}
    for seq, lease, is_leased in leases:
        of_seq[seq].lease, of_seq[seq].is_leased = lease, is_leased
    return deliveries


async def _webhooks(connection: Connection, webhook_ids: Collection[str]) -> Mapping[str, _Webhook]:
    found = await connection.fetch(
        "SELECT id, is_active, disabled_reason, failing_since_ms FROM webhooks WHERE id = ANY ($1::text[])",
        list(webhook_ids),
    )
    return {row[0]: _Webhook(*tuple(row)[1:]) for row in found}


async def _update(connection: Connection, deliveries: Sequence[_Delivery]) -> None:
    if not deliveries:
        return
    retried = [delivery for delivery in deliveries if delivery.retry_at_ms is not None]
    if retried:
        await connection.execute(
            _RETRY, [delivery.seq for delivery in retried], [delivery.retry_at_ms for delivery in retried]
        )
    ended = [delivery for delivery in deliveries if delivery.retry_at_ms is None]
    for status in {delivery.status for delivery in ended}:
        await connection.execute(_END, [delivery.seq for delivery in ended if delivery.status == status], status)
    for reason in {delivery.stopped for delivery in deliveries if delivery.stopped is not None}:
        seqs = [delivery.seq for delivery in deliveries if delivery.stopped == reason]
        await stop(connection, seqs, "failed", reason, STOPPED)


async def _update_webhooks(connection: Connection, webhooks: Mapping[str, _Webhook], now_ms: int) -> None:
    for webhook_id, webhook in sorted(webhooks.items()):
        if webhook.is_changed:
            await connection.execute(
                "UPDATE webhooks SET failing_since_ms = $2, is_active = is_active AND $3,"
                " disabled_reason = CASE WHEN is_active AND NOT $3 THEN $4 ELSE disabled_reason END,"
                " updated_at_ms = CASE WHEN is_active AND NOT $3 THEN $5 ELSE updated_at_ms END WHERE id = $1",
                webhook_id,
                webhook.failing_since_ms,
                webhook.is_active,
                webhook.disabled_reason,
                now_ms,
            )


async def _known(connection: Connection, settlements: Sequence[Settlement]) -> set[tuple[str, int, int]]:
    """Return those of these that are recorded already, under the same lease."""
    if not settlements:
        return set()
    found = await connection.fetch(_KNOWN, *map(list, zip(*map(_key, settlements), strict=True)))
    return {(id_, number, lease) for id_, number, lease in found}
