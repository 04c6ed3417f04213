import hashlib
import hmac
import json
from collections.abc import Callable
from re import fullmatch

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events import quick
from cstar_cli.events.canonical import Json, parse
from cstar_cli.events.envelope import Event, build_event
from cstar_cli.events.wires import NAMES, wire
from cstar_cli.events.wires.wire import Sending, Wire, translated

BODY = b'{"id":"evt_1","type":"ticket.created","team_id":"t","created_at":"2026-03-26T22:13:30Z","data":{"id":"1"}}'
AT_MS = 1_774_583_010_044
Make = Callable[[str, str], Event]


def of_value(event_type: str, made_in: str) -> Event:
    return build_event(event_type, {"id": "1"}, "t", AT_MS, made_in=made_in)


def of_text(event_type: str, made_in: str) -> Event:
    event = quick.build_event(event_type, b'{ "id": "1" }', "t", AT_MS, made_in=made_in)
    assert event
    return event


SENDING = Sending("evt_1", "ticket.created", "dlv_1", "whk_1", 2, 1_774_583_010_044, BODY)
OLD, NEW = wire("2025-12"), wire("2026-03")


@pytest.mark.parametrize("name", NAMES)
def test_a_version_has_the_headers_that_it_calls_its_own(name: str) -> None:
    version = wire(name)
    named = {header.lower() for header, _ in version.headers(SENDING, "whsec_1")} - {"content-type"}
    assert version.name == name
    assert named == version.own_headers
    assert version.signature_header.lower() in named


def test_an_unknown_version_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        UsageError, match=r"There is no wire version '2026-3': take 2025-12 or 2026-03\. Did you mean '2026-03'\?"
    ):
        wire("2026-3")


def test_2026_03_signs_the_time_and_the_body() -> None:
    headers = dict(NEW.headers(SENDING, "whsec_1"))
    expected = hmac.new(b"whsec_1", b"1774583010." + BODY, hashlib.sha256).hexdigest()
    assert headers["X-Signature"] == f"t=1774583010,v1={expected}"
    assert headers["X-Delivery-Attempt"] == "2"
    assert headers["X-Timestamp"] == "2026-03-27T03:43:30.044Z"
    assert headers["X-Event-ID"] == "evt_1"


def test_2026_03_has_event_ids_that_tell_type_and_time() -> None:
    assert fullmatch("evt_ticket_created_1774583010044_[a-z0-9]{8}", NEW.event_id("ticket.created", 1_774_583_010_044))


@pytest.mark.parametrize("version", [OLD, NEW])
def test_an_id_made_of_the_same_bytes_is_the_same(version: Wire) -> None:
    def made_of(byte: bytes) -> str:
        return version.event_id("ticket.created", AT_MS, lambda count: byte * count)

    assert made_of(b"a") == made_of(b"a") != made_of(b"b")


@pytest.mark.parametrize("version", [OLD, NEW])
def test_fresh_ids_differ(version: Wire) -> None:
    assert len({version.event_id("ticket.created", 1_774_583_010_044) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("make", [of_value, of_text])
def test_an_event_has_the_keys_of_its_version_in_their_order(version: Wire, make: Make) -> None:
    event = make("ticket.created", version.name)
    assert (event.wire, event.id.startswith("evt_ticket_created_1774583010044_")) == (version.name, version is NEW)
    assert tuple(json.loads(event.body)) == version.envelope
    assert json.loads(event.body) == {
        "id": event.id,
        "type": "ticket.created",
        "team_id": "t",
        "created_at": "2026-03-27T03:43:30Z",
        "data": {"id": "1"},
    }


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("ticket.deleted", "ticket"),
        ("ticket.message_added", "message"),
        ("player.level_up", "player"),
        ("player.xp_gained", "xp_gain"),
        ("social.one_up_sent", "one_up"),
        ("community_post.voted", "vote"),
        ("order.paid", "order"),
    ],
)
def test_2026_03_names_what_an_event_is_about(event_type: str, name: str) -> None:
    assert NEW.data_of(event_type, {"id": "1"}) == {name: {"id": "1"}}
    assert NEW.resource_of(event_type, {"other": {}, name: {"id": "1"}}) == {"id": "1"}


@pytest.mark.parametrize("data", [{"id": "1"}, {"ticket": 5}, {"ticket": None}, [], None])
def test_data_of_2026_03_that_names_no_resource_is_taken_as_the_resource(data: Json) -> None:
    assert NEW.resource_of("ticket.created", data) == data


def test_data_as_deep_as_any_may_be_is_translated_too() -> None:
    deep = build_event("ticket.created", parse('{"a":' * 499 + "1" + "}" * 499), "t", 0).body
    assert translated(deep, OLD, NEW).count(b'{"a":') == 499


ODD = [
    '{"id":"caf\u00e9","n":[1e21,0.1,-5,1e-7],"s":"\\u0001\\\\\u2028"}',
    '{"2":1,"10":{"1":2,"b":[]}}',
    '{"half":"\\ud800"}',
    '{"\\ud800":{}}',
    '{"ticket":{"2":1,"a":"\\ud800"},"customer":{}}',
    '{"ticket":{},"\\ud800":1}',
    '{"ticket":5,"data":{"id":1}}',
]


@pytest.mark.parametrize("data", ['{"id":"1"}', *ODD])
@pytest.mark.parametrize(("made_in", "wanted"), [(OLD, NEW), (NEW, OLD)])
def test_a_translated_body_is_the_one_that_is_made_of_its_values(data: str, made_in: Wire, wanted: Wire) -> None:
    def body(version: Wire, value: Json) -> bytes:
        return build_event("ticket.created", value, "t", AT_MS, lambda: "evt_1", made_in=version.name).body

    about = made_in.resource_of("ticket.created", parse(data))
    expected = body(wanted, wanted.data_of("ticket.created", about))
    assert translated(body(made_in, parse(data)), made_in, wanted) == expected


def test_a_body_is_translated_there_and_back_to_the_same_bytes() -> None:
    named = translated(BODY, OLD, NEW)
    assert named == (
        b'{"id":"evt_1","type":"ticket.created","created_at":"2026-03-26T22:13:30Z","team_id":"t",'
        b'"data":{"ticket":{"id":"1"}}}'
    )
    assert translated(named, NEW, OLD) == BODY


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_body_in_its_own_version_is_not_touched(version: Wire) -> None:
    assert translated(BODY, version, version) is BODY
