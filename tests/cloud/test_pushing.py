"""How often the store is read for tunnels that are woken together."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from cstar_cli.cloud.pushing import MOST_TOGETHER, Pusher
from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.queries import DueQuery
from cstar_cli.cloud.store.records import Due, Session
from cstar_cli.events.filters import EventFilter
from cstar_cli.protocol.frames import Delivery

from .relaying import Room, append, run
from .store.making import TEAM, URL

MANY = 2 * MOST_TOGETHER + 1


class CountingStore:
    """One that has nothing for anybody, and may be away, or answer too little."""

    def __init__(self) -> None:
        self.is_away = False
        self.is_broken = False
        self.asked: list[int] = []

    async def due(self, queries: Sequence[DueQuery]) -> Sequence[Due]:
        self.asked.append(len(queries))
        if self.is_away:
            raise StoreUnavailable("The database can't be read: disk is full.")
        return [] if self.is_broken else [Due([]) for _ in queries]


class FakeTunnel:
    """One that keeps what it is told."""

    def __init__(self) -> None:
        self.answers: list[Due | Exception] = []
        self.is_told = asyncio.Event()

    def wanted(self) -> DueQuery:
        return DueQuery(Session("ses_1", TEAM, EventFilter(), URL, 1), (), 1, 1)

    def due(self, answer: Due | Exception) -> None:
        self.answers.append(answer)
        self.is_told.set()


async def told(pusher: Pusher, count: int) -> list[FakeTunnel]:
    tunnels = [FakeTunnel() for _ in range(count)]
    for tunnel in tunnels:
        pusher.add(tunnel)
    for tunnel in tunnels:
        await tunnel.is_told.wait()
    return tunnels


def test_an_event_to_many_tunnels_is_one_read(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        others = len(asyncio.all_tasks())
        pipes = [(await room.opened())[0] for _ in range(20)]
        await room.until_idle(others + len(pipes))
        room.flaky.calls.clear()
        stored = await append(room, 1)
        got = [(await pipe.hear())[0] for pipe in pipes]
        assert room.flaky.calls["due"] == 1
        assert sorted(frame.delivery_id for frame in got if isinstance(frame, Delivery)) == sorted(stored)

    run(tmp_path, check)


def test_a_crowd_is_read_for_in_parts() -> None:
    async def check() -> None:
        store = CountingStore()
        tunnels = await told(Pusher(cast(Store, store)), MANY)
        assert store.asked == [MOST_TOGETHER, MOST_TOGETHER, 1]
        assert all(tunnel.answers == [Due([])] for tunnel in tunnels)

    asyncio.run(check())


def test_a_store_that_is_away_is_everyones_answer_and_the_next_are_asked_for_again() -> None:
    async def check() -> None:
        store = CountingStore()
        pusher = Pusher(cast(Store, store))
        store.is_away = True
        failed = await told(pusher, 3)
        assert all(isinstance(tunnel.answers[0], StoreUnavailable) for tunnel in failed)
        store.is_away = False
        [fine] = await told(pusher, 1)
        assert fine.answers == [Due([])]

    asyncio.run(check())


def test_a_broken_answer_of_the_store_is_everyones_and_the_next_are_asked_for_again() -> None:
    async def check() -> None:
        store = CountingStore()
        pusher = Pusher(cast(Store, store))
        store.is_broken = True
        async with asyncio.timeout(5):
            failed = await told(pusher, 3)
            assert all(isinstance(tunnel.answers[0], ValueError) for tunnel in failed)
            store.is_broken = False
            [fine] = await told(pusher, 1)
        assert fine.answers == [Due([])]

    asyncio.run(check())


class BrokenTunnel(FakeTunnel):
    """One that can't be told."""

    def due(self, answer: Due | Exception) -> None:
        super().due(answer)
        raise RuntimeError("no more tunnel")


def test_a_tunnel_that_breaks_is_not_the_end_of_all_pushing(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        pusher = Pusher(cast(Store, CountingStore()))
        async with asyncio.timeout(5):
            pusher.add(broken := BrokenTunnel())
            await broken.is_told.wait()
            [fine] = await told(pusher, 1)
        assert fine.answers == [Due([])]

    asyncio.run(check())
    assert [record.getMessage() for record in caplog.records] == ["work failed"]
