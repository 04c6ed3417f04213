"""How the nodes of a database hear of each other: LISTEN, NOTIFY and a heartbeat, on a connection of their own.

What is said is only ever a hint: what isn't heard is found by the poll. So a commit never waits for it, nor it for the
disk, and many hints become one (a NOTIFY takes a lock that all commits with one share).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

import asyncpg
import msgspec

from cstar_cli.backoff import jittered
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.postgres import sessions
from cstar_cli.cloud.store.postgres.connection import Connector, StoreConnection, faults_named
from cstar_cli.cloud.store.wakeups import Wakeups

CHANNEL = "cstar"
MAX_PAYLOAD_BYTES = 7999  # what NOTIFY takes
BEAT_S = 2.0
PAUSE_S = 0.003  # between two NOTIFYs: what comes in meanwhile shares the next one
FIRST_BACKOFF_S = 0.05
MOST_BACKOFF_S = 1.0


class _Notice(msgspec.Struct):
    """What one node says to the others; without topics, that they look at everything."""

    node: str
    topics: list[str] | None


_decoder = msgspec.json.Decoder(_Notice)


class Bus:
    """This node's place among the others: `join` it, then `run` it in the background."""

    def __init__(
        self,
        connector: Connector,
        node: str,
        wakeups: Wakeups,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._connector = connector
        self._node = node
        self._wakeups = wakeups
        self._clock = clock
        self._sleep = sleep
        self._topics: set[str] = set()
        self._stirred = asyncio.Event()
        self._connection: StoreConnection | None = None

    def tell(self, topics: Iterable[str]) -> None:
        """Wake the other nodes' listeners of the topics, soon."""
        self._topics.update(topics)
        if self._topics:
            self._stirred.set()

    async def join(self) -> StoreConnection:
        """Hear the others from now on. Raises StoreUnavailable."""
        settings = {"application_name": "cstar bus", "synchronous_commit": "off"}
        connection = self._connection = await self._connector.connect(**settings)
        with faults_named(self._connector.url):
            connection.add_termination_listener(lambda _: self._stirred.set())
            await connection.add_listener(CHANNEL, self._hear)
        return connection

    async def run(self) -> None:
        """Listen, tell and beat for ever, over as many connections as that takes."""
        waits = self._waits()
        while True:
            try:
                connection = self._connection
                if connection is None:
                    connection = await self.join()
                    self._wakeups.wake_all()  # what was said meanwhile was said to nobody
                    waits = self._waits()
                with faults_named(self._connector.url):
                    await self._serve(connection)
            except (StoreUnavailable, asyncpg.PostgresError):  # this goes on, whatever is wrong
                pass
            finally:
                self.leave()
            await self._sleep(next(waits))

    def leave(self) -> None:
        if self._connection:
            self._connection.terminate()
            self._connection = None

    def _waits(self) -> Iterator[float]:
        return jittered(FIRST_BACKOFF_S, MOST_BACKOFF_S, random.random)

    async def _serve(self, connection: StoreConnection) -> None:
        """Return when the connection is gone."""
        beat_at = self._clock()
        while not connection.is_closed():
            if self._clock() >= beat_at:
                await sessions.beat(connection, self._node)
                beat_at = self._clock() + BEAT_S
            if self._topics:
                await self._notify(connection)
                await self._sleep(PAUSE_S)
            self._stirred.clear()
            if self._topics or connection.is_closed():
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0, beat_at - self._clock())):
                    await self._stirred.wait()

    async def _notify(self, connection: StoreConnection) -> None:
        topics, self._topics = self._topics, set()
        payload = msgspec.json.encode(_Notice(self._node, sorted(topics)))
        if len(payload) > MAX_PAYLOAD_BYTES:
            payload = msgspec.json.encode(_Notice(self._node, None))
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload.decode())

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        try:
            notice = _decoder.decode(str(payload))
        except msgspec.MsgspecError:
            self._wakeups.wake_all()
            return
        if notice.node == self._node:
            return
        if notice.topics is None:
            self._wakeups.wake_all()
        else:
            self._wakeups.wake(notice.topics)
