"""Open sessions as lists have them, and their names."""

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.queries import Page
from cstar_cli.cloud.store.records import Traits
from cstar_cli.events.filters import EventFilter

from .making import TEAM, URL, Clock, Within, event, session


def test_open_sessions_are_listed_newest_first_by_pages(within: Within[None], clock: Clock) -> None:
    async def check(store: Store) -> None:
        opened = []
        for name in ("a", None, "c"):
            opened.append(await store.open_session(TEAM, EventFilter.parse(["ticket.*"]), URL, Traits(name)))
            await clock.advance(1000)
        await session(store, team_id="team-2")
        ended = await session(store)
        await store.end_session(ended, "over")
        found = await store.sessions(TEAM, None, Page(1, 2))
        assert [one.id for one in found] == [one.id for one in reversed(opened)]  # one more than the page
        [last] = await store.sessions(TEAM, None, Page(2, 2))
        assert (last.name, last.forward_to, last.filter.patterns) == ("a", URL, ("ticket.*",))
        assert last.opened_at_ms == clock.now_ms - 3000

    within(check)


def test_sessions_are_found_by_name_and_one_that_is_away_is_not_connected(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        named = await store.open_session(TEAM, EventFilter.parse(()), URL, Traits("laptop"))
        await session(store)
        [found] = await store.sessions(TEAM, "laptop", Page())
        assert (found.id, found.is_connected) == (named.id, True)
        await store.leave_session(named)
        [found] = await store.sessions(TEAM, "laptop", Page())
        assert not found.is_connected
        assert await store.sessions("team-2", "laptop", Page()) == []

    within(check)


def test_who_makes_a_delivery_is_told_whether_its_listener_is_away(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        there, left = await session(store), await session(store)
        await store.leave_session(left)
        made = event()
        sent = await store.append_event(made)
        again = await store.queue.resend(TEAM, made.id, None)
        to_one = await store.queue.resend(TEAM, made.id, left.id)
        assert again is not None
        assert to_one is not None
        told = {(one.target, one.is_away) for one in (*sent, *again)}
        assert told == {(there.id, False), (left.id, True)}
        assert [one.is_away for one in to_one] == [True]

    within(check)


def test_a_resumed_session_has_the_name_of_now(within: Within[None]) -> None:
    async def check(store: Store) -> None:
        opened = await store.open_session(TEAM, EventFilter.parse(()), URL, Traits("old"))
        resumed = await store.resume_session(opened.id, TEAM, opened.filter, URL, Traits("new"))
        assert resumed
        assert resumed.name == "new"
        nameless = await session(store)
        assert await store.names_of([opened.id, nameless.id, "ses_none"]) == {opened.id: "new"}

    within(check)
