"""What is to be reached, as data: a figure, absolute or beside others of the same run, and its bound.

Absolute rates and times are meant for one machine; what another one measures is scaled to it, by what a relay in C does
on both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.figures import Figures, Key, Series, least_of
from benchmarks.tools import LIMIT

RELAYED_PER_S = 103_000  # by the relay in C, 32 in flight, on the machine that the absolute targets are for


@dataclass(frozen=True, slots=True)
class Target:
    """`of` is at least or at most `bound`, times the smallest of `beside` where there is one."""

    text: str
    of: Key
    bound: float
    side: Literal["least", "most"]
    beside: tuple[Key, ...] = ()
    scaled: Literal["rate", "time"] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a target: the figure or ratio as measured; None where the run has no such figure."""

    target: Target
    measured: Series | None

    @property
    def reached(self) -> bool | None:
        if self.measured is None:
            return None
        middle, bound = self.measured.median, self.target.bound
        return middle >= bound if self.target.side == "least" else middle <= bound


def judge(target: Target, figures: Figures) -> Verdict:
    """Compare a target with what was measured."""
    of = figures.series(target.of)
    if of is None:
        return Verdict(target, None)
    if target.scaled:
        limit = figures.series(Key(target.of.scenario, LIMIT.name, "relayed/s"))
        return Verdict(target, limit and _scaled(of, limit, target.scaled))
    if not target.beside:
        return Verdict(target, of)
    others = least_of(series for key in target.beside if (series := figures.series(key)))
    return Verdict(target, of.over(others) if others else None)


def _scaled(of: Series, limit: Series, unit: Literal["rate", "time"]) -> Series | None:
    """Return what the figure would be where the relay in C does RELAYED_PER_S."""
    rate = (of if unit == "rate" else of.inverse()).over(limit.times(1 / RELAYED_PER_S))
    return rate and (rate if unit == "rate" else rate.inverse())


def _forwarding(
    text: str, metric: str, side: Literal["least", "most"], bound: float, peer: str = "", subject: str = "cstar"
) -> Target:
    beside = (Key("forwarding", peer, metric),) if peer else ()
    return Target(f"forwarding: {text}", Key("forwarding", subject, metric), bound, side, beside)


_PEERS = ("stripe-cli", "hookdeck-cli", "smee-client")
_STORES = ("SQLite", "PostgreSQL")
_WAY = "API → store → tunnel → receiver"
_NARROW, _WIDE = "events/s, 32 in flight", "events/s, 256 in flight"
_CPU, _BURST = "CPU µs an event", "memory MB after a burst"
_MEMORY, _WIDE_MEMORY = "memory MB", "memory MB, 256 in flight"


def _starting(of: str, bound: float, beside: str) -> Target:
    beside_of = Key("starting", beside, "ms")
    return Target(f"start: {of} beside {beside}", Key("starting", of, "ms"), bound, "most", (beside_of,))


def _delay(text: str, metric: str, bound: float, *peers: str) -> Target:
    beside = tuple(Key("delay", peer, metric) for peer in peers)
    whom = peers[0] if len(peers) == 1 else "the best peer"
    return Target(f"delay: {text} beside {whom}", Key("delay", "cstar", metric), bound, "most", beside)


def _flat(page: str, store: str) -> Target:
    """The first page is as fast in a log of a million as in a short one, give or take what a machine does."""
    short, long = (Key("growing_log", f"{events} events, {store}", page) for events in ("100", "1,000,000"))
    return Target(f"growth: {store}, {page}, 1,000,000 events beside 100", long, 2, "most", (short,))


def _linear(scenario: str, metric: str, little: str, much: str) -> Target:
    times = int(much.split()[0].replace(",", ""))
    one, many = Key(scenario, little, metric), Key(scenario, much, metric)
    return Target(f"growth: {metric}, {much} beside {little}", many, times, "most", (one,))


def _lead(size: str, peer: str) -> Target:
    ours, theirs = (Key("growing_bodies", f"{size}, {name}", "events/s") for name in ("cstar", peer))
    return Target(f"large bodies: events/s of {size} beside {peer}", ours, 1, "least", (theirs,))


def _rate(text: str, of: Key, bound: float) -> Target:
    return Target(f"{text}, scaled", of, bound, "least", scaled="rate")


def _time(text: str, of: Key, bound: float) -> Target:
    return Target(f"{text}, scaled", of, bound, "most", scaled="time")


