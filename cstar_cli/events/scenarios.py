"""Scenarios: events that tell a story, one after the other, each with values of those before it. No I/O but one file.

    [[steps]]
    name = "closing"                 what later steps call it
    type = "ticket.closed"           a type, or the name of a fixture of one's own
    wait = "2s"                      before it is sent
    data = { … }                     instead of the fixture's
    override, add = { path = value } remove = ["path"]
    expect = "2xx"                   within = "30s"

`"${ticket.data.id}"` is the value that an earlier step had there, of whatever kind; within more text it becomes text.
Placeholders of fixtures hold for the whole scenario: `{"$uuid": "customer"}` is the same customer in every step, and
`id = { "$uuid" = "second ticket" }` makes another one.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from cstar_cli.errors import UsageError, meant
from cstar_cli.events.canonical import Json, dumps
from cstar_cli.events.fixtures import Filling, check_placeholders
from cstar_cli.events.overrides import Assignment, apply_overrides, find_value
from cstar_cli.events.wires import DEFAULT, folder

Earlier: TypeAlias = Mapping[str, dict[str, Json]]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "name": str,
    "type": str,
    "wait": str,
    "data": dict,
    "override": dict,
    "add": dict,
    "remove": list,
    "expect": str,
    "within": str,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One event of the story; `overrides` and `adds` map paths to values that may hold references."""

    where: str
    name: str
    type: str
    wait: str | None
    data: Json
    overrides: Mapping[str, Json]
    adds: Mapping[str, Json]
    removes: Sequence[str]
    expect: str | None
    within: str | None

    @property
    def place(self) -> str:
        """Where the step stands, for errors."""
        return f"{self.where}, step {self.name!r}"

    def made(self, fixture: Json, earlier: Earlier, filling: Filling) -> Json:
        """Return the step's data. `earlier` has the events so far, by the names of their steps.

        Raises UsageError for a reference to what isn't there, and as `apply_overrides` does.
        """
        try:
            data = filling.fill(fixture if self.data is None else _resolved(self.data, earlier))
            overrides, adds = (
                [Assignment(path, filling.fill(_resolved(value, earlier))) for path, value in changes.items()]
                for changes in (self.overrides, self.adds)
            )
            changing = [each for each in overrides if dumps(find_value(data, each.path)) != dumps(each.value)]
            return apply_overrides(data, changing, adds, self.removes)
        except UsageError as error:
            raise UsageError(f"{self.place}: {error}") from error


def built_in() -> list[str]:
    """Return the names of the scenarios that come with cstar."""
    return sorted(path.stem for path in (folder(DEFAULT) / "scenarios").glob("*.toml"))


def text_of(named: str, wire: str = DEFAULT) -> str:
    """Return what stands in a file, or in one built in for a wire version. Raises UsageError where there is neither."""
    path = _path(named, wire)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"There is no scenario {named!r}: give a file, or one of {', '.join(built_in())}.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"Can't read {path}: {reason or error}.") from error


def load(named: str, wire: str = DEFAULT) -> Sequence[Step]:
    """Return the steps of a file, or of a built-in scenario; see `text_of` and `parse`."""
    return parse(text_of(named, wire), str(_path(named, wire)))


def parse(text: str, where: str) -> Sequence[Step]:
    """Return the steps that a text tells; `where` it stands is named in errors."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: {error}.") from error
    if unknown := document.keys() - {"steps"}:
        raise UsageError(
            f"{where}: unknown key {min(unknown)!r}.{meant(min(unknown), ['steps'])} A scenario has [[steps]] alone."
        )
    tables = document.get("steps")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{where} has no steps: each begins with [[steps]] and has a type.")
    steps = [_step(table, number, where) for number, table in enumerate(tables, 1)]
    for number, step in enumerate(steps, 1):
        if any(step.name == other.name for other in steps[: number - 1]):
            raise UsageError(f"{where}, step {number}: there is a step {step.name!r} before it; names are unique.")
    return steps


def _path(named: str, wire: str) -> Path:
    return folder(wire) / "scenarios" / f"{named}.toml" if named in built_in() else Path(named).expanduser()


def _step(table: Mapping[str, Any], number: int, where: str) -> Step:
    def fault(what: str) -> UsageError:
        return UsageError(f"{where}, step {number}: {what}")

    for key, value in table.items():
        if key not in _KEYS:
            raise fault(f"unknown key {key!r}.{meant(key, _KEYS)} Valid are: {', '.join(_KEYS)}.")
        if not isinstance(value, _KEYS[key]):
            raise fault(f"{key!r} must be {_NOUNS[_KEYS[key]]}{_EXAMPLES.get(key, '')}.")
        try:
            check_placeholders(_json(value))
        except UsageError as error:
            raise fault(f"{key}: {error}") from error
    if "type" not in table:
        raise fault("it has no type.")
    name = table.get("name", f"step{number}")
    if not _NAME.fullmatch(name):
        raise fault(f"{name!r} is no name: take up to 50 of a-z, 0-9, _ and -, a letter first.")
    if not all(isinstance(path, str) for path in table.get("remove", [])):
        raise fault("'remove' must be a list of paths.")
    return Step(
        where=where,
        name=name,
        type=table["type"],
        wait=table.get("wait"),
        data=_json(table.get("data")),
        overrides={path: _json(value) for path, value in table.get("override", {}).items()},
        adds={path: _json(value) for path, value in table.get("add", {}).items()},
        removes=table.get("remove", []),
        expect=table.get("expect"),
        within=table.get("within"),
    )


def _json(value: Any) -> Json:
    """Return TOML's value as JSON has it: its times become text."""
    match value:
        case dict():
            return {key: _json(item) for key, item in value.items()}
        case list():
            return [_json(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
    return str(value.isoformat())


def _resolved(value: Json, earlier: Earlier) -> Json:
    match value:
        case dict():
            return {key: _resolved(item, earlier) for key, item in value.items()}
        case list():
            return [_resolved(item, earlier) for item in value]
        case str():
            whole = _REFERENCE.fullmatch(value)
            return _value(whole[1], earlier) if whole else _REFERENCE.sub(lambda found: _text(found[1], earlier), value)
    return value


def _value(reference: str, earlier: Earlier) -> Json:
    name, _, path = reference.partition(".")
    if name not in earlier:
        known = f"earlier steps are: {', '.join(earlier)}" if earlier else "no step is before it"
        raise UsageError(f"${{{reference}}} is of no earlier step; {known}.")
    try:
        return find_value(earlier[name], path)
    except UsageError as error:
        raise UsageError(f"${{{reference}}}: {error}") from error


def _text(reference: str, earlier: Earlier) -> str:
    match _value(reference, earlier):
        case str(text):
            return text
        case dict() | list() | None:
            raise UsageError(f"${{{reference}}} is no text or number: it can only stand alone.")
        case value:
            return dumps(value).decode()


_NOUNS: Mapping[type | tuple[type, ...], str] = {str: "a text", dict: "a table", list: "a list"}
_EXAMPLES = {"wait": ', like "2s"', "within": ', like "30s"', "expect": ', like "2xx"'}
