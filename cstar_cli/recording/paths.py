r"""Places within JSON, by a path that may stand for many.

data.customer.email   items[0].id or items.0.id   items[*].id or items[].id   data.*.email   a\.key\.with\.dots
"""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import Json


class _Any:
    """Every key of an object, every item of a list."""


ANY: Final = _Any()
Step: TypeAlias = str | int | _Any
Place: TypeAlias = tuple[dict[str, Json], str] | tuple[list[Json], int]

_STEP = re.compile(r"(?:^|(?<=.)\.)(?P<name>(?:[^.\[\\]|\\.)+)|\[(?P<index>\*|[0-9]{0,9})\]", re.DOTALL)
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_ESCAPED = re.compile(r"[.\[\\*]")


def parse(path: str) -> tuple[Step, ...]:
    """Return the steps of a path; raises UsageError for what is none."""
    steps: list[Step] = []
    position = 0
    while match := _STEP.match(path, position):
        steps.append(_step(match["name"], match["index"]))
        position = match.end()
    if not steps or position < len(path):
        raise UsageError(
            rf"{path!r} is not a path: write it like data.customer.email, items[0].id, items[*].id for every item, "
            r"or a\.b for a key with a dot."
        )
    return tuple(steps)


def places(value: Json, steps: tuple[Step, ...]) -> list[Place]:
    """Return the places that the steps lead to, and that are there."""
    found: list[Place] = [*_at(value, steps[0])]
    for step in steps[1:]:
        found = [deeper for place in found for deeper in _at(value_at(place), step)]
    return found


def value_at(place: Place) -> Json:
    """Return what is there."""
    container, key = place
    return container[key]  # type: ignore[index]  # a place's key fits its container


def put(place: Place, value: Json) -> None:
    """Replace what is there."""
    container, key = place
    container[key] = value  # type: ignore[index]  # a place's key fits its container


def key_path(parent: str, key: str) -> str:
    """Return the path of a key below another path."""
    name = _ESCAPED.sub(r"\\\g<0>", key)
    return f"{parent}.{name}" if parent else name


def item_path(parent: str, index: int) -> str:
    """Return the path of an item below another path."""
    return f"{parent}[{index}]"


def _step(name: str | None, index: str | None) -> Step:
    if name is None:
        return ANY if index in ("*", "") else int(index or 0)
    return ANY if name == "*" else re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL)


def _at(value: Json, step: Step) -> Iterator[Place]:
    if isinstance(value, dict):
        if step is ANY:
            yield from ((value, key) for key in value)
        elif isinstance(step, str) and step in value:
            yield value, step
    elif isinstance(value, list):
        if step is ANY:
            yield from ((value, index) for index in range(len(value)))
        elif (index := _index(step)) is not None and index < len(value):
            yield value, index


def _index(step: Step) -> int | None:
    if isinstance(step, str):
        return int(step) if _INDEX.fullmatch(step) else None
    return step if isinstance(step, int) else None
