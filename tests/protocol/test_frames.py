import json
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.protocol.frames import (
    Bye,
    Delivery,
    Frame,
    Heartbeat,
    Hello,
    Joined,
    MalformedMessage,
    Refused,
    Result,
    Settled,
    Welcome,
    decode,
    encode,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAME = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
NAMES = st.lists(NAME, max_size=4).map(tuple)
TEXTS = st.lists(TEXT, max_size=4).map(tuple)
COUNT = st.integers(0, 2**40)
ATTEMPT = st.integers(1, 2**31 - 1)
HEADERS = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)
BODY = st.binary(max_size=60) | st.just(b'\n{"type":"heartbeat"}\n') | st.just(b"\n" * 5)

TIME = st.none() | COUNT
WISHES = {
    "retry_speed": st.none() | st.floats(1, 3600),
    "name": st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.-]{0,9}", fullmatch=True),
    "only_origin": st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True),
    "since_ms": TIME,
    "latest": st.booleans(),
    "listener": st.none() | NAME,
    "wire": NAME,
}
HELLO = st.builds(Hello, TEXT, TEXTS, COUNT, st.none() | NAME, NAMES, TEXT, **WISHES)
WELCOME = st.builds(
    Welcome,
    NAME,
    st.booleans(),
    COUNT,
    TIME,
    TIME,
    retry_waits_ms=st.none() | st.lists(st.integers(0, 31_536_000_000), max_size=3).map(tuple),
    skipped=COUNT,
    others=TEXTS,
    more_others=COUNT,
    heeds=TEXTS,
)
DELIVERY = st.builds(Delivery, NAME, NAME, NAME, ATTEMPT, body=BODY)
RESULT = st.builds(
    Result,
    delivery_id=NAME,
    attempt=ATTEMPT,
    succeeded=st.booleans(),
    status=st.none() | st.integers(100, 599),
    error=st.none() | TEXT,
    started_at_ms=COUNT,
    duration_ms=st.floats(0, 1e9),
    request_headers=HEADERS,
    response_headers=HEADERS,
    body=BODY,
)
FRAME: st.SearchStrategy[Frame] = st.one_of(
    HELLO,
    WELCOME,
    st.builds(Joined, TEXT),
    st.builds(Refused, TEXT, st.booleans()),
    DELIVERY,
    RESULT,
    st.builds(Settled, NAMES, st.dictionaries(NAME, COUNT, max_size=3)),
    st.just(Heartbeat()),
    st.just(Bye()),
)
RETRYING = b'{"type":"welcome","session_id":"s","resumed":false,"waiting":0,"retry_waits_ms":[%b]}\n'
EVENT = b'{"type":"event","delivery_id":"dlv_1","event_id":"evt_1","event_type":"ticket.created","attempt":1'
RESULT_HEAD = (
    b'{"type":"result","delivery_id":"dlv_1","attempt":1,"succeeded":true,"status":200,"error":null,'
    b'"started_at_ms":1,"duration_ms":1.5'
)


@dataclass(frozen=True)
class Shape:
    """A frame, and the bytes that stand for it on the wire."""

    frame: Frame
    message: bytes


