import asyncio
import gc
from pathlib import Path

import pytest

from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.running import RunningNote, write_note
from cstar_cli.commands.embedded import CloudStarter, load_cloud
from cstar_cli.config import Home
from cstar_cli.tunnel.connection import Unreachable
from tests.processes import free_port


def starter(home: Home, base: str) -> CloudStarter:
    return CloudStarter(home, home.profile(), base, 60.0, DeliveryPolicy())


def test_a_service_on_a_database_server_is_not_taken_over_by_a_listener(tmp_path: Path) -> None:
    home, base = Home(tmp_path), f"http://127.0.0.1:{free_port()}"
    write_note(home, RunningNote(1, base, "postgresql://cstar@db/cstar", embedded=False))

    async def take_over() -> None:
        async with starter(home, base).start(True):
            raise AssertionError

    with pytest.raises(Unreachable, match="the cloud on postgresql://cstar@db/cstar is away"):
        asyncio.run(take_over())
    assert not home.database.exists()


def test_a_service_on_a_file_is_taken_over_with_that_file(tmp_path: Path) -> None:
    home, base = Home(tmp_path / "home"), f"http://127.0.0.1:{free_port()}"
    write_note(home, RunningNote(1, base, str(tmp_path / "elsewhere.db"), embedded=False))

    async def take_over() -> None:
        async with starter(home, base).start(True) as address:
            assert address == base

    asyncio.run(take_over())
    assert (tmp_path / "elsewhere.db").exists()


def test_a_start_that_loads_nothing_freezes_nothing() -> None:
    load_cloud()
    frozen = gc.get_freeze_count()
    garbage: list[object] = []
    garbage.append(garbage)
    load_cloud()
    assert gc.get_freeze_count() == frozen
    assert gc.isenabled()
