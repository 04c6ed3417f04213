"""What a node keeps its events in, for one measurement: a file, or a database on a durable PostgreSQL server."""

import asyncio
import functools
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.bench import Failed
from benchmarks.mock.events import event_body
from cstar_cli.clock import now_ms
from cstar_cli.cloud.store.interface import Store
from cstar_cli.cloud.store.open import open_store
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.webhooks import NewWebhook, Settlement
from cstar_cli.events.envelope import Event, new_id
from cstar_cli.events.filters import EventFilter
from cstar_cli.signing import new_secret
from tests.postgres import Postgres

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
AT_ONCE = 1000


@asynccontextmanager
async def database(kind: str) -> AsyncIterator[tuple[Path, str]]:
    """Yield a folder and in it, or beside it, the name of a new database, migrated."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == SQLITE:
            yield Path(folder), str(Path(folder) / "cstar.db")
        else:
            server, name = await asyncio.to_thread(_new_postgres_database)
            yield Path(folder), server.url(name)


def _new_postgres_database() -> tuple[Postgres, str]:
    server = _postgres()
    return server, server.create_database(server.template)


@functools.cache
def _postgres() -> Postgres:
    """The run's server, as durable as it comes; it shares the harness's core, and ends with this process."""
    try:
        server = Postgres(fsync="on", full_page_writes="on", shared_buffers="256MB", max_wal_size="4GB")
        server.start()
    except (AssertionError, OSError) as error:
        raise Failed(f"no PostgreSQL: {error}") from error
    return server


async def fill(
    name: str, team_id: str, urls: Sequence[str], events: int, *, size: int = 512, delivered: bool = False
) -> None:
    """Register a webhook for each URL, and store so many events, each for one of them in turn.

    `delivered` ones have their attempt in the log; the others wait for a node. All is on the disk when this returns:
    else what is measured next would pay for it.
    """
    store = await open_store(name, now_ms=now_ms)
    try:
        for number, url in enumerate(urls):
            only = EventFilter.parse((f"test.n{number}",))
            await store.webhooks.create(
                team_id, NewWebhook(new_id("whk"), f"webhook {number}", url, only, new_secret())
            )
        for first in range(0, events, AT_ONCE):
            await _append(store, team_id, range(first, min(first + AT_ONCE, events)), max(1, len(urls)), size)
            if delivered:
                await _deliver(store)
    finally:
        await store.close()
    await asyncio.to_thread(os.sync)


async def _append(store: Store, team_id: str, numbers: Sequence[int], webhooks: int, size: int) -> None:
    body = event_body(size)
    events = [Event(new_id("evt"), f"test.n{number % webhooks}", team_id, now_ms(), body) for number in numbers]
    await store.append_events(events)


async def _deliver(store: Store) -> None:
    """Settle what is due, as a node does that has posted it."""
    while claims := (await store.queue.claim({}, AT_ONCE, AT_ONCE, 2**30, 60_000)).claims:
        outcomes = [
            AttemptOutcome(claim.delivery_id, claim.attempt, True, 200, None, now_ms(), 1.5) for claim in claims
        ]
        leased = zip(outcomes, claims, strict=True)
        await store.queue.settle([Settlement(outcome, claim.lease, None) for outcome, claim in leased], 10**9)
