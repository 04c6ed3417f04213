"""What a listener that is ready says."""

import pytest
from msgspec.structs import replace

from cstar_cli.render.lines import lines_of
from cstar_cli.render.ready import ready_line

from . import samples
from .samples import ASCII, PLAIN


@pytest.mark.parametrize(
    ("waits_ms", "said"),
    [
        ((60_000, 300_000, 1_800_000), "of what fails, after 1 min, 5 min, 30 min"),
        ((1000, 5000, 30_000), "of what fails, after 1 s, 5 s, 30 s"),
        ((100, 1500, 90_000), "of what fails, after 100 ms, 1.5 s, 1.5 min"),
        ((9_000_000, 86_400_000, 31_536_000_000), "of what fails, after 2.5 h, 24 h, 365 days"),
        ((), "none, by the cloud's schedule"),
    ],
)
def test_the_panel_says_when_what_fails_is_tried_again(waits_ms: tuple[int, ...], said: str) -> None:
    assert f"  Retries         {said}" in lines_of(replace(samples.READY, retry_waits_ms=waits_ms), PLAIN)
    assert not any("Retries" in line for line in lines_of(samples.READY, PLAIN))


def test_the_panel_shows_where_events_go_what_signs_them_and_that_all_is_ready() -> None:
    text = "\n".join(lines_of(samples.READY, PLAIN))
    for part in (
        "http://localhost:3000/webhook",
        "whsec_" + "x" * 43,
        "ticket.*, !ticket.closed",
        "http://127.0.0.1:7827 (inside this process)",
        "Ready!",
    ):
        assert part in text


@pytest.mark.parametrize("events", [(), ("*",)])
def test_the_panel_calls_no_filter_all(events: tuple[str, ...]) -> None:
    assert "  Events          all" in lines_of(replace(samples.READY, events=events), PLAIN)


def test_the_seed_of_chaos_is_shown_so_that_it_can_be_had_again() -> None:
    ready = replace(samples.READY, chaos="shuffle=5,drop=1%", seed=7)
    assert "  Chaos           shuffle=5,drop=1%  --seed 7" in lines_of(ready, PLAIN)
    assert ready_line(ready, PLAIN).endswith("  (--chaos shuffle=5,drop=1% --seed 7)")


def test_the_panel_of_several_routes_lists_them_and_shows_no_secret_of_their_own() -> None:
    lines = lines_of(samples.SEVERAL_READY, PLAIN)
    assert lines[:5] == [
        "  billing         http://localhost:4000/hook",
        "                  ticket.*, !ticket.updated, signed with a secret of its own",
        "  :3000/webhook   http://localhost:3000/webhook",
        "                  all",
        "  Signing secret  whsec_" + "x" * 43,
    ]
    own = tuple(replace(route, own_secret=True) for route in samples.ROUTES)
    assert "whsec_" not in "\n".join(lines_of(replace(samples.SEVERAL_READY, routes=own), PLAIN))


def test_readiness_fits_on_one_line() -> None:
    assert ready_line(samples.READY, ASCII) == "Ready! http://127.0.0.1:7827 -> http://localhost:3000/webhook"
    assert ready_line(samples.SEVERAL_READY, ASCII).endswith("/hook, http://localhost:3000/webhook")


def test_the_panel_says_which_wire_version_it_is_where_that_is_not_the_usual_one() -> None:
    assert "  Wire version    2026-03" in lines_of(replace(samples.READY, wire="2026-03"), PLAIN)
    assert not any("2025-12" in line for line in lines_of(samples.READY, PLAIN))
    routes = (samples.ROUTES[0], replace(samples.ROUTES[1], wire="2026-03"))
    lines = lines_of(replace(samples.SEVERAL_READY, routes=routes), PLAIN)
    assert lines[3] == "                  all, wire version 2026-03"
