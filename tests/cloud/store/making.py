"""What the tests put into a store."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import AttemptOutcome, Delivery, DueDelivery, Session
from cstar_cli.events.envelope import Event, new_id
from cstar_cli.events.filters import EventFilter

TEAM = "team-1"
URL = "http://localhost:3000/webhook"
T0_MS = 1_765_376_000_000

T = TypeVar("T")
OpenStore = Callable[[], AbstractAsyncContextManager[Store]]
Within = Callable[[Callable[[Store], Awaitable[T]]], T]


@dataclass
class Clock:
    """A wall clock that a test moves."""

    now_ms: int = T0_MS

    def __call__(self) -> int:
        return self.now_ms


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
    return [due.id for due in await store.due(to, without, limit=1000, most_bytes=2**30)]


def ids(records: Sequence[Delivery | DueDelivery]) -> list[str]:
    return [record.id for record in records]