def _loop(store: str) -> tuple[Target, Target]:
    little, much = (Key("dispatching", f"{store}{more}", "deliveries/s") for more in ("", ", backlog of 1,000,000"))
    return (
        _rate(f"delivery loop: {store}, deliveries/s", little, 9_000),
        Target(f"delivery loop: {store}, backlog of 1,000,000 beside none", much, 0.9, "least", (little,)),
    )


TARGETS: Sequence[Target] = (
    _forwarding("events/s beside stripe-cli's", _NARROW, "least", 5, "stripe-cli"),
    _forwarding("events/s beside hookdeck-cli's", _NARROW, "least", 2.5, "hookdeck-cli"),
    _forwarding("events/s beside smee-client's", _NARROW, "least", 4.5, "smee-client"),
    _forwarding("CPU an event beside stripe-cli's", _CPU, "most", 0.2, "stripe-cli"),
    _forwarding("with --json, events/s beside stripe-cli's", _NARROW, "least", 5, "stripe-cli", "cstar --json"),
    _forwarding("with filters, events/s beside stripe-cli's", _NARROW, "least", 5, "stripe-cli", "cstar, filters"),
    _forwarding("no uvloop, events/s beside stripe-cli's", _NARROW, "least", 2.5, "stripe-cli", "cstar, no uvloop"),
    Target(
        "forwarding: 256 in flight beside 32",
        Key("forwarding", "cstar", _WIDE),
        1,
        "least",
        (Key("forwarding", "cstar", _NARROW),),
    ),
    _forwarding("memory beside hookdeck-cli's", _MEMORY, "most", 1.1, "hookdeck-cli"),
    _forwarding("memory, 256 in flight, beside hookdeck-cli's", _WIDE_MEMORY, "most", 1.1, "hookdeck-cli"),
    _forwarding("memory MB after a burst", _BURST, "most", 60),
    _forwarding("connections made, at --concurrency 32", "connections", "most", 32),
    _starting("cstar --version", 1.1, "python -c pass"),
    _starting("cstar --help", 1.1, "python -c pass"),
    _starting("cstar … --help: the slowest of all others", 0.7, "stripe-cli listen --help"),
    _starting("cstar listen: ready", 0.9, "stripe-cli listen: ready"),
    _starting("cstar listen: ready, no cloud runs", 37.5, "python -c pass"),  # 300 ms beside 8
    _starting("cstar trigger", 1, "stripe-cli trigger"),
    _rate("intake: SQLite, events/s", Key("intake", "SQLite", "events/s"), 12_000),
    _rate("end to end: events/s", Key("through", _WAY, "events/s"), 3_000),
    _time("end to end: p50 ms at 100/s", Key("through", _WAY, "p50 ms at 100/s"), 3),
    _delay("p50", "p50 µs", 0.7, "stripe-cli"),
    _delay("p50", "p50 µs", 0.95, "hookdeck-cli"),
    _delay("p99", "p99 µs", 1, *_PEERS),
    _delay("p50, 20 KB", "p50 µs, 20 KB", 1, *_PEERS),
    _delay("p50, 1 MB", "p50 ms, 1 MB", 1, *_PEERS),
    Target("delay: slowest ms while one takes 10 s", Key("delay", "cstar", "slowest ms, one takes 10 s"), 100, "most"),
    Target("tunnels: KB each, idle", Key("tunnels", "idle", "KB each"), 30, "most"),
    _time("tunnels: p99 ms until 1,000 have an event", Key("tunnels", "one event to all", "p99 ms"), 100),
    Target("reconnecting: s until back, longest", Key("reconnecting", "cstar", "s until back, longest"), 0.25, "most"),
    *(_lead(size, peer) for size in ("20 KB", "1,000 KB") for peer in _PEERS),
    *_loop("SQLite"),
    *_loop("PostgreSQL"),
    *(_flat(page, store) for page in ("events list ms", "deliveries list ms", "logs tail ms") for store in _STORES),
    _linear("growing_webhooks", "intake CPU µs", "1 webhooks", "1,000 webhooks"),
    _linear("growing_tunnels", "one event to all, ms", "1 tunnels", "5,000 tunnels"),
    _linear("growing_bodies", "CPU µs an event", "1 KB, cstar", "1,000 KB, cstar"),
)
