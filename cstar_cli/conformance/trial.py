"""What a trial is, and what comes of it."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from cstar_cli.sender.outcome import Outcome

if TYPE_CHECKING:
    from cstar_cli.conformance.making import Maker

Headers = tuple[tuple[str, str], ...]


class Request(msgspec.Struct, frozen=True):
    """One request; its body is sent over `spread_s` seconds. `label` tells it from others of its trial."""

    headers: Headers
    body: bytes
    label: str = ""
    spread_s: float = 0.0


Waves = Sequence[Sequence[Request]]
"""Requests that are sent at once, and then those that follow."""


class Status(StrEnum):
    """How a trial ended."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Answered(msgspec.Struct, frozen=True):
    """A request, and what came of it."""

    request: Request
    outcome: Outcome


class Verdict(msgspec.Struct, frozen=True):
    """What was seen, and what it is: `why` and `change` are None where the trial's own words hold.

    `blamed` are the answers that kept it from passing.
    """

    status: Status
    saw: str
    why: str | None = None
    change: str | None = None
    blamed: Sequence[Answered] = ()


Judge = Callable[[Sequence[Answered]], Verdict]


class Trial(msgspec.Struct, frozen=True):
    """What is sent, which answers pass, why that matters, and what to change where others come."""

    name: str
    sends: str
    wants: str
    why: str
    change: str
    make: "Callable[[Maker], Waves]"
    judge: Judge


class Result(msgspec.Struct, frozen=True):
    """What came of one trial; `why` and `change` are None where it passed."""

    name: str
    status: Status
    sends: str
    saw: str
    why: str | None = None
    change: str | None = None
    answer: str | None = None
    statuses: tuple[int | None, ...] = ()
    duration_ms: float = 0.0
