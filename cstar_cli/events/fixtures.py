"""Realistic `data` for every type of the catalogue: one file a type in the folder of the same name.

A file is plain ASCII JSON with three placeholders:

    {"$uuid": "customer"}   a fresh UUID; the same name is the same UUID throughout one event
    {"$now": -3600}         the time now plus so many seconds
    {"$team": true}         the team's id
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
    filling = _Filling(team_id, now_ms, new_uuid)
    return {key: filling.fill(value) for key, value in template(event_type).items()}


@cache
def template(event_type: str) -> dict[str, Json]:
    """Return the type's built-in data as it is written, with its placeholders."""
    path = FOLDER / f"{event_type}.json"
    match canonical.parse(path.read_bytes()):
        case dict(template):
            return template
    raise TypeError(f"{path.name} holds no object")


@dataclass(frozen=True, slots=True)
class _Filling:
    team_id: str
    now_ms: int
    new_uuid: Callable[[], str]
    uuids: dict[str, str] = field(default_factory=dict)

    def fill(self, value: Json) -> Json:
        match value:
            case {"$uuid": str(name)}:
                if name not in self.uuids:
                    self.uuids[name] = self.new_uuid()
                return self.uuids[name]
            case {"$now": int(seconds)}:
                return iso(self.now_ms + seconds * 1000)
            case {"$team": True}:
                return self.team_id
            case dict():
                return {key: self.fill(item) for key, item in value.items()}
            case list():
                return [self.fill(item) for item in value]
        return value
