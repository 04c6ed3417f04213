import hashlib
import hmac
from re import fullmatch

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.wires import NAMES, wire
from cstar_cli.events.wires.wire import Sending, Wire, translated

BODY = b'{"id":"evt_1","type":"ticket.created","team_id":"t","created_at":"2026-03-26T22:13:30Z","data":{"id":"1"}}'
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


def test_a_body_is_translated_there_and_back_to_the_same_bytes() -> None:
    named = translated(BODY, OLD, NEW)
    assert named.endswith(b'"data":{"ticket":{"id":"1"}}}')
    assert translated(named, NEW, OLD) == BODY


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_body_in_its_own_version_is_not_touched(version: Wire) -> None:
    assert translated(BODY, version, version) is BODY
