"""Who is connected, and the end of those who stay away: with a clock and a sleep of the test's own."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.queries import AttemptQuery
from cstar_cli.cloud.store.records import Session
from cstar_cli.cloud.store.sqlite.connection import open_writer
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.cloud.store.sqlite.lock import FileLock
from cstar_cli.events.filters import EventFilter

from .store.making import TEAM, URL, Clock, delivered, session

GRACE_S = 10.0


class Full(SqliteStore):
    """A store that can't end sessions while its disk is full."""

    full = False

    async def end_session(self, session: Session, reason: str) -> None:
        if self.full:
            raise StoreUnavailable("The database can't be written: disk is full.")
        await super().end_session(session, reason)


class Room:
    """Sessions over a real store; time passes when the test says so, and then the sweep looks once."""

    def __init__(self, store: Full) -> None:
        self.store = store
        self.now = 0.0
        self.sessions = Sessions(store, GRACE_S, lambda: self.now, self._sleep)
        self._slept: asyncio.Queue[None] = asyncio.Queue()
        self._awake: asyncio.Queue[None] = asyncio.Queue()

    async def _sleep(self, _: float) -> None:
        self._slept.put_nowait(None)
        await self._awake.get()

    async def pass_time(self, seconds: float) -> None:
        await self._slept.get()
        self.now += seconds
        self._awake.put_nowait(None)
        await self._slept.get()
        self._slept.put_nowait(None)

    async def open(self) -> list[str]:
        return [one.id for one in await self.store.open_sessions()]


def run(folder: Path, body: Callable[[Room], Awaitable[None]]) -> None:
    async def main() -> None:
        path = folder / "cstar.db"
        store = Full(path, FileLock(folder / "lock"), open_writer(path), Clock())
        room = Room(store)
        sweeping = asyncio.ensure_future(room.sessions.sweep())
        try:
            await body(room)
        finally:
            sweeping.cancel()
            await store.close()

    asyncio.run(main())


def hang_up() -> None:
    """What a connection is hung up with; nothing listens here."""


def test_a_listener_that_stays_away_loses_its_session(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        room.sessions.join(to, hang_up)
        delivery = await delivered(room.store)
        room.sessions.leave(to, hang_up)
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
        room.sessions.leave(to, hang_up)
        await room.pass_time(GRACE_S - 1)
        room.sessions.join(to, hang_up)
        await room.pass_time(GRACE_S * 10)
        assert await room.open() == [to.id]

    run(tmp_path, check)


def test_the_grace_begins_anew_with_each_leaving(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        for _ in range(3):
            room.sessions.join(to, hang_up)
            room.sessions.leave(to, hang_up)
            await room.pass_time(GRACE_S - 1)
        assert await room.open() == [to.id]

    run(tmp_path, check)


def test_sessions_of_an_earlier_run_are_remembered_and_given_their_grace(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        await room.sessions.remember()
        await room.pass_time(GRACE_S - 1)
        assert await room.open() == [to.id]
        await room.pass_time(1)
        assert await room.open() == []

    run(tmp_path, check)


def test_a_full_disk_puts_the_end_off(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        to = await session(room.store)
        await room.sessions.remember()
        room.store.full = True
        await room.pass_time(GRACE_S)
        assert await room.open() == [to.id]
        room.store.full = False
        await room.pass_time(1)
        assert await room.open() == []

    run(tmp_path, check)


def test_a_second_connection_hangs_up_the_first(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        hung_up: list[str] = []
        to = await session(room.store)
        first, second = (lambda: hung_up.append("first")), (lambda: hung_up.append("second"))
        room.sessions.join(to, first)
        room.sessions.join(to, second)
        assert (hung_up, room.sessions.connected) == (["first"], 1)
        room.sessions.leave(to, first)
        assert room.sessions.connected == 1
        room.sessions.leave(to, second)
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


def test_ending_what_has_gone_on_meanwhile_ends_nothing(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        stale = await session(room.store)
        room.sessions.join(stale, hang_up)
        room.sessions.leave(stale, hang_up)
        resumed = await room.store.resume_session(stale.id, TEAM, EventFilter.parse(()), URL)
        assert resumed
        room.sessions.join(resumed, hang_up)
        await room.sessions.end(stale, "too late")
        assert (await room.open(), room.sessions.connected) == ([stale.id], 1)
        room.sessions.leave(resumed, hang_up)
        await room.pass_time(GRACE_S)
        assert await room.open() == []
        attempts, _ = await room.store.attempts_after(TEAM, AttemptQuery(), "0", 10)
        assert list(attempts) == []

    run(tmp_path, check)
