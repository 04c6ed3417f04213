"""Where something stands in a TOML file: tomllib says what a file means, but not where it says so.

A statement is a header or a key with its value. Each begins a line and ends with one, so it is the fewest lines from
its first one on that are TOML by themselves.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cstar_cli.errors import UsageError

Path = tuple[str | int, ...]
"""Keys, and numbers within lists: `("routes", 1, "timeout")` is the second route's timeout."""

_UP_TO_VALUE = re.compile(r"[^=]*=[ \t]*")
_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


def no_toml(name: str, text: str, error: tomllib.TOMLDecodeError) -> UsageError:
    """Return the error about a text that is no TOML, with line and column before it as for all else."""
    message = str(error)
    place = _PLACE.search(message)
    if place is None:
        return UsageError(f"{name}: {message}.")
    lines = text.rstrip().split("\n")
    line, column = place["line"] or len(lines), place["column"] or len(lines[-1]) + 1
    return UsageError(f"{name}:{line}:{column}: {message[: place.start()]}.")


class TomlFile(NamedTuple):
    """A file's text, which is TOML."""

    name: str
    text: str

    def fault(self, path: Path, message: str) -> UsageError:
        """Return the error about a key, with the line and column where it stands."""
        return self._fault(path, message, at_value=False)

    def fault_of_value(self, path: Path, message: str) -> UsageError:
        """Return the error about a key's value, with the line and column where that begins."""
        return self._fault(path, message, at_value=True)

    def has(self, path: Path) -> bool:
        """Say whether there is such a key."""
        return any(path in statement.paths for statement in _statements(self.text))

    def _fault(self, path: Path, message: str, *, at_value: bool) -> UsageError:
        found = next((each for each in _statements(self.text) if path in each.paths), None)
        if found is None:
            return UsageError(f"{self.name}: {message}")
        line, column = found.position(path, at_value=at_value)
        return UsageError(f"{self.name}:{line}:{column}: {message}")


class _Statement(NamedTuple):
    """`paths` is all that it sets; those below `table` stand in its own text."""

    line: int
    text: str
    table: Path
    paths: list[Path]

    def position(self, path: Path, *, at_value: bool) -> tuple[int, int]:
        """Return the line and the column, both from 1 on."""
        offset = len(self.text) - len(self.text.lstrip())
        for part in path[len(self.table) :]:
            offset = max(offset, self.text.find(str(part), offset))
        if at_value and (value := _UP_TO_VALUE.match(self.text, offset)):
            offset = value.end()
        before = self.text[:offset]
        return self.line + before.count("\n"), offset - (before.rfind("\n") + 1) + 1


def _statements(text: str) -> Iterator[_Statement]:
    table: Path = ()
    lengths: dict[Path, int] = {}
    for line, statement, meaning in _parsed(text):
        if statement.lstrip().startswith("["):
            table = _table(meaning, lengths, is_one_of_many=statement.lstrip().startswith("[["))
            yield _Statement(line, statement, table, [table])
        else:
            yield _Statement(line, statement, table, [*_paths(meaning, table)][1:])


def _parsed(text: str) -> Iterator[tuple[int, str, dict[str, object]]]:
    lines = text.replace("\r\n", "\n").split("\n")
    first = 0
    while first < len(lines):
        for end in range(first + 1, len(lines) + 1):
            statement = "\n".join(lines[first:end])
            try:
                meaning = tomllib.loads(statement)
            except tomllib.TOMLDecodeError:
                continue
            break
        else:
            return
        if meaning:
            yield first + 1, statement, meaning
        first = end


def _table(header: object, lengths: dict[Path, int], *, is_one_of_many: bool) -> Path:
    """Return the path of the table that a header begins; `lengths` counts the tables of each list so far."""
    names: list[str] = []
    while isinstance(header, Mapping) and header:
        [(name, header)] = header.items()
        names.append(name)
    path: Path = ()
    for depth, name in enumerate(names, 1):
        path = (*path, name)
        if is_one_of_many and depth == len(names):
            lengths[path] = lengths.get(path, 0) + 1
        if path in lengths:
            path = (*path, lengths[path] - 1)
    return path


def _paths(value: object, path: Path) -> Iterator[Path]:
    yield path
    match value:
        case dict():
            for key, inner in value.items():
                yield from _paths(inner, (*path, key))
        case list():
            for number, inner in enumerate(value):
                yield from _paths(inner, (*path, number))
