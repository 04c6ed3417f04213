import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypedDict

import httpx
from msgspec.structs import force_setattr

from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.records import Delivery, Session

from ..flaky import Flaky
from ..hurry import hurried_loop
from ..serving import Serve, There, options, serving
from ..store.making import TEAM, URL, delivered, outcome, session


class Line(TypedDict, total=False):
    kind: str
    cursor: str
    event_type: str
    delivery_id: str
    status: int | None


async def snapshot(there: There, query: str = "") -> list[Line]:
    """The whole of a tail that doesn't follow."""
    answer = await there.get(f"/deliveries/tail?follow=false&{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


class Following:
    """A tail that follows, read line by line."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def line(self) -> Line:
        async with asyncio.timeout(8):
            line: Line = json.loads(await anext(self._lines))
            return line

    async def until_cursor(self) -> list[str]:
        """The deliveries of the lines before the next cursor."""
        found = []
        while (line := await self.line())["kind"] == "attempt":
            found.append(line["delivery_id"])
        return found

    async def attempts(self, count: int) -> list[str]:
        """The deliveries of the next lines that are attempts."""
        found: list[str] = []
        while len(found) < count:
            line = await self.line()
            found += [line["delivery_id"]] if line["kind"] == "attempt" else []
        return found

    async def rest(self) -> list[str]:
        async with asyncio.timeout(8):
            return [line async for line in self._lines]


@asynccontextmanager
async def following(there: There, query: str = "") -> AsyncIterator[Following]:
    async with there.client.stream("GET", f"/deliveries/tail?{query}") as answer:
        assert answer.status_code == 200
        yield Following(answer)


async def settled(there: There, to: Session, count: int, status: int = 200) -> list[Delivery]:
    made = [await delivered(there.cloud.store) for _ in range(count)]
    await there.cloud.store.settle(to, [outcome(delivery, status) for delivery in made])
    return made


def tails(there: There) -> int:
    """How many wait for attempts: all who wait but the dispatcher and who tells listeners of each other."""
    return there.cloud.store.wakeups.waiting - 2


async def nobody_waits(there: There) -> None:
    """Answer once no tail is woken any more: that a client has left shows on the next turn of the loop or so."""
    async with asyncio.timeout(8):
        while tails(there):
            await there.get("/health")


def delivery_ids(lines: Sequence[Line]) -> list[str]:
    return [line["delivery_id"] for line in lines if line["kind"] == "attempt"]


def test_an_attempt_is_a_line(serve: Serve) -> None:
    async def check(there: There) -> None:
        to = await session(there.cloud.store)
        [made] = await settled(there, to, 1, status=404)
        assert await snapshot(there) == [
            {
                "kind": "attempt",
                "cursor": "1",
                "time": "2025-12-10T14:13:20.000Z",
                "event_id": made.event_id,
                "event_type": "ticket.created",
                "delivery_id": made.id,
                "attempt": 1,
                "target": to.id,
                "url": URL,
                "status": 404,
                "duration_ms": 4.2,
                "outcome": "failed",
                "error": None,
                "next_attempt_at": None,
            },
            {"kind": "cursor", "cursor": "1"},
        ]

    serve(check)


def test_an_empty_log_is_a_cursor(serve: Serve) -> None:
    async def check(there: There) -> None:
        assert await snapshot(there) == [{"kind": "cursor", "cursor": "0"}]

    serve(check)


def test_a_tail_starts_with_the_last_10_in_commit_order(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await settled(there, await session(there.cloud.store), 15)
        assert delivery_ids(await snapshot(there)) == [delivery.id for delivery in made[5:]]

    serve(check)


def test_a_tail_starts_with_as_many_as_asked_for(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await settled(there, await session(there.cloud.store), 5)
        for lines, found in ((0, []), (2, made[3:]), (10_000, made)):
            assert delivery_ids(await snapshot(there, f"lines={lines}")) == [delivery.id for delivery in found]

    serve(check)


def test_after_a_sequence_everything_later_comes(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await settled(there, await session(there.cloud.store), 15)
        assert delivery_ids(await snapshot(there, "after=0")) == [delivery.id for delivery in made]
        assert delivery_ids(await snapshot(there, "after=13")) == [delivery.id for delivery in made[13:]]
        assert await snapshot(there, "after=15") == [{"kind": "cursor", "cursor": "15"}]

    serve(check)


def test_more_than_one_read_holds_still_comes_whole(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await session(store)
        made = await asyncio.gather(*(delivered(store) for _ in range(1100)))
        await store.settle(to, [outcome(delivery) for delivery in made])
        assert delivery_ids(await snapshot(there, "after=0")) == [delivery.id for delivery in made]

    serve(check)


def test_since_a_time_everything_later_comes(serve: Serve) -> None:
    async def check(there: There) -> None:
        made = await settled(there, await session(there.cloud.store), 3)
        for since, found in {
            "2000-01-01T00:00:00Z": made,
            "2000-01-01T00:00:00%2B01:00": made,
            "0001-01-01T00:00:00%2B23:59": made,
            "9999-12-31T23:59:59-23:59": [],
        }.items():
            assert delivery_ids(await snapshot(there, f"since={since}")) == [delivery.id for delivery in found]

    serve(check)


def test_filters_are_the_clouds_work(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await session(store)
        ticket, boss = await delivered(store, "ticket.created"), await delivered(store, "boss.spawned")
        await store.settle(to, [outcome(ticket, 200), outcome(boss, 404)])
        for query, found in {
            "events=boss.*": [boss.id],
            "status=succeeded": [ticket.id],
            "status=4xx": [boss.id],
            f"target={to.id}": [ticket.id, boss.id],
            f"event_id={boss.event_id}": [boss.id],
            "status=500": [],
        }.items():
            assert delivery_ids(await snapshot(there, query)) == found
            assert (await snapshot(there, query))[-1] == {"kind": "cursor", "cursor": "2"}

    serve(check)


def test_following_goes_on_where_the_backlog_ends(serve: Serve) -> None:
    async def check(there: There) -> None:
        to = await session(there.cloud.store)
        old = await settled(there, to, 3)
        async with following(there) as tail:
            assert await tail.until_cursor() == [delivery.id for delivery in old]
            new = await settled(there, to, 2)
            assert await tail.attempts(2) == [delivery.id for delivery in new]

    serve(check)


def test_following_filters_too(serve: Serve) -> None:
    async def check(there: There) -> None:
        to = await session(there.cloud.store)
        async with following(there, "status=failed") as tail:
            await tail.until_cursor()
            await settled(there, to, 2)
            [failed] = await settled(there, to, 1, status=500)
            assert await tail.attempts(1) == [failed.id]

    serve(check)


def test_the_end_of_a_session_is_followed_to_each_of_its_deliveries(serve: Serve) -> None:
    async def check(there: There) -> None:
        to = await session(there.cloud.store)
        made = [await delivered(there.cloud.store) for _ in range(3)]
        async with following(there) as tail:
            await tail.until_cursor()
            await there.cloud.store.end_session(to, "over")
            assert await tail.attempts(3) == [delivery.id for delivery in made]

    serve(check)


def test_a_cut_tail_goes_on_without_gap_or_repeat(serve: Serve) -> None:
    async def check(there: There) -> None:
        store = there.cloud.store
        to = await session(store)
        made = [await delivered(store) for _ in range(60)]

        async def settle_all() -> None:
            for delivery in made:
                await store.settle(to, [outcome(delivery)])

        settling = asyncio.ensure_future(settle_all())
        found: list[str] = []
        cursor = "0"
        while len(found) < len(made):
            async with following(there, f"after={cursor}") as tail:
                for _ in range(7):
                    line = await tail.line()
                    cursor = line["cursor"]
                    found += [line["delivery_id"]] if line["kind"] == "attempt" else []
                    if len(found) == len(made):
                        break
        assert found == [delivery.id for delivery in made]
        await settling

    serve(check)


def test_silence_is_broken_by_a_cursor_at_least_every_5_s(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(options(tmp_path)) as there, following(there) as tail:
            now = asyncio.get_running_loop().time
            for _ in range(3):
                before = now()
                assert await tail.line() == {"kind": "cursor", "cursor": "0"}
                assert now() - before < 8

    with asyncio.Runner(loop_factory=hurried_loop) as runner:
        runner.run(main())


def test_every_follower_gets_everything(serve: Serve) -> None:
    async def check(there: There) -> None:
        to = await session(there.cloud.store)
        async with following(there) as one, following(there) as two:
            await one.until_cursor()
            await two.until_cursor()
            made = [delivery.id for delivery in await settled(there, to, 20)]
            assert (await one.attempts(20), await two.attempts(20)) == (made, made)

    serve(check)


def test_a_follower_that_leaves_is_forgotten(serve: Serve) -> None:
    async def check(there: There) -> None:
        for _ in range(5):
            async with following(there) as tail:
                await tail.until_cursor()
                assert tails(there) == 1
            await nobody_waits(there)

    serve(check)


def test_a_tail_that_does_not_follow_leaves_nobody_waiting(serve: Serve) -> None:
    async def check(there: There) -> None:
        await snapshot(there)
        await there.client.head("/deliveries/tail")
        await nobody_waits(there)

    serve(check)


def test_a_tail_ends_whole_when_the_cloud_stops(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with following(there) as tail:
            await tail.until_cursor()
            there.cloud.stopping.set()
            assert await tail.rest() == []

    serve(check)


def test_a_store_that_goes_away_ends_a_follower_which_can_go_on_later(serve: Serve) -> None:
    async def check(there: There) -> None:
        real = there.cloud.store
        flaky = Flaky(real)
        force_setattr(there.cloud, "store", flaky.as_store)
        to = await session(real)
        async with following(there, "after=" + await real.cursor_before(TEAM, 0)) as tail:
            await tail.until_cursor()
            flaky.away = True
            [missed] = await settled_in(real, to)
            assert await tail.rest() == []
        assert (await there.get("/deliveries/tail")).status_code == 503
        flaky.away = False
        async with following(there, "after=" + await real.cursor_before(TEAM, 0)) as tail:
            assert await tail.attempts(1) == [missed]
        force_setattr(there.cloud, "store", real)

    async def settled_in(store: Store, to: Session) -> list[str]:
        made = await delivered(store)
        return list(await store.settle(to, [outcome(made)]))

    serve(check)
