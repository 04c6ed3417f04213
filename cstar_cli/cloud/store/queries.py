"""What a caller may ask of the log."""

from collections.abc import Collection
from typing import get_args

import msgspec

from cstar_cli.cloud.store.records import DeliveryStatus, OutcomeName, Session
from cstar_cli.errors import UsageError
from cstar_cli.events.filters import EventFilter

MAX_PAGE_SIZE = 100
CAUGHT_UP_AT_ONCE = 500  # events that are looked at in one transaction, which others wait for
UNHEARD_LOOKED_AT = 200  # the newest ones: whoever opens a session waits for it
NEIGHBOURS_LOOKED_AT = 50  # the newest ones: a team may have thousands of sessions
NEIGHBOURS_TOLD = 5
LAST_PLACE = 2**62  # among events: after all of them
EVERYTHING = EventFilter.parse(())


class Page(msgspec.Struct, frozen=True):
    """Which part of a list, newest first; `number` counts from 1."""

    number: int = 1
    size: int = 20

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


class DeliveryQuery(msgspec.Struct, frozen=True):
    """Which deliveries; `target` is the id of a session or webhook, or a URL."""

    events: EventFilter = EVERYTHING
    status: DeliveryStatus | None = None
    target: str | None = None
    event_id: str | None = None


class DueQuery(msgspec.Struct, frozen=True):
    """What of a session's pending deliveries: not those that its listener has, so many, and of so many bytes."""

    session: Session
    without: Collection[str]
    limit: int
    most_bytes: int


class StatusFilter(msgspec.Struct, frozen=True):
    """Which outcomes: a name, a class of statuses (200 to 299), or one status."""

    outcome: OutcomeName | None = None
    lowest: int | None = None
    highest: int | None = None

    @staticmethod
    def parse(text: str) -> "StatusFilter":
        """Read `succeeded`, `failed`, `canceled`, `4xx` or `404`."""
        for outcome in get_args(OutcomeName):
            if text == outcome:
                return StatusFilter(outcome=outcome)
        if len(text) == 3 and text[0] in "12345" and text[1:].lower() == "xx":
            return StatusFilter(lowest=int(text[0]) * 100, highest=int(text[0]) * 100 + 99)
        if len(text) == 3 and text.isascii() and text.isdigit() and text[0] in "12345":
            return StatusFilter(lowest=int(text), highest=int(text))
        raise UsageError(
            f"{text!r} is not a status: give succeeded, failed, canceled, a class like 4xx, or a code like 404."
        )


class AttemptQuery(msgspec.Struct, frozen=True):
    """Which attempts; `target` is the id of a session or webhook, or a URL."""

    events: EventFilter = EVERYTHING
    status: StatusFilter = StatusFilter()
    target: str | None = None
    event_id: str | None = None
