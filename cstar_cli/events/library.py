"""Fixtures of one's own: files like `paid-customer.json` in a project's folder and in the user's.

    {"type": "ticket.created", "data": {…}}

`data` may hold the placeholders of `fixtures`. The project's file wins over the user's, which wins over the built-in
data of the type of the same name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cstar_cli.errors import CstarError, UsageError, meant
from cstar_cli.events import canonical
from cstar_cli.events.canonical import Json, MalformedJson
from cstar_cli.events.catalogue import is_valid_name, names
from cstar_cli.events.envelope import MAX_BODY_BYTES
from cstar_cli.events.fixtures import as_written, check_placeholders, template
from cstar_cli.events.shelf_names import NAME, own_names

BUILT_IN = "built-in"


@dataclass(frozen=True, slots=True)
class Fixture:
    """An event's type, and its data as it is written; built-in ones have no file."""

    name: str
    type: str
    data: dict[str, Json]
    origin: str
    path: Path | None = None

    def text(self) -> str:
        """Return what stands, or would stand, in its file."""
        import json

        return json.dumps({"type": self.type, "data": self.data}, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Shelf:
    """One folder of fixtures, and what it is called."""

    origin: str
    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / f"{checked_name(name)}.json"


@dataclass(frozen=True, slots=True)
class Library:
    """All fixtures; the first shelf that has a name wins."""

    shelves: Sequence[Shelf]

    def own(self, name: str) -> Fixture | None:
        """Return the fixture of a file. Raises CstarError for one that can't be read or holds no fixture."""
        if not NAME.fullmatch(name):
            return None
        for shelf in self.shelves:
            path = shelf.path(name)
            try:
                with path.open("rb") as file:
                    text = file.read(MAX_BODY_BYTES + 1)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise CstarError(f"Can't read {path}: {error.strerror or error}.") from error
            return parse(text, name, shelf.origin, path)
        return None

    def get(self, name: str) -> Fixture:
        """Return a fixture. Raises UsageError when there is none of that name."""
        if found := self.own(name):
            return found
        if name in names():
            return Fixture(name, name, template(name), BUILT_IN)
        near = meant(name, [*self.own_names(), *names()])
        raise UsageError(f"There is no fixture {name!r}.{near} cstar fixtures list shows all.")

    def own_names(self) -> list[str]:
        """Return the names that have a file."""
        return own_names(shelf.folder for shelf in self.shelves)

    def all(self) -> Iterator[Fixture | CstarError]:
        """Yield what each name stands for, or why it can't be read: one's own first, then the built-in ones."""
        own = self.own_names()
        for name in [*own, *(name for name in names() if name not in own)]:
            try:
                yield self.get(name)
            except CstarError as error:
                yield error


def library(folders: Mapping[str, Path]) -> Library:
    """Return the fixtures of these folders, named by what they are called."""
    return Library([Shelf(origin, folder) for origin, folder in folders.items()])


def checked_name(name: str) -> str:
    """Return the name of a fixture, or refuse it."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a fixture: take up to 100 of a-z, 0-9, dot, _ and -.")
    return name


def of_event(name: str, body: bytes, origin: str) -> Fixture:
    """Return the fixture that makes an event's data again, to the letter."""
    event = canonical.parse(body)
    assert isinstance(event, dict)
    data = as_written(event["data"])
    assert isinstance(data, dict)
    return Fixture(name, str(event["type"]), data, origin)


def parse(text: bytes, name: str, origin: str, path: Path) -> Fixture:
    """Return the fixture that a file holds. Raises UsageError that says what is wrong with it."""
    if len(text) > MAX_BODY_BYTES:
        raise UsageError(f"{path} is larger than any event may be: 1 MiB (1048576 bytes).")
    try:
        value = canonical.parse(text)
    except MalformedJson as error:
        raise UsageError(f"{path}: {error}") from error
    match value:
        case {"type": str(event_type), "data": dict(data), **more} if not more and is_valid_name(event_type):
            try:
                check_placeholders(data)
            except UsageError as error:
                raise UsageError(f"{path}: {error}") from error
            return Fixture(name, event_type, data, origin, path)
    raise UsageError(
        f'{path} holds no fixture{_why(value)}: it must look like {{"type": "ticket.created", "data": {{…}}}}.'
    )


def _why(value: Json) -> str:
    if not isinstance(value, dict):
        return ""
    if unknown := value.keys() - {"type", "data"}:
        return f", it has {min(unknown)!r} beside type and data"
    if missing := [key for key in ("type", "data") if key not in value]:
        return f", it has no {missing[0]!r}"
    return ", its data is no object" if not isinstance(value["data"], dict) else ", its type is no event type"
