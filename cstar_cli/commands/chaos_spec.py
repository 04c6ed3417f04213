"""What `--chaos` may say: `duplicate=10%,shuffle=5,delay=0..2s,drop=1%`, or `off`."""

import os
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from cstar_cli.commands.durations import duration_ms
from cstar_cli.commands.given import Context, on_command_line
from cstar_cli.errors import UsageError, meant
from cstar_cli.tunnel.chaos import Chaos
from cstar_cli.tunnel.limits import MOST_SET_ASIDE

NAMES = ("duplicate", "shuffle", "delay", "drop")
EXAMPLE = "duplicate=10%,shuffle=5,delay=0..2s,drop=1%"
OFF = "off"
TAKES = f"it takes {', '.join(NAMES)}, like {EXAMPLE}; or {OFF}."
LONGEST = "10m"
MOST_RANDOM_SEED = 1_000_000  # one that is quick to type

_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%")
_UNIT = re.compile(r"[a-z]+$")

T = TypeVar("T")


def chaos_of(context: Context, text: str | None, seed: int | None) -> Chaos | None:
    """Return what the options ask for, None for nothing; a seed that isn't given is drawn."""
    if text is None:
        if on_command_line(context, "seed"):
            raise UsageError(f"--seed {seed} is of --chaos, which is not given: add it, like --chaos {EXAMPLE}.")
        return None
    return parse(text, int.from_bytes(os.urandom(4)) % MOST_RANDOM_SEED if seed is None else seed)


def parse(text: str, seed: int) -> Chaos | None:
    """Return what the text asks for, None for `off`. Raises UsageError."""
    if text.strip() == OFF:
        return None
    given: dict[str, str] = {}
    parts = [part for part in text.split(",") if part.strip()]
    if not parts:
        raise UsageError(f"--chaos says nothing: {TAKES}")
    for part in parts:
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in NAMES:
            raise UsageError(f"--chaos has no {name!r}.{meant(name, NAMES)} {TAKES[0].upper()}{TAKES[1:]}")
        if name in given:
            raise UsageError(f"--chaos has {name} twice: leave one out.")
        given[name] = value
    return Chaos(
        text=",".join(f"{name}={value}" for name, value in given.items()),
        seed=seed,
        duplicate=_read(given, "duplicate", _share, 0.0),
        shuffle=_read(given, "shuffle", _window, 1),
        delay_ms=_read(given, "delay", _delay, (0, 0)),
        drop=_read(given, "drop", _share, 0.0),
    )


def _read(given: Mapping[str, str], name: str, read: Callable[[str], T], default: T) -> T:
    if name not in given:
        return default
    try:
        return read(given[name])
    except UsageError as error:
        raise UsageError(f"--chaos {name}={given[name]}: {error}") from None


def _share(text: str) -> float:
    match = _SHARE.fullmatch(text)
    if match is None or float(match[1]) > 100:
        raise UsageError("it takes a share of the deliveries, from 0% to 100%, like 10%.")
    return float(match[1]) / 100


def _window(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or not 2 <= int(text) <= MOST_SET_ASIDE:
        raise UsageError(f"it takes how many deliveries are shuffled together, from 2 to {MOST_SET_ASIDE}.")
    return int(text)


def _delay(text: str) -> tuple[int, int]:
    shortest, dots, longest = text.partition("..")
    unit = _UNIT.search(longest)
    if dots and unit and not _UNIT.search(shortest):
        shortest += unit[0]
    try:
        least = duration_ms(shortest)
        most = duration_ms(longest) if dots else least
    except UsageError:
        raise UsageError("it takes a time, like 500ms, or two, like 0..2s.") from None
    if not least <= most <= duration_ms(LONGEST):
        raise UsageError(f"it takes a time up to {LONGEST}, or two, the shorter first, like 0..2s.")
    return least, most
