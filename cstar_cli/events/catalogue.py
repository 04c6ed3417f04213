"""The event types of each wire version, and what a mistyped name may have meant."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import chain

import msgspec

from cstar_cli.errors import UsageError
from cstar_cli.events.wires import DEFAULT, NAMES, folder

MAX_NAME_CHARS = 100

_VALID_NAME = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# What a near miss needs to be worth showing, and how far behind the best one it may be.
_MIN_SCORE = 0.7
_MAX_BEHIND = 0.2
_SAME_RESOURCE = 0.3
_SAME_WORD = 0.8
_PART_ALONE = 0.9


class EventType(msgspec.Struct, frozen=True):
    """One type of event; `meaning` completes the sentence "fires when …"."""

    name: str
    group: str
    meaning: str


@cache
def types(wire: str = DEFAULT) -> tuple[EventType, ...]:
    """Return the types of a wire version, in its order: `types.txt` of its folder has them, under their groups."""
    found: list[EventType] = []
    group = ""
    for line in (folder(wire) / "types.txt").read_text("utf-8").splitlines():
        if line.startswith(" "):
            name, meaning = line.split(maxsplit=1)
            found.append(EventType(name, group, meaning))
        else:
            group = line
    return tuple(found)


@cache
def names(wire: str = DEFAULT) -> tuple[str, ...]:
    """Return the names of all types of a wire version, in its order."""
    return tuple(known.name for known in types(wire))


@cache
def all_types() -> tuple[EventType, ...]:
    """Return the types of all wire versions, each name once, those of the default first."""
    found: dict[str, EventType] = {}
    for known in chain.from_iterable(map(types, NAMES)):
        found.setdefault(known.name, known)
    return tuple(found.values())


@cache
def all_names() -> tuple[str, ...]:
    """Return the names of `all_types`."""
    return tuple(known.name for known in all_types())


def is_known(name: str, wire: str = DEFAULT) -> bool:
    """Say whether the name is a type of a wire version."""
    return name in _known(wire)


def elsewhere(name: str, wire: str) -> str | None:
    """Return the other wire version that has a type of that name, if this one hasn't."""
    return None if is_known(name, wire) else next((other for other in NAMES if is_known(name, other)), None)


def find(name: str, wire: str = DEFAULT) -> EventType:
    """Return the type of that name; raises UsageError with what it may have meant."""
    for event_type in types(wire):
        if event_type.name == name:
            return event_type
    raise UsageError(unknown_type(name, wire))


def is_valid_name(name: str) -> bool:
    """Say whether the name has the form `resource.action`, known or not."""
    return len(name) <= MAX_NAME_CHARS and _VALID_NAME.fullmatch(name) is not None


def near_misses(name: str, limit: int = 3, among: Sequence[str] = ()) -> list[str]:
    """Return the types that the name may have meant, the likeliest first; all that are known, unless told among which.

    Sees through other separators and cases (`ticket_created`, `TicketCreated`), swapped order (`created.ticket`)
    and a lone resource or action (`ticket`, `level_up`).
    """
    words = _words(name)
    if not words:
        return []
    scores = {known: _likeness(words, known) for known in among or all_names()}
    floor = max(_MIN_SCORE, max(scores.values()) - _MAX_BEHIND)
    likely = [known for known, score in scores.items() if score >= floor]
    return sorted(likely, key=lambda known: -scores[known])[:limit]


def unknown_type(name: str, wire: str | None = None, mend: str = "add --wire {other}") -> str:
    """Return the sentence about a type that a wire version, or any, doesn't have: who has it, or what was meant.

    `mend` is what to do where the version `{other}` has it.
    """
    if wire and (other := elsewhere(name, wire)):
        return f"{name} is of wire version {other}: {mend.format(other=other)}"
    misses = near_misses(name, among=names(wire) if wire else all_names())
    return f"Unknown event type {name!r}." + (f" Did you mean {' or '.join(misses)}?" if misses else "")


@cache
def _known(wire: str) -> frozenset[str]:
    return frozenset(names(wire))


def _words(name: str) -> list[str]:
    # No name is longer; difflib takes quadratic time.
    return [word.lower() for word in _WORD.findall(name[:MAX_NAME_CHARS])]


def _likeness(words: list[str], known: str) -> float:
    # Imported late: only a mistake needs it, and every command loads this module.
    from difflib import SequenceMatcher

    def ratio(one: str, other: str) -> float:
        return SequenceMatcher(None, one, other).ratio()

    resource, *action = _words(known)
    wanted, target = "".join(words), "".join([resource, *action])
    score = max(
        ratio(wanted, target),
        ratio("".join(sorted(words)), "".join(sorted([resource, *action]))),
        _PART_ALONE * ratio(wanted, resource),
        _PART_ALONE * ratio(wanted, "".join(action)),
    )
    same_resource = any(ratio(word, resource) >= _SAME_WORD for word in words)
    return score + (_SAME_RESOURCE if same_resource else 0.0)
