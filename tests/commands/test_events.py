import json

import pytest

from cstar_cli.commands import events
from cstar_cli.errors import UsageError
from tests.client.fake_cloud import page, success
from tests.processes import RunCstar

from .talking import DELIVERY_ID, EVENT_ID, SESSION_ID, URL, WEBHOOK_ID, delivery, event, talk


def test_the_list_is_one_event_a_line() -> None:
    said = talk(page([event()]))
    events.index(said.dialogue())
    assert said.asked() == ("GET", "/events")
    assert said.cloud.query(0) == {"page": "1", "pageSize": "20"}
    assert said.stdout == f"{EVENT_ID}\tticket.created\t14:30:00\n"


def test_the_list_asks_for_types_and_goes_through_pages_up_to_the_wanted_number() -> None:
    pages = [page([event(id=f"evt_{number}_{each}") for each in range(100)], more=True) for number in range(3)]
    said = talk(*pages, json=True)
    events.index(said.dialogue(), ["ticket.*", "!ticket.updated"], 250)
    assert len(said.stdout.splitlines()) == 250
    assert said.cloud.query(2) == {"events": "ticket.*,!ticket.updated", "page": "3", "pageSize": "100"}
    assert len(said.cloud.requests) == 3


@pytest.mark.parametrize(("types", "hint"), [(None, "cstar trigger ticket.created"), (["boss.*"], "No event of these")])
def test_an_empty_list_says_what_to_do_next(types: list[str] | None, hint: str) -> None:
    said = talk(page([]))
    events.index(said.dialogue(), types)
    assert said.stdout == ""
    assert hint in said.stderr


def test_one_event_is_shown_with_its_body_and_deliveries() -> None:
    said = talk(success(event(body='{"id":"evt_1","data":{}}', deliveries=[delivery()], moreDeliveries=False)))
    events.show(said.dialogue(), EVENT_ID)
    assert said.asked() == ("GET", f"/events/{EVENT_ID}")
    lines = said.stdout.splitlines()
    assert lines[:2] == [f"  Event           {EVENT_ID}", "  Type            ticket.created"]
    assert f"{DELIVERY_ID}\tsucceeded\t1 attempt\tticket.created\t{URL}\t14:30:00" in lines
    assert lines[-1] == '{"id":"evt_1","data":{}}'


@pytest.mark.parametrize(
    ("to", "session", "request_"),
    [(None, None, {}), (WEBHOOK_ID, None, {"to": WEBHOOK_ID}), (None, SESSION_ID, {"to": SESSION_ID})],
)
def test_an_event_is_sent_again_to_all_or_to_one(to: str | None, session: str | None, request_: dict[str, str]) -> None:
    said = talk(
        success({"event": event(), "deliveredTo": 1, "deliveries": [delivery(status="pending", attempt_count=0)]}, 201)
    )
    events.resend(said.dialogue(), EVENT_ID, to, session)
    assert said.asked() == ("POST", f"/events/{EVENT_ID}/resend")
    assert json.loads(said.body()) == request_
    assert said.stdout.startswith(f"{DELIVERY_ID}\tpending\t")
    assert said.stderr == ""


def test_that_nobody_wants_it_now_is_told() -> None:
    said = talk(success({"event": event(), "deliveredTo": 0, "deliveries": []}, 201))
    events.resend(said.dialogue(), EVENT_ID)
    assert said.stderr.startswith("Nobody wants ticket.created now")


def test_one_event_goes_to_one_place() -> None:
    with pytest.raises(UsageError, match="--to and --session"):
        events.resend(talk().dialogue(), EVENT_ID, WEBHOOK_ID, SESSION_ID)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", WEBHOOK_ID), f"see cstar webhooks show {WEBHOOK_ID}"),
        (("show", "1"), "cstar events list shows them"),
        (("resend", EVENT_ID, "--to", SESSION_ID), "is a session of cstar listen, not a webhook"),
        (("resend", EVENT_ID, "--session", WEBHOOK_ID), "is a webhook, not a session of cstar listen"),
        (("list", "-n", "0"), "--limit"),
        (("list", "--events", "a b"), "is not an event filter"),
    ],
)
def test_what_makes_no_sense_exits_2(cstar: RunCstar, arguments: tuple[str, ...], message: str) -> None:
    done = cstar("events", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
