"""What `listen` says when it is ready: where events go, signed with what, by which cloud."""

from collections.abc import Iterator

from cstar_cli.activity import Ready
from cstar_cli.render.output import Look
from cstar_cli.render.safe import harmless
from cstar_cli.render.times import wait_text


def ready_panel(activity: Ready, look: Look) -> list[str]:
    """Return the lines that say what stands, and what to do next."""
    rows = [
        *(_routes(activity, look) if activity.routes else _where_to(activity, look)),
        *_retries(activity),
        *([("Chaos", f"{harmless(activity.chaos)}  --seed {activity.seed}")] if activity.chaos else []),
        *([("Takes", "only what this machine triggers")] if activity.only_mine else []),
        *([("Session", harmless(activity.name))] if activity.name else []),
        ("Cloud", harmless(activity.cloud) + (" (inside this process)" if activity.embedded else "")),
        ("Team", harmless(activity.team_id)),
    ]
    width = max(len(name) for name, _ in rows)
    return [
        *(f"  {look.paint('dim', name.ljust(width))}  {value}" for name, value in rows),
        "",
        look.paint("green", "Ready!") + "  In another terminal: cstar trigger ticket.created   (Ctrl-C stops)",
        "",
    ]


def _where_to(activity: Ready, look: Look) -> list[tuple[str, str]]:
    return [
        ("Forwarding to", look.paint("bold", harmless(activity.forward_to)) + _unverified(activity.insecure, look)),
        ("Signing secret", harmless(activity.secret)),
        ("Events", _events_text(activity.events)),
        *([("Wire version", harmless(activity.wire))] if activity.wire else []),
    ]


def _routes(activity: Ready, look: Look) -> Iterator[tuple[str, str]]:
    for route in activity.routes:
        where = look.paint("bold", harmless(route.forward_to))
        yield harmless(route.name), where + _unverified(route.insecure, look)
        own = ", signed with a secret of its own" if route.own_secret else ""
        wire = f", wire version {harmless(route.wire)}" if route.wire else ""
        yield "", look.paint("dim", _events_text(route.events) + wire + own)
    if not all(route.own_secret for route in activity.routes):
        yield "Signing secret", harmless(activity.secret)


def _unverified(insecure: bool, look: Look) -> str:
    return look.paint("yellow", "  certificate not checked") if insecure else ""


def _events_text(patterns: tuple[str, ...]) -> str:
    """Return the patterns of a filter as people read them."""
    return "all" if patterns in ((), ("*",)) else harmless(", ".join(patterns))


def _retries(activity: Ready) -> Iterator[tuple[str, str]]:
    if activity.retry_waits_ms is not None:
        waits = ", ".join(wait_text(wait_ms) for wait_ms in activity.retry_waits_ms)
        yield "Retries", f"of what fails, after {waits}" if waits else "none, by the cloud's schedule"


def ready_line(activity: Ready, look: Look) -> str:
    """Return the one line that stands for the panel where there is no room for it."""
    where_to = ", ".join(route.forward_to for route in activity.routes) or activity.forward_to
    chaos = "" if activity.chaos is None else f"  (--chaos {harmless(activity.chaos)} --seed {activity.seed})"
    return f"Ready! {harmless(activity.cloud)} {look.symbol('→')} {harmless(where_to)}{chaos}"
