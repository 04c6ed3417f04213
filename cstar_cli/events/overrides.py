r"""Changes to an event's `data` by path, as `trigger` takes them.

priority   customer.email   tags[0] or tags.0   tags[] (add: at the end)   a\.key\.with\.dots

path=text     a string
path:=json    any JSON value
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from cstar_cli.errors import UsageError
from cstar_cli.events.canonical import Json, MalformedJson, dumps, parse
from cstar_cli.events.changes import in_step

_MAX_LISTED_PATHS: Final = 40
_MAX_MEANT = 3

# A key, an index in brackets, or None for the empty brackets: the place after the last item.
_Step: TypeAlias = str | int | None
_Place: TypeAlias = tuple[dict[str, Json], str] | tuple[list[Json], int]

_STEP = re.compile(r"(?:^|(?<=.)\.)(?P<name>(?:[^.\[\\]|\\.)+)|\[(?P<index>[0-9]{0,9})\]", re.DOTALL)
_ASSIGNMENT = re.compile(r"(?!:=)(?P<path>(?:[^=\\]|\\.)+?)(?P<typed>:?)=(?P<value>.*)", re.DOTALL)
_LIST_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_ESCAPED = re.compile(r"[.\[\\=]|:(?=$)")


@dataclass(frozen=True, slots=True)
class Assignment:
    """A path within `data` and the value to put there."""

    path: str
    value: Json


def parse_assignment(text: str) -> Assignment:
    """Return what `path=text` or `path:=json` says; raises UsageError for anything else."""
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no assignment: write path=text, or path:=json for other than text.")
    path, value = match["path"], match["value"]
    _steps(path)
    if not match["typed"]:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UsageError(f"The value for {path!r} is not valid UTF-8.") from None
        return Assignment(path, value)
    try:
        return Assignment(path, parse(value))
    except MalformedJson as error:
        raise UsageError(f"The value for {path!r} is not JSON (for text write {path}=…): {error}") from None


def apply_overrides(
    data: Json,
    overrides: Iterable[Assignment] = (),
    adds: Iterable[Assignment] = (),
    removes: Iterable[str] = (),
) -> Json:
    """Return a copy of the data with first the overrides, then the removals, then the additions made.

    Raises UsageError for an override or removal of an absent path, an override that changes nothing, and an
    addition over something that is there. Removals name places as they were before any of them. What the data says has
    changed follows, as far as it isn't changed here itself.
    """
    changed = _copy(data)
    for assignment in overrides:
        _override(changed, assignment)
    _remove(changed, removes)
    for assignment in adds:
        _add(changed, assignment)
    return in_step(data, changed)


def find_value(data: Json, path: str) -> Json:
    """Return what is at a path; raises UsageError with the valid ones when there is nothing."""
    return _get(_find(data, path))


def valid_paths(data: Json) -> list[str]:
    """Return every path of the data, in its order, each before those within it."""
    paths: list[str] = []
    match data:
        case dict():
            for key, value in data.items():
                # A path has no way to write an empty key.
                if key:
                    name = _ESCAPED.sub(r"\\\g<0>", key)
                    paths += [name, *(_join(name, path) for path in valid_paths(value))]
        case list():
            for index, value in enumerate(data):
                paths += [f"[{index}]", *(_join(f"[{index}]", path) for path in valid_paths(value))]
    return paths


def _join(parent: str, path: str) -> str:
    return f"{parent}{path}" if path.startswith("[") else f"{parent}.{path}"


def _steps(path: str) -> list[_Step]:
    steps: list[_Step] = []
    position = 0
    while match := _STEP.match(path, position):
        name, index = match["name"], match["index"]
        if name is not None:
            steps.append(re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL))
        else:
            steps.append(int(index) if index else None)
        position = match.end()
    if not steps or position < len(path):
        raise UsageError(
            rf"{path!r} is not a path: write it like priority, customer.email, tags[0], or a\.b for a key with a dot."
        )
    return steps


def _override(data: Json, assignment: Assignment) -> None:
    place = _find(data, assignment.path)
    if dumps(_get(place)) == dumps(assignment.value):
        raise UsageError(f"Overriding {assignment.path!r} changes nothing: it has that value already.")
    _put(place, _copy(assignment.value))


def _remove(data: Json, paths: Iterable[str]) -> None:
    places = [_find(data, path) for path in paths]
    unique = {(id(container), key): (container, key) for container, key in places}
    # From the back, so that no index moves before its turn.
    for container, key in sorted(unique.values(), key=lambda place: str(place[1]).rjust(9), reverse=True):
        del container[key]  # type: ignore[arg-type]  # a place's key fits its container


def _add(data: Json, assignment: Assignment) -> None:
    """Put the value where nothing is, making the objects and lists on the way to it."""
    path, steps = assignment.path, _steps(assignment.path)
    here = data
    for depth, step in enumerate(steps, 1):
        found = _at(here, step)
        if found is None:
            fresh = _copy(assignment.value) if depth == len(steps) else _empty_for(steps[depth])
            _put(_vacancy(here, step, path), fresh)
            here = fresh
        elif depth == len(steps):
            raise UsageError(f"{path!r} can't be added, for it is there already: override it instead.")
        else:
            here = _get(found)


def _find(data: Json, path: str) -> _Place:
    """Return the place of an existing path; raises UsageError with the valid ones when there is none."""
    found: _Place | None = None
    here = data
    for step in _steps(path):
        found = _at(here, step)
        if found is None:
            break
        here = _get(found)
    if found is None:
        paths = valid_paths(data)
        raise UsageError(f"There is no {path!r} in the data{_hint(path, paths)} {_listed(paths)}")
    return found


def _hint(path: str, paths: list[str]) -> str:
    """Return the rest of the sentence: wire versions differ in whether a resource's fields stand under its name."""
    if path.startswith("data."):
        return " (paths start within data)."
    near = [known for known in paths if known.endswith(f".{path}") or path.endswith(f".{known}")]
    return f". Did you mean {' or '.join(near[:_MAX_MEANT])}?" if near else "."


