"""A cloud from its address to its end."""

import asyncio
import socket
import time
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from cstar_cli.cloud.options import CloudOptions
from cstar_cli.cloud.server import PortTaken, running_cloud
from cstar_cli.cloud.store.sqlite.lock import DatabaseInUse
from cstar_cli.errors import CstarError
from cstar_cli.protocol.frames import Hello, Welcome

from .api.test_tail import following
from .api.test_tunnel import Tunnel, dialled, opened
from .serving import TOKEN, There, options, serving
from .store.making import URL, delivered, event, outcome, session

STOPS_WITHIN_S = 2.0


async def start(wanted: CloudOptions) -> None:
    async with running_cloud(wanted):
        pass


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Something listens on 127.0.0.1:{port} already: stop it"):
            asyncio.run(start(options(tmp_path, port=port)))
    assert not (tmp_path / "cloud").exists()


def test_a_taken_port_of_a_cloud_is_taken_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(options(tmp_path)) as there:
            with pytest.raises(PortTaken):
                await start(options(tmp_path / "other", port=there.port))

    asyncio.run(main())


def test_a_database_in_use_leaves_the_port_free(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(options(tmp_path)):
            with closing(socket.create_server(("127.0.0.1", 0))) as free:
                port = free.getsockname()[1]
            for _ in range(2):
                with pytest.raises(DatabaseInUse):
                    await start(options(tmp_path, port=port))

    asyncio.run(main())


def test_an_address_that_is_not_ours_is_named(tmp_path: Path) -> None:
    wanted = options(tmp_path)
    for host in ("192.0.2.1", "not a host"):
        with pytest.raises(CstarError, match=f"Can't listen on {host}"):
            asyncio.run(start(CloudOptions(host, 0, wanted.database, wanted.access, embedded=True)))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CstarError, match=rf"Can't write {tmp_path}/file/cloud: Not a directory"):
        asyncio.run(start(options(tmp_path / "file")))


def test_a_cloud_may_live_on_ipv6(tmp_path: Path) -> None:
    async def main() -> None:
        wanted = options(tmp_path)
        async with running_cloud(CloudOptions("::1", 0, wanted.database, wanted.access, True)) as (_, address):
            assert address.startswith("http://[::1]:")
            reader, writer = await asyncio.open_connection("::1", int(address.rsplit(":", 1)[1]))
            head = f"GET /api/v1/teams/team-1/health HTTP/1.1\r\nHost: {address[7:]}\r\nConnection: close\r\n"
            writer.write(f"{head}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


def test_an_address_is_free_at_once_for_the_next_cloud(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(options(tmp_path)) as there:
            port = there.port
            await there.post({"type": "ticket.created"})
        for _ in range(3):
            async with serving(options(tmp_path, port=port)) as there:
                assert len((await there.get("/events")).json()["data"]) == 1

    asyncio.run(main())


def test_a_session_goes_on_in_the_next_cloud(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(options(tmp_path)) as there, opened(there) as (_, session_id):
            pass
        async with serving(options(tmp_path)) as there:
            made = await delivered(there.cloud.store)
            async with dialled(there) as tunnel:
                await tunnel.say(Hello(URL, ("*",), 10, session_id))
                welcome = await tunnel.hear()
                assert isinstance(welcome, Welcome)
                assert (welcome.session_id, welcome.resumed, welcome.waiting) == (session_id, True, 1)
                assert getattr(await tunnel.hear(), "delivery_id", None) == made.id

    asyncio.run(main())


async def stop_with(there: There, stack: AsyncExitStack) -> list[Tunnel]:
    """Open everything that stays open: tunnels, idle, talking and stuck; tails, read and unread; half a request."""
    tunnels = []
    for _ in range(5):
        tunnel, _ = await stack.enter_async_context(opened(there))
        tunnels.append(tunnel)
    silent = await stack.enter_async_context(dialled(there))
    for _ in range(3):
        tail = await stack.enter_async_context(following(there))
        await tail.until_cursor()
    _, writer = await asyncio.open_connection("127.0.0.1", there.port)
    stack.callback(writer.close)
    writer.write(b"POST /api/v1/teams/team-1/events HTTP/1.1\r\nHost: local")
    await writer.drain()
    return [*tunnels, silent]


def test_a_cloud_stops_soon_whatever_is_open(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            async with serving(options(tmp_path)) as there:
                tunnels = await stop_with(there, stack)
                stopping_at = time.monotonic()
            assert time.monotonic() - stopping_at < STOPS_WITHIN_S
            for tunnel in tunnels:
                code, _ = await tunnel.closed()
                assert code in (1001, 1012)

    with runner:
        runner.run(main())


def test_a_cloud_stops_soon_while_a_listener_does_not_read(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            async with serving(options(tmp_path)) as there:
                tunnel, _ = await stack.enter_async_context(opened(there))
                tunnel.websocket.transport.pause_reading()
                for _ in range(8):
                    await there.cloud.store.append_event(event(body=b"x" * 1024 * 1024))
                stopping_at = time.monotonic()
            assert time.monotonic() - stopping_at < STOPS_WITHIN_S
            tunnel.websocket.transport.abort()

    with runner:
        runner.run(main())


def test_a_cloud_stops_soon_while_a_follower_does_not_read(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            async with serving(options(tmp_path)) as there:
                to = await session(there.cloud.store)
                made = [await delivered(there.cloud.store) for _ in range(200)]
                long = "x" * 100_000
                await there.cloud.store.settle(to, [outcome(delivery, None, error=long) for delivery in made])
                tail = await stack.enter_async_context(following(there, "after=0"))
                assert await tail.attempts(1) == [made[0].id]
                stopping_at = time.monotonic()
            assert time.monotonic() - stopping_at < STOPS_WITHIN_S

    with runner:
        runner.run(main())


def test_a_cloud_left_by_an_error_still_closes_what_is_open(tmp_path: Path) -> None:
    class Trouble(Exception):
        """What goes wrong beside the cloud."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            tunnels: list[Tunnel] = []
            idle: list[asyncio.StreamReader] = []

            async def trouble() -> None:
                async with serving(options(tmp_path)) as there:
                    tunnels.append((await stack.enter_async_context(opened(there)))[0])
                    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
                    stack.callback(writer.close)
                    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    await reader.readuntil(b"\r\n\r\n")
                    idle.append(reader)
                    raise Trouble

            with pytest.raises(ExceptionGroup) as raised:
                await trouble()
            assert raised.group_contains(Trouble)
            assert (await tunnels[0].closed())[0] == 1001
            async with asyncio.timeout(5):
                await idle[0].read()

    asyncio.run(main())


def test_a_listener_that_stays_away_loses_its_session(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(options(tmp_path, grace_s=0.0)) as there:
            async with opened(there):
                await there.post({"type": "ticket.created"})
            async with following(there) as tail:
                [delivery_id] = await tail.attempts(1)
                stored = await there.cloud.store.delivery("team-1", delivery_id)
                assert stored
                assert stored.status == "failed"

    asyncio.run(main())
