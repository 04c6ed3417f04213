"""Each trial judged by what receivers answer, without a socket."""

import json
from pathlib import Path

import msgspec
import pytest

from cstar_cli.conformance.making import Maker
from cstar_cli.conformance.running import ALL_GONE, FIRST_FAILED, OUT_OF_TIME
from cstar_cli.conformance.trial import Request, Status
from cstar_cli.conformance.trials import EVERY, chosen, trials_for
from cstar_cli.errors import UsageError
from cstar_cli.events.wires import NAMES, wire
from cstar_cli.sender.outcome import Failure, Outcome

from .check_page import sections
from .receivers import NOW_S, SECRET, Flaw, Receiver, event, failed, header, mac, outcome, results

PAGE = Path(__file__).parents[2] / "docs" / "check.md"
FORGED = {"signature-missing", "signature-wrong", "signature-garbage", "signature-truncated", "body-changed"}


def signature(request: Request) -> str | None:
    return header(request, "x-cstar-signature")


def crashes_on_other_lengths(_: Receiver, request: Request, right: bool) -> int | None:
    return 500 if len(signature(request) or "") != 64 else None


def lets_unsigned_in(_: Receiver, request: Request, right: bool) -> int | None:
    return 200 if not signature(request) else None


def takes_a_beginning(_: Receiver, request: Request, right: bool) -> int | None:
    given = signature(request)
    return 200 if given and mac(request.body).startswith(given) else None


def verifies_what_python_writes(_: Receiver, request: Request, right: bool) -> int | None:
    return None if mac(json.dumps(event(request), separators=(",", ":")).encode()) == signature(request) else 401


def signs_only_the_type(_: Receiver, request: Request, right: bool) -> int | None:
    return 200 if b"is this title signed?" in request.body else None


def refuses_what_it_does_not_know(_: Receiver, request: Request, right: bool) -> int | None:
    return 400 if right and event(request)["type"].startswith("check.") else None


def refuses_what_it_has_seen(receiver: Receiver, request: Request, right: bool) -> int | None:
    delivery = header(request, "x-cstar-delivery") or ""
    receiver.seen[delivery] = receiver.seen.get(delivery, 0) + right
    return 409 if receiver.seen[delivery] > 1 else None


def misses_what_was_not_created(receiver: Receiver, request: Request, right: bool) -> int | None:
    if not right or not event(request)["type"].startswith("ticket.") or "ticket_id" in event(request)["data"]:
        return None
    ticket = event(request)["data"]["id"]
    if event(request)["type"] == "ticket.created" or request.label not in ("ticket.closed", "ticket.updated"):
        receiver.tickets.add(ticket)
    return None if ticket in receiver.tickets else 404


FLAWS: dict[str, tuple[Flaw, set[str]]] = {
    "takes all": (lambda *_: 200, FORGED),
    "crashes on other lengths": (
        crashes_on_other_lengths,
        {"signature-missing", "signature-garbage", "signature-truncated"},
    ),
    "lets unsigned in": (lets_unsigned_in, {"signature-missing"}),
    "takes a beginning": (takes_a_beginning, {"signature-truncated"}),
    "verifies JSON written again": (verifies_what_python_writes, {"non-ascii", "numbers"}),
    "doesn't verify all of the body": (signs_only_the_type, {"body-changed"}),
    "fails on one type": (lambda _, r, right: 500 if right and r.label == "boss.spawned" else None, {"types"}),
    "refuses unknown types": (refuses_what_it_does_not_know, {"unknown-type"}),
    "refuses duplicates": (refuses_what_it_has_seen, {"duplicate", "duplicates-at-once"}),
    "wants them in order": (misses_what_was_not_created, {"types", "out-of-order"}),
    "has a small limit": (lambda _, r, right: 413 if len(r.body) > 100_000 else None, {"large"}),
    "falls over other types of content": (
        lambda _, r, right: None if header(r, "content-type") == "application/json" else 500,
        {"content-type"},
    ),
    "falls over deep JSON": (lambda _, r, right: 500 if b"[" * 64 in r.body else None, {"nested"}),
    "has no patience": (lambda _, r, right: Failure.RESET if r.spread_s else None, {"slow"}),
    "has few workers": (lambda s, r, right: 503 if s.in_flight > 40 else None, {"at-once"}),
}


@pytest.mark.parametrize("version", NAMES)
def test_a_receiver_by_the_contract_passes_all(version: str) -> None:
    found = results(Receiver(), version)
    assert {(each.name, each.saw) for each in found if each.status is not Status.PASSED} == set()
    assert [each.name for each in found] == [each.name for each in trials_for(wire(version))]


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_fails_the_trials_that_look_for_it_and_no_others(name: str) -> None:
    flaw, wanted = FLAWS[name]
    found = results(Receiver(flaw))
    assert failed(found) == wanted
    assert all(each.why and each.change for each in found if each.status is Status.FAILED)


