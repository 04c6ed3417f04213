"""The straight way: it answers as the ordinary way does, and whatever isn't plain goes that one."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from cstar_cli.cloud import logs
from cstar_cli.cloud.api.app import build_api
from cstar_cli.cloud.api.identity import Identity
from cstar_cli.cloud.api.straight import MAX_HEAD_BYTES, MOST_HEADS, Answer, Asked, Sending, Straight
from cstar_cli.cloud.options import RequestLimits
from cstar_cli.cloud.store.interface import Accounts, StoreUnavailable
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.events.envelope import Event

from ..serving import TOKEN, Serve, There, options, serving
from ..store.making import TEAM, event, session
from ..streams import Writes

URL = f"/api/v1/teams/{TEAM}/events".encode()
BODY = b'{"type":"ticket.created","data":{"n":1}}'
HEADERS = {
    "host": "127.0.0.1:7827",
    "authorization": f"Bearer {TOKEN}",
    "content-type": "application/json",
    "content-length": str(len(BODY)),
}


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def with_straight(serve: Serve, check: Callable[[Straight], None]) -> None:
    async def body(there: There) -> None:
        check(build_api(there.cloud, there.cloud.options.access).straight)

    serve(body)


def test_a_plain_request_is_seen_by_no_application(serve: Serve) -> None:
    def check(straight: Straight) -> None:
        assert straight.made(asked(straight), BODY)

    with_straight(serve, check)


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        (b"GET", URL, {}),
        (b"POST", URL + b"?a=1", {}),
        (b"POST", b"/api/v1/teams/another/events", {}),
        (b"POST", URL.replace(b"events", b"%65vents"), {}),
        (b"POST", URL, {"host": "evil.example"}),
        (b"POST", URL, {"origin": "http://127.0.0.1:7827"}),
        (b"POST", URL, {"authorization": "Bearer wrong"}),
        (b"POST", URL, {"authorization": ""}),
        (b"POST", URL, {"idempotency-key": "one"}),
        (b"POST", URL, {"expect": "100-continue"}),
        (b"POST", URL, {"transfer-encoding": "chunked"}),
        (b"POST", URL, {"upgrade": "websocket"}),
        (b"POST", URL, {"content-length": "65537"}),
        (b"POST", URL, {"content-length": "9" * 30}),
    ],
)
def test_a_head_out_of_the_ordinary_goes_the_ordinary_way(
    serve: Serve, method: bytes, url: bytes, headers: dict[str, str]
) -> None:
    with_straight(serve, lambda straight: _assert_none(straight.asked(method, url, raw(HEADERS | headers))))


@pytest.mark.parametrize("name", ["host", "authorization", "content-length"])
def test_a_header_given_twice_or_not_at_all_goes_the_ordinary_way(serve: Serve, name: str) -> None:
    def check(straight: Straight) -> None:
        without = {known: value for known, value in HEADERS.items() if known != name}
        assert straight.asked(b"POST", URL, raw(without)) is None
        assert straight.asked(b"POST", URL, [*raw(HEADERS), *raw({name: HEADERS[name]})]) is None

    with_straight(serve, check)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"type":"ticket.creatd"}',
        b'{"type":"ticket.deleted"}',
        b'{"type":"ticket.created","wire":"2024-01"}',
        b'{"type":"custom.thing","custom":true,"data":{}}',
        b'{"type":"ticket.created","data":[]}',
        b'{"type":"ticket.created","data":null}',
        b'{"type":"ticket.created","data":{"n":1.0}}',
        b'{"type":"ticket.created","data":{"1":1}}',
        b'{"type":"ticket.created","data":{},"more":1}',
        b'{"type":"ticket.created","data":{"a":"\xff"}}',
        b'{"type":"ticket.created","data":' + b'{"a":' * 600 + b"1" + b"}" * 600 + b"}",
    ],
)
def test_a_body_out_of_the_ordinary_goes_the_ordinary_way(serve: Serve, body: bytes) -> None:
    def check(straight: Straight) -> None:
        assert straight.made(asked(straight), body) is None

    with_straight(serve, check)


def _assert_none(found: object) -> None:
    assert found is None


@pytest.mark.parametrize(
    "body",
    [
        {"type": "ticket.created"},
        {"type": "ticket.created", "data": {"a": ["é", 1.5]}},
        {"type": "ticket.deleted", "wire": "2026-03"},
        {"type": "ticket.created", "wire": "2026-03", "data": {"ticket": {"a": ["é", 1.5]}}},
    ],
)
def test_both_ways_answer_alike(serve: Serve, body: object) -> None:
    async def check(there: There) -> None:
        await session(there.cloud.store)
        straight, ordinary = [
            await there.client.post("/events", content=json.dumps(body), headers=headers)
            for headers in ({}, {"origin": there.address})
        ]
        assert straight.status_code == ordinary.status_code == 201
        assert list(straight.headers) == list(ordinary.headers)
        assert shape(straight.json()) == shape(ordinary.json())
        stored = [await stored_of(there, answer) for answer in (straight, ordinary)]
        assert shape(stored[0]) == shape(stored[1])
        metrics = (await there.client.get(f"{there.address}/metrics")).text
        assert (
            'cstar_http_requests_total{method="POST",route="/api/v1/teams/{team_id}/events",status="201"} 2' in metrics
        )
        assert "cstar_events_total 2" in metrics

    serve(check)


async def stored_of(there: There, answer: httpx.Response) -> object:
    found = await there.cloud.store.event(TEAM, answer.json()["data"]["event"]["id"])
    assert found
    return json.loads(found.body)


def shape(said: object) -> object:
    """What is the same of two answers: all but ids and times."""
    match said:
        case dict():
            return [(name, shape(value)) for name, value in said.items()]
        case list():
            return [shape(value) for value in said]
        case str():
            return str
    return said


def request(body: bytes, *lines: str, version: str = "1.1") -> bytes:
    head = (f"POST {URL.decode()} HTTP/{version}", "Host: localhost", f"Authorization: Bearer {TOKEN}", *lines)
    return "\r\n".join((*head, f"Content-Length: {len(body)}", "", "")).encode() + body


async def talk(there: There, *sent: bytes, answers: int = 1) -> list[tuple[int, dict[str, str], bytes]]:
    """Send the pieces, each by itself, and return status, headers and body of so many answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
    for piece in sent:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    got = [await answer(reader) for _ in range(answers)]
    writer.close()
    return got


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


