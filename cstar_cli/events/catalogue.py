"""The event types of each wire version, and what a mistyped name may have meant."""

import re
from functools import cache

import msgspec

from cstar_cli.errors import UsageError
from cstar_cli.events.wires import DEFAULT, folder

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


def is_known(name: str, wire: str = DEFAULT) -> bool:
    """Say whether the name is a type of a wire version."""
    return name in _known(wire)


def find(name: str, wire: str = DEFAULT) -> EventType:
    """Return the type of that name; raises UsageError with what it may have meant."""
    for event_type in types(wire):
        if event_type.name == name:
            return event_type
    raise UsageError(unknown_type(name))


def is_valid_name(name: str) -> bool:
    """Say whether the name has the form `resource.action`, known or not."""
    return len(name) <= MAX_NAME_CHARS and _VALID_NAME.fullmatch(name) is not None


def near_misses(name: str, limit: int = 3) -> list[str]:
    """Return the known types that the name may have meant, the likeliest first.

    Sees through other separators and cases (`ticket_created`, `TicketCreated`), swapped order (`created.ticket`)
    and a lone resource or action (`ticket`, `level_up`).
    """
    words = _words(name)
    if not words:
        return []
    scores = {known: _likeness(words, known) for known in names()}
    floor = max(_MIN_SCORE, max(scores.values()) - _MAX_BEHIND)
    likely = [known for known in names() if scores[known] >= floor]
    return sorted(likely, key=lambda known: -scores[known])[:limit]


def unknown_type(name: str) -> str:
    """Return the sentence about a type that the catalogue doesn't know, with what it may have meant."""
    misses = near_misses(name)
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