def test_every_trial_has_a_flaw_that_fails_it() -> None:
    lenient_of_times = failed(results(Receiver(lambda *_: 200), "2026-03"))
    no_skew = failed(results(Receiver(lambda _, r, right: 401 if r.label.startswith("a minute") else None), "2026-03"))
    upper = failed(results(Receiver(lambda _, r, right: 500 if (signature(r) or "").isupper() else None)))
    assert lenient_of_times == FORGED | {"time-old", "time-changed"}
    assert (no_skew, upper) == ({"time-skewed"}, {"signature-upper-case"})
    found = set().union(*(wanted for _, wanted in FLAWS.values()), lenient_of_times, no_skew, upper)
    assert found == {each.name for each in EVERY} - {"valid"}


def test_upper_case_that_is_taken_passes_and_that_is_said() -> None:
    found = {
        each.name: each
        for each in results(Receiver(lambda _, r, right: 200 if (signature(r) or "").isupper() else None))
    }
    assert found["signature-upper-case"].status is Status.PASSED
    assert "harmless" in found["signature-upper-case"].saw


def test_deep_json_that_is_refused_is_a_warning() -> None:
    found = results(Receiver(lambda _, r, right: 400 if b"[" * 64 in r.body else None))
    assert [each.name for each in found if each.status is Status.WARNING] == ["nested"]


def test_an_answer_that_is_nearly_too_late_is_a_warning() -> None:
    async def late(request: Request) -> Outcome:
        return outcome((await Receiver()(request)).status or 0, 6000.0)

    first = results(late)[0]
    assert (first.status, first.saw) == (Status.WARNING, "answered 204, after 6.0 s")


@pytest.mark.parametrize(
    ("status", "said"), [(401, "secret"), (404, "path"), (405, "POST"), (302, "redirect"), (500, "log")]
)
def test_where_an_ordinary_event_is_not_taken_the_cause_is_told_and_nothing_else_is_sent(
    status: int, said: str
) -> None:
    first, *others = results(Receiver(lambda *_: status))
    assert (first.status, said in (first.change or "")) == (Status.FAILED, True), first.change
    assert {(each.status, each.saw) for each in others} == {(Status.SKIPPED, FIRST_FAILED)}


def test_where_the_receiver_has_gone_the_others_are_skipped() -> None:
    found = results(Receiver(lambda _, r, right: Failure.REFUSED if not signature(r) else None))
    assert [each.status for each in found[:3]] == [Status.PASSED, Status.FAILED, Status.SKIPPED]
    assert {each.saw for each in found[2:]} == {ALL_GONE}


def test_a_forged_event_that_gets_no_answer_fails_and_is_to_be_answered_at_once() -> None:
    found = {each.name: each for each in results(Receiver(lambda _, r, right: None if right else Failure.TIMEOUT))}
    assert found["signature-wrong"].status is Status.FAILED
    assert found["signature-wrong"].change == "Answer 401 at once, before anything else is done."


def test_it_is_the_answer_that_failed_whose_words_are_told() -> None:
    async def falls_over_text(request: Request) -> Outcome:
        crashes = request.label == "text beyond ASCII"
        answered = outcome(500 if crashes else (await Receiver()(request)).status or 0)
        return msgspec.structs.replace(answered, body=b"TypeError" if crashes else b"bad signature")

    async def lets_one_in(request: Request) -> Outcome:
        answered = outcome(200 if request.label == "no header" else (await Receiver()(request)).status or 0)
        return msgspec.structs.replace(answered, body=b"bad signature")

    crashed = {each.name: each.answer for each in results(falls_over_text)}
    let_in = {each.name: each.answer for each in results(lets_one_in)}
    assert (crashed["signature-garbage"], crashed["signature-wrong"]) == ("TypeError", None)
    assert let_in["signature-missing"] is None


def test_none_begins_when_the_time_is_over() -> None:
    assert {each.saw for each in results(Receiver(), limit_s=0)} == {OUT_OF_TIME}


def depth_of(value: object) -> int:
    match value:
        case dict():
            return 1 + max(map(depth_of, value.values()), default=0)
        case list():
            return 1 + max(map(depth_of, value), default=0)
    return 0


def test_a_body_is_as_large_and_as_deep_as_it_is_said_to_be() -> None:
    for version in NAMES:
        maker = Maker(wire(version), SECRET, "team", lambda: NOW_S * 1000)
        [large], [nested] = (
            next(each for each in EVERY if each.name == name).make(maker)[0] for name in ("large", "nested")
        )
        assert len(large.body) == 1024 * 1024
        assert depth_of(json.loads(nested.body)) == 100


def test_trials_are_chosen_by_names_and_patterns_and_the_first_is_always_made() -> None:
    every = trials_for(wire("2025-12"))
    assert [each.name for each in chosen(every, ["large", "dup*"], ["duplicate"])] == [
        "valid",
        "duplicates-at-once",
        "large",
    ]
    assert chosen(every, ["large, dup*"], []) == chosen(every, ["large", "dup*"], [])
    with pytest.raises(UsageError, match=r"Did you mean 'large'"):
        chosen(every, ["larg"], [])
    with pytest.raises(UsageError, match="another wire version"):
        chosen(every, ["time-old"], [])
    with pytest.raises(UsageError, match="--skip leaves nothing to try"):
        chosen(every, ["large"], ["large,slow"])


def test_the_page_says_of_each_trial_what_it_is() -> None:
    assert PAGE.read_text("utf-8").endswith(f"## The trials\n\n{sections()}")