def test_a_request_may_come_in_pieces(serve: Serve) -> None:
    async def check(there: There) -> None:
        whole = request(BODY)
        [(status, _, _)] = await talk(there, *(whole[at : at + 7] for at in range(0, len(whole), 7)))
        assert status == 201

    serve(check)


def test_what_turns_out_not_to_be_plain_is_answered_the_ordinary_way(serve: Serve) -> None:
    async def check(there: There) -> None:
        whole = request(b'{"type":"ticket.created","data":{"n":1e400}}')
        [(status, _, _)] = await talk(there, whole[:-5], whole[-5:])
        assert status == 201
        [(status, headers, body)] = await talk(there, request(b'{"type"'))
        assert (status, json.loads(body)["error"]["code"]) == (400, "malformed_json")
        assert headers["x-cstar-request-id"]
        [(status, _, body)] = await talk(there, request(b""))
        assert (status, json.loads(body)["error"]["code"]) == (400, "malformed_json")

    serve(check)


WHOLE = request(BODY, "Content-Type: application/json")
LONGER = request(b'{"type":"ticket.created","data":{"number":100}}', "Content-Type: application/json")


def test_a_head_that_is_remembered_is_recognised_whatever_the_length_of_the_body(serve: Serve) -> None:
    def check(straight: Straight) -> None:
        assert straight.recognised(WHOLE) is None
        remember(straight, WHOLE)
        recognised = straight.recognised(LONGER)
        assert recognised
        assert recognised[1] == LONGER.partition(b"\r\n\r\n")[2]
        assert recognised[0].head == asked(straight).head

    with_straight(serve, check)


@pytest.mark.parametrize(
    "data",
    [
        WHOLE[:-1],
        WHOLE + b"P",
        WHOLE.replace(b"application/json", b"text/plain"),
        WHOLE.replace(b"\r\n\r\n", b"\r\nOrigin: http://evil.example\r\n\r\n"),
        WHOLE.replace(b"Content-Length: ", b"Content-Length: 0\r\nContent-Length: "),
        WHOLE.replace(b"Content-Length: ", b"Content-Length: x"),
        WHOLE.replace(b"Content-Length: ", b"X-Content-Length: "),
        request(b" " * 65537, "Content-Type: application/json"),
        BODY,
        b"",
    ],
)
def test_anything_but_one_whole_request_with_such_a_head_is_left_to_the_parser(serve: Serve, data: bytes) -> None:
    def check(straight: Straight) -> None:
        remember(straight, WHOLE)
        assert straight.recognised(data) is None

    with_straight(serve, check)


