"""What happens to several listeners, told as of one."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from cstar_cli.activity import (
    Activity,
    CaughtUp,
    Disconnected,
    Down,
    Finishing,
    Forwarded,
    Notice,
    Overlap,
    Ready,
    Reconnected,
    RouteSession,
    Unheard,
    Up,
)
from cstar_cli.commands.listening import Options, wire_shown
from cstar_cli.commands.places import Places

MOST_EARLY_S = 1.0


class Routed(msgspec.Struct, frozen=True):
    """A route as its listener has it; `own_secret` where it isn't signed with what signs for all."""

    name: str
    own_secret: bool
    options: Options


class Account:
    """Tells of several listeners what one would tell: ready when all are, away when one is, back when all are."""

    def __init__(self, routes: Sequence[Routed], report: Callable[[Activity], None]) -> None:
        self._routes = routes
        self._report = report
        self._ready: dict[int, Ready] = {}
        self._caught_up: dict[int, CaughtUp] = {}
        self._unheard: list[Unheard] = []
        self._met: set[str] = set()
        self._sessions: dict[int, str] = {}
        self._away: set[int] = set()
        self._back: list[Reconnected] = []
        self._places = Places(report)
        self._finishing = 0
        self._noticed = ""
        self._early: list[Forwarded] | None = []  # what was forwarded before all were ready, for a while

    def of(self, number: int) -> Callable[[Activity], None]:
        """Return what the listener of that route reports to."""
        return partial(self._take, number)

    def _take(self, number: int, activity: Activity) -> None:
        match activity:
            case Forwarded():
                self._take_forwarded(replace(activity, route=self._routes[number].name))
            case Ready():
                self._take_ready(number, activity)
            case CaughtUp():
                self._take_caught_up(number, activity)
            case Unheard():
                self._take_unheard(activity)
            case Overlap(others=others):
                if not self._met.issuperset(others):  # each route meets them
                    self._met.update(others)
                    self._report(activity)
            case Disconnected():
                if not self._away:
                    self._report(activity)
                self._away.add(number)
            case Reconnected():
                self._take_reconnected(number, activity)
            case Down():
                self._places.down(number, activity)
            case Up():
                self._places.up(number, activity)
            case Finishing(running=running):
                if not self._finishing:
                    asyncio.get_running_loop().call_soon(self._tell_finishing)  # when the others have told theirs
                self._finishing += running
            case Notice(message=message):
                if message != self._noticed:  # all are in the same trouble
                    self._noticed = message
                    self._report(activity)
            case _:
                self._report(activity)

    def tell_early(self) -> None:
        """Tell what was forwarded before all were ready, and from now on whatever is at once."""
        early, self._early = self._early, None
        for forwarded in early or ():
            self._report(forwarded)

    def _take_forwarded(self, forwarded: Forwarded) -> None:
        if self._early is None:
            self._report(forwarded)
            return
        if not self._early:
            asyncio.get_running_loop().call_later(MOST_EARLY_S, self.tell_early)
        self._early.append(forwarded)

    def _take_ready(self, number: int, ready: Ready) -> None:
        self._ready[number], self._sessions[number], self._noticed = ready, ready.session_id, ""
        if len(self._ready) == len(self._routes):
            embedded = any(each.embedded for each in self._ready.values())
            shared = [each.options.secret for each in self._routes if not each.own_secret]
            names = {each.name for each in self._ready.values()}
            self._report(
                replace(
                    self._ready[0],
                    secret=shared[0] if shared else "",
                    embedded=embedded,
                    name=names.pop() if len(names) == 1 else None,
                    routes=self._all_sessions(),
                )
            )
            self.tell_early()

    def _take_caught_up(self, number: int, caught_up: CaughtUp) -> None:
        """Tell of all together; each route's comes right behind its being ready."""
        self._caught_up[number] = caught_up
        if len(self._caught_up) == len(self._routes):
            each = self._caught_up.values()
            self._report(
                replace(
                    caught_up,
                    events=sum(one.events for one in each),
                    oldest_ms=min((one.oldest_ms for one in each if one.oldest_ms is not None), default=None),
                    newest_ms=max((one.newest_ms for one in each if one.newest_ms is not None), default=None),
                )
            )

    def _take_unheard(self, unheard: Unheard) -> None:
        """Tell of all together, when the others have told theirs."""
        if not self._unheard:
            asyncio.get_running_loop().call_later(MOST_EARLY_S, self._tell_unheard)
        self._unheard.append(unheard)

    def _tell_unheard(self) -> None:
        told, self._unheard = self._unheard, []
        self._report(
            Unheard(
                sum(each.events for each in told),
                min(each.oldest_ms for each in told),
                max(each.newest_ms for each in told),
            )
        )

    def _take_reconnected(self, number: int, back: Reconnected) -> None:
        self._sessions[number], self._noticed = back.session_id, ""
        self._away.discard(number)
        self._back.append(back)
        if not self._away:
            told, self._back = self._back, []
            self._report(
                replace(
                    back,
                    missed=sum(each.missed for each in told),
                    skipped=sum(each.skipped for each in told),
                    resumed=all(each.resumed for each in told),
                    took_over=any(each.took_over for each in told),
                    oldest_ms=min((each.oldest_ms for each in told if each.oldest_ms is not None), default=None),
                    newest_ms=max((each.newest_ms for each in told if each.newest_ms is not None), default=None),
                    routes=self._all_sessions(),
                )
            )

    def _all_sessions(self) -> tuple[RouteSession, ...]:
        return tuple(
            RouteSession(
                name=route.name,
                forward_to=route.options.target.url,
                events=route.options.filter.patterns,
                session_id=self._sessions.get(number, ""),
                own_secret=route.own_secret,
                insecure=route.options.unverified,
                wire=wire_shown(route.options.wire),
            )
            for number, route in enumerate(self._routes)
        )

    def _tell_finishing(self) -> None:
        self._report(Finishing(self._finishing))
        self._finishing = 0
