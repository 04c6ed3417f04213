"""Several listeners as one: which cloud they share, and how they end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cstar_cli.activity import ChaosCounts, Ready, Summary
from cstar_cli.commands.together import SharedCloud, Together
from cstar_cli.errors import NotAllowed
from cstar_cli.protocol.frames import Bye
from cstar_cli.tunnel.chaos import Chaos
from tests.tunnel.fakes import REFUSED, Desk, FakeCloud, FakeConnection, Starter, delivery
from tests.tunnel.virtual_time import virtually


class Crowd:
    """Two listeners that find no cloud, and the one that they share once it is started."""

    def __init__(self, others_first: int = 0, chaos: Chaos | None = None) -> None:
        self.cloud = FakeCloud(REFUSED)
        self.starter = Starter(self.cloud, others_first)
        self.shared = SharedCloud(self.starter)
        self.desks = [Desk(self.cloud, start_cloud=self.shared.start, chaos=chaos) for _ in range(2)]  # type: ignore[arg-type]
        self.together = Together([desk.listener for desk in self.desks], self.shared)

    async def let_in(self) -> list[FakeConnection]:
        connections = [await self.cloud.connection() for _ in self.desks]
        for number, connection in enumerate(connections):
            await connection.welcome(f"ses_{number}")
        for desk in self.desks:
            await desk.see(Ready)
        return connections


@asynccontextmanager
async def running(together: Together) -> AsyncIterator["asyncio.Task[Summary]"]:
    async with asyncio.TaskGroup() as group:
        yield group.create_task(together.run())


@virtually
async def test_the_cloud_is_started_once_and_ends_when_all_have_said_goodbye() -> None:
    crowd = Crowd()
    async with running(crowd.together):
        slow, fast = await crowd.let_in()
        assert crowd.starter.takes_over == [False]
        crowd.desks[0].gate.clear()
        slow.say(delivery(1))
        await asyncio.sleep(1)
        crowd.together.stop()
        await fast.hear(Bye)
        await asyncio.sleep(5)
        assert fast.closed
        assert crowd.starter.running, "the other one has a result to hand over"
        crowd.desks[0].gate.set()
        await slow.settle()
        await slow.hear(Bye)
    assert not crowd.starter.running


@virtually
async def test_where_another_process_was_first_all_dial_again_before_one_of_them_starts_it() -> None:
    crowd = Crowd(others_first=1)
    async with running(crowd.together):
        await crowd.let_in()
        assert crowd.starter.takes_over == [False, False]
        assert len(crowd.cloud.dialled_at) == 6
        crowd.together.stop()


@virtually
async def test_a_cloud_of_ours_that_does_not_answer_is_called_again_and_not_started_twice() -> None:
    crowd = Crowd()
    async with running(crowd.together):
        connection, _ = await crowd.let_in()
        crowd.cloud.trouble = REFUSED
        dialled = len(crowd.cloud.dialled_at)
        connection.cut()
        await crowd.cloud.dialled(dialled + 4)
        assert crowd.cloud.dialled_at[-1] - crowd.cloud.dialled_at[dialled] > 0.1, "it waits in between"
        crowd.cloud.trouble = None
        await (await crowd.cloud.connection()).welcome("ses_0", resumed=True)
        assert crowd.starter.takes_over == [False]
        crowd.together.stop()


@virtually
async def test_what_ends_one_listener_ends_all() -> None:
    desks = [Desk(FakeCloud()), Desk(FakeCloud(NotAllowed("the key was revoked")))]
    with pytest.raises(ExceptionGroup) as raised:
        await Together([desk.listener for desk in desks], None).run()
    assert raised.group_contains(NotAllowed, match="revoked")
    assert (await desks[0].cloud.connection()).closed


@virtually
async def test_a_fault_of_the_shared_cloud_ends_all() -> None:
    crowd = Crowd()

    @asynccontextmanager
    async def breaking(take_over: bool) -> AsyncIterator[None]:
        async with crowd.starter(take_over), asyncio.TaskGroup() as group:
            group.create_task(_break_after(1.0))
            yield

    crowd.shared._start_cloud = breaking
    with pytest.raises(ExceptionGroup) as raised:
        await crowd.together.run()
    assert raised.group_contains(ZeroDivisionError)
    assert not crowd.starter.running


async def _break_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise ZeroDivisionError


@virtually
async def test_the_first_stop_lets_all_finish_the_second_ends_all_and_the_sums_are_told() -> None:
    crowd = Crowd()
    async with running(crowd.together) as run:
        for desk, connection in zip(crowd.desks, await crowd.let_in(), strict=True):
            connection.say(delivery(1))
            await connection.settle()
            desk.gate.clear()
            connection.say(delivery(2))
            await asyncio.sleep(1)
        crowd.together.stop()
        await asyncio.sleep(1)
        assert crowd.together.stopping
        assert not run.done()
        crowd.together.stop()
    assert run.result() == Summary(forwarded=2, succeeded=2, failed=0, unfinished=2)


@virtually
async def test_what_chaos_did_along_all_routes_is_summed_up() -> None:
    crowd = Crowd(chaos=Chaos("", 7, duplicate=1.0))
    async with running(crowd.together) as run:
        for connection in await crowd.let_in():
            connection.say(delivery(1))
            await connection.settle()
        await asyncio.sleep(1)
        crowd.together.stop()
    assert run.result().chaos == ChaosCounts(duplicated=2)
