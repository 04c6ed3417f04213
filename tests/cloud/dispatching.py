"""A queue and a sender in memory, by the loop's clock, and a dispatcher between them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from cstar_cli.cloud.dispatcher import Dispatcher
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.wakeups import WEBHOOKS, Wakeups
from cstar_cli.cloud.store.webhooks import Claim, Claimed, Settlement
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.posting import Cancelable, Spawn
from cstar_cli.sender.target import Target

NOW_MS = 1_765_376_000_000
PATIENCE_S = 24 * 3600.0
AWAY = StoreUnavailable("the disk is full")


def claim(webhook: str, number: int = 1, **changes: Any) -> Claim:
    made = Claim(
        delivery_id=f"dlv_{webhook}_{number}",
        lease=0,
        team_id="team-1",
        event_id=f"evt_{number}",
        event_type="ticket.created",
        webhook_id=f"whk_{webhook}",
        url=f"http://{webhook}.test/hook",
        attempt=1,
        retries=0,
        body=b"{}",
        secrets=("whsec_1",),
    )
    return replace(made, **changes)


def answered(status: int = 200, *headers: tuple[str, str], body: bytes = b"") -> Outcome:
    return Outcome(status, headers, body, None, "", 1.0, 2.0, 3.0)


def timed_out(timeout_s: float) -> Outcome:
    return Outcome(None, (), b"", Failure.TIMEOUT, f"no answer within {timeout_s:g} s", 1.0, None, timeout_s * 1000)


@dataclass
class _Row:
    claim: Claim
    due_at: float
    is_done: bool = False


class FakeQueue:
    """A queue that keeps the promises of the interface.

    `away` makes it unavailable, `slow_s` lets each call take time, `refuse` names what it can't store, and with `lying`
    it says that something is due which it doesn't give.
    """

    def __init__(self) -> None:
        self.away = False
        self.lying = False
        self.slow_s = 0.0
        self.claims = 0
        self.recorded: list[AttemptOutcome] = []
        self.settled_at: list[float] = []
        self.released: list[str] = []
        self.most_at_once: Counter[str] = Counter()
        self.refuse: Callable[[Settlement], bool] = lambda settlement: False
        self._rows: dict[str, _Row] = {}

    def put(self, *claims: Claim, due_in_s: float = 0.0) -> None:
        now = asyncio.get_running_loop().time()
        self._rows |= {claim.delivery_id: _Row(claim, now + due_in_s) for claim in claims}

    @property
    def pending(self) -> int:
        return sum(not row.is_done for row in self._rows.values())

    async def claim(
        self, busy: Mapping[str, int], per_webhook: int, limit: int, most_bytes: int, lease_ms: int
    ) -> Claimed:
        self.claims += 1
        now = asyncio.get_running_loop().time()
        taken: list[_Row] = []
        count, size = Counter(busy), 0
        wait_s: list[float] = []
        for row in self._in_turns():
            webhook_id = row.claim.webhook_id
            if count[webhook_id] >= per_webhook:
                continue
            size += len(row.claim.body)
            if row.due_at > now or len(taken) >= limit or (taken and size > most_bytes):
                wait_s.append(max(0.0, row.due_at - now))
                continue
            count[webhook_id] += 1
            taken.append(row)
        for row in taken:
            row.claim = replace(row.claim, lease=row.claim.lease + 1)
            row.due_at = now + lease_ms / 1000
        claims = [row.claim for row in taken]
        self.most_at_once |= count
        await self._work()
        if self.lying:
            return Claimed((), 0)
        return Claimed(claims, round(min(wait_s) * 1000) if wait_s else None)

    def _in_turns(self) -> list[_Row]:
        """The first of each webhook, then the second of each, and so on."""
        place: Counter[str] = Counter()
        turns: list[tuple[int, _Row]] = []
        for row in sorted((row for row in self._rows.values() if not row.is_done), key=lambda row: row.due_at):
            place[row.claim.webhook_id] += 1
            turns.append((place[row.claim.webhook_id], row))
        return [row for _, row in sorted(turns, key=lambda turn: turn[0])]

    async def settle(self, settlements: Sequence[Settlement], disable_after_ms: int) -> Collection[str]:
        await self._work()
        if any(self.refuse(settlement) for settlement in settlements):
            raise ValueError("a value that can't be stored")
        now = asyncio.get_running_loop().time()
        durable = set()
        for settlement in settlements:
            row = self._rows[settlement.outcome.delivery_id]
            if row.claim.lease != settlement.lease or row.is_done:
                continue
            durable.add(settlement.outcome.delivery_id)
            self.recorded.append(settlement.outcome)
            self.settled_at.append(now)
            retries, retry_in_ms = row.claim.retries, settlement.retry_in_ms
            row.is_done = retry_in_ms is None
            if retry_in_ms is not None and retries is not None:
                row.claim = replace(row.claim, attempt=row.claim.attempt + 1, retries=retries + 1)
                row.due_at = now + retry_in_ms / 1000
        return durable

    async def release(self, leases: Mapping[str, int]) -> None:
        await self._work()
        self.released += leases

    async def _work(self) -> None:
        await asyncio.sleep(self.slow_s)
        if self.away:
            raise AWAY


class FakeStore:
    def __init__(self) -> None:
        self.queue = FakeQueue()
        self.wakeups = Wakeups()


Answering = Callable[[str, float], Awaitable[Outcome]]
"""From the first label of a host, and the timeout, to what is answered."""


async def at_once(host: str, timeout_s: float) -> Outcome:
    return answered()


async def hanging_where_dead(host: str, timeout_s: float) -> Outcome:
    if not host.startswith("dead"):
        return answered()
    await asyncio.sleep(timeout_s)
    return timed_out(timeout_s)


@dataclass(frozen=True)
class Post:
    """One post, as the receiver has it; `at` is the loop's time."""

    host: str
    delivery_id: str
    headers: dict[str, str]
    body: bytes
    at: float


