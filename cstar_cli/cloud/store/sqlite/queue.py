"""Deliveries to webhooks: claimed, posted by others, settled; and what people ask of any delivery."""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence

from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.sqlite import interventions, settling, upkeep, writes
from cstar_cli.cloud.store.sqlite.claiming import Turns, Wanted, claim
from cstar_cli.cloud.store.sqlite.readers import Readers
from cstar_cli.cloud.store.sqlite.writer import Writer, Written
from cstar_cli.cloud.store.webhooks import Claimed, QueueStats, Settlement


class SqliteQueue:
    """The interface `Queue` over the file."""

    def __init__(self, writer: Writer, readers: Readers, now_ms: Callable[[], int]) -> None:
        self._writer = writer
        self._readers = readers
        self._now_ms = now_ms
        self._turns = Turns()

    async def claim(
        self, busy: Mapping[str, int], per_webhook: int, limit: int, most_bytes: int, lease_ms: int
    ) -> Claimed:
        wanted = Wanted(dict(busy), per_webhook, limit, most_bytes, lease_ms)
        return await self._writer.run(lambda connection: claim(connection, wanted, self._turns, self._now_ms()))

    async def settle(self, settlements: Sequence[Settlement], disable_after_ms: int) -> Collection[str]:
        return await self._writer.run(
            lambda connection: settling.settle(connection, settlements, disable_after_ms, self._now_ms())
        )

    async def release(self, leases: Mapping[str, int]) -> None:
        given_back = dict(leases)
        await self._writer.run(lambda connection: settling.release(connection, given_back))

    async def resend(
        self, team_id: str, event_id: str, target: str | None, origin: str | None = None
    ) -> Sequence[Delivery] | None:
        return await self._writer.run(
            lambda connection: writes.resend(connection, team_id, event_id, target, origin, self._now_ms())
        )

    async def retry(self, team_id: str, delivery_id: str) -> Delivery | None:
        return await self._writer.run(
            lambda connection: interventions.retry(connection, team_id, delivery_id, self._now_ms())
        )

    async def cancel(self, team_id: str, delivery_id: str, reason: str) -> Delivery | None:
        return await self._writer.run(
            lambda connection: interventions.cancel(connection, team_id, delivery_id, reason, self._now_ms())
        )

    async def recover(self, team_id: str, webhook_id: str, since_ms: int) -> int | None:
        if not await self._writer.run(lambda connection: interventions.may_recover(connection, team_id, webhook_id)):
            return None
        recovered, last = 0, (since_ms, 0)
        while True:
            count, last = await self._recover_some(webhook_id, last)
            recovered += count
            if count < interventions.RECOVERED_AT_ONCE:
                return recovered

    async def cap_waits(self, longest_ms: int, wire: str | None = None) -> None:
        def cap(connection: sqlite3.Connection) -> Written[bool]:
            return upkeep.cap_some(connection, longest_ms, wire, self._now_ms())

        while await self._writer.run(cap):
            pass

    async def stats(self) -> QueueStats:
        leased = await self._writer.run(lambda connection: upkeep.under_way(connection, self._now_ms()))
        return await self._readers.ask(upkeep.stats, leased, self._now_ms())

    async def _recover_some(self, webhook_id: str, after: interventions.Place) -> tuple[int, interventions.Place]:
        return await self._writer.run(
            lambda connection: interventions.recover_some(connection, webhook_id, after, self._now_ms())
        )
