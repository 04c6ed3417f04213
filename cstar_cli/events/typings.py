"""Type definitions of all events for receivers' languages, made from `schemas`."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from cstar_cli.events.catalogue import EventType, types
from cstar_cli.events.schemas import Field, Kind, envelope_of, fields_of, resources_of
from cstar_cli.events.wires import DEFAULT

Printer: TypeAlias = Callable[[str], str]

_MADE_BY = (
    "Types of cStar's webhook events ({wire}), made by `cstar types generate --lang {lang}{more}`: change nothing here."
)


def typescript(wire: str = DEFAULT) -> str:
    """Return TypeScript: an interface for each type's data, and one union of all events."""
    kinds: Mapping[Kind, str] = {
        "integer": "number",
        "number": "number",
        "boolean": "boolean",
        "changes": "Record<string, { from: unknown; to: unknown }>",
    }

    def line(field: Field) -> str:
        of = _pascal(field.name) if field.fields else kinds.get(field.kind, "string") + "[]" * field.is_list
        return f"  {field.name}: {of}{' | null' * field.is_nullable};\n"

    envelope = "".join(map(line, envelope_of(wire))).replace("type: string", "type: Type")
    parts = [
        f"// {_made_by('typescript', wire)}\n\n",
        f"export interface Envelope<Type extends string, Data> {{\n{envelope}  data: Data;\n}}\n\n",
    ]
    for resource in resources_of(wire):
        body = "".join(map(line, resource.fields))
        parts.append(f"export interface {_pascal(resource.name)} {{\n{body}}}\n\n")
    for event in types(wire):
        name = _name(event)
        body = "".join(map(line, fields_of(event.name, wire)))
        parts += [
            f"export interface {name}Data {{\n{body}}}\n\n",
            f"/** Fires when {event.meaning}. */\n",
            f'export type {name} = Envelope<"{event.name}", {name}Data>;\n\n',
        ]
    names = "".join(f"\n  | {_name(event)}" for event in types(wire))
    return "".join(
        [*parts, f"export type CstarEvent ={names};\n\n", 'export type CstarEventType = CstarEvent["type"];\n']
    )


def python(wire: str = DEFAULT) -> str:
    """Return Python (3.10 and later): a TypedDict for each type's data and for each event, and one union of all."""
    kinds: Mapping[Kind, str] = {"integer": "int", "number": "float", "boolean": "bool", "changes": "dict[str, Change]"}

    def line(field: Field) -> str:
        of = _pascal(field.name) if field.fields else kinds.get(field.kind, "str")
        of = f"list[{of}]" if field.is_list else of
        return f"    {field.name}: {of}{' | None' * field.is_nullable}\n"

    parts = [f'"""{_made_by("python", wire)}"""\n\n', "from typing import Literal, TypeAlias, TypedDict\n"]
    if resources := resources_of(wire):
        parts.append('\n\nChange = TypedDict("Change", {"from": object, "to": object})\n')
    for resource in resources:
        parts.append(f"\n\nclass {_pascal(resource.name)}(TypedDict):\n{''.join(map(line, resource.fields))}")
    for event in types(wire):
        name = _name(event)
        envelope = "".join(map(line, envelope_of(wire))).replace("type: str", f'type: Literal["{event.name}"]')
        parts += [
            f"\n\nclass {name}Data(TypedDict):\n{''.join(map(line, fields_of(event.name, wire)))}",
            f'\n\nclass {name}(TypedDict):\n    """Fires when {event.meaning}."""\n\n{envelope}    data: {name}Data\n',
        ]
    names = "\n    | ".join(map(_name, types(wire)))
    return "".join([*parts, f"\n\nCstarEvent: TypeAlias = (\n    {names}\n)\n"])


def go(wire: str = DEFAULT) -> str:
    """Return Go (1.18 and later): a struct for each type's data, the envelope around it, and the types' names."""
    kinds: Mapping[Kind, str] = {
        "integer": "int64",
        "number": "float64",
        "boolean": "bool",
        "time": "time.Time",
        "changes": "map[string]Change",
    }

    def row(field: Field) -> tuple[str, str, str]:
        of = _pascal(field.name) if field.fields else kinds.get(field.kind, "string")
        return _pascal(field.name), "*" * field.is_nullable + "[]" * field.is_list + of, f'`json:"{field.name}"`'

    constants = _aligned((f"Type{_name(event)}", "=", f'"{event.name}"') for event in types(wire))
    envelope = _aligned([*map(row, envelope_of(wire)), ("Data", "Data", '`json:"data"`')])
    parts = [
        f"// Package cstar: {_made_by('go', wire)}\n",
        'package cstar\n\nimport "time"\n\n',
        f"// The types of events.\nconst (\n{constants})\n\n",
        "// Event is what a webhook gets; look at Type first, with json.RawMessage as the Data.\n",
        f"type Event[Data any] struct {{\n{envelope}}}\n",
    ]
    if resources := resources_of(wire):
        change = _aligned([("From", "any", '`json:"from"`'), ("To", "any", '`json:"to"`')])
        parts.append(f"\n// Change is what a field was and what it has become.\ntype Change struct {{\n{change}}}\n")
    for resource in resources:
        name, fields = _pascal(resource.name), _aligned(map(row, resource.fields))
        parts.append(f"\n// {name} is a resource that events tell of.\ntype {name} struct {{\n{fields}}}\n")
    for event in types(wire):
        parts += [
            f"\n// {_name(event)} fires when {event.meaning}.\n",
            f"type {_name(event)} struct {{\n{_aligned(map(row, fields_of(event.name, wire)))}}}\n",
        ]
    return "".join(parts)


PRINTERS: Mapping[str, Printer] = {"typescript": typescript, "python": python, "go": go}


def _made_by(lang: str, wire: str) -> str:
    return _MADE_BY.format(wire=wire, lang=lang, more="" if wire == DEFAULT else f" --wire {wire}")


def _aligned(rows: Iterable[tuple[str, str, str]]) -> str:
    """Return lines with the columns that gofmt makes."""
    known = list(rows)
    first, second = (max(len(row[column]) for row in known) for column in (0, 1))
    return "".join(f"\t{one:<{first}} {two:<{second}} {three}\n" for one, two, three in known)


def _name(event: EventType) -> str:
    return _pascal(event.name.replace(".", "_"))


def _pascal(name: str) -> str:
    """Return `ticket_id` as TicketID, the initials as Go has them."""
    return "".join(word.upper() if word in ("id", "url", "xp") else word.capitalize() for word in name.split("_"))
