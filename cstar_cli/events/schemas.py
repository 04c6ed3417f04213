"""What the events of each type hold, read off the built-in data: as fields, and as JSON Schema.

A field may be null when it is null in the built-in data of any type of the same resource.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, TypeAlias

from cstar_cli.events.canonical import Json
from cstar_cli.events.catalogue import EventType, types
from cstar_cli.events.fixtures import template
from cstar_cli.events.wires import DEFAULT, wire

Kind: TypeAlias = Literal["uuid", "time", "string", "integer", "number", "boolean", "object", "changes"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_JSON_TYPES: Mapping[Kind, Mapping[str, Json]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "time": {"type": "string", "format": "date-time"},
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "changes": {
        "type": "object",
        "additionalProperties": {"type": "object", "properties": {"from": {}, "to": {}}, "required": ["from", "to"]},
    },
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of `data`: a value of some kind, a list of such values, or perhaps null; a resource has `fields`."""

    name: str
    kind: Kind
    is_list: bool = False
    is_nullable: bool = False
    fields: "tuple[Field, ...]" = ()

    def schema(self) -> dict[str, Json]:
        """Return its JSON Schema."""
        if self.fields:
            return _object({field.name: field.schema() for field in self.fields})
        of = dict(_JSON_TYPES[self.kind])
        if self.is_list:
            of = {"type": "array", "items": of}
        return {**of, "type": [of["type"], "null"]} if self.is_nullable else of

    def described(self) -> str:
        """Return its type in words."""
        if self.kind == "changes":
            return "from and to of each field that changed"
        return f"{'list of ' * self.is_list}{self.kind}{'s' * self.is_list}{' or null' * self.is_nullable}"


ENVELOPE = (Field("id", "string"), Field("type", "string"), Field("team_id", "uuid"), Field("created_at", "time"))
"""What every event has beside its `data`."""


def envelope_of(made_in: str) -> list[Field]:
    """Return the same in the order of a wire version."""
    order = wire(made_in).envelope
    return sorted(ENVELOPE, key=lambda field: order.index(field.name))


@cache
def fields_of(event_type: str, wire: str = DEFAULT) -> list[Field]:
    """Return the fields of `data` in their order, for a type of a wire version."""
    return [_field(name, _shown(event_type, name, wire)) for name in template(event_type, wire)]


def shown_fields(event_type: str, wire: str) -> list[Field]:
    """Return the same with those of each resource beside one another, called by their paths."""
    return [
        replace(inner, name=f"{field.name}.{inner.name}") if field.fields else field
        for field in fields_of(event_type, wire)
        for inner in field.fields or (field,)
    ]


def resources_of(wire: str) -> list[Field]:
    """Return the named resources of a wire version, each once."""
    fields = (field for event in types(wire) for field in fields_of(event.name, wire) if field.fields)
    return [*{field.name: field for field in fields}.values()]


def schema_of(event: EventType, wire: str = DEFAULT) -> dict[str, Json]:
    """Return the JSON Schema of the events of one type; more fields than it names may come some day."""
    return {"$schema": _DIALECT, **_definition(event, wire)}


def schema_of_all(wire: str = DEFAULT) -> dict[str, Json]:
    """Return one JSON Schema for the events of all types, each a definition in it."""
    return {
        "$schema": _DIALECT,
        "title": "cStar webhook event",
        "oneOf": [{"$ref": f"#/$defs/{event.name}"} for event in types(wire)],
        "$defs": {event.name: _definition(event, wire) for event in types(wire)},
    }


def _definition(event: EventType, wire: str) -> dict[str, Json]:
    envelope: dict[str, Json] = {field.name: field.schema() for field in envelope_of(wire)}
    envelope |= {"id": {"type": "string", "pattern": "^evt_"}, "type": {"const": event.name}}
    return {
        "title": event.name,
        "description": f"Fires when {event.meaning}.",
        **_object({**envelope, "data": _object({field.name: field.schema() for field in fields_of(event.name, wire)})}),
    }


def _object(properties: dict[str, Json]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": [*properties]}


def _shown(event_type: str, name: str, wire: str) -> list[Json]:
    """Return what the field is in the built-in data of all types that have the same one."""
    resource = event_type.partition(".")[0]
    siblings = (
        template(each.name, wire)
        for each in types(wire)
        # Named resources are the same whatever the type; without names it is the type that tells.
        if wire != DEFAULT or each.name.partition(".")[0] == resource
    )
    return [sibling[name] for sibling in siblings if name in sibling]


def _field(name: str, shown: Sequence[Json]) -> Field:
    values = [value for value in shown if value is not None]
    items = [item for value in values if isinstance(value, list) for item in value]
    is_list = isinstance(values[0], list)
    kind = _kind(name, items[0] if is_list else values[0])
    resources = [value for value in values if isinstance(value, dict)] if kind == "object" else []
    keys = resources[0] if resources else {}
    fields = tuple(_field(key, [each[key] for each in resources]) for key in keys)
    return Field(name, kind, is_list, is_nullable=None in shown, fields=fields)


def _kind(name: str, value: Json) -> Kind:
    match value:
        case {"$uuid": _} | {"$team": _}:
            return "uuid"
        case {"$now": _}:
            return "time"
        case dict():
            return "changes" if name == "changes" else "object"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
    raise TypeError(f"a fixture holds {value!r}, which no field of an event is")
