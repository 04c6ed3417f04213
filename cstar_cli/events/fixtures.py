"""Realistic `data` for every type of the catalogue: one file a type in the folder of the same name.

A file is plain ASCII JSON with placeholders, which fixtures of one's own may have too:

    {"$uuid": "customer"}   a fresh UUID; the same name is the same UUID throughout one event
    {"$now": -3600}         the time now plus so many seconds
    {"$team": true}         the team's id
    {"$as_is": …}           what stands there, be it a placeholder or not
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cstar_cli.errors import UsageError
from cstar_cli.events import canonical
from cstar_cli.events.canonical import Json
from cstar_cli.events.catalogue import is_known
from cstar_cli.events.envelope import iso

_PLACEHOLDERS = ("$uuid", "$now", "$team", "$as_is")
FOLDER = Path(__file__).with_name("fixtures")


def random_uuid() -> str:
    """Return a fresh UUID, version 4."""
    # Imported late: only `trigger` makes fixtures.
    from uuid import uuid4

    return str(uuid4())


def fixture(event_type: str, team_id: str, now_ms: int, new_uuid: Callable[[], str] = random_uuid) -> dict[str, Json]:
    """Return fresh `data` of the type; raises UsageError for a type that is not in the catalogue."""
    if not is_known(event_type):
        raise UsageError(f"There is no built-in data for {event_type!r}: give your own with --data.")
    return filled(template(event_type), Filling(team_id, now_ms, new_uuid))


def filled(data: dict[str, Json], filling: "Filling") -> dict[str, Json]:
    """Return the data with values for its placeholders."""
    return {key: filling.fill(value) for key, value in data.items()}


def as_written(value: Json) -> Json:
    """Return what `filled` makes this very value of: what looks like a placeholder is taken as it is."""
    match value:
        case dict() if len(value) == 1 and next(iter(value)) in _PLACEHOLDERS:
            return {"$as_is": value}
        case dict():
            return {key: as_written(item) for key, item in value.items()}
        case list():
            return [as_written(item) for item in value]
    return value


@cache
def template(event_type: str) -> dict[str, Json]:
    """Return the type's built-in data as it is written, with its placeholders."""
    path = FOLDER / f"{event_type}.json"
    match canonical.parse(path.read_bytes()):
        case dict(template):
            return template
    raise TypeError(f"{path.name} holds no object")


@dataclass(frozen=True, slots=True)
class Filling:
    """The values of placeholders; `uuids` has those that have their name already."""

    team_id: str
    now_ms: int
    new_uuid: Callable[[], str] = random_uuid
    uuids: dict[str, str] = field(default_factory=dict)

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
