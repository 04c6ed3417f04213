"""The deliveries of some events, followed until each has its outcome or the time is up."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from cstar_cli.activity import Accepted, Activity, Attempted, Notice
from cstar_cli.client.api import ApiClient
from cstar_cli.client.tail import TailQuery, follow
from cstar_cli.events.envelope import parse_iso


class Awaited(msgspec.Struct, frozen=True):
    """What came of the deliveries; `missing` maps those without an outcome to their last attempt, if there was one."""

    met: int = 0
    differing: tuple[Attempted, ...] = ()
    missing: Mapping[str, Attempted | None] = msgspec.field(default_factory=dict)


class Tracker(msgspec.Struct):
    """Which deliveries are still open; fed with attempts. No I/O.

    An attempt that satisfies `meets` settles its delivery; so does, badly, the last one, and one whose successor
    is due only after `until_ms`.
    """

    meets: Callable[[Attempted], bool]
    until_ms: int
    open: dict[str, Attempted | None]
    met: int = 0
    differing: list[Attempted] = msgspec.field(default_factory=list)

    def take(self, attempt: Attempted) -> None:
        """Note an attempt of an open delivery."""
        if self.meets(attempt):
            self.met += 1
            del self.open[attempt.delivery_id]
        elif attempt.next_attempt_at is None or parse_iso(attempt.next_attempt_at) > self.until_ms:
            self.differing.append(attempt)
            del self.open[attempt.delivery_id]
        else:
            self.open[attempt.delivery_id] = attempt


class Limit(msgspec.Struct, frozen=True):
    """Until when to wait: on the monotonic clock in seconds, and on the wall clock in milliseconds."""

    monotonic: float
    wall_ms: int


def await_outcomes(
    client: ApiClient,
    accepted: Iterable[Accepted],
    after: str,
    limit: Limit,
    meets: Callable[[Attempted], bool],
    report: Callable[[Activity], None],
) -> Awaited:
    """Report every attempt of the events' deliveries, and return what came of them.

    `after` is the log's end from before the first event was sent.
    """
    events = list(accepted)
    tracker = Tracker(meets, limit.wall_ms, {delivery: None for event in events for delivery in event.delivery_ids})
    query = TailQuery(after=after, event_id=events[0].event_id if len(events) == 1 else None)
    if tracker.open:
        for item in follow(client, query, limit.monotonic):
            if isinstance(item, Notice):
                report(item)
            elif item.delivery_id in tracker.open:
                report(item)
                tracker.take(item)
                if not tracker.open:
                    break
    return Awaited(tracker.met, tuple(tracker.differing), dict(tracker.open))