SHAPES = [
    Shape(
        Hello("http://localhost:3000/webhook", ("ticket.*",), 42, "ses_1", ("dlv_1",), "cstar/0.1.0"),
        b'{"type":"hello","forward_to":"http://localhost:3000/webhook","events":["ticket.*"],"window":42,'
        b'"session_id":"ses_1","holding":["dlv_1"],"agent":"cstar/0.1.0"}\n',
    ),
    Shape(Welcome("ses_1", True, 3), b'{"type":"welcome","session_id":"ses_1","resumed":true,"waiting":3}\n'),
    Shape(
        Welcome("ses_1", True, 3, 1000, 2000, (1000, 5000)),
        b'{"type":"welcome","session_id":"ses_1","resumed":true,"waiting":3,"oldest_ms":1000,"newest_ms":2000,'
        b'"retry_waits_ms":[1000,5000]}\n',
    ),
    Shape(
        Hello("http://x/", ("*",), 9, name="laptop-2", only_origin="7d0f", since_ms=1000, latest=True),
        b'{"type":"hello","forward_to":"http://x/","events":["*"],"window":9,"name":"laptop-2","only_origin":"7d0f",'
        b'"since_ms":1000,"latest":true}\n',
    ),
    Shape(
        Welcome("ses_1", True, 3, 1000, 2000),
        b'{"type":"welcome","session_id":"ses_1","resumed":true,"waiting":3,"oldest_ms":1000,"newest_ms":2000}\n',
    ),
    Shape(
        Welcome("ses_1", False, 0, others=("laptop", "http://x/"), more_others=2),
        b'{"type":"welcome","session_id":"ses_1","resumed":false,"waiting":0,"others":["laptop","http://x/"],'
        b'"more_others":2}\n',
    ),
    Shape(Joined("laptop"), b'{"type":"joined","who":"laptop"}\n'),
    Shape(Refused("say hello first", False), b'{"type":"refused","message":"say hello first","retry":false}\n'),
    Shape(Delivery("dlv_1", "evt_1", "ticket.created", 1, body=b"{}"), EVENT + b',"body_bytes":2}\n{}\n'),
    Shape(
        Result("dlv_1", 1, True, 200, None, 1, 1.5, (("a", "b"),), (("c", "d"),), body=b"ok\n"),
        RESULT_HEAD + b',"request_headers":[["a","b"]],"response_headers":[["c","d"]],"body_bytes":3}\nok\n\n',
    ),
    Shape(Settled(("dlv_1", "dlv_2")), b'{"type":"settled","delivery_ids":["dlv_1","dlv_2"]}\n'),
    Shape(
        Settled(("dlv_1", "dlv_2"), {"dlv_2": 5000}),
        b'{"type":"settled","delivery_ids":["dlv_1","dlv_2"],"retry_at_ms":{"dlv_2":5000}}\n',
    ),
    Shape(Heartbeat(), b'{"type":"heartbeat"}\n'),
    Shape(Bye(), b'{"type":"bye"}\n'),
]


def sized(frame: Frame) -> Frame:
    """The frame as it arrives: it says how long its body is."""
    if isinstance(frame, Delivery | Result):
        return msgspec.structs.replace(frame, body_bytes=len(frame.body))
    return frame


@given(FRAME)
def test_every_frame_arrives_as_it_was_sent(frame: Frame) -> None:
    assert decode(encode([frame])) == [sized(frame)]


@given(st.lists(FRAME, max_size=6))
def test_the_frames_of_one_message_arrive_in_their_order(frames: list[Frame]) -> None:
    assert decode(encode(frames)) == [sized(frame) for frame in frames]


@given(DELIVERY)
def test_an_arrived_frame_can_be_sent_on(delivery: Delivery) -> None:
    assert encode(decode(encode([delivery]))) == encode([delivery])


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape.frame).__name__)
def test_a_frame_has_these_bytes(shape: Shape) -> None:
    assert encode([shape.frame]) == shape.message


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape.frame).__name__)
def test_these_bytes_are_that_frame(shape: Shape) -> None:
    assert decode(shape.message) == [sized(shape.frame)]


def test_a_body_is_never_json_in_json() -> None:
    body = b'{"id":"evt_1","note":"\xc3\xa9 \\" \xff"}'
    message = encode([Delivery("d", "e", "t.a", 1, body=body)])
    assert message.endswith(b"\n" + body + b"\n")


def test_an_empty_body_is_not_announced() -> None:
    assert encode([Delivery("dlv_1", "evt_1", "ticket.created", 1)]) == EVENT + b"}\n"


def test_no_frames_are_an_empty_message_and_back() -> None:
    assert (encode([]), decode(b"")) == (b"", [])


def test_fields_may_come_in_any_order() -> None:
    assert decode(b'{"resumed":false,"waiting":0,"session_id":"s","type":"welcome"}\n') == [Welcome("s", False, 0)]


@given(st.dictionaries(TEXT.filter(lambda name: name != "type"), st.none() | st.integers() | TEXT | TEXTS, max_size=4))
def test_unknown_fields_are_ignored(fields: dict[str, object]) -> None:
    message = json.dumps({"type": "bye", **fields}).encode() + b"\n"
    assert decode(message) == [Bye()]


@given(BODY)
def test_an_unknown_frame_is_skipped_with_its_body(body: bytes) -> None:
    unknown = json.dumps({"type": "confetti", "colour": "red", "body_bytes": len(body)}).encode() + b"\n"
    if body:
        unknown += body + b"\n"
    assert decode(unknown + encode([Heartbeat()])) == [Heartbeat()]


def test_an_unknown_frame_without_a_body_is_skipped() -> None:
    assert decode(b'{"type":"confetti"}\n{"type":"bye"}\n') == [Bye()]


