"""What each driver promises; one suite of tests holds them all to it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from cstar_cli.cloud.store.queries import AttemptQuery, DeliveryQuery, Page
from cstar_cli.cloud.store.records import (
    Attempt,
    AttemptOutcome,
    Delivery,
    DueDelivery,
    Exchange,
    ListedEvent,
    Session,
)
from cstar_cli.cloud.store.wakeups import Wakeups
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter


class StoreUnavailable(CstarError):
    """The store can't write or read now (a full disk, say): nothing of what was asked has happened."""


class MalformedCursor(UsageError):
    """What was given as a cursor is none of this store's."""


class Store(Protocol):
    """Every method that changes something returns when the change is durable, and raises StoreUnavailable else."""

    wakeups: Wakeups

    async def close(self) -> None: ...

    async def append_event(self, event: Event) -> Sequence[Delivery]:
        """Store the event with one pending delivery for each open session of its team whose filter matches."""
        ...

    async def open_session(self, team_id: str, filter: EventFilter, forward_to: str) -> Session: ...

    async def resume_session(
        self, session_id: str, team_id: str, filter: EventFilter, forward_to: str
    ) -> Session | None:
        """Return the session in its next epoch, with the filter and URL of now; None when it isn't open."""
        ...

    async def end_session(self, session: Session, reason: str) -> None:
        """Close the session unless it has gone on in a later epoch; its pending deliveries fail with the reason."""
        ...

    async def open_sessions(self) -> Sequence[Session]: ...

    async def due(
        self, session: Session, without: Collection[str], limit: int, most_bytes: int
    ) -> Sequence[DueDelivery]:
        """Return the session's pending deliveries, but not these, in commit order; at least one if there is any."""
        ...

    async def still_pending(self, session: Session, delivery_ids: Collection[str]) -> Collection[str]:
        """Return those of these deliveries that are the session's and have no outcome yet."""
        ...

    async def count_due(self, session: Session) -> int: ...

    async def settle(self, session: Session, outcomes: Sequence[AttemptOutcome]) -> Sequence[str]:
        """Record the attempts and return the ids of the deliveries that are settled.

        An outcome reported before is recognised; one from a stale epoch, or for somebody else's delivery, is left out.
        """
        ...

    async def event(self, team_id: str, event_id: str) -> Event | None: ...

    async def events(self, team_id: str, filter: EventFilter, page: Page) -> Sequence[ListedEvent]:
        """Return one page, newest first, and one more when there is a next page."""
        ...

    async def delivery(self, team_id: str, delivery_id: str) -> Delivery | None: ...

    async def deliveries(self, team_id: str, query: DeliveryQuery, page: Page) -> Sequence[Delivery]:
        """Return one page, newest first, and one more when there is a next page."""
        ...

    async def exchanges_of(self, delivery_id: str) -> Sequence[Exchange]: ...

    async def attempts_after(
        self, team_id: str, query: AttemptQuery, cursor: str, limit: int
    ) -> tuple[Sequence[Attempt], str]:
        """Return matching attempts in commit order, and the cursor up to which all have been looked at.

        Raises MalformedCursor.
        """
        ...

    async def last_attempts(self, team_id: str, query: AttemptQuery, lines: int) -> tuple[Sequence[Attempt], str]:
        """Return the latest matching attempts in commit order, and the cursor to go on after."""
        ...

    async def cursor_before(self, team_id: str, since_ms: int) -> str:
        """Return the cursor after which every attempt recorded at `since_ms` or later comes."""
        ...
