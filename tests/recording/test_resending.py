import hashlib
import hmac
import json

import pytest
from msgspec.structs import replace

from cstar_cli.recording.format import Damaged, Delivery
from cstar_cli.recording.resending import How, Resender, removed_headers

BODY = (
    '{"id":"evt_1","type":"ticket.created","team_id":"t","created_at":"2026-03-26T22:13:30Z",'
    '"data":{"title":"Zoë 😀","n":1e+21}}'
)
NOW_MS = 1_800_000_000_000
RECORDED = Delivery(
    number=1,
    at="2026-03-26T22:13:30.044Z",
    event_id="evt_1",
    event_type="ticket.created",
    delivery_id="dlv_1",
    attempt=2,
    wire="2025-12",
    url="http://localhost:3000/",
    headers=(
        ("content-type", "application/json"),
        ("x-cstar-signature", None),
        ("x-cstar-delivery", "dlv_1"),
        ("user-agent", "cstar-cli"),
        ("x-stage", "dev"),
        ("authorization", None),
    ),
    body=BODY,
    session_id="ses_1",
)


def resender(how: How) -> Resender:
    return Resender(how, lambda: NOW_MS)


def test_the_recorded_bytes_are_signed_anew_under_the_same_ids() -> None:
    again = resender(How("whsec_new")).again(RECORDED)
    assert (again.event_id, again.delivery_id, again.body) == ("evt_1", "dlv_1", BODY.encode())
    headers = dict(again.headers)
    assert headers["x-cstar-signature"] == hmac.new(b"whsec_new", BODY.encode(), hashlib.sha256).hexdigest()
    assert headers["x-cstar-delivery"] == "dlv_1"
    assert headers["x-stage"] == "dev"
    assert "authorization" not in headers
    assert len(again.headers) == len(headers)


def test_a_header_that_is_given_wins_over_the_recorded_one() -> None:
    own = (("X-Stage", "test"), ("Authorization", "Bearer 1"), ("User-Agent", "mine"))
    headers = [
        pair for pair in resender(How("s", own=own)).again(RECORDED).headers if not pair[0].startswith("x-cstar")
    ]
    assert headers == [("content-type", "application/json"), *own]


def test_a_header_whose_value_was_removed_is_known() -> None:
    assert removed_headers(RECORDED) == ["authorization"]


def test_another_wire_version_gets_its_body_headers_and_signature() -> None:
    again = resender(How("s", wire="2026-03")).again(RECORDED)
    headers = dict(again.headers)
    assert json.loads(again.body)["data"] == {"ticket": json.loads(BODY)["data"]}
    expected = hmac.new(b"s", b"1800000000." + again.body, hashlib.sha256).hexdigest()
    assert headers["X-Signature"] == f"t=1800000000,v1={expected}"
    assert headers["X-Webhook-ID"] == "ses_1"
    assert headers["X-Delivery-Attempt"] == "2"
    assert "x-cstar-delivery" not in headers


def test_fresh_ids_change_nothing_else_of_the_body() -> None:
    again = resender(How("s", fresh_ids=True)).again(RECORDED)
    assert again.event_id.startswith("evt_")
    assert "evt_1" not in (again.event_id, again.delivery_id)
    assert again.delivery_id.startswith("dlv_")
    assert again.body == BODY.replace("evt_1", again.event_id).encode()
    assert dict(again.headers)["x-cstar-delivery"] == again.delivery_id


def test_fresh_ids_of_one_event_are_the_same_each_time() -> None:
    how = resender(How("s", fresh_ids=True))
    first, retried = how.again(RECORDED), how.again(replace(RECORDED, attempt=3))
    along_another = how.again(replace(RECORDED, delivery_id="dlv_2"))
    another = how.again(replace(RECORDED, event_id="evt_2"))
    assert (first.event_id, first.delivery_id) == (retried.event_id, retried.delivery_id)
    assert along_another.event_id == first.event_id != another.event_id
    assert along_another.delivery_id != first.delivery_id


@pytest.mark.parametrize("header", [("x: y", "1"), ("x", "1\r\nevil: 1"), ("x", "☃")])
def test_a_header_that_can_not_be_sent_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(Damaged, match="a header that can't be sent"):
        resender(How("s")).again(replace(RECORDED, headers=(header,)))


def test_a_wire_version_of_the_future_is_refused_with_what_to_do() -> None:
    with pytest.raises(Damaged, match="wire version 2031-01: update cstar"):
        resender(How("s")).again(replace(RECORDED, wire="2031-01"))
