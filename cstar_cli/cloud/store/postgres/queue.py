"""Deliveries to webhooks: claimed, posted by others, settled; and what people ask of any delivery."""

from collections.abc import Collection, Mapping, Sequence

from cstar_cli.cloud.store.postgres import interventions, settling, upkeep
from cstar_cli.cloud.store.postgres.batcher import Batcher
from cstar_cli.cloud.store.postgres.claiming import Turns, Wanted, claim
from cstar_cli.cloud.store.postgres.database import Database
from cstar_cli.cloud.store.postgres.settling import Settling
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.store.webhooks import Claimed, QueueStats, Settlement


class PostgresQueue:
    """The interface `Queue` over the database."""

    def __init__(self, database: Database, lists: Database, loop: Database) -> None:
        self._database = database
        self._lists = lists
        self._loop = loop
        self._turns = Turns()
        self.settler: Batcher[Settling, Collection[str]] = Batcher(loop, settling.settle)

    async def claim(
        self, busy: Mapping[str, int], per_webhook: int, limit: int, most_bytes: int, lease_ms: int
    ) -> Claimed:
        wanted = Wanted(dict(busy), per_webhook, limit, most_bytes, lease_ms)
        return await self._loop.change(claim, wanted, self._turns)

    async def settle(self, settlements: Sequence[Settlement], disable_after_ms: int) -> Collection[str]:
        return await self.settler.run(Settling(tuple(settlements), disable_after_ms))

    async def release(self, leases: Mapping[str, int]) -> None:
        await self._database.change(settling.release, dict(leases))

    async def resend(
        self, team_id: str, event_id: str, target: str | None, origin: str | None = None
    ) -> Sequence[Delivery] | None:
        return await self._database.change(interventions.resend, team_id, event_id, target, origin)

    async def retry(self, team_id: str, delivery_id: str) -> Delivery | None:
        return await self._database.change(interventions.retry, team_id, delivery_id)

    async def cancel(self, team_id: str, delivery_id: str, reason: str) -> Delivery | None:
        return await self._database.change(interventions.cancel, team_id, delivery_id, reason)

    async def recover(self, team_id: str, webhook_id: str, since_ms: int) -> int | None:
        if not await self._database.ask(interventions.may_recover, team_id, webhook_id):
            return None
        recovered, last = 0, (since_ms, 0)
        while True:
            count, last = await self._database.change(interventions.recover_some, webhook_id, last)
            recovered += count
            if count < interventions.RECOVERED_AT_ONCE:
                return recovered

    async def cap_waits(self, longest_ms: int, wire: str | None = None) -> None:
        await self._database.change(upkeep.cap_waits, longest_ms, wire)

    async def stats(self) -> QueueStats:
        return await self._lists.ask(upkeep.stats)
