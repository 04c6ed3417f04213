"""Fixtures of one's own: files like `paid-customer.json` in a project's folder and in the user's.

    {"type": "ticket.created", "data": {…}}

`"wire": "2026-03"` says of which wire version the data is, else it is the default one. `data` may hold the placeholders
of `fixtures`. The project's file wins over the user's, which wins over the built-in
data of the type of the same name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cstar_cli.errors import CstarError, UsageError, meant
from cstar_cli.events import canonical
from cstar_cli.events.canonical import Json, MalformedJson
from cstar_cli.events.catalogue import elsewhere, is_known, is_valid_name, names, unknown_type
from cstar_cli.events.envelope import MAX_BODY_BYTES
from cstar_cli.events.fixtures import as_written, check_placeholders, template
from cstar_cli.events.shelf_names import NAME, own_names
from cstar_cli.events.wires import DEFAULT, wire
from cstar_cli.events.wires import checked_name as checked_version

BUILT_IN = "built-in"


@dataclass(frozen=True, slots=True)
class Fixture:
    """An event's type, and its data as it is written; built-in ones have no file."""

    name: str
    type: str
    data: dict[str, Json]
    origin: str
    path: Path | None = None
    wire: str = DEFAULT

    def in_wire(self, wanted: str) -> "Fixture":
        """Return it with its data as another wire version has it."""
        if wanted == self.wire:
            return self
        resource = wire(self.wire).resource_of(self.type, self.data)
        data = wire(wanted).data_of(self.type, resource)
        assert isinstance(data, dict)
        return replace(self, data=data, wire=wanted)

    def text(self) -> str:
        """Return what stands, or would stand, in its file."""
        import json

        version = {} if self.wire == DEFAULT else {"wire": self.wire}
        return json.dumps({"type": self.type, **version, "data": self.data}, indent=2, ensure_ascii=False) + "\n"


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

    def get(self, name: str, wire: str = DEFAULT) -> Fixture:
        """Return a fixture, a built-in one as a wire version has it. Raises UsageError where there is none."""
        if found := self.own(name):
            return found
        if is_known(name, wire):
            return Fixture(name, name, template(name, wire), BUILT_IN, wire=wire)
        if elsewhere(name, wire):
            raise UsageError(unknown_type(name, wire))
        near = meant(name, [*self.own_names(), *names(wire)])
        raise UsageError(f"There is no fixture {name!r}.{near} cstar fixtures list shows all.")

    def own_names(self) -> list[str]:
        """Return the names that have a file."""
        return own_names(shelf.folder for shelf in self.shelves)

    def all(self, wire: str = DEFAULT) -> Iterator[Fixture | CstarError]:
        """Yield what each name stands for, or why it can't be read: one's own first, then a version's built-in ones."""
        own = self.own_names()
        for name in [*own, *(name for name in names(wire) if name not in own)]:
            try:
                yield self.get(name, wire)
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


def of_event(name: str, body: bytes, origin: str, made_in: str = DEFAULT) -> Fixture:
    """Return the fixture that makes an event's data again, to the letter."""
    event = canonical.parse(body)
    assert isinstance(event, dict)
    data = as_written(event["data"])
    assert isinstance(data, dict)
    return Fixture(name, str(event["type"]), data, origin, wire=made_in)


def parse(text: bytes, name: str, origin: str, path: Path) -> Fixture:
    """Return the fixture that a file holds. Raises UsageError that says what is wrong with it."""
    if len(text) > MAX_BODY_BYTES:
        raise UsageError(f"{path} is larger than any event may be: 1 MiB (1048576 bytes).")
    try:
        value = canonical.parse(text)
    except MalformedJson as error:
        raise UsageError(f"{path}: {error}") from error
    match value:
        case {"type": str(event_type), "data": dict(data), **more} if more.keys() <= {"wire"} and is_valid_name(
            event_type
        ):
            made_in = more.get("wire", DEFAULT)
            try:
                checked_version(str(made_in))
                check_placeholders(data)
            except UsageError as error:
                raise UsageError(f"{path}: {error}") from error
            return Fixture(name, event_type, data, origin, path, str(made_in))
    raise UsageError(
        f'{path} holds no fixture{_why(value)}: it must look like {{"type": "ticket.created", "data": {{…}}}}.'
    )


def _why(value: Json) -> str:
    if not isinstance(value, dict):
        return ""
    if unknown := value.keys() - {"type", "wire", "data"}:
        return f", it has {min(unknown)!r} beside type, wire and data"
    if missing := [key for key in ("type", "data") if key not in value]:
        return f", it has no {missing[0]!r}"
    return ", its data is no object" if not isinstance(value["data"], dict) else ", its type is no event type"
