"""Whom an event goes to, and the deliveries that this makes: the same whatever the driver."""

from collections.abc import Iterable, Sequence

import msgspec

from cstar_cli.cloud.store.records import Delivery
from cstar_cli.events.envelope import Event, new_id


class Target(msgspec.Struct, frozen=True):
    """A webhook or a session, and where that forwards to; with an `origin` it takes only events of that."""

    id: str
    url: str
    origin: str | None = None
    is_away: bool = False


def deliveries_to(targets: Iterable[Target], event: Event, created_at_ms: int) -> Sequence[Delivery]:
    """Return a new delivery of the event to each, due at once."""
    return [
        Delivery(
            id=new_id("dlv"),
            event_id=event.id,
            event_type=event.type,
            target=target.id,
            url=target.url,
            status="pending",
            attempt_count=0,
            created_at_ms=created_at_ms,
            next_attempt_at_ms=created_at_ms,
            is_away=target.is_away,
        )
        for target in targets
    ]
