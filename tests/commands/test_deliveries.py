import json

import pytest

from cstar_cli.commands import deliveries
from cstar_cli.errors import CstarError
from tests.client.fake_cloud import failure, page, success
from tests.processes import RunCstar

from .talking import DELIVERY_ID, EVENT_ID, URL, WEBHOOK_ID, delivery, exchange, talk


def test_the_list_asks_for_what_is_wanted() -> None:
    said = talk(page([delivery(status="failed", attempt_count=4)]))
    deliveries.index(
        said.dialogue(),
        status=deliveries.Status.FAILED,
        events=["ticket.*"],
        target=WEBHOOK_ID,
        event=EVENT_ID,
        limit=5,
    )
    assert said.asked() == ("GET", "/deliveries")
    assert said.cloud.query(0) == {
        "status": "failed",
        "events": "ticket.*",
        "target": WEBHOOK_ID,
        "event_id": EVENT_ID,
        "page": "1",
        "pageSize": "5",
    }
    assert said.stdout == f"{DELIVERY_ID}\tfailed\t4 attempts\tticket.created\t{URL}\t14:30:00\n"


def test_an_empty_list_says_what_to_do_next() -> None:
    said = talk(page([]))
    deliveries.index(said.dialogue())
    assert "cstar trigger ticket.created" in said.stderr


def test_a_delivery_is_shown_with_every_attempt() -> None:
    first = exchange(next_attempt_at="2025-12-10T14:31:00.000Z")
    second = exchange(
        attempt=2,
        status=None,
        error="no answer within 10 s",
        response_headers=[],
        response_body="",
        connect_ms=None,
        first_byte_ms=None,
    )
    said = talk(success(delivery(status="failed", attempt_count=2, attempts=[first, second])))
    deliveries.show(said.dialogue(), DELIVERY_ID)
    assert said.asked() == ("GET", f"/deliveries/{DELIVERY_ID}")
    head, one, two = said.stdout.split("\n\n")
    assert f"  Delivery        {DELIVERY_ID}\n" in head
    assert "  Status          failed after 2 attempts\n" in head
    assert one.splitlines()[0] == "Attempt 1"
    assert one.splitlines()[1].endswith("  500    12 ms  Internal Server Error")
    assert one.splitlines()[2:] == [
        "    connect 1.2 ms, first byte 11 ms, total 12 ms",
        f"    > POST {URL}",
        "    > x-cstar-event: ticket.created",
        "    >",
        '    > {"id":"evt_1"}',
        "    < 500 Internal Server Error",
        "    < content-type: text/plain",
        "    <",
        "    < no such",
        "    < ticket",
    ]
    assert two.splitlines()[1].endswith(" attempt 2  no answer within 10 s")
    assert two.splitlines()[2] == "    total 12 ms"
    assert two.splitlines()[-1] == "    > (the same body)"


@pytest.mark.parametrize(("outcome", "heading"), [("canceled", "Canceled"), ("failed", "Stopped")])
def test_what_stopped_a_delivery_is_shown_as_that_and_no_attempt(outcome: str, heading: str) -> None:
    stop = exchange(
        attempt=2,
        status=None,
        outcome=outcome,
        error="by you",
        duration_ms=0.0,
        connect_ms=None,
        first_byte_ms=None,
        request_headers=[],
        response_headers=[],
    )
    said = talk(success(delivery(status=outcome, attempt_count=2, attempts=[exchange(), stop])))
    deliveries.show(said.dialogue(), DELIVERY_ID)
    assert f"  Status          {outcome} after 1 attempt\n" in said.stdout
    *_, title, last = said.stdout.splitlines()
    assert title == heading
    assert last.endswith("  by you")


def test_nothing_that_a_receiver_says_reaches_the_terminal_raw() -> None:
    hostile = exchange(response_body="\x1b[2J\x9b\u202e", response_headers=[["x\x1b", "\x07"]], error="\x1b]52;")
    said = talk(success(delivery(url="https://x/\x1b", attempts=[hostile])))
    deliveries.show(said.dialogue(), DELIVERY_ID)
    assert not set(said.stdout) & set("\x1b\x9b\x07\u202e")


@pytest.mark.parametrize("verb", ["retry", "cancel"])
def test_a_delivery_is_steered(verb: str) -> None:
    said = talk(success(delivery(status="pending", attempt_count=1, next_attempt_at="2025-12-10T14:31:00.000Z")))
    getattr(deliveries, verb)(said.dialogue(), DELIVERY_ID)
    assert said.asked() == ("POST", f"/deliveries/{DELIVERY_ID}/{verb}")
    assert json.loads(said.body()) == {}
    assert "  Next            retry at 14:31:00\n" in said.stdout


def test_what_does_not_go_with_how_things_are_is_told_as_it_is() -> None:
    said = talk(failure(409, "The delivery has succeeded already."))
    with pytest.raises(CstarError, match=r"^The delivery has succeeded already\.$"):
        deliveries.cancel(said.dialogue(), DELIVERY_ID)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", EVENT_ID), f"see cstar events show {EVENT_ID}"),
        (("retry", "7"), "cstar deliveries list shows them"),
        (("list", "--status", "lost"), "--status"),
        (("list", "--event", WEBHOOK_ID), "is a webhook, not an event"),
    ],
)
def test_what_makes_no_sense_exits_2(cstar: RunCstar, arguments: tuple[str, ...], message: str) -> None:
    done = cstar("deliveries", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
