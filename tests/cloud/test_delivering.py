"""The whole way: a store, a dispatcher, the real sender, and receivers on loopback."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cstar_cli.clock import now_ms, steady_ms
from cstar_cli.cloud.dispatcher import Dispatcher
from cstar_cli.cloud.options import DeliveryPolicy
from cstar_cli.cloud.store.records import AttemptOutcome, Delivery, DeliveryStatus, Exchange
from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.cloud.store.wakeups import attempts_of
from cstar_cli.cloud.store.webhooks import Claim, WebhookChange
from cstar_cli.sender.client import Sender
from cstar_cli.sender.guard import allowed
from cstar_cli.signing import verify

from ..sender.receivers import OK, Receiver, Script, answering, receiver, repeating
from .store.making import SECRET, TEAM, event, webhook
from .store.sqlite.databases import migrated

HURRIED = DeliveryPolicy(timeout_s=0.5, retries_s=(0.05, 0.1, 0.15), private_addresses=True)
ERROR = b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"
PATIENCE_S = 20.0


@dataclass
class Node:
    """One node's dispatcher on a store, and what it has reported."""

    store: SqliteStore
    dispatcher: Dispatcher
    observed: list[AttemptOutcome] = field(default_factory=list)
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    def observe(self, claim: Claim, outcome: AttemptOutcome) -> None:
        self.observed.append(outcome)
        self.grown.set()

    async def see(self, count: int) -> list[AttemptOutcome]:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.observed) < count:
                self.grown.clear()
                await self.grown.wait()
        return self.observed

    async def delivery(self, delivery_id: str) -> Delivery:
        found = await self.store.delivery(TEAM, delivery_id)
        assert found is not None
        return found

    async def ended(self, delivery_id: str) -> DeliveryStatus:
        """Return how the delivery has ended, once it has."""
        woken = self.store.wakeups.join(attempts_of(TEAM))
        async with asyncio.timeout(PATIENCE_S):
            while (delivery := await self.delivery(delivery_id)).status == "pending":
                await woken.wait()
                woken.clear()
        return delivery.status

    async def exchanges(self, delivery_id: str) -> list[Exchange]:
        return list(await self.store.exchanges_of(delivery_id))


@asynccontextmanager
async def delivering(folder: Path, policy: DeliveryPolicy = HURRIED) -> AsyncIterator[Node]:
    store = SqliteStore.open(migrated(folder / "cstar.db"), steady_ms())
    sender = Sender(max_connections=64, allow=partial(allowed, private=policy.private_addresses))
    try:
        nodes: list[Node] = []
        dispatcher = Dispatcher(
            store,
            sender,
            policy,
            now_ms=now_ms,
            random=random.random,
            observe=lambda claim, outcome: nodes[0].observe(claim, outcome),
        )
        nodes.append(Node(store, dispatcher))
        async with asyncio.TaskGroup() as group:
            group.create_task(dispatcher.run())
            yield nodes[0]
            await dispatcher.drain(5.0)
    finally:
        await sender.close()
        await store.close()


Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def run(runner: asyncio.Runner) -> Run:
    def to_the_end(scenario: Coroutine[Any, Any, None]) -> None:
        with runner:
            runner.run(scenario)

    return to_the_end


def failing_at_first(times: int) -> Script:
    async def script(there: Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await there.read_request(reader):
            writer.write(ERROR if len(there.requests) <= times else OK)

    return script


def test_an_event_is_delivered_signed_and_recorded(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with receiver(answering(OK)) as there, delivering(tmp_path) as node:
            await webhook(node.store, url=there.target().url)
            [made] = await node.store.append_event(event(body=b'{"id":"evt_1"}'))
            await node.see(1)
            head, _, body = there.requests[0].partition(b"\r\n\r\n")
            signature = head.partition(b"x-cstar-signature: ")[2].partition(b"\r\n")[0].decode()
            assert body == b'{"id":"evt_1"}'
            assert verify(body, signature, SECRET)
            assert (await node.delivery(made.id)).status == "succeeded"
            [exchange] = await node.exchanges(made.id)
            assert (exchange.attempt.status, exchange.response_body) == (200, b"ok")
            assert dict(exchange.request_headers)["x-cstar-signature"] == signature
            assert exchange.connect_ms is not None

    run(scenario())


def test_a_failure_is_tried_again_under_the_same_delivery_id_until_it_succeeds(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with receiver(failing_at_first(2)) as there, delivering(tmp_path) as node:
            await webhook(node.store, url=there.target().url)
            [made] = await node.store.append_event(event())
            assert [outcome.status for outcome in await node.see(3)] == [500, 500, 200]
            assert {outcome.delivery_id for outcome in node.observed} == {made.id}
            assert [outcome.attempt for outcome in node.observed] == [1, 2, 3]
            assert (await node.delivery(made.id)).status == "succeeded"

    run(scenario())


def test_a_delivery_whose_retries_have_all_failed_is_failed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with receiver(answering(ERROR)) as there, delivering(tmp_path) as node:
            await webhook(node.store, url=there.target().url)
            [made] = await node.store.append_event(event())
            await node.see(4)
            delivery = await node.delivery(made.id)
            assert (delivery.status, delivery.attempt_count, delivery.next_attempt_at_ms) == ("failed", 4, None)

    run(scenario())


def test_a_receiver_that_drips_is_cut_and_the_others_do_not_notice(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        drip = repeating(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.02)
        policy = DeliveryPolicy(timeout_s=1.0, retries_s=(), private_addresses=True)
        async with (
            receiver(drip) as slow,
            receiver(answering(OK)) as quick,
            delivering(tmp_path, policy) as node,
        ):
            await webhook(node.store, "test.slow", url=slow.target().url)
            await webhook(node.store, "test.quick", url=quick.target().url)
            for _ in range(20):
                await node.store.append_event(event("test.slow"))
                await node.store.append_event(event("test.quick"))
            first = (await node.see(20))[:20]
            assert all(outcome.succeeded for outcome in first)
            last = (await node.see(40))[20:]
            assert {(outcome.status, outcome.error_class) for outcome in last} == {(200, "timeout")}

    run(scenario())


def test_a_private_address_is_not_connected_to_where_only_public_ones_are_allowed(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        policy = DeliveryPolicy(retries_s=())
        async with receiver(answering(OK)) as there, delivering(tmp_path, policy) as node:
            await webhook(node.store, url=there.target().url)
            await node.store.append_event(event())
            [outcome] = await node.see(1)
            assert (outcome.error_class, there.connections) == ("address", 0)

    run(scenario())


def test_disabling_a_webhook_in_the_middle_of_its_retries_stops_them(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        policy = DeliveryPolicy(timeout_s=0.5, retries_s=(3600.0,), private_addresses=True)
        async with receiver(answering(ERROR)) as there, delivering(tmp_path, policy) as node:
            made_for = await webhook(node.store, url=there.target().url)
            [made] = await node.store.append_event(event())
            await node.see(1)
            await node.store.webhooks.change(TEAM, made_for.id, WebhookChange(is_active=False))
            assert await node.ended(made.id) == "failed"
            assert len(there.requests) == 1

    run(scenario())


def test_a_drained_node_has_settled_everything_it_posted(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with receiver(answering(OK)) as there:
            async with delivering(tmp_path) as node:
                await webhook(node.store, url=there.target().url)
                for _ in range(50):
                    await node.store.append_event(event())
                await node.dispatcher.drain(5.0)
                assert len(node.observed) == len(there.requests)
                settled = len(node.observed)
            async with delivering(tmp_path) as node:
                await node.see(50 - settled)
            assert len(there.requests) == 50

    run(scenario())
