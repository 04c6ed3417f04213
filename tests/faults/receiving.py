"""A receiver that takes thousands of posts and keeps of each who it was and when it came."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_ANSWER = b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One post; `at_s` is monotonic."""

    path: str
    delivery_id: str
    event_id: str
    at_s: float


class Crowd:
    """A receiver on a thread of its own. The path says how it answers:

    `/ok…` 200 · `/held…` 200 once `open` is set · `/slow/MS…` 200 so much later · `/status/N…` that · `/dead…` never.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.answered = 0
        self._came = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(self._start())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def open(self) -> None:
        """Let go of what is held, from now on."""
        self._loop.call_soon_threadsafe(self._open.set)

    def wait_until(self, holds: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Return when it holds, which is looked at whenever something comes; fails after the time."""
        with self._came:
            assert self._came.wait_for(holds, timeout_s), f"{what}: not within {timeout_s} s; {len(self.arrivals)} came"

    def wait_for_arrivals(self, count: int, timeout_s: float = 60) -> None:
        self.wait_until(lambda: len(self.arrivals) >= count, timeout_s, f"{count} posts")

    def wait_for_events(self, wanted: set[str], timeout_s: float) -> None:
        """Return when each of these events has come at least once."""
        seen: set[str] = set()
        looked = 0

        def all_came() -> bool:
            nonlocal looked
            fresh = self.arrivals[looked:]
            looked += len(fresh)
            seen.update(arrival.event_id for arrival in fresh)
            return wanted <= seen

        self.wait_until(all_came, timeout_s, f"{len(wanted)} events")

    def duplicates(self) -> int:
        """Count the posts beyond the first of each delivery."""
        return sum(count - 1 for count in Counter(arrival.delivery_id for arrival in self.arrivals).values())

    def deliveries(self) -> dict[str, set[str]]:
        """Return the ids under which each event has come."""
        found: dict[str, set[str]] = {}
        for arrival in self.arrivals:
            found.setdefault(arrival.event_id, set()).add(arrival.delivery_id)
        return found

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096)

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                    body = await reader.readexactly(int(headers["content-length"]))
                    path = head[0].split()[1]
                    self._record(path, headers["x-cstar-delivery"], json.loads(body)["id"])
                    writer.write(_ANSWER % await self._status(path))
                    self.answered += 1
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    def _record(self, path: str, delivery_id: str, event_id: str) -> None:
        with self._came:
            self.arrivals.append(Arrival(path, delivery_id, event_id, time.monotonic()))
            self._came.notify_all()

    async def _status(self, path: str) -> int:
        kind, _, rest = path[1:].partition("/")
        if kind == "held":
            await self._open.wait()
        elif kind == "slow":
            await asyncio.sleep(int(rest.partition("/")[0]) / 1000)
        elif kind == "status":
            return int(rest.partition("/")[0])
        elif kind == "dead":
            await asyncio.Event().wait()
        return 200
