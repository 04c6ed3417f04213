import pytest

from cstar_cli.events.canonical import Json, dumps, parse
from cstar_cli.events.fixtures import fixture
from cstar_cli.events.overrides import apply_overrides, parse_assignment

DATA = (
    '{"ticket":{"status":"in_progress","priority":"urgent","title":"Help"},'
    '"changes":{"status":{"from":"new","to":"in_progress"},"priority":{"from":"high","to":"urgent"}}}'
)


def changes(*overrides: str, removes: tuple[str, ...] = (), data: str = DATA) -> str:
    shown = apply_overrides(parse(data), map(parse_assignment, overrides), removes=removes)
    assert isinstance(shown, dict)
    return dumps(shown.get("changes")).decode()


@pytest.mark.parametrize(
    ("overrides", "status"),
    [
        (("ticket.status=closed",), '"status":{"from":"new","to":"closed"},'),
        (("ticket.status:=null",), '"status":{"from":"new","to":null},'),
        (('ticket:={"status":"closed","priority":"urgent"}',), '"status":{"from":"new","to":"closed"},'),
        (("ticket.status=closed", "changes.status.from=open"), '"status":{"from":"open","to":"in_progress"},'),
        (("ticket.status=new",), ""),
        (("ticket.title=Hello",), '"status":{"from":"new","to":"in_progress"},'),
    ],
)
def test_a_change_leads_to_the_value_that_is_there_now(overrides: tuple[str, ...], status: str) -> None:
    assert changes(*overrides) == "{" + status + '"priority":{"from":"high","to":"urgent"}}'


def test_what_is_not_there_any_more_has_not_changed() -> None:
    assert changes(removes=("ticket.priority",)) == '{"status":{"from":"new","to":"in_progress"}}'
    assert changes("ticket.status=new", removes=("changes.priority",)) == "{}"


@pytest.mark.parametrize(
    "data",
    [
        '{"ticket":{"status":"a"},"changes":{"status":{"from":"x","to":"y"}}}',
        '{"ticket":{"status":"a"},"changes":{"status":{"from":"x","to":"a","by":1},"other":[1]}}',
        '{"ticket":{"status":"a"},"changes":["status"]}',
        '{"ticket":{"status":"a"},"changes":{"ticket":{"from":1,"to":2}}}',
        '{"ticket":{"status":"a"}}',
    ],
)
def test_what_was_not_in_step_before_stays_as_it_was(data: str) -> None:
    assert changes("ticket.status=b", data=data) == dumps(_changes_in(data)).decode()


def test_the_built_in_changes_are_in_step() -> None:
    data = fixture("ticket.updated", "team", 0, wire="2026-03")
    ticket, told = data["ticket"], data["changes"]
    assert isinstance(ticket, dict)
    assert isinstance(told, dict)
    assert {field: change["to"] for field, change in told.items() if isinstance(change, dict)} == {
        field: ticket[field] for field in ("status", "priority", "assignee_id")
    }


def _changes_in(data: str) -> Json:
    value = parse(data)
    assert isinstance(value, dict)
    return value.get("changes")
