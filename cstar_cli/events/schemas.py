"""What the events of each type hold, read off the built-in data: as fields, and as JSON Schema.

A field may be null when it is null in the built-in data of any type of the same resource.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cstar_cli.events.canonical import Json
from cstar_cli.events.catalogue import EventType, types
from cstar_cli.events.fixtures import template

Kind: TypeAlias = Literal["uuid", "time", "string", "integer", "number", "boolean"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_JSON_TYPES: Mapping[Kind, Mapping[str, Json]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "time": {"type": "string", "format": "date-time"},
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of `data`: a value of some kind, a list of such values, or perhaps null."""

    name: str
    kind: Kind
    is_list: bool = False
    is_nullable: bool = False

    def schema(self) -> dict[str, Json]:
        """Return its JSON Schema."""
        of = dict(_JSON_TYPES[self.kind])
        if self.is_list:
            of = {"type": "array", "items": of}
        return {**of, "type": [of["type"], "null"]} if self.is_nullable else of

    def described(self) -> str:
        """Return its type in words."""
        return f"{'list of ' * self.is_list}{self.kind}{'s' * self.is_list}{' or null' * self.is_nullable}"


ENVELOPE = (Field("id", "string"), Field("type", "string"), Field("team_id", "uuid"), Field("created_at", "time"))
"""What every event has beside its `data`."""


def fields_of(event_type: str) -> list[Field]:
    """Return the fields of `data` in their order, for a type of the catalogue."""
    return [_field(event_type, name) for name in template(event_type)]


def schema_of(event: EventType) -> dict[str, Json]:
    """Return the JSON Schema of the events of one type; more fields than it names may come some day."""
    return {"$schema": _DIALECT, **_definition(event)}


def schema_of_all() -> dict[str, Json]:
    """Return one JSON Schema for the events of all types, each a definition in it."""
    return {
        "$schema": _DIALECT,
        "title": "cStar webhook event",
        "oneOf": [{"$ref": f"#/$defs/{event.name}"} for event in types()],
        "$defs": {event.name: _definition(event) for event in types()},
    }


def _definition(event: EventType) -> dict[str, Json]:
    envelope: dict[str, Json] = {field.name: field.schema() for field in ENVELOPE}
    envelope |= {"id": {"type": "string", "pattern": "^evt_"}, "type": {"const": event.name}}
    return {
        "title": event.name,
        "description": f"Fires when {event.meaning}.",
        **_object({**envelope, "data": _object({field.name: field.schema() for field in fields_of(event.name)})}),
    }


def _object(properties: dict[str, Json]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": [*properties]}


def _field(event_type: str, name: str) -> Field:
    resource = event_type.partition(".")[0]
    siblings = (template(each.name) for each in types() if each.name.partition(".")[0] == resource)
    shown = [sibling[name] for sibling in siblings if name in sibling]
    values = [value for value in shown if value is not None]
    is_list = isinstance(values[0], list)
    first = values[0][0] if isinstance(values[0], list) else values[0]
    return Field(name, _kind(first), is_list, is_nullable=None in shown)


def _kind(value: Json) -> Kind:
    match value:
        case {"$uuid": _} | {"$team": _}:
            return "uuid"
        case {"$now": _}:
            return "time"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
    raise TypeError(f"a fixture holds {value!r}, which no field of an event is")
