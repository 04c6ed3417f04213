"""End to end on one machine: posted to the API of the cloud inside `cstar listen`, durable, tunnelled, received."""

import asyncio
import itertools
import json
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import tools
from benchmarks.bench import Bench
from benchmarks.mock.asking import Asker, ask_all, asking, request
from benchmarks.mock.events import event_body
from benchmarks.mock.receiver import receiving
from benchmarks.node import free_port, home_of
from benchmarks.processes import Running, started
from benchmarks.scenarios.delay import PER_S, percentile

TITLE = "End to end through the cloud inside listen, 1.5 KB events"
SUBJECT = "API → store → tunnel → receiver"
CONNECTIONS = 32
_READY = re.compile(rb'"ready"')
_ID = re.compile(rb'"id":"(evt_[^"]+)"')


@dataclass(slots=True)
class Way:
    """The whole way, and when each event was at its end."""

    process: Running
    address: str
    asked: bytes
    arrived: dict[bytes, float] = field(default_factory=dict)

    async def all_arrived(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.arrived) < count:  # noqa: ASYNC110  # an event would be looked at for each arrival
                await asyncio.sleep(0.001)


async def run_round(bench: Bench) -> None:
    with bench.measuring(SUBJECT):
        async with _open() as way:
            for _ in bench.turns():
                await bench.limit()
                await _rate(bench, way)
                await _delay(bench, way)


async def _rate(bench: Bench, way: Way) -> None:
    way.arrived.clear()
    count = bench.effort.intake // 3 // bench.effort.turns
    started_at, cpu_s = time.perf_counter(), way.process.cpu_s()
    await ask_all(way.address, itertools.repeat(way.asked, count), CONNECTIONS)
    await way.all_arrived(count)
    bench.add(SUBJECT, "events/s", count / (max(way.arrived.values()) - started_at))
    bench.add(SUBJECT, "CPU µs an event", (way.process.cpu_s() - cpu_s) / count * 1e6)
    bench.add(SUBJECT, "memory MB", way.process.memory_mb())


async def _delay(bench: Bench, way: Way) -> None:
    way.arrived.clear()
    count = bench.effort.paced // bench.effort.turns
    asked: list[float] = []
    ids: list[bytes] = []
    async with asking(way.address, CONNECTIONS, lambda _, answer: ids.append(_id(answer))) as askers:
        started_at = time.perf_counter()
        turns: itertools.cycle[Asker] = itertools.cycle(askers)
        for place in range(count):
            await asyncio.sleep(max(0.0, started_at + place / PER_S - time.perf_counter()))
            asked.append(time.perf_counter())
            next(turns).ask(way.asked)
        await way.all_arrived(count)
    # Events are far enough apart to be answered in the order in which they were asked for, nearly always; where two
    # change places, one delay is as much too long as the other is too short.
    delays = [way.arrived[event_id] - at for event_id, at in zip(ids, asked, strict=True)]
    bench.add(SUBJECT, "p50 ms at 100/s", percentile(delays, 50) * 1000)
    bench.add(SUBJECT, "p99 ms at 100/s", percentile(delays, 99) * 1000)


def _id(text: bytes) -> bytes:
    found = _ID.search(text)
    assert found, text
    return found[1]


@asynccontextmanager
async def _open() -> AsyncIterator[Way]:
    arrived: dict[bytes, float] = {}

    def receive(start: bytes) -> float:
        arrived.setdefault(_id(start), time.perf_counter())
        return 0.0

    with tempfile.TemporaryDirectory() as folder:
        home, address = Path(folder), f"http://127.0.0.1:{free_port()}"
        async with receiving(receive) as url:
            command = tools.CSTAR_JSON.listen(address, url.removesuffix("/hook"))
            with started(command, tools.CSTAR.environment(home), home) as process:
                await process.said(_READY)
                state = home_of(home)
                event = {"type": "ticket.created", "data": json.loads(event_body())["data"]}
                asked = request("POST", f"/api/v1/teams/{state.profile().team_id}/events", state.token(), event)
                yield Way(process, address, asked, arrived)
