"""Posts a second on one core: the sender and httpx against the same local receiver, in another process.

    python -m benchmarks.sender [POSTS]

32 posts in flight, a body of 400 bytes, uvloop where it is installed.
"""

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe
from typing import cast

import httpx

from cstar_cli.sender.client import Sender
from cstar_cli.sender.target import Target

IN_FLIGHT = 32
BODY = b"x" * 400
HEADERS = [
    ("content-type", "application/json"),
    ("x-cstar-event", "ticket.created"),
    ("x-cstar-delivery", "dlv_0123456789abcdefghij"),
    ("x-cstar-signature", "0" * 64),
]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


class Receiver(asyncio.Protocol):
    """Answers each body that is through, and looks at nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.seen = b""

    def data_received(self, data: bytes) -> None:
        self.seen += data
        head_end = self.seen.find(b"\r\n\r\n")
        if head_end >= 0 and len(self.seen) >= head_end + 4 + len(BODY):
            self.seen = b""
            self.transport.write(ANSWER)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def receive(pipe: Pipe) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve())


async def posts_per_s(post: Callable[[], Awaitable[bool]], posts: int) -> float:
    left = iter(range(posts))

    async def work() -> None:
        for _ in left:
            assert await post()

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(work())
    return posts / (time.perf_counter() - started)


async def compare(port: int, posts: int) -> tuple[float, float]:
    url = f"http://127.0.0.1:{port}/webhook"
    target, sender = Target.parse(url), Sender(max_connections=IN_FLIGHT)

    async def ours() -> bool:
        return (await sender.post(target, HEADERS, BODY, 10.0)).succeeded

    await posts_per_s(ours, IN_FLIGHT)
    own = await posts_per_s(ours, posts)
    await sender.close()

    async with httpx.AsyncClient(trust_env=False) as client:

        async def theirs() -> bool:
            return (await client.post(url, headers=HEADERS, content=BODY)).is_success

        await posts_per_s(theirs, IN_FLIGHT)
        return own, await posts_per_s(theirs, max(posts // 20, IN_FLIGHT))


def main() -> None:
    posts = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,), daemon=True)
    process.start()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        own, httpx_rate = runner.run(compare(ours.recv(), posts))
    process.terminate()
    sys.stdout.write(f"sender {own:,.0f} posts/s, httpx {httpx_rate:,.0f} posts/s, ratio {own / httpx_rate:.1f}\n")


if __name__ == "__main__":
    main()
