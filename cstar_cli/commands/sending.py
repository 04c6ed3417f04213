"""Sends payloads to the cloud, waits for what comes of them, and judges it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from cstar_cli.activity import Accepted, Activity, Attempted, Notice
from cstar_cli.client.api import ApiClient
from cstar_cli.commands.payload import Payload
from cstar_cli.errors import CstarError, ExpectationNotMet, UsageError

if TYPE_CHECKING:
    from cstar_cli.client.waiting import Awaited

_SHOWN_FAULTS = 3
_MOST_LISTENERS = 100
_WAITING = " (the application is busy, or away: cstar listen says so where it is away)"

Report = Callable[[Activity], None]


class Expectation(msgspec.Struct, frozen=True):
    """What every delivery must come to: `status` is `2xx` or a code, or None for success; `within_ms` bounds it."""

    status: str | None
    within_ms: int

    def meets(self, attempt: Attempted) -> bool:
        """Say whether the attempt is as expected."""
        if self.status is None:
            return attempt.outcome == "succeeded"
        if attempt.status is None or (attempt.outcome == "failed" and 200 <= attempt.status < 300):
            return False  # a 2xx whose body never came to its end is no success
        if self.status.endswith("xx"):
            return str(attempt.status).startswith(self.status[0])
        return attempt.status == int(self.status)


class Clocks(msgspec.Struct, frozen=True):
    """Time as sending needs it."""

    sleep: Callable[[float], None]
    monotonic: Callable[[], float]
    now_ms: Callable[[], int]


def expected_status(text: str) -> str:
    """Return `2xx` or `404` as it is, or refuse other text."""
    lower = text.lower()
    if len(lower) == 3 and lower.isascii() and lower[0] in "12345" and (lower[1:] == "xx" or lower[1:].isdigit()):
        return lower
    raise UsageError(f"{text!r} is no status: write 2xx, or a code like 404.")


def send(
    client: ApiClient,
    payloads: Iterable[Payload],
    interval_s: float,
    expectation: Expectation | None,
    clocks: Clocks,
    report: Report,
) -> None:
    """Send each payload and report it as it is accepted; with an expectation, wait for all and judge them.

    Raises ExpectationNotMet for a status that was asked for, CstarError for success that wasn't.
    """
    if expectation is None:
        for _ in _sent(client, payloads, interval_s, clocks, report):
            pass
        return

    from cstar_cli.client.tail import end_of_log
    from cstar_cli.client.waiting import Limit, await_outcomes

    after = end_of_log(client)
    accepted = list(_sent(client, payloads, interval_s, clocks, report))
    limit = Limit(
        clocks.monotonic() + expectation.within_ms / 1000,
        clocks.now_ms() + expectation.within_ms,
    )
    judge(expectation, accepted, await_outcomes(client, accepted, after, limit, expectation.meets, report))


def _sent(
    client: ApiClient, payloads: Iterable[Payload], interval_s: float, clocks: Clocks, report: Report
) -> Iterator[Accepted]:
    unheard = False
    for number, payload in enumerate(payloads):
        if number and interval_s:
            clocks.sleep(interval_s)
        event = client.create_event(payload.request())
        report(event)
        if not (event.delivery_ids or unheard):
            unheard = True
            report(nobody_listens(client, event))
        yield event


def nobody_listens(client: ApiClient, event: Accepted) -> Notice:
    """Return what to say of an event that goes to nobody: also where there are listeners, but all take others."""
    listeners = 0
    with suppress(CstarError):  # a cloud that won't say who listens has taken the event all the same
        listeners = sum(1 for _ in client.records("/sessions", {}, _MOST_LISTENERS))
    who = "nobody listens for"
    if listeners:
        many = f"{_MOST_LISTENERS} or more" if listeners == _MOST_LISTENERS else listeners
        who = f"{many} listen{'s' if listeners == 1 else ''}, {'but not to' if listeners == 1 else 'none takes'}"
    return Notice(f"accepted, but {who} {event.event_type}: cstar listen --since 5m brings it")


def judge(expectation: Expectation, accepted: Sequence[Accepted], awaited: "Awaited") -> None:
    """Raise for whatever is not as expected, with what was seen instead."""
    faults: list[str] = []
    unheard = sum(not event.delivery_ids for event in accepted)
    if unheard:
        faults.append("nobody listens" if unheard == len(accepted) else f"nobody listened for {unheard} events")
    seen = Counter(f"{_seen(attempt)} from {attempt.url}" for attempt in awaited.differing)
    faults += [f"{what} ({times} times)" if times > 1 else what for what, times in seen.most_common(_SHOWN_FAULTS)]
    if len(seen) > _SHOWN_FAULTS:
        faults.append("and others")
    if awaited.missing:
        count = len(awaited.missing)
        what = "1 delivery has" if count == 1 else f"{count} deliveries have"
        last = next((attempt for attempt in awaited.missing.values() if attempt), None)
        faults.append(f"{what} no outcome yet" + (f", the last attempt saw {_seen(last)}" if last else _WAITING))
    if not faults:
        return
    wanted = f"Expected {expectation.status or 'success'} within {expectation.within_ms / 1000:g} s"
    failure = CstarError if expectation.status is None else ExpectationNotMet
    raise failure(f"{wanted}: {'; '.join(faults)}.")


def _seen(attempt: Attempted) -> str:
    plain = attempt.error is None or attempt.error == f"answered {attempt.status}"
    return str(attempt.status or "no answer") if plain else str(attempt.error)
