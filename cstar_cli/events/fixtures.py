"""Realistic `data` for every type of the catalogue: one file a type, in the folder of its wire version.

A file is plain ASCII JSON with placeholders, which fixtures of one's own may have too:

    {"$uuid": "customer"}   a fresh UUID; the same name is the same UUID throughout one event
    {"$now": -3600}         the time now plus so many seconds
    {"$team": true}         the team's id
    {"$as_is": …}           what stands there, be it a placeholder or not
"""

from collections.abc import Callable
from functools import cache

import msgspec

from cstar_cli.errors import UsageError, meant
from cstar_cli.events import canonical
from cstar_cli.events.canonical import Json
from cstar_cli.events.catalogue import is_known
from cstar_cli.events.envelope import iso
from cstar_cli.events.wires import DEFAULT, folder

_FORMS = {
    "$uuid": '{"$uuid": "name"}',
    "$now": '{"$now": -60}, in whole seconds',
    "$team": '{"$team": true}',
    "$as_is": '{"$as_is": …}',
}


def random_uuid() -> str:
    """Return a fresh UUID, version 4."""
    # Imported late: only `trigger` makes fixtures.
    from uuid import uuid4

    return str(uuid4())


def fixture(
    event_type: str,
    team_id: str,
    now_ms: int,
    new_uuid: Callable[[], str] = random_uuid,
    wire: str = DEFAULT,
) -> dict[str, Json]:
    """Return fresh `data` of the type; raises UsageError for a type that the wire version doesn't have."""
    if not is_known(event_type, wire):
        raise UsageError(f"There is no built-in data for {event_type!r}: give your own with --data.")
    return filled(template(event_type, wire), Filling(team_id, now_ms, new_uuid))


def filled(data: dict[str, Json], filling: "Filling") -> dict[str, Json]:
    """Return the data with values for its placeholders."""
    return {key: filling.fill(value) for key, value in data.items()}


def as_written(value: Json) -> Json:
    """Return what `filled` makes this very value of: what looks like a placeholder is taken as it is."""
    match value:
        case dict() if _is_like_a_placeholder(value):
            return {"$as_is": value}
        case dict():
            return {key: as_written(item) for key, item in value.items()}
        case list():
            return [as_written(item) for item in value]
    return value


def check_placeholders(value: Json) -> None:
    """Raise UsageError for what looks like a placeholder and is none: it would be sent as it stands."""
    match value:
        case {"$uuid": str(), **more} | {"$team": True, **more} | {"$as_is": _, **more} if not more:
            return
        case {"$now": int(seconds), **more} if not more and not isinstance(seconds, bool):
            return
        case dict() if _is_like_a_placeholder(value):
            raise UsageError(_no_placeholder(next(iter(value))))
        case dict():
            for item in value.values():
                check_placeholders(item)
        case list():
            for item in value:
                check_placeholders(item)


def _is_like_a_placeholder(value: dict[str, Json]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith("$")


def _no_placeholder(name: str) -> str:
    if name in _FORMS:
        return f"{name!r} must look like {_FORMS[name]}."
    return (
        f"There is no placeholder {name!r}.{meant(name, _FORMS)} "
        f'To send it as it stands, write {{"$as_is": {{"{name}": …}}}}.'
    )


@cache
def template(event_type: str, wire: str = DEFAULT) -> dict[str, Json]:
    """Return the type's built-in data as it is written, with its placeholders."""
    path = folder(wire) / "fixtures" / f"{event_type}.json"
    match canonical.parse(path.read_bytes()):
        case dict(template):
            return template
    raise TypeError(f"{path.name} holds no object")


class Filling(msgspec.Struct, frozen=True):
    """The values of placeholders; `uuids` has those that have their name already."""

    team_id: str
    now_ms: int
    new_uuid: Callable[[], str] = random_uuid
    uuids: dict[str, str] = msgspec.field(default_factory=dict)

    def fill(self, value: Json) -> Json:
        """Return the value with its placeholders replaced."""
        match value:
            case {"$uuid": str(name), **more} if not more:
                if name not in self.uuids:
                    self.uuids[name] = self.new_uuid()
                return self.uuids[name]
            case {"$now": int(seconds), **more} if not more:
                return iso(self.now_ms + seconds * 1000)
            case {"$team": True, **more} if not more:
                return self.team_id
            case {"$as_is": as_is, **more} if not more:
                return as_is
            case dict():
                return {key: self.fill(item) for key, item in value.items()}
            case list():
                return [self.fill(item) for item in value]
        return value
