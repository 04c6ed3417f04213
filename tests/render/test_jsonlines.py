import json

import pytest
from msgspec.structs import replace

from cstar_cli.activity import Activity
from cstar_cli.render.jsonlines import json_line

from . import samples

EVENT_ID = samples.EVENT_ID


def test_ready_is_exactly_what_is_documented() -> None:
    assert json_line(samples.READY) == (
        b'{"type":"ready","forward_to":"http://localhost:3000/webhook","secret":"whsec_' + b"x" * 43 + b'",'
        b'"cloud":"http://127.0.0.1:7827","team_id":"550e8400-e29b-41d4-a716-446655440000","session_id":"ses_1",'
        b'"name":null}'
    )


def test_several_routes_are_ready_with_their_sessions_and_no_secret_of_their_own() -> None:
    line = json_line(samples.SEVERAL_READY)
    assert line is not None
    ready = json.loads(line)
    assert list(ready) == ["type", "secret", "cloud", "team_id", "name", "routes"]
    assert ready["routes"][0] == {
        "name": "billing",
        "forward_to": "http://localhost:4000/hook",
        "events": ["ticket.*", "!ticket.updated"],
        "session_id": "ses_1",
        "own_secret": True,
    }
    own = tuple(replace(route, own_secret=True) for route in samples.ROUTES)
    assert b'"secret":null' in (json_line(replace(samples.SEVERAL_READY, routes=own)) or b"")


def test_several_routes_reconnect_with_all_their_sessions() -> None:
    back = json.loads(json_line(samples.ALL_RECONNECTED) or b"")
    assert list(back) == ["type", "missed", "skipped", "oldest", "newest", "resumed", "routes"]
    assert [route["session_id"] for route in back["routes"]] == ["ses_1", "ses_2"]


def test_what_chaos_does_is_said_at_the_beginning_and_of_each_attempt_that_it_met() -> None:
    for ready in (samples.READY, samples.SEVERAL_READY):
        line = json.loads(json_line(replace(ready, chaos="drop=1%", seed=7)) or b"")
        assert (line["chaos"], line["seed"]) == ("drop=1%", 7)
    forwarded = replace(samples.SUCCEEDED, chaos=("shuffle", "delay"), delay_ms=1234)
    line = json.loads(json_line(forwarded) or b"")
    assert (line["chaos"], line["delay_ms"]) == (["shuffle", "delay"], 1234)


def test_an_attempt_of_one_of_several_routes_names_it() -> None:
    line = json.loads(json_line(replace(samples.SUCCEEDED, route="billing")) or b"")
    assert (line["route"], line["url"]) == ("billing", "http://localhost:3000/webhook")


def test_forwarded_is_exactly_what_is_documented() -> None:
    assert json_line(samples.SUCCEEDED) == (
        b'{"type":"forwarded","event_id":"' + EVENT_ID.encode() + b'","event_type":"ticket.message_added",'
        b'"delivery_id":"dlv_1","attempt":1,"url":"http://localhost:3000/webhook","status":200,"duration_ms":4.23,'
        b'"outcome":"succeeded","error":null,"next_attempt_at":null}'
    )


def test_a_failure_that_is_tried_again_says_when() -> None:
    line = json_line(replace(samples.FAILED, next_attempt_at_ms=samples.NOW_MS + 5123))
    assert line is not None
    assert json.loads(line)["next_attempt_at"] == "2025-12-10T14:30:05.123Z"


def test_an_attempt_of_the_log_is_exactly_what_is_documented() -> None:
    line = json_line(samples.ATTEMPTED)
    assert line is not None
    assert list(json.loads(line).items()) == [
        ("time", "2025-12-10T14:30:00.123Z"),
        ("event_id", EVENT_ID),
        ("event_type", "ticket.created"),
        ("delivery_id", "dlv_1"),
        ("attempt", 1),
        ("target", "ses_1"),
        ("url", "http://localhost:3000/webhook"),
        ("status", 500),
        ("duration_ms", 4.2),
        ("outcome", "failed"),
        ("error", None),
        ("next_attempt_at", "2025-12-10T14:31:00.000Z"),
        ("target_name", None),
    ]


def test_without_an_answer_the_status_is_null() -> None:
    line = json_line(samples.REFUSED)
    assert line is not None
    assert json.loads(line)["status"] is None


def test_disconnected_and_reconnected_have_their_types_and_what_was_missed() -> None:
    lines = [json_line(samples.DISCONNECTED), json_line(samples.RECONNECTED)]
    gone, back = (json.loads(line) for line in lines if line)
    assert gone["type"] == "disconnected"
    assert (back["type"], back["missed"], back["oldest"], back["newest"]) == ("reconnected", 3, None, None)


def test_what_came_meanwhile_has_its_times() -> None:
    line = json_line(replace(samples.RECONNECTED, oldest_ms=samples.NOW_MS - 1500, newest_ms=samples.NOW_MS))
    assert line is not None
    back = json.loads(line)
    assert (back["oldest"], back["newest"]) == ("2025-12-10T14:29:58.500Z", "2025-12-10T14:30:00.000Z")


def test_that_the_application_is_away_and_back_are_objects_of_their_own() -> None:
    hint = "127.0.0.1:3000 answers: forward there instead."
    assert [json_line(replace(samples.DOWN, hint=hint)), json_line(samples.UP)] == [
        b'{"type":"down","forward_to":"http://localhost:3000/webhook",'
        b'"hint":"127.0.0.1:3000 answers: forward there instead."}',
        b'{"type":"up","forward_to":"http://localhost:3000/webhook","waited":14,"more":false}',
    ]


def test_an_accepted_event_is_the_clouds_answer_untouched() -> None:
    assert json_line(replace(samples.ACCEPTED, line=b'{"b":1,"a":"\xc3\xa9"}')) == b'{"b":1,"a":"\xc3\xa9"}'


@pytest.mark.parametrize("activity", [samples.FINISHING, samples.NOTICE, samples.SUMMARY])
def test_words_for_people_are_no_json(activity: Activity) -> None:
    assert json_line(activity) is None


def test_text_that_could_steer_a_terminal_is_escaped() -> None:
    line = json_line(replace(samples.FAILED, error="\x1b\x9b\u202e\ud800"))
    assert line is not None
    assert line.isascii()
    assert b"\x1b" not in line


def test_what_is_escaped_has_the_same_fields_in_the_same_order() -> None:
    plain, escaped = (json_line(replace(samples.FAILED, error=error)) for error in ("refused", "\x7f é \ud800"))
    assert plain is not None
    assert escaped is not None
    assert list(json.loads(escaped)) == list(json.loads(plain))
    assert json.loads(escaped)["error"] == "\x7f é \ud800"
    assert escaped.isascii()
    assert b"\x7f" not in escaped
