"""Which event types a listener, a tail or a webhook wants: the one matcher of the program.

    ticket.created    one type
    ticket.*          all of a resource; *.created all of an action; ticket.message_* part of a name; * everything
    !ticket.updated   all but these; an exclusion always wins

Nothing at all, or exclusions alone, means everything else.
"""

import re
from collections.abc import Iterable
from itertools import chain
from typing import Final

from cstar_cli.errors import UsageError
from cstar_cli.events.catalogue import MAX_NAME_CHARS, all_names, near_misses

EVERYTHING = "*"

_PATTERN = re.compile(r"\*|[a-z0-9_*]+\.[a-z0-9_*]+")
_ANY = "[a-z0-9_]*"


class EventFilter:
    """A set of patterns, made with `parse`; `patterns` is its normal form, which `parse` reads back.

    No dataclass: each start makes this class, and those take long to make.
    """

    __slots__ = ("_known", "_matcher", "patterns")

    def __init__(self, patterns: tuple[str, ...] = (EVERYTHING,)) -> None:
        self.patterns: Final = patterns
        self._matcher = re.compile(_regex(patterns))
        self._known = {name: self._matcher.fullmatch(name) is not None for name in all_names()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventFilter) and self.patterns == other.patterns

    def __hash__(self) -> int:
        return hash(self.patterns)

    @classmethod
    def parse(cls, patterns: Iterable[str]) -> "EventFilter":
        """Return the filter of the patterns, each of them maybe a comma list; raises UsageError for a malformed one."""
        pieces = [piece.strip() for pattern in patterns for piece in pattern.split(",")]
        wanted = dict.fromkeys(_normal(piece) for piece in pieces if piece)
        if all(pattern.startswith("!") for pattern in wanted):
            return cls((EVERYTHING, *wanted))
        return cls(tuple(wanted))

    def matches(self, event_type: str) -> bool:
        """Say whether events of the type pass, whether the catalogue knows it or not."""
        known = self._known.get(event_type)
        return self._matcher.fullmatch(event_type) is not None if known is None else known

    def deciding(self, event_type: str) -> str | None:
        """Return the pattern that has events of the type pass or not: an exclusion, else the first that takes them."""
        ordered = sorted(self.patterns, key=lambda pattern: not pattern.startswith("!"))
        fitting = (pattern for pattern in ordered if re.fullmatch(_glob(pattern.removeprefix("!")), event_type))
        return next(fitting, None)

    def overlaps(self, other: "EventFilter") -> bool:
        """Say whether some event passes both, as far as the catalogue and an example of each pattern tell."""
        patterns = (pattern for pattern in (*self.patterns, *other.patterns) if not pattern.startswith("!"))
        examples = chain(all_names(), (pattern.replace(EVERYTHING, "x") for pattern in patterns))
        return any(self.matches(example) and other.matches(example) for example in examples)

    def warnings(self) -> list[str]:
        """Return a sentence for each pattern that can match no known type, or one when nothing known passes."""
        useless = [
            (pattern, _near_patterns(pattern))
            for pattern in self.patterns
            if not any(re.fullmatch(_glob(pattern.removeprefix("!")), name) for name in all_names())
        ]
        if not useless and not any(self._known.values()):
            return [f"No known event type passes {','.join(self.patterns)}."]
        return [
            f"No known event type matches {pattern}." + (f" Did you mean {' or '.join(near)}?" if near else "")
            for pattern, near in useless
        ]


def _normal(piece: str) -> str:
    sign, glob = ("!", piece[1:].strip()) if piece.startswith("!") else ("", piece)
    glob = re.sub(r"\*{2,}", "*", glob)
    if len(glob) > MAX_NAME_CHARS or not _PATTERN.fullmatch(glob):
        raise UsageError(
            f"{piece!r} is not an event filter: write a type (ticket.created), a wildcard (ticket.*, *.created, "
            "ticket.message_*, or * for all), or an exclusion (!ticket.updated)."
        )
    return sign + (EVERYTHING if glob == "*.*" else glob)


def _regex(patterns: tuple[str, ...]) -> str:
    included = "|".join(_glob(pattern) for pattern in patterns if not pattern.startswith("!"))
    excluded = "|".join(_glob(pattern[1:]) for pattern in patterns if pattern.startswith("!"))
    return rf"(?!(?:{excluded})\Z)(?:{included})" if excluded else f"(?:{included})"


def _glob(pattern: str) -> str:
    if pattern == EVERYTHING:
        return r"[a-z0-9_.]*"
    return r"\.".join(_part(part) for part in pattern.split("."))


def _part(part: str) -> str:
    first, *others = part.split("*")
    if not others:
        return first
    # Atomic, for the earliest place is as good as any later one: no pattern can make matching slow.
    middle = "".join(f"(?>{_ANY}?{literal})" for literal in others[:-1])
    return f"{first}{middle}{_ANY}{others[-1]}"


def _near_patterns(pattern: str) -> list[str]:
    sign = "!" if pattern.startswith("!") else ""
    resource, _, action = pattern.removeprefix("!").partition(".")
    likely = near_misses(f"{resource}.{action}".replace("*", ""))
    if action == "*":
        likely = [f"{name.partition('.')[0]}.*" for name in likely]
    elif resource == "*":
        likely = [f"*.{name.partition('.')[2]}" for name in likely]
    return [sign + name for name in dict.fromkeys(likely)]
