"""What forwarding one event takes, held by counts and never by a clock: tasks, calls, messages, a second decode."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from cstar_cli.activity import Activity
from cstar_cli.commands.listening import Options, Output, real_listener
from cstar_cli.commands.pace import Pace
from cstar_cli.events.filters import EventFilter
from cstar_cli.protocol.frames import SUBPROTOCOL, Delivery, Result, Settled, Welcome, decode, encode
from cstar_cli.sender.target import Target
from cstar_cli.tunnel.connection import CloudAddress

AT_ONCE = 8
ROUNDS = 20
NO_JSON = b'{"cut off": \xff'
MOST_CALLS_AN_EVENT = 50


class Cloud:
    """Pushes several deliveries in one message, and keeps the messages that come back."""

    def __init__(self) -> None:
        self.messages: list[list[Result]] = []
        self._pushed = 0
        self._results: asyncio.Queue[Result] = asyncio.Queue()
        self._connected: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def talk(self, websocket: ServerConnection) -> None:
        async for message in websocket:
            assert isinstance(message, bytes)
            frames = decode(message)
            if not self._connected.done():
                await websocket.send(encode([Welcome("ses_1", resumed=False, waiting=0)]))
                self._connected.set_result(websocket)
            elif results := [frame for frame in frames if isinstance(frame, Result)]:
                self.messages.append(results)
                for result in results:
                    self._results.put_nowait(result)

    async def push(self, count: int) -> list[Result]:
        """Return what came of so many deliveries, pushed together and settled together."""
        websocket = await self._connected
        numbers = range(self._pushed, self._pushed + count)
        self._pushed += count
        events = [Delivery(f"dlv_{number}", f"evt_{number}", "ticket.created", 1, body=NO_JSON) for number in numbers]
        await websocket.send(encode(events))
        results = [await self._results.get() for _ in range(count)]
        await websocket.send(encode([Settled(tuple(result.delivery_id for result in results))]))
        return results


class Receiver(asyncio.Protocol):
    """One connection; it answers when as many posts as `AT_ONCE` wait on all of them, and all in one turn."""

    def __init__(self, waiting: list["Receiver"], bodies: list[bytes]) -> None:
        self._waiting = waiting
        self._bodies = bodies

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, blank, body = self._seen.partition(b"\r\n\r\n")
        if blank and len(body) == int(head.rpartition(b"Content-Length: ")[2]):
            self._seen = b""
            self._bodies.append(body)
            self._waiting.append(self)
            if len(self._waiting) == AT_ONCE:
                for receiver in self._waiting:
                    receiver.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                self._waiting.clear()


@asynccontextmanager
async def forwarding() -> AsyncIterator[tuple[Cloud, list[bytes]]]:
    """Have a real listener between a cloud and a receiver, its connections made; yields what the receiver gets."""
    cloud, bodies, waiting, shown = Cloud(), list[bytes](), list[Receiver](), list[Activity]()
    loop = asyncio.get_running_loop()
    async with (
        serve(cloud.talk, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None) as tunnel,
        await loop.create_server(lambda: Receiver(waiting, bodies), "127.0.0.1", 0) as server,
    ):
        options = Options(
            target=Target.parse(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"),
            filter=EventFilter.parse(["ticket.*"]),
            secret="whsec_1",
            headers=(),
            pace=Pace(concurrency=AT_ONCE),
        )
        address = CloudAddress(f"http://127.0.0.1:{next(iter(tunnel.sockets)).getsockname()[1]}", "team", "sk_test_1")
        async with (
            real_listener(options, address, Output(shown.append, lambda: None), None) as listener,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(listener.run())
            await cloud.push(AT_ONCE)
            cloud.messages.clear()
            yield cloud, bodies
            listener.stop()


def test_no_event_takes_a_task() -> None:
    ours: list[str] = []

    def count(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        if "cstar_cli" in coroutine.cr_code.co_filename:
            ours.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def scenario() -> None:
        async with forwarding() as (cloud, _):
            asyncio.get_running_loop().set_task_factory(count)
            for _ in range(ROUNDS):
                await cloud.push(AT_ONCE)
            assert ours == []

    run(scenario())


def test_results_that_are_ready_together_share_a_message() -> None:
    async def scenario() -> None:
        async with forwarding() as (cloud, _):
            for _ in range(ROUNDS):
                await cloud.push(AT_ONCE)
            assert [len(results) for results in cloud.messages] == [AT_ONCE] * ROUNDS

    run(scenario())


def test_a_body_is_never_decoded_and_arrives_as_it_is() -> None:
    async def scenario() -> None:
        async with forwarding() as (cloud, bodies):
            results = await cloud.push(AT_ONCE)
            assert all(result.succeeded for result in results)
            assert set(bodies) == {NO_JSON}

    run(scenario())


def test_an_event_takes_few_calls() -> None:
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and "/cstar_cli/" in frame.f_code.co_filename.replace("\\", "/")

    async def scenario() -> None:
        async with forwarding() as (cloud, _):
            sys.setprofile(count)
            try:
                for _ in range(ROUNDS):
                    await cloud.push(AT_ONCE)
            finally:
                sys.setprofile(None)
            assert 0 < calls / (ROUNDS * AT_ONCE) <= MOST_CALLS_AN_EVENT

    run(scenario())


def run(scenario: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await scenario

    asyncio.run(limited())
