"""Which events of before a session its listener could have had, and which another of its routes tells of."""

from collections.abc import Iterable, Sequence

from cstar_cli.cloud.store.records import Session

Row = tuple[int, str, int, str | None]
"""An event's place, type, time and origin."""


def lately(events: Iterable[Row], session: Session, opened_at_ms: int, within_ms: int) -> dict[int, int]:
    """Return place and time of what the session takes of the time before it was opened."""
    return {
        seq: created_at_ms
        for seq, type_, created_at_ms, origin in events
        if opened_at_ms - within_ms <= created_at_ms < opened_at_ms
        and session.origin in (None, origin)
        and session.filter.matches(type_)
    }


def routes_before(session: Session, found: Iterable[tuple[Session, int]]) -> Sequence[tuple[Session, int]]:
    """Return those of the sessions that are other routes of the same listener."""
    if session.listener is None:
        return []
    return [(other, ms) for other, ms in found if other.listener == session.listener and other.id != session.id]
