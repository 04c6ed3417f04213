"""Listeners that get the same events are told of each other."""

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import NEIGHBOURS_LOOKED_AT, NEIGHBOURS_TOLD
from cstar_cli.cloud.store.records import Neighbours, Session, Traits
from cstar_cli.cloud.store.wakeups import ANNOUNCEMENTS
from cstar_cli.events.filters import EventFilter

from .making import TEAM, URL, Clock, Within

NOBODY = Neighbours([], 0)


async def opened(store: Store, traits: Traits, *patterns: str, team_id: str = TEAM) -> Session:
    return await store.open_session(team_id, EventFilter.parse(patterns), URL, traits)


def test_the_second_learns_of_the_first_and_the_first_of_the_second_once(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        first = await opened(store, Traits("laptop"))
        assert (await store.arrive(first)).neighbours == NOBODY
        await clock.advance(1)
        second = await opened(store, Traits())
        wake = store.wakeups.join(ANNOUNCEMENTS)
        wake.clear()
        assert (await store.arrive(second)).neighbours == Neighbours(["laptop"], 0)
        assert wake.is_set()
        assert list(await store.announcements()) == [(first.id, URL)]
        assert list(await store.announcements()) == []

    within(check)


@pytest.mark.parametrize(
    ("before", "patterns", "meets"),
    [
        (Traits("x"), ("ticket.created",), True),
        (Traits("x"), ("*.created", "boss.*"), True),
        (Traits("x"), ("boss.*",), False),
        (Traits("x"), ("!ticket.*",), False),
        (Traits("x", origin="mine"), ("ticket.*",), True),
        (Traits("x", origin="yours"), ("ticket.*",), False),
        (Traits("x", listener="process"), ("ticket.*",), False),
        (Traits("x", listener="other"), ("ticket.*",), True),
    ],
)
def test_whoever_would_get_none_of_the_same_events_is_not_met(
    within: Within[None], clock: Clock, before: Traits, patterns: tuple[str, ...], meets: bool
) -> None:
    async def check(store: Store) -> None:
        await opened(store, before, *patterns)
        await opened(store, before, *patterns, team_id="team-2")
        await clock.advance(1)
        newcomer = await opened(store, Traits(origin="mine", listener="process"), "ticket.*")
        assert (await store.arrive(newcomer)).neighbours == (Neighbours(["x"], 0) if meets else NOBODY)

    within(check)


def test_whoever_is_away_or_has_ended_is_not_met(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        away, ended = await opened(store, Traits()), await opened(store, Traits())
        await store.leave_session(away)
        await store.end_session(ended, "over")
        await opened(store, Traits(since_ms=0))  # it isn't open yet
        await clock.advance(1)
        assert (await store.arrive(await opened(store, Traits()))).neighbours == NOBODY

    within(check)


def test_of_a_crowd_a_few_are_told_and_some_are_counted(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        for number in range(NEIGHBOURS_LOOKED_AT + 5):
            await opened(store, Traits(f"n{number}"))
            await clock.advance(1)
        met = (await store.arrive(await opened(store, Traits()))).neighbours
        assert met.more == NEIGHBOURS_LOOKED_AT - NEIGHBOURS_TOLD
        newest = NEIGHBOURS_LOOKED_AT + 4
        assert list(met.who) == [f"n{newest - number}" for number in range(NEIGHBOURS_TOLD)]
        assert len(await store.announcements()) == NEIGHBOURS_TOLD

    within(check)
