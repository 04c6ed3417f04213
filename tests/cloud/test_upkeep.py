"""What a node does now and then: with a clock and a sleep of the test's own, over a store that says what was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from cstar_cli.cloud.sessions import Sessions
from cstar_cli.cloud.store.interface import Store, StoreUnavailable
from cstar_cli.cloud.store.wakeups import Wakeups
from cstar_cli.cloud.upkeep import FORGET_BATCH, Upkeep

DAY_MS = 86_400_000
T0_MS = 1_765_376_000_000
SOON = 20


class FakeStore:
    """Notes what is asked of it, while it isn't away; holds so many old events."""

    def __init__(self) -> None:
        self.wakeups = Wakeups()
        self.queue = self
        self.away = False
        self.old_events = 0
        self.asked: list[tuple[str, int]] = []

    def _note(self, what: str, value: int) -> None:
        if self.away:
            raise StoreUnavailable("The disk is full.")
        self.asked.append((what, value))

    async def end_lost_sessions(self, grace_ms: int, reason: str) -> int:
        self._note(reason, grace_ms)
        return 0

    async def cap_waits(self, longest_ms: int, wire: str | None = None) -> None:
        self._note("cap", longest_ms)

    async def forget(self, older_than_ms: int, limit: int) -> int:
        self._note("forget", older_than_ms)
        forgotten = min(limit, self.old_events)
        self.old_events -= forgotten
        return forgotten

    def times(self, what: str) -> int:
        return sum(what in asked for asked, _ in self.asked)


class House:
    """Upkeep in a time that the test passes: sleepers wake in the order of when they want to."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.now_s = 0.0
        self.lost_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        store = cast(Store, self.store)
        self.upkeep = Upkeep(store, Sessions(store, 120.0), 30 * 86_400.0, {None: 1_890_000}, self._now_ms, self._sleep)

    def _now_ms(self) -> int:
        return T0_MS + round((self.now_s + self.lost_s) * 1000)

    async def _sleep(self, seconds: float) -> None:
        awake = asyncio.Event()
        self._sleepers.append((self.now_s + seconds, awake))
        await awake.wait()

    async def pass_time(self, seconds: float) -> None:
        until = self.now_s + seconds
        await self._settle()
        while (first := min(self._sleepers, key=lambda sleeper: sleeper[0]))[0] <= until:
            self._sleepers.remove(first)
            self.now_s = first[0]
            first[1].set()
            await self._settle()
        self.now_s = until

    async def _settle(self) -> None:
        for _ in range(SOON):
            await asyncio.sleep(0)


def run(body: Callable[[House], Awaitable[None]]) -> None:
    async def main() -> None:
        house = House()
        running = asyncio.ensure_future(house.upkeep.run())
        try:
            await body(house)
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.wait({running})

    asyncio.run(main())


def test_sessions_are_swept_every_second() -> None:
    async def check(house: House) -> None:
        await house.pass_time(60)
        assert house.store.asked.count(("the listener stayed away for 120 s", 120_000)) == 60

    run(check)


def test_waits_are_capped_at_the_start_and_every_minute() -> None:
    async def check(house: House) -> None:
        await house.pass_time(0)
        assert house.store.asked == [("cap", 1_890_000)]
        await house.pass_time(180)
        assert house.store.times("cap") == 4

    run(check)


def test_what_is_past_its_retention_goes_in_batches_soon_after_the_start_and_every_hour() -> None:
    async def check(house: House) -> None:
        house.store.old_events = 2 * FORGET_BATCH + 1
        await house.pass_time(60)
        assert (house.store.old_events, house.store.times("forget")) == (0, 4)
        house.store.old_events = 1
        await house.pass_time(3000)
        assert house.store.old_events == 1
        await house.pass_time(1000)
        assert house.store.old_events == 0
        asked = [value for what, value in house.store.asked if what == "forget"]
        assert T0_MS < asked[0] + 30 * DAY_MS < T0_MS + 60_000

    run(check)


def test_a_store_that_is_away_is_asked_again() -> None:
    async def check(house: House) -> None:
        house.store.away = True
        house.store.old_events = 1
        await house.pass_time(4000)
        assert house.store.asked == []
        house.store.away = False
        await house.pass_time(3600)
        assert house.store.old_events == 0
        assert min(house.store.times(what) for what in ("stayed away", "cap", "forget")) > 0

    run(check)


def test_a_store_that_goes_and_comes_is_told_once_each_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def check(house: House) -> None:
        await house.pass_time(5)
        for away in (True, False, True, False):
            house.store.away = away
            await house.pass_time(5)

    with caplog.at_level("INFO", "cstar.cloud"):
        run(check)
    assert [record.getMessage() for record in caplog.records] == ["store away", "store back"] * 2


def test_everyone_looks_again_when_the_machine_has_slept() -> None:
    async def check(house: House) -> None:
        wake = house.store.wakeups.join("anything")
        wake.clear()
        await house.pass_time(30)
        assert not wake.is_set()
        house.lost_s = 1800.0
        await house.pass_time(1)
        assert wake.is_set()

    run(check)


def test_a_fault_of_ours_ends_it() -> None:
    class Trouble(Exception):
        """What nobody has thought of."""

    class Broken(FakeStore):
        async def cap_waits(self, longest_ms: int, wire: str | None = None) -> None:
            raise Trouble

    async def main() -> None:
        store = cast(Store, Broken())
        await Upkeep(store, Sessions(store, 1.0), 1.0, {None: 1}, lambda: T0_MS).run()

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(main())
    assert raised.group_contains(Trouble)
