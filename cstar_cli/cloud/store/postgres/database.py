"""The database as the store's parts see it: questions, and changes that are durable when they answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Concatenate, Generic, ParamSpec, TypeVar

import asyncpg

from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.postgres.connection import (
    COMMAND_S,
    CONNECT_S,
    SETTINGS,
    Connection,
    Connector,
    Row,
    StoreConnection,
    faults_named,
)

TRIES = 5  # of a change that another one has got in the way of

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """What a change answers once it is durable, and whom to wake then."""

    result: T
    topics: Sequence[str] = ()


Wake = Callable[[Sequence[str]], None]


class Database:
    """A pool of connections."""

    def __init__(
        self, connector: Connector, connections: int, wake: Wake, settings: Mapping[str, str] = SETTINGS
    ) -> None:
        self._url = connector.url
        self._wake = wake
        self._closed = False
        # No floor: the pool would report each failure to keep it, with a traceback, whenever the database is away.
        self._pool: asyncpg.Pool[Row] = asyncpg.create_pool(
            connector.url,
            min_size=0,
            max_size=connections,
            connect=connector.connect_for_pool,
            timeout=CONNECT_S,
            command_timeout=COMMAND_S,
            connection_class=StoreConnection,
            server_settings=dict(settings),
        )

    async def open(self) -> None:
        with faults_named(self._url):
            await self._pool

    async def close(self) -> None:
        """Answer what has been asked, then close the connections."""
        self._closed = True
        try:
            async with asyncio.timeout(COMMAND_S):
                await self._pool.close()
        except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            self._pool.terminate()

    async def ask(
        self, question: Callable[Concatenate[Connection, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the answer of one statement, or of several that need no transaction. Raises StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        with faults_named(self._url):
            async with self._pool.acquire(timeout=COMMAND_S) as connection:
                return await question(connection, *args, **kwargs)

    async def change(
        self, change: Callable[Concatenate[Connection, P], Awaitable[Written[T]]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what the change answers, once it is durable, and wake whom it concerns. Raises StoreUnavailable."""
        written = await self.ask(in_transaction, lambda connection: change(connection, *args, **kwargs))
        self._wake(written.topics)
        return written.result


async def in_transaction(connection: Connection, change: Callable[[Connection], Awaitable[T]]) -> T:
    """Make the change, all of it or nothing; again when others were in its way and the database undid it for that."""
    for _ in range(TRIES - 1):
        try:
            async with connection.transaction():
                return await change(connection)
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
            pass
    async with connection.transaction():
        return await change(connection)