def test_a_field_named_body_is_unknown_like_any_other() -> None:
    assert decode(EVENT + b',"body":"aGk="}\n') == [Delivery("dlv_1", "evt_1", "ticket.created", 1)]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b'{"type":"bye"}', "without its newline"),
        (b"\n", "isn't JSON"),
        (b"hello\n", "isn't JSON"),
        (b"\xff\n", "isn't JSON"),
        (b'{"type":"confetti",\n', "isn't JSON"),
        (b'{"type":"settled","delivery_ids":["\xff"]}\n', "isn't JSON"),
        (b'{"type":"settled","delivery_ids":["\\ud800"]}\n', "isn't JSON"),
        (b'{"type":"bye","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "isn't JSON"),
        (b'{"type":"confetti","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "isn't JSON"),
        (b"[]\n", "without a type"),
        (b"{}\n", "without a type"),
        (b'{"type":7}\n', "without a type"),
        (b'{"type":"welcome","session_id":"s"}\n', "welcome frame with a wrong field"),
        (b'{"type":"welcome","session_id":"s","resumed":"yes","waiting":0}\n', "welcome frame with a wrong field"),
        (RETRYING % b"-1", "welcome frame with a wrong field"),
        (RETRYING % (b"9" * 400), "welcome frame with a wrong field"),
        (RETRYING % b",".join([b"1000"] * 101), "welcome frame with a wrong field"),
        (EVENT.replace(b":1", b":0") + b"}\n", "event frame with a wrong field"),
        (EVENT + b"000000000000000000}\n", "event frame with a wrong field"),
        (RESULT_HEAD.replace(b":200", b":1000") + b"}\n", "result frame with a wrong field"),
        (RESULT_HEAD.replace(b'_ms":1,', b'_ms":253402300800000,') + b"}\n", "result frame with a wrong field"),
        (EVENT.replace(b"ticket.created", b"a\\r\\nx-evil: 1") + b"}\n", "event frame with a wrong field"),
        (EVENT.replace(b"ticket.created", b"") + b"}\n", "event frame with a wrong field"),
        (EVENT + b',"body_bytes":-1}\n', "negative length"),
        (b'{"type":"confetti","body_bytes":-1}\n', "negative length"),
        (EVENT + b',"body_bytes":3}\nab\n', "another length"),
        (EVENT + b',"body_bytes":3}\nabc', "another length"),
        (EVENT + b',"body_bytes":3}\nabcd\n', "another length"),
        (EVENT + b',"body_bytes":99999999999999999999}\nabc\n', "another length"),
    ],
)
def test_what_is_not_the_language_is_refused(message: bytes, reason: str) -> None:
    with pytest.raises(MalformedMessage, match=reason):
        decode(message)


NAMED = [
    (shape, name)
    for shape in SHAPES
    for name in (b"dlv_1", b"dlv_2", b"evt_1", b"ticket.created", b"ses_1", b"laptop-2", b"7d0f")
    if b'"%b"' % name in shape.message
]


@pytest.mark.parametrize("odd", ["a b", "a\\n", "a\\r\\nb", "\x7f", "é", "\\u00e9"])
@pytest.mark.parametrize(("shape", "name"), NAMED, ids=str)
def test_no_name_holds_what_a_header_cannot(shape: Shape, name: bytes, odd: str) -> None:
    with pytest.raises(MalformedMessage, match="wrong field"):
        decode(shape.message.replace(b'"%b"' % name, f'"{odd}"'.encode(), 1))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape.frame).__name__)
def test_a_name_may_be_told_in_json_with_spaces_and_escapes(shape: Shape) -> None:
    head, rest = shape.message.split(b"\n", 1)
    spaced = head.replace(b",", b", ").replace(b"dlv", b"\\u0064lv")
    assert decode(spaced + b"\n" + rest) == [sized(shape.frame)]


@given(st.binary(max_size=200))
def test_no_bytes_do_more_harm_than_to_be_refused(message: bytes) -> None:
    try:
        decode(message)
    except MalformedMessage:
        return


@given(st.lists(FRAME, min_size=1, max_size=3), st.data())
def test_a_message_that_was_cut_is_refused_or_loses_whole_frames(frames: list[Frame], data: st.DataObject) -> None:
    message = encode(frames)
    cut = data.draw(st.integers(0, len(message) - 1))
    whole = [sized(frame) for frame in frames]
    try:
        found = list(decode(message[:cut]))
    except MalformedMessage:
        return
    assert found == whole[: len(found)]


@pytest.mark.parametrize("speed", [b"0.5", b"3601", b"-1", b'"fast"', b"true"])
def test_a_speed_of_retries_that_none_can_be_is_refused(speed: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(b'{"type":"hello","forward_to":"u","events":[],"window":1,"retry_speed":' + speed + b"}\n")


def test_the_retry_of_what_has_no_name_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        decode(b'{"type":"settled","delivery_ids":[],"retry_at_ms":{"a b":1}}\n')
