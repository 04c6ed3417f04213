"""Delivers to webhooks: claims what is due, posts it, settles what came of it.

    store.queue.claim ─► an Attempt for each delivery ─► sender ─► Settler ─► store.queue.settle

Nothing waits for a post, so that no endpoint is in the way of another's; it takes a task only where it has to connect.
What a node holds (posts under way and outcomes that aren't durable yet) is bounded in number and bytes. So that
endpoints that hang don't fill that up, each one's share narrows as there is less room, and the last quarter is given
out in single posts: some hundred endpoints may hang on one node at the same time, each with as much as it wants to be
sent, before others have to wait.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from cstar_cli.clock import elapsed_ns
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.posting import Attempt, unanswered
from cstar_cli.cloud.retries import retry_in_ms, schedule_s
from cstar_cli.cloud.settling import Outage, Posted, Settler, Sleep
from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.wakeups import WEBHOOKS
from cstar_cli.cloud.store.webhooks import Claim
from cstar_cli.sender.client import Sender
from cstar_cli.sender.posting import Spawn

MOST_HELD = 2000
MOST_HELD_BYTES = 64 * 1024 * 1024
SINGLES = 0.25
MOST_CLAIMED = 250
MOST_CLAIMED_BYTES = 8 * 1024 * 1024

# A lease outlasts the longest exchange, so that it is never renewed; a post that couldn't begin so soon doesn't.
LEASE_BEYOND_TIMEOUT_S = 20.0
LATEST_START_S = 15.0

# Wake-ups and `wait_ms` say when to claim; this is for a machine that was asleep, on which timers come late.
LOOK_AGAIN_S = 10.0
SHORTEST_WAIT_S = 0.01

MOST_SETTLING_S = 1.0
INTERRUPTED = "the cloud was stopped before the receiver had answered"


def _elapsed_s() -> float:
    return elapsed_ns() / 1e9


class _Room(msgspec.Struct, frozen=True):
    """What may be claimed now; `share` is the most that one webhook may have under way."""

    posts: int
    bytes: int
    share: int


def _room(held: int, held_bytes: int, per_webhook: int) -> _Room | None:
    free = min(1 - held / MOST_HELD, 1 - held_bytes / MOST_HELD_BYTES)
    if free <= 0:
        return None
    share = max(1, min(per_webhook, round(per_webhook * (free - SINGLES) / (1 - 2 * SINGLES))))
    part = free - SINGLES if share > 1 and free > SINGLES else free  # the next part has another share
    posts, bytes = math.ceil(part * MOST_HELD), math.ceil(part * MOST_HELD_BYTES)
    return _Room(min(MOST_CLAIMED, posts), min(MOST_CLAIMED_BYTES, bytes), share)


class Dispatcher:
    """One node's deliveries to webhooks.

    `clock` is in seconds and goes on while the machine sleeps; `now_ms` is the wall clock, for timestamps alone.
    `observe` is told of each attempt once it is recorded. `random` answers a float in [0, 1).
    """

    def __init__(
        self,
        store: Store,
        sender: Sender,
        policy: DeliveryPolicy,
        *,
        now_ms: Callable[[], int],
        random: Callable[[], float],
        observe: Callable[[Claim, AttemptOutcome], None],
        clock: Callable[[], float] = _elapsed_s,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store = store
        self._sender = sender
        self._policy = policy
        self._now_ms = now_ms
        self._random = random
        self._clock = clock
        self._lease_ms = round((policy.timeout_s + LEASE_BEYOND_TIMEOUT_S) * 1000)
        self._outage = Outage("claiming", random, sleep)
        self._settler = Settler(
            store,
            round(policy.disable_after_s * 1000),
            random=random,
            sleep=sleep,
            observe=observe,
            settled=self._settled,
        )
        self._under_way: dict[Attempt, float] = {}  # and when each began, by the clock
        self._busy: Counter[str] = Counter()
        self._held = 0
        self._held_bytes = 0
        self._full: frozenset[str] = frozenset()
        self._is_narrow = False
        self._freed = 0
        self._wake = asyncio.Event()
        self._draining = False
        self._idle = asyncio.Event()
        self._over = asyncio.Event()
        self._over.set()

    async def run(self) -> None:
        """Deliver until cancelled, or drained."""
        self._over.clear()
        self._wake = self._store.wakeups.join(WEBHOOKS)
        try:
            async with asyncio.TaskGroup() as settling:
                settling.create_task(self._settler.run())
                async with asyncio.TaskGroup() as posting:
                    await self._claim(posting.create_task)
                    await self._until_idle()
                self._settler.finish()
        finally:
            for attempt in self._under_way:
                attempt.give_up()
            self._store.wakeups.leave(WEBHOOKS, self._wake)
            self._over.set()

    async def drain(self, within_s: float) -> None:
        """Claim no more and wait until what is under way is posted and settled.

        What takes too long is cut off in time to be settled as a failed attempt, which is never the last one.
        """
        self._draining = True
        self._wake.set()
        settling_s = min(MOST_SETTLING_S, within_s / 4)
        if await self._is_over_within(within_s - settling_s):
            return
        for attempt, began in list(self._under_way.items()):
            self._cut_off(attempt, (self._clock() - began) * 1000)
        await self._is_over_within(settling_s)

    async def _is_over_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        return self._over.is_set()

    async def _until_idle(self) -> None:
        while self._under_way:
            self._idle.clear()
            await self._idle.wait()

    async def _claim(self, spawn: Spawn) -> None:
        while not self._draining:
            self._wake.clear()
            room = _room(self._held, self._held_bytes, self._policy.per_webhook)
            if room is None or self._settler.is_stuck:
                self._is_narrow = True
                await self._wake.wait()
                continue
            busy, freed, asked_at = dict(self._busy), self._freed, self._clock()
            try:
                claimed = await self._store.queue.claim(busy, room.share, room.posts, room.bytes, self._lease_ms)
            except StoreUnavailable as error:
                await self._outage.wait(error)
                continue
            self._outage.is_over()
            if self._draining or self._clock() - asked_at > LATEST_START_S:
                await self._give_back(claimed.claims)
                continue
            for claim in claimed.claims:
                self._start(claim, spawn)
            self._hold_back(busy, claimed.claims, room)
            if self._freed != freed and (self._is_narrow or self._full):
                continue  # room was made meanwhile, which the store hasn't been told of
            await self._until_woken(claimed.wait_ms, found=bool(claimed.claims))

    def _hold_back(self, busy: dict[str, int], claims: Sequence[Claim], room: _Room) -> None:
        """Note who may have had to wait for room, in the store's eyes: when there is some again, claim again."""
        taken = Counter(busy) + Counter(claim.webhook_id for claim in claims)
        self._full = frozenset(webhook_id for webhook_id, count in taken.items() if count >= room.share)
        self._is_narrow = room.share < self._policy.per_webhook

    async def _until_woken(self, wait_ms: int | None, *, found: bool) -> None:
        wait_s = LOOK_AGAIN_S if wait_ms is None else min(wait_ms / 1000, LOOK_AGAIN_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s if found else max(wait_s, SHORTEST_WAIT_S)):
                await self._wake.wait()

    async def _give_back(self, claims: Sequence[Claim]) -> None:
        if claims:
            with suppress(StoreUnavailable):  # then their leases run out
                await self._store.queue.release({claim.delivery_id: claim.lease for claim in claims})

    def _start(self, claim: Claim, spawn: Spawn) -> None:
        self._busy[claim.webhook_id] += 1
        self._held += 1
        self._held_bytes += len(claim.body)
        attempt = Attempt(claim, self._now_ms(), self._ended, spawn)
        self._under_way[attempt] = self._clock()
        attempt.begin(self._sender, self._policy.timeout_s)

    def _ended(self, attempt: Attempt, outcome: AttemptOutcome) -> None:
        self._settle(attempt, outcome, attempt.claim.retries)

    def _cut_off(self, attempt: Attempt, after_ms: float) -> None:
        attempt.give_up()
        retries = attempt.claim.retries
        if retries is not None:
            retries = min(retries, max(0, len(schedule_s(self._policy, attempt.claim.wire)) - 1))
        self._settle(
            attempt, unanswered(attempt.claim, attempt.started_at_ms, "interrupted", INTERRUPTED, after_ms), retries
        )

    def _settle(self, attempt: Attempt, outcome: AttemptOutcome, retries: int | None) -> None:
        claim = attempt.claim
        answer_size = len(outcome.response_body) + sum([len(n) + len(v) for n, v in outcome.response_headers])
        posted = Posted(claim, outcome, self._retry_in_ms(claim, retries, outcome), len(claim.body) + answer_size)
        # Nothing is changed before here, where nothing can fail any more: the attempt may be settled otherwise.
        del self._under_way[attempt]
        if not self._under_way:
            self._idle.set()
        self._held_bytes += answer_size
        self._free(claim.webhook_id)
        self._settler.add(posted)

    def _retry_in_ms(self, claim: Claim, retries: int | None, outcome: AttemptOutcome) -> int | None:
        if outcome.succeeded:
            return None
        schedule = schedule_s(self._policy, claim.wire)
        return retry_in_ms(retries, schedule, outcome.status, outcome.response_headers, self._now_ms(), self._random)

    def _free(self, webhook_id: str) -> None:
        self._busy[webhook_id] -= 1
        if not self._busy[webhook_id]:
            del self._busy[webhook_id]
        self._freed += 1
        if self._is_narrow or webhook_id in self._full:
            self._wake.set()

    def _settled(self, batch: Sequence[Posted]) -> None:
        self._held -= len(batch)
        self._held_bytes -= sum(posted.size for posted in batch)
        self._freed += 1
        if self._is_narrow:
            self._wake.set()