def _listed(paths: list[str]) -> str:
    if not paths:
        return "It has no paths at all."
    more = len(paths) - _MAX_LISTED_PATHS
    tail = f", and {more} more" if more > 0 else ""
    return f"Valid paths: {', '.join(paths[:_MAX_LISTED_PATHS])}{tail}."


def _at(value: Json, step: _Step) -> _Place | None:
    """Return the place that the step leads to within the value, if there is something."""
    if isinstance(value, dict) and isinstance(step, str):
        return (value, step) if step in value else None
    if isinstance(value, list):
        index = _index(step)
        return (value, index) if index is not None and index < len(value) else None
    return None


def _vacancy(value: Json, step: _Step, path: str) -> _Place:
    """Return the place that the step leads to within the value, where there is nothing yet."""
    if isinstance(value, dict) and isinstance(step, str):
        return value, step
    if isinstance(value, list):
        if step is None or _index(step) == len(value):
            return value, len(value)
        raise UsageError(f"{path!r} can't be added: its list ends before {step!r}; write [] for the end of a list.")
    kind = "an object" if isinstance(value, dict) else "a single value"
    raise UsageError(f"{path!r} can't be added: what it passes through is {kind}, which has no such place.")


def _index(step: _Step) -> int | None:
    if isinstance(step, str):
        return int(step) if _LIST_INDEX.fullmatch(step) else None
    return step


def _empty_for(step: _Step) -> Json:
    return {} if isinstance(step, str) else []


def _get(place: _Place) -> Json:
    container, key = place
    return container[key]  # type: ignore[index]  # a place's key fits its container


def _put(place: _Place, value: Json) -> None:
    container, key = place
    if isinstance(container, list) and key == len(container):
        container.append(value)
    else:
        container[key] = value  # type: ignore[index]  # a place's key fits its container


def _copy(value: Json) -> Json:
    # As it will be sent; copy.deepcopy would run out of stack long before the codec does.
    return parse(dumps(value))
