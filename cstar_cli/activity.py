"""What happened, as plain data: commands produce it, `render` shows it as lines or as JSON.

Times are integer milliseconds since the epoch, durations are milliseconds. These are structs, for a dataclass takes ten
times as long to make at every start.
"""

from typing import Literal

import msgspec

OutcomeName = Literal["succeeded", "failed", "canceled"]
ChaosName = Literal["drop", "duplicate", "shuffle", "delay"]


class ChaosCounts(msgspec.Struct, frozen=True):
    """How many deliveries `--chaos` did what to; so many `duplicates_failed` of those that were posted twice."""

    duplicated: int = 0
    duplicates_failed: int = 0
    dropped: int = 0
    shuffled: int = 0
    delayed: int = 0


class RouteSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of several routes, and its session; `own_secret` where it isn't signed with the secret that is shown.

    `wire` is the wire version of its events, where that isn't the usual one.
    """

    name: str
    forward_to: str
    events: tuple[str, ...]
    session_id: str
    own_secret: bool
    insecure: bool = False
    wire: str | None = None


class Ready(msgspec.Struct, frozen=True):
    """The tunnel is up and the session accepted: from now on events are forwarded.

    With `routes`, all of these are; the other fields are the first one's. `wire` is the wire version of what is
    forwarded, where that isn't the usual one.
    """

    forward_to: str
    secret: str
    cloud: str
    team_id: str
    session_id: str
    embedded: bool
    events: tuple[str, ...]
    routes: tuple[RouteSession, ...] = ()
    retry_waits_ms: tuple[int, ...] | None = None
    name: str | None = None
    only_mine: bool = False
    insecure: bool = False
    chaos: str | None = None
    seed: int | None = None
    wire: str | None = None


class Forwarded(msgspec.Struct, frozen=True, gc=False):
    """One attempt at the local URL has ended, well or badly; `route` is its name where there are several.

    One that has failed may be followed by another, and has its session beside it. `chaos` is what `--chaos` did to it,
    which delayed it for so long.
    """

    time_ms: int
    event_id: str
    event_type: str
    delivery_id: str
    attempt: int
    url: str
    status: int | None
    duration_ms: float
    outcome: OutcomeName
    error: str | None
    response_body: bytes
    hint: str | None = None
    route: str | None = None
    next_attempt_at_ms: int | None = None
    session_id: str | None = None
    chaos: tuple[ChaosName, ...] = ()
    delay_ms: int = 0


class Down(msgspec.Struct, frozen=True):
    """Nothing listens at `place`, where events are forwarded to: they wait."""

    time_ms: int
    forward_to: str
    place: str
    hint: str | None


class Up(msgspec.Struct, frozen=True):
    """Something answers at `place`, `again` or for the first time; `waited` events are forwarded now.

    With `more`, as many waited here as may, and the cloud has others.
    """

    time_ms: int
    forward_to: str
    place: str
    waited: int
    more: bool
    again: bool


class Disconnected(msgspec.Struct, frozen=True):
    """The tunnel is gone; reconnecting goes on until it is back."""

    time_ms: int
    reason: str


class Reconnected(msgspec.Struct, frozen=True):
    """The tunnel is back; `missed` events came meanwhile, from the oldest to the newest, and are delivered late.

    With `routes`, all of these are back. So many of the events are `skipped`, and aren't delivered.
    """

    time_ms: int
    missed: int
    resumed: bool
    took_over: bool
    session_id: str
    oldest_ms: int | None = None
    newest_ms: int | None = None
    routes: tuple[RouteSession, ...] = ()
    skipped: int = 0


class CaughtUp(msgspec.Struct, frozen=True):
    """So many events came before the session, since then, and no listener was given them: they are delivered now."""

    since_ms: int
    events: int
    oldest_ms: int | None
    newest_ms: int | None


class Unheard(msgspec.Struct, frozen=True):
    """So many events came lately while nobody listened: they come only when they are asked for."""

    events: int
    oldest_ms: int
    newest_ms: int


class Overlap(msgspec.Struct, frozen=True):
    """Other listeners of the team, by their names or URLs, take some of the same events: one that comes now, or some.

    There are `more` than these. Who takes `only_mine` meets those that get that, too.
    """

    others: tuple[str, ...]
    more: int
    now: bool
    only_mine: bool = False


class Finishing(msgspec.Struct, frozen=True):
    """Nothing more is taken, and so many deliveries in flight are waited for."""

    running: int


class Notice(msgspec.Struct, frozen=True):
    """Something the user should know, without being an outcome."""

    message: str


class Summary(msgspec.Struct, frozen=True):
    """What a listening session came to; so many of what has failed were `waiting` for their retry.

    `retried` of what was forwarded were attempts that another one follows, the `waiting` ones' included.
    `held` events were still to be forwarded, the oldest of then; with `held_more` the cloud has others.
    """

    forwarded: int
    succeeded: int
    failed: int
    unfinished: int
    waiting: int = 0
    held: int = 0
    held_more: bool = False
    retried: int = 0
    held_since_ms: int | None = None
    chaos: ChaosCounts | None = None


class Accepted(msgspec.Struct, frozen=True):
    """The cloud has made an event durable and fanned it out; `line` is the API's answer, one line of JSON.

    So many of its deliveries go to `webhooks`, the others to listeners, of whom some are `away`.
    """

    event_id: str
    event_type: str
    delivery_ids: tuple[str, ...]
    line: bytes
    webhooks: int = 0
    away: int = 0


class Attempted(msgspec.Struct, frozen=True):
    """One attempt of a delivery, whoever made it, as the cloud's log has it."""

    time: str
    event_id: str
    event_type: str
    delivery_id: str
    attempt: int
    target: str
    url: str
    status: int | None
    duration_ms: float
    outcome: OutcomeName
    error: str | None
    next_attempt_at: str | None
    target_name: str | None = None


Activity = (
    Ready
    | Forwarded
    | Down
    | Up
    | Disconnected
    | Reconnected
    | CaughtUp
    | Unheard
    | Overlap
    | Finishing
    | Notice
    | Summary
    | Accepted
    | Attempted
)
