"""Turns that tools take while all listen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from benchmarks.bench import QUICK, Bench
from benchmarks.mock.stage import Stage
from benchmarks.processes import Running
from benchmarks.tools import HOOKDECK, SMEE, STRIPE, Tool


def test_who_fails_is_stopped_at_once_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    bench = Bench("forwarding", QUICK)

    @asynccontextmanager
    async def listening(_: Bench, tool: Tool, **__: Any) -> AsyncIterator[tuple[Stage, Running]]:
        told.append(f"{tool.name} starts")
        try:
            yield cast(Stage, None), cast(Running, None)
        finally:
            told.append(f"{tool.name} stops")
            if tool is HOOKDECK:
                raise OSError("it stays")

    async def turn(tool: Tool, _: Stage, __: Running) -> None:
        told.append(f"{tool.name} has turn {bench.turn}")
        if tool is STRIPE:
            raise TimeoutError

    monkeypatch.setattr(Bench, "listening", listening)
    asyncio.run(bench.by_turns([STRIPE, HOOKDECK, SMEE], turn))
    ours = [line.replace("smee-client", "smee").replace("-cli", "") for line in told]
    assert ours == [
        *("stripe starts", "hookdeck starts", "smee starts"),
        *("stripe has turn 0", "stripe stops", "hookdeck has turn 0", "smee has turn 0"),
        *("hookdeck has turn 1", "smee has turn 1", "hookdeck stops", "smee stops"),
    ]
    assert [name for _, name in bench.figures.absent] == ["stripe-cli", "hookdeck-cli"]
    assert bench.turn == 0
