"""Deliveries a second on one core: the full loop (claim, sign, post, settle) on SQLite, and the bare sender beside it.

    python -m benchmarks.dispatch [DELIVERIES] [WEBHOOKS]

The events are stored beforehand; what is timed runs from the first claim to the last durable outcome, against the same
local receiver, in another process, that the bare sender posts to in the same run.
"""

import asyncio
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.sender import BODY, HEADERS, IN_FLIGHT, loop_factory, posts_per_s, receive
from cstar_cli.clock import now_ms
from cstar_cli.cloud.dispatcher import Dispatcher
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.store.records import AttemptOutcome
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.cloud.store.webhooks import Claim, NewWebhook
from cstar_cli.events.envelope import Event, new_id
from cstar_cli.events.filters import EventFilter
from cstar_cli.sender.client import Sender
from cstar_cli.sender.target import Target
from cstar_cli.signing import new_secret

POLICY = DeliveryPolicy(private_addresses=True)
AT_ONCE = 500


async def fill(store: SqliteStore, url: str, deliveries: int, webhooks: int) -> None:
    """Store so many events, each for one of the webhooks in turn."""
    for number in range(webhooks):
        new = NewWebhook(new_id("whk"), f"webhook {number}", url, EventFilter.parse((f"test.n{number}",)), new_secret())
        await store.webhooks.create("team", new)
    for first in range(0, deliveries, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, deliveries))
        events = [Event(new_id("evt"), f"test.n{number % webhooks}", "team", now_ms(), BODY) for number in numbers]
        await asyncio.gather(*(store.append_event(event) for event in events))


async def deliveries_per_s(store: SqliteStore, sender: Sender, deliveries: int) -> float:
    left = deliveries
    done = asyncio.Event()

    def observe(_: Claim, outcome: AttemptOutcome) -> None:
        nonlocal left
        assert outcome.succeeded, outcome.error
        left -= 1
        if not left:
            done.set()

    dispatcher = Dispatcher(store, sender, POLICY, now_ms=now_ms, random=random.random, observe=observe)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        group.create_task(dispatcher.run())
        await done.wait()
        elapsed_s = time.perf_counter() - started
        await dispatcher.drain(1.0)
    return deliveries / elapsed_s


@asynccontextmanager
async def filled_store(url: str, deliveries: int, webhooks: int) -> AsyncIterator[SqliteStore]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore.open(Path(folder) / "cstar.db", now_ms)
        try:
            await fill(store, url, deliveries, webhooks)
            yield store
        finally:
            await store.close()


async def compare(port: int, deliveries: int, webhooks: int) -> tuple[float, float]:
    url = f"http://127.0.0.1:{port}/webhook"
    target, sender = Target.parse(url), Sender(max_connections=IN_FLIGHT)

    async def post() -> bool:
        return (await sender.post(target, HEADERS, BODY, 10.0)).succeeded

    try:
        await posts_per_s(post, IN_FLIGHT)
        bare = await posts_per_s(post, deliveries)
        async with filled_store(url, deliveries, webhooks) as store:
            return bare, await deliveries_per_s(store, sender, deliveries)
    finally:
        await sender.close()


def main() -> None:
    deliveries = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    webhooks = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,), daemon=True)
    process.start()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        bare, full = runner.run(compare(ours.recv(), deliveries, webhooks))
    process.terminate()
    sys.stdout.write(f"full loop {full:,.0f} deliveries/s, bare sender {bare:,.0f}/s, ratio {full / bare:.2f}\n")


if __name__ == "__main__":
    main()
