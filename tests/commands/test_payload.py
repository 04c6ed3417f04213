import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cstar_cli.commands.payload import Changes, Desk, Payload, Source, payloads
from cstar_cli.errors import UsageError

TYPE = "ticket.created"


def desk(
    stdin: bytes = b"", edit: Callable[[str], str] = lambda text: text, keep: Callable[[str], Path] = lambda _: Path()
) -> Desk:
    return Desk(team_id="team", now_ms=lambda: 0, read_stdin=lambda: stdin, edit=edit, keep=keep)


def requests(source: Source, count: int = 1, at: Desk | None = None) -> list[Any]:
    return [json.loads(payload.request()) for payload in payloads(source, count, at or desk())]


def test_untouched_built_in_data_is_left_to_the_cloud() -> None:
    assert requests(Source(TYPE), 2) == [{"type": TYPE}] * 2


def test_given_data_replaces_the_built_in_data() -> None:
    assert requests(Source(TYPE, '{"a": 1}')) == [{"type": TYPE, "data": {"a": 1}}]


def test_given_data_is_sent_in_canonical_form() -> None:
    [payload] = payloads(Source(TYPE, '{ "b": 1.0, "1": "\\u00e9" }'), 1, desk())
    assert payload.request() == '{"type":"ticket.created","data":{"1":"é","b":1}}'.encode()


def test_data_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"a": 1}')
    assert requests(Source(TYPE, f"@{tmp_path}/data.json"))[0]["data"] == {"a": 1}


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.json: No such file"):
        requests(Source(TYPE, f"@{tmp_path}/nothing.json"))


def test_data_may_come_from_standard_input_which_is_read_once() -> None:
    assert requests(Source(TYPE, "-"), 2, desk(stdin=b'{"a": 1}')) == [{"type": TYPE, "data": {"a": 1}}] * 2


@pytest.mark.parametrize("data", ["[1]", "1", "null", '"text"'])
def test_data_other_than_an_object_is_refused(data: str) -> None:
    with pytest.raises(UsageError, match="--data: The data of an event is a JSON object"):
        requests(Source(TYPE, data))


def test_malformed_data_is_refused_with_its_place() -> None:
    with pytest.raises(UsageError, match="--data: Malformed JSON at line 1, column 7"):
        requests(Source(TYPE, '{"a": }'))


def test_changes_are_made_in_built_in_data() -> None:
    changes = Changes(overrides=("priority=low", "number:=7"), adds=("x.y:=[1]",), removes=("title",))
    data = requests(Source(TYPE, changes=changes))[0]["data"]
    assert (data["priority"], data["number"], data["x"]) == ("low", 7, {"y": [1]})
    assert "title" not in data


def test_changed_built_in_data_is_fresh_for_each_event() -> None:
    first, second = requests(Source(TYPE, changes=Changes(overrides=("priority=low",))), 2)
    assert first["data"]["id"] != second["data"]["id"]


def test_changes_are_made_in_given_data() -> None:
    assert requests(Source(TYPE, '{"a": 1}', Changes(overrides=("a:=2",))))[0]["data"] == {"a": 2}


def test_an_override_that_changes_nothing_lists_the_valid_paths() -> None:
    with pytest.raises(UsageError, match=r"Valid paths: .*priority"):
        requests(Source(TYPE, changes=Changes(overrides=("prioritty=low",))))


def test_edited_data_is_edited_once_and_sent_each_time() -> None:
    edits: list[str] = []

    def edit(text: str) -> str:
        edits.append(text)
        return '{"b": 2}'

    assert requests(Source(TYPE, '{"a": 1}', edit=True), 2, desk(edit=edit)) == [{"type": TYPE, "data": {"b": 2}}] * 2
    assert edits == ['{\n  "a": 1\n}\n']


def test_edited_data_that_is_malformed_is_kept() -> None:
    kept: list[str] = []

    def keep(text: str) -> Path:
        kept.append(text)
        return Path("/kept.json")

    with pytest.raises(UsageError, match="--data @/kept"):
        requests(Source(TYPE, edit=True), at=desk(edit=lambda _: "{oops", keep=keep))
    assert kept == ["{oops"]


def test_a_custom_type_is_marked_as_such() -> None:
    assert requests(Source("my.thing", "{}", custom=True)) == [{"type": "my.thing", "data": {}, "custom": True}]


def test_a_known_type_is_never_custom() -> None:
    assert requests(Source(TYPE, custom=True)) == [{"type": TYPE}]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("ticket.crated"), r"Did you mean ticket\.created"),
        (Source("my.thing", "{}"), "--custom"),
        (Source("my.thing", custom=True), "--data"),
        (Source("My Thing", "{}", custom=True), "resource.action"),
    ],
)
def test_a_type_that_can_not_be_sent_says_what_to_do(source: Source, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        requests(source)


def test_the_printed_body_is_the_envelope_around_the_data() -> None:
    body = json.loads(Payload(TYPE, False, b'{"a":1}').body("team", 0))
    assert list(body) == ["id", "type", "team_id", "created_at", "data"]
    assert body["data"] == {"a": 1}


def test_the_printed_body_of_built_in_data_is_filled_in() -> None:
    assert json.loads(Payload(TYPE, False, None).body("team", 0))["data"]["team_id"] == "team"


def test_what_an_update_says_has_changed_follows_the_override() -> None:
    source = Source("ticket.updated", changes=Changes(("ticket.status=closed",)), wire="2026-03")
    assert requests(source)[0]["data"]["changes"]["status"] == {"from": "new", "to": "closed"}
