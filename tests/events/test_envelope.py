import base64
import json
import re

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import MAX_DEPTH, Json, MalformedJson, canonical, parse
from cstar_cli.events.envelope import Event, Fresh, build_event, iso, iso_ms, new_id, parse_iso

NOW_MS = 1_765_377_000_999


def built(data: Json, event_type: str = "ticket.created") -> Event:
    return build_event(event_type, data, "team", NOW_MS, lambda: "evt_abc123")


def test_the_body_is_one_line_with_the_keys_of_the_contract_in_order() -> None:
    assert built({"status": "new"}).body == (
        b'{"id":"evt_abc123","type":"ticket.created","team_id":"team",'
        b'"created_at":"2025-12-10T14:30:00Z","data":{"status":"new"}}'
    )


def test_an_event_says_outside_what_its_body_says_inside() -> None:
    event = built({})
    assert (event.id, event.type, event.team_id, event.created_at_ms) == (
        "evt_abc123",
        "ticket.created",
        "team",
        NOW_MS,
    )


def test_the_body_is_canonical_whatever_the_data() -> None:
    body = built({"b": 1.0, "1": "é\ud83d", "n": 12345678901234567890}).body
    assert body.endswith(b'"data":{"1":"\xc3\xa9\\ud83d","b":1,"n":12345678901234567000}}')
    assert canonical(body) == body


@pytest.mark.parametrize("data", [None, [], 7, "text"])
def test_data_may_be_any_json(data: Json) -> None:
    assert json.loads(built(data).body)["data"] == data


@pytest.mark.parametrize("event_type", ["ticket", "ticket.created\r\nx-evil: 1", "Ticket.Created", ""])
def test_a_type_that_no_header_could_carry_is_refused(event_type: str) -> None:
    with pytest.raises(UsageError, match=r"resource\.action"):
        built({}, event_type)


def test_data_that_no_parse_would_accept_is_refused() -> None:
    with pytest.raises(MalformedJson):
        built(parse("[" * MAX_DEPTH + "]" * MAX_DEPTH))


def test_event_ids_are_fresh_and_safe_in_a_url() -> None:
    first, second = new_id("evt"), new_id("evt")
    assert first != second
    assert re.fullmatch(r"evt_[A-Za-z0-9_-]{24,}", first)


def test_ids_of_one_time_are_neighbours_and_differ() -> None:
    fresh = Fresh(lambda: 1_760_000_000_000)
    made = {fresh() for _ in range(1000)}
    assert len(made) == 1000
    assert len({id_[:8] for id_ in made}) == 1
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{24}", id_) for id_ in made)


def test_ids_tell_the_milliseconds_of_their_making() -> None:
    times = iter([1_760_000_000_000, 1_760_000_000_000, 1_760_000_000_001])
    fresh = Fresh(lambda: next(times))
    made = [int.from_bytes(base64.urlsafe_b64decode(fresh())[:6], "big") for _ in range(3)]
    assert made == [1_760_000_000_000, 1_760_000_000_000, 1_760_000_000_001]


def test_an_id_of_given_bytes_is_their_text() -> None:
    assert new_id("evt", bytes) == "evt_" + "A" * 24


def test_an_id_starts_with_its_prefix() -> None:
    assert new_id("dlv").startswith("dlv_")


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_765_377_000_000, "2025-12-10T14:30:00Z"),
        (1_765_377_000_999, "2025-12-10T14:30:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ],
)
def test_times_are_utc_to_the_second(ms: int, text: str) -> None:
    assert iso(ms) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(1_765_377_000_007, "2025-12-10T14:30:00.007Z"), (-1, "1969-12-31T23:59:59.999Z")]
)
def test_times_to_the_millisecond_have_three_decimals(ms: int, text: str) -> None:
    assert iso_ms(ms) == text


@pytest.mark.parametrize(
    "text", ["2025-12-10T14:30:00.123Z", "2025-12-10T15:30:00.123+01:00", "2025-12-10T09:00:00.123456-05:30"]
)
def test_a_time_is_read_with_z_or_an_offset(text: str) -> None:
    assert parse_iso(text) == 1_765_377_000_123


def test_a_written_time_is_read_back_exactly() -> None:
    assert all(parse_iso(iso_ms(ms)) == ms for ms in (0, 1, -1, 1_765_377_000_999, 253_402_300_799_999))


@pytest.mark.parametrize("text", ["", "now", "2025-12-10", "2025-12-10T14:30:00", "1765377000", "2025-13-01T00:00:00Z"])
def test_other_text_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_iso(text)