class FakeSender(Sender):
    """Posts nowhere."""

    def __init__(self, answering: Answering) -> None:
        super().__init__(max_connections=0)
        self.answering = answering
        self.posts: list[Post] = []
        self.under_way = 0
        self.most_under_way = 0

    def begin(
        self,
        target: Target,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout_s: float | None,
        *,
        done: Callable[[Outcome], None],
        spawn: Spawn,
    ) -> Cancelable:
        assert timeout_s is not None
        return spawn(self._post(target.host.partition(".")[0], dict(headers), body, timeout_s, done))

    async def _post(
        self, host: str, said: dict[str, str], body: bytes, timeout_s: float, done: Callable[[Outcome], None]
    ) -> None:
        self.posts.append(Post(host, said["webhook-id"], said, body, asyncio.get_running_loop().time()))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            outcome = await self.answering(host, timeout_s)
        finally:
            self.under_way -= 1
        done(outcome)


class Desk:
    """A dispatcher, the queue it works on, the sender it posts with, and what it has reported."""

    def __init__(self, answering: Answering = at_once, policy: DeliveryPolicy | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.store = FakeStore()
        self.queue = self.store.queue
        self.sender = FakeSender(answering)
        self.observed: list[AttemptOutcome] = []
        self.ahead_s = 0.0
        self.dispatcher = Dispatcher(
            self.store,  # type: ignore[arg-type]  # the parts of a store that a dispatcher uses
            self.sender,
            policy or DeliveryPolicy(),
            now_ms=lambda: NOW_MS + round(loop.time() * 1000),
            random=lambda: 0.0,
            observe=self._observe,
            clock=lambda: loop.time() + self.ahead_s,
        )
        self._grown = asyncio.Event()

    @property
    def posts(self) -> list[Post]:
        return self.sender.posts

    def put(self, *claims: Claim, due_in_s: float = 0.0) -> None:
        """Make deliveries, and say so."""
        self.queue.put(*claims, due_in_s=due_in_s)
        self.store.wakeups.wake([WEBHOOKS])

    async def see(self, count: int) -> list[AttemptOutcome]:
        """Return the attempts that are reported, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.observed) < count:
                self._grown.clear()
                await self._grown.wait()
        return self.observed

    def _observe(self, claim: Claim, outcome: AttemptOutcome) -> None:
        self.observed.append(outcome)
        self._grown.set()


@asynccontextmanager
async def dispatching(desk: Desk) -> AsyncIterator[asyncio.Task[None]]:
    """Run the dispatcher, and kill it at the end."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(desk.dispatcher.run())
        yield task
        task.cancel()
