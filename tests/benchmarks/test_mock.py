"""The mock's frames: what a tool gets is what its service would send."""

import json

import pytest
from websockets.frames import Frame as WebsocketFrame
from websockets.frames import Opcode

from benchmarks.mock import websocket
from benchmarks.mock.events import NUMBER, Template, event_body, number_of
from benchmarks.mock.services import Cstar, Hookdeck, Request, Service, Smee, Stripe
from cstar_cli.protocol.frames import Delivery, Hello, Result, Settled, Welcome, decode, encode

BASE = "http://127.0.0.1:1234"


def sent(*payloads: bytes, fin: bool = True, opcode: Opcode = Opcode.TEXT) -> bytes:
    """What a client of the websockets package sends."""
    frames = (WebsocketFrame(opcode, payload, fin=fin) for payload in payloads)
    return b"".join(frame.serialize(mask=True) for frame in frames)


def messages_of(data: bytes) -> list[bytes]:
    return websocket.Reader().feed(data)


@pytest.mark.parametrize("size", [300, 1536, 20_480, 1_000_000])
def test_an_event_has_exactly_the_size_asked_for_and_survives_json_stringify(size: int) -> None:
    body = event_body(size)
    assert len(body) == size
    assert json.dumps(json.loads(body), separators=(",", ":")).encode() == body


def test_a_template_puts_the_number_wherever_it_stands() -> None:
    made = Template(b"a" + NUMBER + b"b" + NUMBER)
    assert made(42) == b"a00000042b00000042"
    assert made.length == len(made(7))


def test_the_receiver_reads_the_number_back() -> None:
    assert number_of(Template(event_body())(1234)[:64]) == 1234


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_message_of_any_length_is_read_as_it_was_sent(size: int) -> None:
    assert messages_of(sent(b"x" * size)) == [b"x" * size]
    assert messages_of(websocket.masked(websocket.TEXT, b"x" * size)) == [b"x" * size]
    assert messages_of(websocket.head(websocket.TEXT, size) + b"x" * size) == [b"x" * size]


def test_messages_are_read_whole_however_the_bytes_come() -> None:
    data, reader = sent(b"one", b"t" * 300), websocket.Reader()
    assert [message for byte in data for message in reader.feed(bytes([byte]))] == [b"one", b"t" * 300]


def test_a_message_in_fragments_is_one_and_a_ping_between_them_is_answered() -> None:
    reader = websocket.Reader()
    first, last = sent(b"a", fin=False), sent(b"b", opcode=Opcode.CONT)
    assert reader.feed(first + sent(b"!", opcode=Opcode.PING) + last) == [b"ab"]
    assert reader.pongs == [b"\x8a\x01!"]


def test_the_accept_header_is_that_of_the_standard() -> None:
    answer = websocket.accept(b"dGhlIHNhbXBsZSBub25jZQ==", b"x")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer


def test_our_tunnel_gets_several_deliveries_in_one_message_and_results_are_settled() -> None:
    service = Cstar(event_body(), BASE)
    [message] = messages_of(service.encode(range(3)))
    deliveries = [frame for frame in decode(message) if isinstance(frame, Delivery)]
    assert [delivery.delivery_id for delivery in deliveries] == ["dlv_00000000", "dlv_00000001", "dlv_00000002"]
    assert [number_of(delivery.body) for delivery in deliveries] == [0, 1, 2]
    results = [Result(each.delivery_id, 1, True, 200, None, 0, 1.0) for each in deliveries]
    heard = service.hear(sent(encode(results), opcode=Opcode.BINARY))
    assert heard.done == 3
    [settled] = messages_of(heard.answer)
    assert decode(settled) == [Settled(("dlv_00000000", "dlv_00000001", "dlv_00000002"))]


def test_our_tunnel_is_ready_with_the_hello_and_keeps_to_its_window() -> None:
    service = Cstar(event_body(), BASE)
    heard = service.hear(sent(encode([Hello("http://localhost/", (), 64)]), opcode=Opcode.BINARY))
    assert (heard.ready, heard.window) == (True, 64)
    assert decode(messages_of(heard.answer)[0]) == [Welcome("ses_1", resumed=False, waiting=0)]


def test_no_message_of_our_tunnel_is_larger_than_it_may_be() -> None:
    service = Cstar(event_body(600_000), BASE)
    assert [len(decode(message)) for message in messages_of(service.encode(range(5)))] == [1] * 5


@pytest.mark.parametrize(("service", "said"), [(Stripe, "webhook_response"), (Hookdeck, "attempt_response")])
def test_an_event_of_a_peer_is_through_with_its_response(service: type[Service], said: str) -> None:
    mock = service(event_body(), BASE)
    other = sent(b'{"type":"event_ack"}')
    assert mock.hear(other).done == 0
    assert mock.hear(other + sent(json.dumps({"type": said}).encode(), json.dumps({"event": said}).encode())).done == 2


@pytest.mark.parametrize("service", [Stripe, Hookdeck])
def test_a_peer_gets_one_event_a_message_with_the_body_as_a_string(service: type[Service]) -> None:
    first, second = messages_of(service(event_body(), BASE).encode(range(1, 3)))
    text = json.loads(first)
    body = text["event_payload"] if service is Stripe else text["body"]["request"]["data_string"]
    assert body.encode() == Template(event_body())(1)
    assert b"00000002" in second


def test_smee_gets_the_event_as_json_in_a_server_sent_event() -> None:
    number, data = Smee(event_body(), BASE).encode([7]).removesuffix(b"\n\n").split(b"\n")
    assert number == b"id: 00000007"
    assert json.loads(data.removeprefix(b"data: "))["body"]["id"] == "evt_00000007"


def test_the_peers_questions_before_the_stream_are_answered() -> None:
    session = Stripe(event_body(), BASE).answer(Request("POST", "/v1/stripecli/sessions", None))
    assert b'"websocket_url": "ws://127.0.0.1:1234/subscribe/acct_1"' in (session or b"")
    assert Stripe(event_body(), BASE).answer(Request("GET", "/subscribe/acct_1", b"key")) is None
    assert b'"type": "CLI"' in (Hookdeck(event_body(), BASE).answer(Request("GET", "/x/connections", None)) or b"")
