"""What the tests put into a store."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import AttemptQuery, DueQuery
from cstar_cli.cloud.store.records import Attempt, AttemptOutcome, Delivery, DueDelivery, Session
from cstar_cli.cloud.store.webhooks import Claim, Claimed, NewWebhook, Settlement, Webhook
from cstar_cli.events.envelope import Event, new_id
from cstar_cli.events.filters import EventFilter

TEAM = "team-1"
URL = "http://localhost:3000/webhook"
WEBHOOK_URL = "https://example.com/hooks"
SECRET = "whsec_first"
T0_MS = 1_765_376_000_000
LEASE_MS = 30_000
NEVER_MS = 2**40
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
FIVE_DAYS_MS = 5 * DAY_MS
EVERYTHING = EventFilter.parse(())
TYPES = ("ticket.created", "ticket.closed", "boss.spawned", "custom.thing")
STATUSES = (200, 204, 301, 404, 500, None)

T = TypeVar("T")
OpenStore = Callable[[], AbstractAsyncContextManager[Store]]
Within = Callable[[Callable[[Store], Awaitable[T]]], T]


@dataclass
class Clock:
    """The clock that the stores of a test go by; a driver that can't ask it follows it instead."""

    now_ms: int = T0_MS
    followers: list[Callable[[int], Awaitable[None]]] = field(default_factory=list)

    def __call__(self) -> int:
        return self.now_ms

    async def move_to(self, now_ms: int) -> None:
        self.now_ms = now_ms
        for follow in self.followers:
            await follow(now_ms)

    async def advance(self, by_ms: int) -> None:
        await self.move_to(self.now_ms + by_ms)


def event(type: str = "ticket.created", team_id: str = TEAM, body: bytes = b"{}", at_ms: int = T0_MS) -> Event:
    return Event(new_id("evt"), type, team_id, at_ms, body)


def outcome(
    delivery: Delivery | DueDelivery | str, status: int | None = 200, *, attempt: int = 1, error: str | None = None
) -> AttemptOutcome:
    return AttemptOutcome(
        delivery_id=delivery if isinstance(delivery, str) else delivery.id,
        attempt=attempt,
        succeeded=status is not None and 200 <= status < 300,
        status=status,
        error=error,
        started_at_ms=T0_MS,
        duration_ms=4.2,
        request_headers=(("x-cstar-event", "ticket.created"),),
        response_headers=(("Content-Type", "text/plain"), ("X-Twice", "1"), ("X-Twice", "2")),
        response_body=b"ok\x00\xff",
    )


async def session(store: Store, *patterns: str, team_id: str = TEAM, url: str = URL) -> Session:
    return await store.open_session(team_id, EventFilter.parse(patterns), url)


async def delivered(store: Store, type: str = "ticket.created", team_id: str = TEAM) -> Delivery:
    """The one delivery of a fresh event."""
    [delivery] = await store.append_event(event(type, team_id))
    return delivery


async def due_ids(store: Store, to: Session, without: Collection[str] = ()) -> list[str]:
    return ids(await due_to(store, to, without))


async def due_to(
    store: Store, to: Session, without: Collection[str] = (), limit: int = 1000, most_bytes: int = 2**30
) -> Sequence[DueDelivery]:
    """What is due to one session. Raises what is the answer to it else: SessionMoved."""
    [answer] = await store.due([DueQuery(to, without, limit, most_bytes)])
    if isinstance(answer, Exception):
        raise answer
    return answer.deliveries


async def wait_ms(store: Store, to: Session) -> int | None:
    """In how long something more is due to the session."""
    [answer] = await store.due([DueQuery(to, (), 1000, 2**30)])
    assert not isinstance(answer, Exception)
    return answer.wait_ms


def ids(records: Sequence[Delivery | DueDelivery]) -> list[str]:
    return [record.id for record in records]


# webhooks


async def webhook(
    store: Store, *patterns: str, team_id: str = TEAM, url: str = WEBHOOK_URL, is_active: bool = True
) -> Webhook:
    new = NewWebhook(new_id("whk"), "a webhook", url, EventFilter.parse(patterns), SECRET, is_active)
    return await store.webhooks.create(team_id, new)


async def claimed(
    store: Store,
    *,
    busy: Mapping[str, int] | None = None,
    per_webhook: int = 1000,
    limit: int = 1000,
    most_bytes: int = 2**30,
    lease_ms: int = LEASE_MS,
) -> Claimed:
    return await store.queue.claim(busy or {}, per_webhook, limit, most_bytes, lease_ms)


async def claimed_one(store: Store) -> Claim:
    """The one delivery that is due."""
    [claim] = (await claimed(store)).claims
    return claim


def settlement(
    claim: Claim, status: int | None = 200, *, retry_in_ms: int | None = None, error: str | None = None
) -> Settlement:
    return Settlement(outcome(claim.delivery_id, status, attempt=claim.attempt, error=error), claim.lease, retry_in_ms)


async def settled(store: Store, claim: Claim, status: int | None = 200, *, retry_in_ms: int | None = None) -> list[str]:
    return list(await store.queue.settle([settlement(claim, status, retry_in_ms=retry_in_ms)], NEVER_MS))


async def posted(store: Store, status: int | None = 200, *, retry_in_ms: int | None = None) -> str:
    """Claim the one delivery that is due and settle it; return its id."""
    claim = await claimed_one(store)
    assert await settled(store, claim, status, retry_in_ms=retry_in_ms) == [claim.delivery_id]
    return claim.delivery_id


async def now(store: Store, delivery: Delivery | Claim | str, team_id: str = TEAM) -> Delivery:
    """The delivery as it is now."""
    match delivery:
        case Delivery():
            delivery_id = delivery.id
        case Claim():
            delivery_id = delivery.delivery_id
        case _:
            delivery_id = delivery
    found = await store.delivery(team_id, delivery_id)
    assert found
    return found


async def logged(store: Store, team_id: str = TEAM) -> Sequence[Attempt]:
    """All attempts in their order."""
    return (await store.attempts_after(team_id, AttemptQuery(), "0", 10_000))[0]


async def found(store: Store, of: Webhook) -> Webhook:
    stored = await store.webhooks.get(of.team_id, of.id)
    assert stored
    return stored


async def failed(store: Store) -> None:
    """A delivery of a fresh event fails for good."""
    await delivered(store)
    claim = await claimed_one(store)
    await store.queue.settle([settlement(claim, 500)], FIVE_DAYS_MS)


def deliveries_of(attempts: Sequence[Attempt]) -> list[str]:
    return [attempt.delivery_id for attempt in attempts]


async def one_of_each_type(store: Store) -> dict[str, Delivery]:
    await session(store)
    return {type: await delivered(store, type) for type in TYPES}


async def one_of_each_status(store: Store) -> dict[int | None, Delivery]:
    to = await session(store)
    made = {status: await delivered(store) for status in STATUSES}
    await store.settle(to, [outcome(delivery, status) for status, delivery in made.items()])
    return made
