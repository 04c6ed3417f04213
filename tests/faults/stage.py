"""A cloud of any number of nodes on one database, and the posts that go into it."""

import asyncio
import contextlib
import http.client
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from ..acceptance.api import Api
from ..processes import Env, Serving

T = TypeVar("T")

# The schedule compressed, by settings that every user has.
HURRIED = (
    *("--rate-limit", "0"),
    *("--retry-schedule", "1s,1s,1s", "--delivery-timeout", "2s"),
)
CLIENTS = 8


class Stage:
    """Nodes of one cloud, each `cstar cloud serve` on a port of its own."""

    def __init__(self, env: Env, folder: Path, database: str) -> None:
        self.env = env
        self.database = database
        self._folder = folder
        self._started = contextlib.ExitStack()

    def start(self, *options: str, port: int = 0, env: Env | None = None) -> Serving:
        """Start a node that may post to this machine; later options win over those of `HURRIED`, `env` over ours."""
        return self.start_public("--allow-private-addresses", *options, port=port, env=env)

    def start_public(self, *options: str, port: int = 0, env: Env | None = None) -> Serving:
        """Start a node that posts to public addresses only, as services do."""
        arguments = ("--port", str(port), "--database", self.database, *HURRIED, *options)
        return self._started.enter_context(Serving(arguments, {**self.env, **(env or {})}, self._folder)).await_ready()

    def api(self, node: Serving) -> Api:
        return self._started.enter_context(contextlib.closing(Api(self.env, node.address)))

    def register(self, node: Serving, url: str, *events: str) -> str:
        """Register a webhook and return its id."""
        webhook = self.api(node).post("/webhooks", {"url": url, "events": list(events) or ["*"]})
        return str(webhook["id"])

    def post_events(self, nodes: Sequence[Serving], count: int, event_type: str = "ticket.created") -> set[str]:
        """Post so many events over several connections, again where a node doesn't answer; returns the accepted ones'
        ids."""
        return set(self.in_parallel(nodes, count, lambda api: _post_surely(api, event_type)))

    def in_parallel(self, nodes: Sequence[Serving], count: int, work: Callable[[Api], T]) -> list[T]:
        """Do something so many times, over `CLIENTS` connections that are spread over the nodes."""
        own = threading.local()
        apis = [self.api(nodes[number % len(nodes)]) for number in range(CLIENTS)]

        def one(_: int) -> T:
            if not hasattr(own, "api"):
                own.api = apis.pop()
            return work(own.api)

        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(one, range(count)))

    def attempts(self, node: Serving, webhook_id: str) -> list[dict[str, Any]]:
        """Return the attempts at a webhook, in their order."""
        lines = self.api(node).lines(f"/deliveries/tail?target={webhook_id}&follow=false&lines=10000")
        return [line for line in lines if line["kind"] == "attempt"]

    def recorded(self) -> set[tuple[str, int]]:
        """Return the attempts that the database has, whoever runs: each a delivery's id and a number."""
        question = "SELECT delivery_id, number FROM %sattempts"
        if self.database.startswith("postgresql:"):
            return asyncio.run(_ask(self.database, question % "cstar."))
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return set(connection.execute(question % ""))

    def close(self) -> None:
        self._started.close()


async def _ask(database: str, question: str) -> set[tuple[str, int]]:
    connection = await asyncpg.connect(database)
    try:
        return {(row[0], row[1]) for row in await connection.fetch(question)}
    finally:
        await connection.close()


def _post_surely(api: Api, event_type: str) -> str:
    until = time.monotonic() + 60
    while True:
        try:
            return str(api.post_event(event_type)["event"]["id"])
        except (OSError, http.client.HTTPException, AssertionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def wait_until(holds: Callable[[], bool], timeout_s: float, what: str) -> float:
    """Return the seconds it took until it held."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < timeout_s, f"{what}: not within {timeout_s} s"
        time.sleep(0.05)
    return time.monotonic() - began


def settle_down(cloud: Stage, node: Serving) -> None:
    """Return when nothing is pending any more."""
    api = cloud.api(node)
    wait_until(lambda: not api.get("/deliveries?status=pending&pageSize=1"), 60, "nothing pending")
