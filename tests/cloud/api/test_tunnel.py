"""The tunnel over a real websocket."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from cstar_cli.protocol.frames import (
    MAX_MESSAGE_BYTES,
    SUBPROTOCOL,
    Bye,
    Delivery,
    Frame,
    Hello,
    Result,
    Settled,
    Welcome,
    decode,
    encode,
)

from ..serving import TOKEN, Serve, There
from ..store.making import TEAM, URL, event

OURS: Sequence[str] = (SUBPROTOCOL,)


class Tunnel:
    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self._frames: list[Frame] = []

    async def say(self, *frames: Frame) -> None:
        await self.websocket.send(encode(frames))

    async def hear(self) -> Frame:
        while not self._frames:
            message = await self.websocket.recv(decode=False)
            self._frames += decode(message)
        return self._frames.pop(0)

    async def closed(self) -> tuple[int, str]:
        """Wait for the end, and return its code and reason."""
        await self.websocket.wait_closed()
        return self.websocket.close_code or 0, self.websocket.close_reason or ""


@asynccontextmanager
async def dialled(
    there: There, path: str = f"/api/v1/teams/{TEAM}/tunnel", protocols: Sequence[str] = OURS, **headers: str
) -> AsyncIterator[Tunnel]:
    async with (
        asyncio.timeout(20),
        connect(
            there.address.replace("http", "ws", 1) + path,
            subprotocols=[Subprotocol(protocol) for protocol in protocols] or None,
            additional_headers={"authorization": f"Bearer {TOKEN}"} | headers,
            compression=None,
            proxy=None,
            max_size=2 * MAX_MESSAGE_BYTES,
        ) as websocket,
    ):
        yield Tunnel(websocket)


@asynccontextmanager
async def opened(there: There) -> AsyncIterator[tuple[Tunnel, str]]:
    async with dialled(there) as tunnel:
        await tunnel.say(Hello(URL, ("*",), 10))
        welcome = await tunnel.hear()
        assert isinstance(welcome, Welcome)
        yield tunnel, welcome.session_id


def result(delivery: Delivery, body: bytes = b"") -> Result:
    return Result(delivery.delivery_id, 1, True, 200, None, 1, 1.0, body=body)


def test_an_event_goes_through_and_its_result_comes_back(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with opened(there) as (tunnel, session_id):
            created = (await there.post({"type": "ticket.created"})).json()["data"]
            delivery = await tunnel.hear()
            assert isinstance(delivery, Delivery)
            assert delivery.delivery_id == created["deliveries"][0]["id"]
            await tunnel.say(result(delivery, b"thanks\n"))
            assert await tunnel.hear() == Settled((delivery.delivery_id,))
            shown = (await there.get(f"/deliveries/{delivery.delivery_id}")).json()["data"]
            assert (shown["status"], shown["target"]) == ("succeeded", session_id)
            assert shown["attempts"][0]["request_body"] == delivery.body.decode()
            assert shown["attempts"][0]["response_body"] == "thanks\n"

    serve(check)


def test_health_counts_the_connected(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with opened(there):
            assert (await there.get("/health")).json()["data"]["sessions"] == 1
        async with asyncio.timeout(8):
            while (await there.get("/health")).json()["data"]["sessions"]:
                pass

    serve(check)


def test_a_cut_tunnel_resumes(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with opened(there) as (tunnel, session_id):
            await there.post({"type": "ticket.created"})
            lost = await tunnel.hear()
            tunnel.websocket.transport.abort()
        async with dialled(there) as tunnel:
            await tunnel.say(Hello(URL, ("*",), 10, session_id))
            welcome = await tunnel.hear()
            assert isinstance(welcome, Welcome)
            assert (welcome.session_id, welcome.resumed, welcome.waiting) == (session_id, True, 1)
            assert welcome.oldest_ms == welcome.newest_ms is not None
            assert await tunnel.hear() == lost

    serve(check)


def test_bye_closes_the_tunnel(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with opened(there) as (tunnel, _):
            await tunnel.say(Bye())
            assert await tunnel.closed() == (1000, "bye")
            assert list(await there.cloud.store.append_event(event())) == []

    serve(check)


def test_a_displaced_tunnel_is_told_why_it_closes(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with opened(there) as (first, session_id), dialled(there) as second:
            await second.say(Hello(URL, ("*",), 10, session_id))
            await second.hear()
            assert await first.closed() == (1001, "going away")

    serve(check)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer wrong"}, 401),
        ({"host": "evil.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
    ],
)
def test_whoever_may_not_come_in_is_told_at_the_door(serve: Serve, headers: dict[str, str], status: int) -> None:
    async def check(there: There) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with dialled(there, **headers):
                pass
        assert refused.value.response.status_code == status
        assert b'"success":false' in refused.value.response.body

    serve(check)


@pytest.mark.parametrize(
    "path", ["/", f"/api/v1/teams/{TEAM}/events", f"/api/v1/teams/{TEAM}/tunnel/x", "/api/v1/teams/x/tunnel"]
)
def test_there_is_one_websocket(serve: Serve, path: str) -> None:
    async def check(there: There) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with dialled(there, path):
                pass
        assert refused.value.response.status_code == 404
        assert b'"resource_missing"' in refused.value.response.body

    serve(check)


@pytest.mark.parametrize("protocols", [(), ("cstar.tunnel.v9",)])
def test_another_language_is_refused(serve: Serve, protocols: Sequence[str]) -> None:
    async def check(there: There) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with dialled(there, protocols=protocols):
                pass
        assert refused.value.response.status_code == 400
        assert SUBPROTOCOL.encode() in refused.value.response.body

    serve(check)


def test_of_several_languages_ours_is_chosen(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with dialled(there, protocols=("cstar.tunnel.v9", SUBPROTOCOL)) as tunnel:
            assert tunnel.websocket.subprotocol == SUBPROTOCOL

    serve(check)


@pytest.mark.parametrize("garbage", [b"\xff\x00", "text", '{"type":"bye"', b'{"type":"result","delivery_id":1}\n'])
def test_garbage_closes_its_tunnel_and_no_other(serve: Serve, garbage: bytes | str) -> None:
    async def check(there: There) -> None:
        async with opened(there) as (healthy, _), dialled(there) as tunnel:
            await tunnel.websocket.send(garbage)
            code, reason = await tunnel.closed()
            assert (code, reason != "") == (1008, True)
            await there.post({"type": "ticket.created"})
            assert isinstance(await healthy.hear(), Delivery)

    serve(check)


def test_a_text_message_may_carry_frames(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with dialled(there) as tunnel:
            await tunnel.websocket.send(encode([Hello(URL, ("*",), 10)]).decode())
            assert isinstance(await tunnel.hear(), Welcome)

    serve(check)


def test_a_message_may_come_in_fragments_with_a_ping_between(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with dialled(there) as tunnel:
            whole = encode([Hello(URL, ("*",), 10)])

            async def fragments() -> AsyncIterator[bytes]:
                yield whole[:9]
                await (await tunnel.websocket.ping())
                yield whole[9:]

            await tunnel.websocket.send(fragments())
            assert isinstance(await tunnel.hear(), Welcome)

    serve(check)


def test_a_message_that_is_too_large_closes_its_tunnel(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with opened(there) as (tunnel, _):
            with suppress(ConnectionClosed):  # it may end before the last byte has gone
                await tunnel.websocket.send(b"x" * (MAX_MESSAGE_BYTES + 1))
            assert (await tunnel.closed())[0] == 1009

    serve(check)


def test_the_largest_event_goes_through(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with opened(there) as (tunnel, _):
            body = b"x" * 1024 * 1024
            await there.cloud.store.append_event(event(body=body))
            delivery = await tunnel.hear()
            assert isinstance(delivery, Delivery)
            assert delivery.body == body

    serve(check)


def test_a_listener_that_does_not_read_slows_no_other(serve: Serve) -> None:
    async def check(there: There) -> None:
        async with opened(there) as (stuck, _), opened(there) as (healthy, _):
            stuck.websocket.transport.pause_reading()
            for _ in range(8):
                await there.cloud.store.append_event(event(body=b"x" * 1024 * 1024))
                delivery = await healthy.hear()
                assert isinstance(delivery, Delivery)
                await healthy.say(result(delivery))
                assert await healthy.hear() == Settled((delivery.delivery_id,))
            stuck.websocket.transport.abort()

    serve(check)


def test_a_fault_of_ours_closes_the_tunnel_and_is_one_line_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def check(there: There) -> None:
        object.__setattr__(there.cloud.store, "open_session", None)
        async with dialled(there) as tunnel:
            await tunnel.say(Hello(URL, ("*",), 10))
            assert await tunnel.closed() == (1011, "the cloud has failed")

    with caplog.at_level(logging.WARNING, "cstar.cloud"):
        serve(check)
    assert [record.getMessage() for record in caplog.records if record.name == "cstar.cloud"] == ["tunnel broke"]
    assert capfd.readouterr().err == ""
