"""Who is connected, and the end of those who stay away: over a real store whose clock the test moves."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.events.filters import EventFilter

from .flaky import Flaky
from .store.making import TEAM, URL, Clock, delivered, event, session
from .store.sqlite.databases import migrated

GRACE_S = 10.0


class Room:
    """Sessions over a store; after time has passed they are swept once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.flaky = Flaky(store)
        self.sessions = Sessions(self.flaky.as_store, GRACE_S)
        self._clock = clock

    async def pass_time(self, seconds: float) -> None:
        await self._clock.advance(round(seconds * 1000))
        await self.sessions.sweep()

    async def open(self) -> list[str]:
        """The sessions that an event goes to."""
        return [delivery.target for delivery in await self.store.append_event(event())]


def run(folder: Path, body: Callable[[Room], Awaitable[None]]) -> None:
    async def main() -> None:
        clock = Clock()
        store = SqliteStore.open(migrated(folder / "cstar.db"), clock)
        try:
            await body(Room(store, clock))
        finally:
            await store.close()

    asyncio.run(main())


def hang_up() -> None:
    """What a connection is hung up with; nothing listens here."""


def test_a_listener_that_stays_away_loses_its_session(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        room.sessions.join(to, hang_up)
        delivery = await delivered(room.store)
        await room.sessions.leave(to, hang_up)
        await room.pass_time(GRACE_S - 1)
        assert await room.open() == [to.id]
        await room.pass_time(1)
        assert await room.open() == []
        [exchange] = await room.store.exchanges_of(delivery.id)
        assert exchange.attempt.error == "the listener stayed away for 10 s"

    run(tmp_path, check)


def test_a_connected_listener_keeps_its_session(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        room.sessions.join(to, hang_up)
        await room.pass_time(GRACE_S * 10)
        assert await room.open() == [to.id]

    run(tmp_path, check)


def test_a_listener_that_comes_back_keeps_its_session(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        room.sessions.join(to, hang_up)
        await room.sessions.leave(to, hang_up)
        await room.pass_time(GRACE_S - 1)
        back = await room.store.resume_session(to.id, TEAM, EventFilter.parse(()), URL)
        assert back
        room.sessions.join(back, hang_up)
        await room.pass_time(GRACE_S * 10)
        assert await room.open() == [to.id]

    run(tmp_path, check)


def test_the_grace_begins_anew_with_each_leaving(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        room.sessions.join(to, hang_up)
        for _ in range(3):
            await room.sessions.leave(to, hang_up)
            await room.pass_time(GRACE_S - 1)
            back = await room.store.resume_session(to.id, TEAM, EventFilter.parse(()), URL)
            assert back
            to = back
            room.sessions.join(to, hang_up)
        assert await room.open() == [to.id]

    run(tmp_path, check)


def test_a_leaving_while_the_store_is_away_is_noted_once_it_is_back(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        room.sessions.join(to, hang_up)
        room.flaky.away = True
        await room.sessions.leave(to, hang_up)
        assert room.sessions.connected == 0
        room.flaky.away = False
        await room.pass_time(GRACE_S)
        assert await room.open() == [to.id]
        await room.pass_time(GRACE_S)
        assert await room.open() == []

    run(tmp_path, check)


def test_a_leaving_that_is_noted_late_does_not_count_for_who_has_come_back(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        room.sessions.join(to, hang_up)
        room.flaky.away = True
        await room.sessions.leave(to, hang_up)
        room.flaky.away = False
        back = await room.store.resume_session(to.id, TEAM, EventFilter.parse(()), URL)
        assert back
        room.sessions.join(back, hang_up)
        for _ in range(3):
            await room.pass_time(GRACE_S)
        assert await room.open() == [to.id]

    run(tmp_path, check)


def test_a_second_connection_hangs_up_the_first(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        hung_up: list[str] = []
        to = await session(room.store)
        first, second = (lambda: hung_up.append("first")), (lambda: hung_up.append("second"))
        room.sessions.join(to, first)
        room.sessions.join(to, second)
        assert (hung_up, room.sessions.connected) == (["first"], 1)
        await room.sessions.leave(to, first)
        assert room.sessions.connected == 1
        await room.sessions.leave(to, second)
        assert room.sessions.connected == 0

    run(tmp_path, check)


def test_closing_hangs_up_all_and_whoever_still_comes(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        hung_up: list[str] = []
        early, late = await session(room.store), await session(room.store)
        room.sessions.join(early, lambda: hung_up.append("early"))
        room.sessions.hang_up_all()
        room.sessions.join(late, lambda: hung_up.append("late"))
        assert hung_up == ["early", "late"]

    run(tmp_path, check)


def test_an_end_is_for_good_and_leaves_nobody_connected(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        room.sessions.join(to, hang_up)
        await room.sessions.end(to, hang_up, "the listener ended")
        assert (await room.open(), room.sessions.connected) == ([], 0)

    run(tmp_path, check)


def test_ending_what_has_gone_on_meanwhile_ends_nothing(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        def hang_up_the_later() -> None:
            """The later connection's."""

        stale = await session(room.store)
        room.sessions.join(stale, hang_up)
        resumed = await room.store.resume_session(stale.id, TEAM, EventFilter.parse(()), URL)
        assert resumed
        room.sessions.join(resumed, hang_up_the_later)
        await room.sessions.end(stale, hang_up, "too late")
        assert (await room.open(), room.sessions.connected) == ([stale.id], 1)

    run(tmp_path, check)
