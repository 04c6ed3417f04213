"""What waits for a session may be skipped."""

import pytest

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.reasons import SKIPPED
from cstar_cli.cloud.store.records import Backlog, Traits
from cstar_cli.cloud.store.skipping import SKIPPED_AT_ONCE
from cstar_cli.events.filters import EventFilter

from .making import T0_MS, TEAM, URL, Within, delivered, due_ids, event, ids, logged, now, outcome, session


def test_what_waits_is_canceled_with_its_reason_but_for_what_is_held(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        deliveries = [(await store.append_event(event(at_ms=T0_MS + at)))[0] for at in (0, 1000, 2000)]
        held, *others = deliveries
        assert await store.skip(to, [held.id]) == Backlog(2, T0_MS + 1000, T0_MS + 2000)
        assert await due_ids(store, to) == [held.id]
        assert [(await now(store, one)).status for one in others] == ["canceled", "canceled"]
        attempts = await logged(store)
        assert [(one.delivery_id, one.outcome, one.error) for one in attempts] == [
            (one.id, "canceled", SKIPPED) for one in others
        ]
        later = await delivered(store)
        assert list(await store.settle(to, [outcome(held)])) == [held.id]
        assert await due_ids(store, to) == [later.id]

    within(check)


def test_what_a_new_session_was_brought_may_be_skipped(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        await store.append_events([event(at_ms=T0_MS), event(at_ms=T0_MS + 1000)])
        everything = EventFilter.parse(())
        opened = await store.open_session(TEAM, everything, URL, Traits(since_ms=T0_MS))
        to = await store.catch_up(opened, T0_MS, lambda: True)
        assert await store.skip(to, ()) == Backlog(2, T0_MS, T0_MS + 1000)
        later = await delivered(store)
        assert await due_ids(store, to) == [later.id]

    within(check)


@pytest.mark.parametrize("others", [0, 1])
def test_another_sessions_deliveries_stay(within: Within[None], others: int) -> None:
    async def check(store: Store) -> None:
        to, other = await session(store), await session(store)
        await store.append_events([event() for _ in range(others)])
        assert (await store.skip(to, ())).count == others
        assert len(await due_ids(store, other)) == others

    within(check)


def test_a_session_that_has_gone_on_keeps_what_waits(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        kept = await delivered(store)
        resumed = await store.resume_session(to.id, TEAM, EventFilter.parse(()), URL)
        assert resumed
        assert (await store.skip(to, ())).count == 0
        assert await due_ids(store, resumed) == [kept.id]

    within(check)


def test_many_are_skipped_in_parts(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        to = await session(store)
        made = await store.append_events([event() for _ in range(2 * SKIPPED_AT_ONCE + 1)])
        assert (await store.skip(to, ())).count == len(made)
        assert await due_ids(store, to) == []
        assert [one.delivery_id for one in await logged(store)] == ids([one for [one] in made])

    within(check)
