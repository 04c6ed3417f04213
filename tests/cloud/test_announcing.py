"""Who has come is told to those who are connected here, over a real store."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from cstar_cli.cloud.announcing import announce

from .store.making import EVERYTHING, TEAM, session
from .test_sessions import Room, hang_up, run


def test_all_who_have_come_meanwhile_are_told_of_together(tmp_path: Path) -> None:
    async def check(room: Room) -> None:
        told: asyncio.Queue[Sequence[str]] = asyncio.Queue()
        room.sessions.join(await session(room.store), hang_up, told.put_nowait)
        telling = asyncio.create_task(announce(room.store, room.sessions))
        newcomers = [await room.store.open_session(TEAM, EVERYTHING, f"http://localhost/{number}") for number in (1, 2)]
        await asyncio.gather(*map(room.store.arrive, newcomers))
        async with asyncio.timeout(10):
            assert await told.get() == ["http://localhost/1", "http://localhost/2"]
        telling.cancel()

    run(tmp_path, check)
