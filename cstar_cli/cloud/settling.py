"""What came of deliveries, made durable: many at once, and however long the store is away."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec

from cstar_cli.backoff import jittered
from cstar_cli.cloud import logs
from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.webhooks import Claim, Settlement

MOST_SETTLED = 250
FIRST_WAIT_S = 0.1
MOST_WAIT_S = 2.0

Sleep = Callable[[float], Awaitable[None]]


class Posted(msgspec.Struct, frozen=True, gc=False):
    """A delivery whose attempt has ended; a failure is tried again in `retry_in_ms`, never when it is None.

    `size` is how many bytes of memory it holds, about.
    """

    claim: Claim
    outcome: AttemptOutcome
    retry_in_ms: int | None
    size: int


class Outage:
    """The store is away, or isn't: waits before it is asked again, and a line in the log when it goes and comes."""

    def __init__(self, doing: str, random: Callable[[], float], sleep: Sleep) -> None:
        self.lasts = False
        self._doing = doing
        self._random = random
        self._sleep = sleep
        self._waits = jittered(FIRST_WAIT_S, MOST_WAIT_S, random)

    async def wait(self, error: StoreUnavailable) -> None:
        if not self.lasts:
            logs.warning("store away", doing=self._doing, error=str(error))
        self.lasts = True
        await self._sleep(next(self._waits))

    def is_over(self) -> None:
        if self.lasts:
            logs.info("store back", doing=self._doing)
            self.lasts = False
            self._waits = jittered(FIRST_WAIT_S, MOST_WAIT_S, self._random)


class Settler:
    """Settles what is added, in batches of what has come while the store was busy with the one before.

    While the store is away everything is kept, and tried again: an outcome is given up only to a later claim of its
    delivery. `settled` is told what isn't held any more.
    """

    def __init__(
        self,
        store: Store,
        disable_after_ms: int,
        *,
        random: Callable[[], float],
        sleep: Sleep,
        observe: Callable[[Claim, AttemptOutcome], None],
        settled: Callable[[Sequence[Posted]], None],
    ) -> None:
        self._queue = store.queue
        self._disable_after_ms = disable_after_ms
        self._observe = observe
        self._settled = settled
        self._outage = Outage("settling", random, sleep)
        self._posted: list[Posted] = []
        self._came = asyncio.Event()
        self._finishing = False

    @property
    def is_stuck(self) -> bool:
        """Whether the store takes nothing at the moment."""
        return self._outage.lasts

    def add(self, posted: Posted) -> None:
        self._posted.append(posted)
        self._came.set()

    def finish(self) -> None:
        """End `run` as soon as everything is settled."""
        self._finishing = True
        self._came.set()

    async def run(self) -> None:
        while self._posted or not self._finishing:
            if not self._posted:
                self._came.clear()
                await self._came.wait()
                continue
            batch = self._posted[:MOST_SETTLED]
            try:
                durable = await self._settle(batch)
            except StoreUnavailable as error:
                await self._outage.wait(error)
                continue
            del self._posted[: len(batch)]
            self._outage.is_over()
            self._tell(batch, durable)

    def _tell(self, batch: Sequence[Posted], durable: Collection[str]) -> None:
        with logs.together():
            for posted in batch:
                claim = posted.claim
                if claim.delivery_id in durable:
                    self._observe(claim, posted.outcome)
                else:
                    logs.warning("attempt not recorded", delivery_id=claim.delivery_id, attempt=claim.attempt)
        self._settled(batch)

    async def _settle(self, batch: Sequence[Posted]) -> Collection[str]:
        settlements = [Settlement(posted.outcome, posted.claim.lease, posted.retry_in_ms) for posted in batch]
        try:
            return await self._queue.settle(settlements, self._disable_after_ms)
        except StoreUnavailable:
            raise
        except Exception as error:
            # A fault of ours in one attempt must not keep the others from being recorded.
            logs.error("settling failed", attempts=len(batch), error=repr(error))
            if len(batch) > 1:
                return {id_ for posted in batch for id_ in await self._settle([posted])}
            return await self._settle_bare(settlements[0])

    async def _settle_bare(self, settlement: Settlement) -> Collection[str]:
        """Record at least how the attempt ended, without what came over the network."""
        bare = msgspec.structs.replace(settlement.outcome, request_headers=(), response_headers=(), response_body=b"")
        try:
            return await self._queue.settle([msgspec.structs.replace(settlement, outcome=bare)], self._disable_after_ms)
        except StoreUnavailable:
            raise
        except Exception as error:
            logs.error("settling failed", delivery_id=bare.delivery_id, error=repr(error))
            return ()
