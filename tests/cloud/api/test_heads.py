"""Websockets that all begin at once."""

import asyncio
from functools import partial

from cstar_cli.cloud.api.heads import UPGRADES_A_TURN, Upgrades


def test_a_crowd_of_websockets_begins_a_few_each_turn_in_the_order_they_came() -> None:
    async def check() -> None:
        upgrades, begun = Upgrades(), list[int]()
        for number in range(3 * UPGRADES_A_TURN):
            upgrades.add(partial(begun.append, number))
        for turn in range(1, 4):
            await asyncio.sleep(0)
            assert begun == list(range(turn * UPGRADES_A_TURN))
        upgrades.add(lambda: begun.append(-1))
        await asyncio.sleep(0)
        assert begun[-1] == -1

    asyncio.run(check())


def test_one_that_fails_to_begin_holds_up_no_other() -> None:
    async def check() -> None:
        failed: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))
        upgrades, begun = Upgrades(), list[str]()

        def fail() -> None:
            raise OSError("gone")

        for _ in range(UPGRADES_A_TURN):
            upgrades.add(fail)
        upgrades.add(lambda: begun.append("next"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert begun == ["next"]
        assert failed

    asyncio.run(check())