@pytest.mark.parametrize("data", [WHOLE + WHOLE, WHOLE + b"\r\n", WHOLE[:-1], WHOLE[10:-10], b""])
def test_only_what_is_one_whole_request_is_remembered(serve: Serve, data: bytes) -> None:
    def check(straight: Straight) -> None:
        straight.remember(asked(straight), data, BODY)
        assert straight.recognised(WHOLE) is None

    with_straight(serve, check)


def test_of_many_heads_the_latest_are_remembered(serve: Serve) -> None:
    def check(straight: Straight) -> None:
        several = [request(BODY, f"Trace-Id: {number}") for number in range(MOST_HEADS + 1)]
        for each in several:
            remember(straight, each)
        assert [bool(straight.recognised(each)) for each in several] == [False] + MOST_HEADS * [True]
        long = request(BODY, "Cookie: " + "a" * MAX_HEAD_BYTES)
        remember(straight, long)
        assert straight.recognised(long) is None

    with_straight(serve, check)


def remember(straight: Straight, whole: bytes) -> None:
    straight.remember(asked(straight), whole, BODY)


def asked(straight: Straight) -> Asked:
    found = straight.asked(b"POST", URL, raw(HEADERS))
    assert found
    return found


@dataclass
class FakeGuard:
    """Lets in whoever it is told to."""

    identity: Identity | None

    def is_ours(self, _: str) -> bool:
        return True

    def recall(self, _: str) -> Identity | None:
        return self.identity


def test_who_asks_is_found_out_each_time_however_well_the_head_is_known(serve: Serve) -> None:
    async def check(there: There) -> None:
        guard = FakeGuard(Identity(TEAM, "key_1"))
        straight = Straight(there.cloud, guard, there.cloud)  # type: ignore[arg-type]  # as much as is needed
        remember(straight, WHOLE)
        assert straight.recognised(WHOLE)
        for identity in (None, Identity("another", "key_1"), Identity(TEAM, "key_1", read_only=True)):
            guard.identity = identity
            assert straight.recognised(WHOLE) is None

    serve(check)


def test_a_connection_may_send_any_number_of_requests_in_any_form(serve: Serve) -> None:
    async def check(there: There) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        odd = request(b'{"type":"ticket.created","data":{"n":1.0}}', "Content-Type: application/json")
        wrong = request(b'{"type":"x"}', "Content-Type: application/json")
        for sent, status in [(WHOLE, 201), (LONGER, 201), (odd, 201), (WHOLE, 201), (wrong, 400), (LONGER, 201)]:
            writer.write(sent)
            assert (await answer(reader))[0] == status
        writer.write(WHOLE[:50])
        await asyncio.sleep(0)
        writer.write(WHOLE[50:] + LONGER)
        assert [(await answer(reader))[0] for _ in range(2)] == [201, 201]
        writer.close()

    serve(check)


def test_pipelined_requests_are_answered_in_their_order(serve: Serve) -> None:
    async def check(there: There) -> None:
        types = ["ticket.created", "nonsense", "ticket.closed", "ticket.updated"]
        sent = b"".join(request(json.dumps({"type": type}).encode()) for type in types)
        got = await talk(there, sent, answers=4)
        assert [status for status, _, _ in got] == [201, 400, 201, 201]
        made = [json.loads(body)["data"]["event"]["type"] for status, _, body in got if status == 201]
        assert made == ["ticket.created", "ticket.closed", "ticket.updated"]

    serve(check)


@pytest.mark.parametrize(("version", "lines"), [("1.1", ["Connection: close"]), ("1.0", [])])
def test_a_connection_that_isn_t_kept_is_closed(serve: Serve, version: str, lines: list[str]) -> None:
    async def check(there: There) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        writer.write(request(BODY, *lines, version=version))
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (201, "close")
        assert await reader.read() == b""
        writer.close()

    serve(check)


def test_a_key_is_told_its_limit_and_held_to_it(tmp_path: Path) -> None:
    async def main() -> None:
        wanted = msgspec.structs.replace(options(tmp_path), limits=RequestLimits(secret=4))
        async with serving(wanted) as there:
            made = await there.client.post("/api-keys", json={"name": "one", "readOnly": False})
            key = {"authorization": f"Bearer {made.json()['data']['key']}"}
            answers = [await there.client.post("/events", content=BODY, headers=key) for _ in range(5)]
            assert [each.status_code for each in answers] == [201, 201, 201, 201, 429]
            assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["3", "2", "1", "0", "0"]

    asyncio.run(main())


