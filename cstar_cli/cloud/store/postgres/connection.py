"""Connections to the database, and what their errors become."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.open import shown
from cstar_cli.errors import CstarError

CONNECT_S = 5.0
COMMAND_S = 10.0
SCHEMA = "cstar"
# Plans made for the tables as they are now: a queue is empty at one time and long at another, and no statistics are
# ever right about it. Of two indexes the one that finds fewer rows, wherever these lie. And a node that stops in the
# middle of a transaction must not hold up the others.
SETTINGS = {
    "application_name": "cstar",
    "search_path": SCHEMA,
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    "enable_seqscan": "off",
    "random_page_cost": "1",
    "idle_in_transaction_session_timeout": "10000",
    "lock_timeout": "5000",
    "statement_timeout": "9500",
}
# For statements that run many times a second, whose planning would be a tenth of the work: planned once, for a table of
# any size. Each leaves no choice but to go by an index for each of the rows it is given: no join that could be turned
# round (a look-up is LATERAL with a LIMIT, what is changed is `= ANY` of an array), no order that an index has.
PLANNED_ONCE = SETTINGS | {
    "plan_cache_mode": "force_generic_plan",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

Row: TypeAlias = asyncpg.Record
# What no waiting mends: these must not pass for a database that is away.
_OUR_FAULTS = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.DataError,
)
_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


if TYPE_CHECKING:
    _Plain = asyncpg.Connection[Row]
else:
    _Plain = asyncpg.Connection  # generic in its stubs alone


class StoreConnection(_Plain):
    """A connection for whom a database that doesn't answer is gone, and whose text may hold anything.

    After a timeout asyncpg would wait as long again, for the statement to be cancelled and the transaction rolled
    back. PostgreSQL's text can't have U+0000, which becomes U+FFFD.
    """

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        with self._gone_after_a_timeout():
            return await super().execute(query, *map(_storable, args), timeout=timeout)

    # The caller never asks for another class of rows, which is what the overloads of the two are about.
    async def fetch(  # type: ignore[override]
        self, query: str, *args: object, timeout: float | None = None, **options: Any
    ) -> list[Row]:
        with self._gone_after_a_timeout():
            rows: list[Row] = await super().fetch(query, *map(_storable, args), timeout=timeout, **options)
            return rows

    async def fetchrow(  # type: ignore[override]
        self, query: str, *args: object, timeout: float | None = None, **options: Any
    ) -> Row | None:
        with self._gone_after_a_timeout():
            row: Row | None = await super().fetchrow(query, *map(_storable, args), timeout=timeout, **options)
            return row

    async def fetchval(self, query: str, *args: object, column: int = 0, timeout: float | None = None) -> Any:
        with self._gone_after_a_timeout():
            return await super().fetchval(query, *map(_storable, args), column=column, timeout=timeout)

    @contextmanager
    def _gone_after_a_timeout(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            self.terminate()
            raise

    def get_reset_query(self) -> str:
        """Nothing to reset: no question or change alters the connection it runs on."""
        return ""


Connection: TypeAlias = "StoreConnection | PoolConnectionProxy[Row]"


class Connector:
    """Makes connections. One that its caller can't wait for any more is made all the same, and closed: asyncpg reports
    every negotiation that is broken off as an exception that nobody has seen.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._strays: set[asyncio.Task[StoreConnection]] = set()

    async def connect(self, **settings: str) -> StoreConnection:
        """Open a connection. Raises StoreUnavailable, or CstarError where the URL is none."""
        try:
            with faults_named(self.url):
                return await self.connect_for_pool(
                    self.url,
                    timeout=CONNECT_S,
                    command_timeout=COMMAND_S,
                    connection_class=StoreConnection,
                    server_settings=SETTINGS | settings,
                )
        except (ValueError, OverflowError):  # with pieces of the password in it
            raise CstarError(
                f"{shown(self.url)} can't be read as a database's URL:"
                " percent-encode what is special in its user and password."
            ) from None

    async def connect_for_pool(self, dsn: str | None = None, **options: Any) -> StoreConnection:
        """Open a connection as asyncpg does, with the errors of asyncpg."""
        connecting = asyncio.create_task(asyncpg.connect(dsn, **options))
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            self._strays.add(connecting)
            connecting.add_done_callback(self._discard)
            raise

    async def close(self) -> None:
        """Wait for what is still being made."""
        if self._strays:
            await asyncio.wait(self._strays)

    def _discard(self, connecting: "asyncio.Task[StoreConnection]") -> None:
        self._strays.discard(connecting)
        if not connecting.cancelled() and not connecting.exception():
            connecting.result().terminate()


@contextmanager
def faults_named(url: str) -> Iterator[None]:
    """Turn whatever the database, or the way to it, does wrong into StoreUnavailable."""
    try:
        yield
    except _FAULTS as error:
        if isinstance(error, _OUR_FAULTS) and not isinstance(error, asyncpg.InsufficientPrivilegeError):
            raise
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        if isinstance(error, TimeoutError):
            reason = ["it doesn't answer in time"]
        raise StoreUnavailable(f"The database {shown(url)} can't be used: {reason[0].rstrip('.')}.") from error


def _storable(argument: object) -> object:
    if isinstance(argument, str):
        return argument.replace("\0", "\ufffd")
    if isinstance(argument, list | tuple):
        return [one.replace("\0", "\ufffd") if isinstance(one, str) else one for one in argument]
    return argument
