"""The backstop: every so often a node looks for what nobody has told it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.postgres.connection import Connection
from cstar_cli.cloud.store.postgres.database import Database
from cstar_cli.cloud.store.postgres.rows import SESSION_PREFIX
from cstar_cli.cloud.store.wakeups import Wakeups

# Of sessions that somebody here waits on: those with something to push, and those that aren't here any more.
_STIRRED = """
SELECT id FROM sessions WHERE id = ANY ($1::text[]) AND (
    ended_at_ms IS NOT NULL OR node IS DISTINCT FROM $2
    OR EXISTS (SELECT 1 FROM undelivered WHERE target = sessions.id AND status = 'pending' AND attempt_count = 0)
    OR EXISTS (
        SELECT 1 FROM undelivered
        WHERE target = sessions.id AND status = 'pending' AND attempt_count > 0
            AND next_attempt_at_ms <= (SELECT now_ms())
    )
)
"""


class Poll:
    """Wakes whoever waits here, if there may be something for them."""

    def __init__(
        self,
        database: Database,
        node: str,
        wakeups: Wakeups,
        poll_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._node = node
        self._wakeups = wakeups
        self._poll_s = poll_s
        self._sleep = sleep

    async def run(self) -> None:
        while True:
            await self._sleep(self._poll_s)
            try:
                await self.look()
            except (StoreUnavailable, asyncpg.PostgresError):  # this goes on, whatever is wrong
                continue

    async def look(self) -> None:
        topics = self._wakeups.topics
        sessions = [topic for topic in topics if topic.startswith(SESSION_PREFIX)]
        self._wakeups.wake(topic for topic in topics if not topic.startswith(SESSION_PREFIX))
        if sessions:
            self._wakeups.wake(await self._database.ask(stirred, sessions, self._node))


async def stirred(connection: Connection, session_ids: Sequence[str], node: str) -> Sequence[str]:
    """Return those that there is something for."""
    return [id_ for (id_,) in await connection.fetch(_STIRRED, list(session_ids), node)]
