"""How a listener comes to its session: the one it asks for, or a new one, which may bring what came before it."""

from collections.abc import Collection

import msgspec
from msgspec.structs import replace

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import Arrival, Session, Traits
from cstar_cli.events.filters import EventFilter
from cstar_cli.protocol.frames import DEAD_AFTER_S, Hello, Welcome, wishes_in

UNHEARD_MS = round((DEAD_AFTER_S + 3) * 1000)  # until one who says nothing is taken for away
LATELY_MS = 60 * 60 * 1000  # what came before is hardly of the work at hand


class Joined(msgspec.Struct, frozen=True):
    """The session, whether it was resumed, and since when it still has to catch up, if it has."""

    session: Session
    resumed: bool
    since_ms: int | None = None


async def join(store: Store, team_id: str, filter: EventFilter, hello: Hello) -> Joined:
    """Resume the session that the hello asks for, or open a new one."""
    traits = Traits(hello.name, hello.only_origin, None, hello.listener, hello.wire)
    if hello.session_id:
        resumed = await store.resume_session(hello.session_id, team_id, filter, hello.forward_to, traits)
        if resumed:
            return Joined(resumed, resumed=True)
    since_ms = await _since(store, team_id, hello)
    traits = Traits(hello.name, hello.only_origin, since_ms, hello.listener, hello.wire)
    return Joined(await store.open_session(team_id, filter, hello.forward_to, traits), resumed=False, since_ms=since_ms)


async def _since(store: Store, team_id: str, hello: Hello) -> int | None:
    """Say from when on a new session brings what came before it: also what came in a gap that outlived the old one.

    What was sent to one who could not be heard any more is of that gap, and what waited for its application. Who takes
    only the latest skips all this, and is told how much it was.
    """
    if not hello.session_id:
        return hello.since_ms
    missed_ms = await store.missed_since(hello.session_id, team_id, UNHEARD_MS)
    return min((ms for ms in (missed_ms, hello.since_ms) if ms is not None), default=None)


async def welcome(store: Store, hello: Hello, joined: Joined) -> tuple[Welcome, Collection[str]]:
    """Return what to tell the listener, and which deliveries it still has."""
    session = joined.session
    holding: Collection[str] = ()
    if joined.resumed and hello.holding:
        holding = await store.still_pending(session, hello.holding)
    arrival = await _arrival(store, hello, joined, holding)
    backlog, unheard, neighbours = arrival.backlog, arrival.unheard, arrival.neighbours
    times = unheard if unheard.count else backlog
    said = Welcome(
        session.id,
        joined.resumed,
        waiting=0 if hello.latest else backlog.count,
        oldest_ms=times.oldest_ms,
        newest_ms=times.newest_ms,
        skipped=backlog.count if hello.latest else 0,
        others=tuple(neighbours.who),
        more_others=neighbours.more,
        heeds=wishes_in(hello),
        unheard=unheard.count,
    )
    return said, holding


async def _arrival(store: Store, hello: Hello, joined: Joined, holding: Collection[str]) -> Arrival:
    """Return what the session finds; one that was there before has met its neighbours. The latest skips its backlog."""
    session, arrival = joined.session, Arrival()
    if not joined.resumed:
        brings_nothing = joined.since_ms is None and not (hello.session_id or hello.latest)
        arrival = await store.arrive(session, LATELY_MS if brings_nothing else None)
    if hello.latest:
        return replace(arrival, backlog=await store.skip(session, holding))
    if joined.resumed:
        return Arrival(backlog=await store.backlog(session, holding))
    return arrival
