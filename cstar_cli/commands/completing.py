"""What the shell offers for an argument or option: from the catalogue, from files, and from what commands have seen.

Nothing here asks a cloud. Each answers with the values that begin so, and words beside them for shells that show them.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from cstar_cli.config import Home

Offers = list[tuple[str, str]]
Complete = Callable[[typer.Context, str], Offers]


def complete_type(context: typer.Context, incomplete: str) -> Offers:
    """Return the event types of the wire version that the line so far names, and own fixtures, with their meaning."""
    from cstar_cli import config
    from cstar_cli.events.shelf_names import own_names

    own = [(name, "a fixture of your own") for name in own_names(config.fixture_folders(os.environ).values())]
    known = [(name, meaning) for name, meaning in _types_of(context) if name not in dict(own)]
    return _beginning([*known, *own], incomplete)


def complete_event_type(context: typer.Context, incomplete: str) -> Offers:
    """Return the event types of that version alone."""
    return _beginning(_types_of(context), incomplete)


def complete_any_type(incomplete: str) -> Offers:
    """Return the event types of all wire versions."""
    return _beginning(_types(), incomplete)


def complete_globs(incomplete: str) -> Offers:
    """Return event types and whole groups of them, for the last pattern of a list."""
    before, comma, last = incomplete.rpartition(",")
    start = f"{before}{comma}" + ("!" if last.startswith("!") else "")
    types = _types()
    groups = dict.fromkeys(name.partition(".")[0] for name, _ in types)
    offered = [*((f"{group}.*", f"all of {group}") for group in groups), *types]
    return [(f"{start}{value}", words) for value, words in _beginning(offered, last.removeprefix("!"))]


def complete_wire(incomplete: str) -> Offers:
    """Return the wire versions."""
    from cstar_cli.events.wires import NAMES

    return _beginning([(name, "") for name in NAMES], incomplete)


def complete_trial(incomplete: str) -> Offers:
    """Return the trials of `cstar check`, with what each sends."""
    from cstar_cli.conformance.trials import EVERY

    return _beginning([(each.name, each.sends) for each in EVERY], incomplete)


def complete_profile(incomplete: str) -> Offers:
    """Return the profiles that were made."""
    from cstar_cli import config
    from cstar_cli.errors import CstarError

    try:
        home = config.home({**os.environ, config.PROFILE_VARIABLE: ""})
        return _beginning([(name, "") for name in home.profiles.names()], incomplete)
    except CstarError:
        return []


def ids(*kinds: str) -> Complete:
    """Return what completes ids of these kinds, of those that commands have shown or made."""

    def complete(context: typer.Context, incomplete: str) -> Offers:
        from cstar_cli.commands.remembered import recall
        from cstar_cli.errors import CstarError

        try:
            home = _home(context)
        except CstarError:
            return []
        return _beginning([thing for kind in kinds for thing in recall(home, kind)], incomplete)

    return complete


def _home(context: typer.Context) -> "Home":
    """Return the home with the profile that the line so far, the environment or a file names."""
    from cstar_cli import config
    from cstar_cli.errors import CstarError

    named = context.find_root().params.get("profile")
    if not named:
        home = config.home({**os.environ, config.PROFILE_VARIABLE: ""})
        with suppress(CstarError):  # a file that can't be read is told of by commands, not here
            named = config.written(home).get("profile")
    return config.home({**os.environ, config.PROFILE_VARIABLE: str(named or "")})


def _types() -> Offers:
    from cstar_cli.events.catalogue import all_types

    return [(known.name, known.meaning) for known in all_types()]


def _types_of(context: typer.Context) -> Offers:
    from cstar_cli.events.catalogue import types
    from cstar_cli.events.wires import DEFAULT, NAMES

    wire = context.params.get("wire")
    return [(known.name, known.meaning) for known in types(wire if wire in NAMES else DEFAULT)]


def _beginning(offers: Offers, incomplete: str) -> Offers:
    return [(value, words) for value, words in offers if value.startswith(incomplete)]