@dataclass
class FakeStore:
    """Stores the events of a turn together; cannot store those of type ticket.closed."""

    accounts: Accounts
    calls: list[list[Event]] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_go_on.set()

    async def append_events(self, events: Sequence[Event]) -> Sequence[Sequence[Delivery]]:
        self.calls.append(list(events))
        self.called.set()
        await self.may_go_on.wait()
        if any(each.type == "ticket.closed" for each in events):
            raise StoreUnavailable("The disk is full.")
        return [[] for _ in events]


def with_store(serve: Serve, body: Callable[[Straight, FakeStore], Awaitable[None]]) -> None:
    async def main(there: There) -> None:
        store = FakeStore(there.cloud.store.accounts)
        cloud = replace(there.cloud, store=store)
        api = build_api(cloud, cloud.options.access)
        await body(api.straight, store)

    serve(main)


async def sent(straight: Straight, events: Sequence[Event]) -> list[Answer]:
    replies: list[asyncio.Future[Answer]] = [asyncio.get_running_loop().create_future() for _ in events]
    for each, reply in zip(events, replies, strict=True):
        straight.send(Sending(asked(straight), each, {}, reply.set_result))
    return await asyncio.gather(*replies)


def test_the_events_of_a_turn_are_handed_to_the_store_together(serve: Serve) -> None:
    async def check(straight: Straight, store: FakeStore) -> None:
        events = [event() for _ in range(32)]
        answers = await sent(straight, events)
        assert store.calls == [events]
        assert [each.status for each in answers] == [201] * 32

    with_store(serve, check)


def test_what_comes_while_the_store_is_at_work_is_handed_to_it_together_when_it_is_done(serve: Serve) -> None:
    async def check(straight: Straight, store: FakeStore) -> None:
        store.may_go_on.clear()
        first, later = event(), [event() for _ in range(10)]
        waiting = [asyncio.ensure_future(sent(straight, [first]))]
        await store.called.wait()
        for each in later:
            waiting.append(asyncio.ensure_future(sent(straight, [each])))
            await asyncio.sleep(0)
        assert store.calls == [[first]]
        store.may_go_on.set()
        await asyncio.gather(*waiting)
        assert store.calls == [[first], later]

    with_store(serve, check)


def test_the_events_of_a_turn_are_one_write_to_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Writes()
    monkeypatch.setattr(logs.LOGGER, "handlers", [logs.Lines(logs.json_line, stream)])

    async def check(straight: Straight, _: FakeStore) -> None:
        with caplog.at_level(logging.INFO, "cstar.cloud"):
            answers = await sent(straight, [event() for _ in range(32)])
        [written] = [text for text in stream.writes if '"event": "request"' in text]
        ids = [json.loads(line)["request_id"] for line in written.splitlines()]
        assert ids == [each.request_id for each in answers]

    with_store(serve, check)


def test_an_event_that_spoils_it_for_all_fails_alone(serve: Serve) -> None:
    async def check(straight: Straight, _: FakeStore) -> None:
        answers = await sent(straight, [event(), event("ticket.closed"), event()])
        assert [each.status for each in answers] == [201, 503, 201]
        assert b"retry-after: 1\r\n" in answers[1].head

    with_store(serve, check)


def test_a_connection_that_cannot_be_answered_keeps_no_other_from_its_answer(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Answer) -> None:
        raise RuntimeError("the handler is closed")

    async def check(straight: Straight, _: FakeStore) -> None:
        straight.send(Sending(asked(straight), event(), {}, broken))
        [answered] = await sent(straight, [event()])
        assert answered.status == 201

    with_store(serve, check)
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (record.name, record.getMessage()) == ("cstar.cloud", "answer not sent")


def test_a_request_is_not_answered_once_its_pipeline_has_closed_the_connection(
    tmp_path: Path, runner: asyncio.Runner, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with serving(options(tmp_path)) as there:
            may_go_on = asyncio.Event()
            store = there.cloud.store
            append_events = store.append_events

            async def late(events: Sequence[Event]) -> Sequence[Sequence[Delivery]]:
                await may_go_on.wait()
                return await append_events(events)

            object.__setattr__(store, "append_events", late)
            assert (await there.client.get("/api-keys")).status_code == 200  # from here on the token is known
            reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
            writer.write(WHOLE + WHOLE + b"garbage\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400")
            may_go_on.set()
            [(status, _, _)] = await talk(there, WHOLE)
            assert status == 201
            writer.close()

    with runner:
        runner.run(main())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
