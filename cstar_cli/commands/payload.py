"""What `trigger` sends: where an event's data comes from, and what is changed in it.

A plain `cstar trigger TYPE` makes no data: what making it needs is imported late.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cstar_cli.errors import UsageError
from cstar_cli.events import catalogue
from cstar_cli.events.wires import DEFAULT

if TYPE_CHECKING:
    from cstar_cli.events.canonical import Json


class Changes(msgspec.Struct, frozen=True):
    """Changes to the data, as the user wrote them."""

    overrides: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.overrides or self.adds or self.removes)

    def apply(self, data: "Json") -> "Json":
        """Return the data with the changes made."""
        from cstar_cli.events.overrides import apply_overrides, parse_assignment

        return apply_overrides(
            data, map(parse_assignment, self.overrides), map(parse_assignment, self.adds), self.removes
        )


class Source(msgspec.Struct, frozen=True):
    """Where the data comes from: `data` is JSON, `@file`, `-`, or None for a fixture's or the built-in data.

    `wire` is the wire version that the event is made in.
    """

    event_type: str
    data: str | None = None
    changes: Changes = Changes()
    edit: bool = False
    custom: bool = False
    fixture: "dict[str, Json] | None" = None
    wire: str = DEFAULT

    @property
    def is_known(self) -> bool:
        """Whether the type is one of its wire version."""
        return catalogue.is_known(self.event_type, self.wire)


class Payload(msgspec.Struct, frozen=True):
    """One event to be; `data` is canonical JSON, or None where the cloud fills in the built-in data itself."""

    event_type: str
    custom: bool
    data: bytes | None
    wire: str = DEFAULT

    def request(self) -> bytes:
        """Return what `POST /events` takes."""
        parts = [b'"type":' + msgspec.json.encode(self.event_type)]
        if self.data is not None:
            parts.append(b'"data":' + self.data)
        if self.custom:
            parts.append(b'"custom":true')
        if self.wire != DEFAULT:  # which a cloud of before there were versions takes too
            parts.append(b'"wire":' + msgspec.json.encode(self.wire))
        return b"{" + b",".join(parts) + b"}"

    def body(self, team_id: str, now_ms: int) -> bytes:
        """Return a body as it would be delivered, under a fresh event id."""
        from cstar_cli.events import canonical
        from cstar_cli.events.envelope import build_event
        from cstar_cli.events.fixtures import fixture

        if self.data is None:
            data: Json = fixture(self.event_type, team_id, now_ms, wire=self.wire)
        else:
            data = canonical.parse(self.data)
        return build_event(self.event_type, data, team_id, now_ms, made_in=self.wire).body


class Desk(msgspec.Struct, frozen=True):
    """What payloads are made from, beside the user's words; `keep` saves a text and returns where."""

    team_id: str
    now_ms: Callable[[], int]
    read_stdin: Callable[[], bytes]
    edit: Callable[[str], str]
    keep: Callable[[str], Path]


def check_type(source: Source) -> None:
    """Raise UsageError for a type that is neither of the catalogue nor allowed by `--custom`."""
    name = source.event_type
    if source.is_known:
        return
    if source.custom:
        if not catalogue.is_valid_name(name):
            raise UsageError(f"{name!r} is not an event type: it must look like resource.action.")
        if source.data is None and source.fixture is None:
            raise UsageError(f"There is no built-in data for {name}: give your own with --data.")
        return
    if catalogue.elsewhere(name, source.wire):
        raise UsageError(catalogue.unknown_type(name, source.wire))
    own = f" To send your own type: cstar trigger {name} --custom --data …" if catalogue.is_valid_name(name) else ""
    listing = "cstar trigger --list" + ("" if source.wire == DEFAULT else f" --wire {source.wire}")
    raise UsageError(f"{catalogue.unknown_type(name, source.wire)} {listing} shows all types.{own}")


def payloads(source: Source, count: int, desk: Desk) -> Iterator[Payload]:
    """Yield `count` payloads; built-in data is made afresh for each, given or edited data is the same for all."""
    check_type(source)
    custom = source.custom and not source.is_known

    def payload(data: bytes | None) -> Payload:
        return Payload(source.event_type, custom, data, source.wire)

    if source.data is None and source.fixture is None and not source.changes and not source.edit:
        yield from (payload(None) for _ in range(count))
    elif source.data is None and not source.edit:
        yield from (payload(_data(source, desk)) for _ in range(count))
    else:
        data = _data(source, desk)
        yield from (payload(data) for _ in range(count))


def _data(source: Source, desk: Desk) -> bytes:
    from cstar_cli.events import canonical

    data = _fresh(source, desk) if source.data is None else _given(source.data, desk)
    if source.changes:
        data = source.changes.apply(data)
    return canonical.dumps(_edited(data, desk) if source.edit else data)


def _fresh(source: Source, desk: Desk) -> "Json":
    from cstar_cli.events.fixtures import Filling, filled, fixture

    if source.fixture is None:
        return fixture(source.event_type, desk.team_id, desk.now_ms(), wire=source.wire)
    return filled(source.fixture, Filling(desk.team_id, desk.now_ms()))


def _given(text: str, desk: Desk) -> "Json":
    try:
        return _object(_text_of(text, desk))
    except UsageError as error:
        raise UsageError(f"--data: {error}") from None


def _edited(data: "Json", desk: Desk) -> "Json":
    import json

    text = desk.edit(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    try:
        return _object(text)
    except UsageError as error:
        kept = desk.keep(text)
        raise UsageError(f"{error} Nothing was sent; mend {kept} and send it with --data @{kept}") from None


def _object(text: str | bytes) -> "Json":
    from cstar_cli.events import canonical
    from cstar_cli.events.envelope import MAX_BODY_BYTES

    if len(text) > MAX_BODY_BYTES:
        raise UsageError("An event may have at most 1 MiB (1048576 bytes) of data.")
    value = canonical.parse(text)
    if not isinstance(value, dict):
        raise UsageError('The data of an event is a JSON object, like {"priority": "high"}.')
    return value


def _text_of(data: str, desk: Desk) -> str | bytes:
    if data == "-":
        return desk.read_stdin()
    if not data.startswith("@"):
        return data
    from cstar_cli.events.envelope import MAX_BODY_BYTES

    try:
        with Path(data[1:]).expanduser().open("rb") as file:
            return file.read(MAX_BODY_BYTES + 1)
    except OSError as error:
        raise UsageError(f"Can't read {data[1:]}: {error.strerror or error}.") from error
