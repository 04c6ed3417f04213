"""python writing.py DATABASE hold|append|fill: own the database; append for ever; append until it is full, and after.

Each line on stdout is one thing that the store has answered; the first of `append` is its session.
"""

import asyncio
import itertools
import resource
import signal
import sys
import time
from pathlib import Path

from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.events.envelope import Event
from cstar_cli.events.filters import EventFilter

LARGEST_FILE_BYTES = 1024 * 1024


def say(text: str) -> None:
    print(text, flush=True)


async def append(store: SqliteStore, event_id: str, size: int) -> None:
    await store.append_event(Event(event_id, "ticket.created", "team-1", 1, b"x" * size))
    say(event_id)


async def append_for_ever(store: SqliteStore) -> None:
    session = await store.open_session("team-1", EventFilter.parse(()), "http://localhost:3000/")
    say(session.id)
    numbers = itertools.count()
    while True:
        await asyncio.gather(*(append(store, f"evt_{next(numbers)}", 200) for _ in range(20)))


async def append_until_full(store: SqliteStore) -> None:
    """No file may grow past the limit: what a full disk looks like, for any user."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, most))
    for number in itertools.count():
        try:
            await append(store, f"evt_{number}", 50_000)
        except StoreUnavailable as error:
            say(f"full: {error}")
            break
    await refused_together(store)
    found = await store.event("team-1", "evt_0")
    say(f"read: {found.id if found else None}")
    await ping_until_refused(store)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    await store.ping()
    await append(store, "evt_after", 50_000)
    await store.close()


async def refused_together(store: SqliteStore) -> None:
    answers = await asyncio.gather(
        *(append(store, f"evt_together_{number}", 50_000) for number in range(5)), return_exceptions=True
    )
    say(f"refused: {sum(isinstance(answer, StoreUnavailable) for answer in answers)}")


async def ping_until_refused(store: SqliteStore) -> None:
    """A ping writes so little that the last bytes of the disk may hold a few."""
    for _ in range(50):
        try:
            await store.ping()
        except StoreUnavailable as error:
            say(f"not ready: {error}")
            return


async def main(database: Path, what: str) -> None:
    store = SqliteStore.open(database, lambda: time.time_ns() // 1_000_000)
    if what == "hold":
        say("held")
        await asyncio.Event().wait()
    elif what == "append":
        await append_for_ever(store)
    else:
        await append_until_full(store)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
