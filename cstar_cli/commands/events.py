"""`cstar events`: what has happened, and sending it again."""

from typing import TYPE_CHECKING, Annotated

import typer

from cstar_cli.commands.asking import asks
from cstar_cli.commands.completing import complete_event_type, ids
from cstar_cli.commands.ids import SESSION, SESSION_NAME, WEBHOOK, of_kind
from cstar_cli.commands.options import EventGlobs, EventId, Limit, NoColor, Wire
from cstar_cli.commands.trigger import show_types
from cstar_cli.errors import UsageError
from cstar_cli.events.wires import DEFAULT, checked_name

if TYPE_CHECKING:
    from cstar_cli.commands.dialogue import Dialogue
    from cstar_cli.events.catalogue import EventType

app = typer.Typer(help="See what has happened, and send it again.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def events() -> None:
    """See what has happened, and send it again."""


@asks(app, "list")
def index(talk: "Dialogue", events: EventGlobs = None, limit: Limit = 20) -> None:
    """List events, the newest first."""
    from cstar_cli.render.events import events as view
    from cstar_cli.resources import Event

    query = talk.query(events=events)
    none = "No event of these types." if query else "No events yet: make one with cstar trigger ticket.created"
    talk.show_all(talk.records("/events", query, limit), Event, view, none)


@asks(app, "show")
def show(talk: "Dialogue", event: EventId) -> None:
    """Show one event: its body, and its deliveries."""
    from cstar_cli.render.events import event as view
    from cstar_cli.resources import EventInFull

    talk.show(talk.get(f"/events/{event}"), EventInFull, view)


@asks(app, "resend")
def resend(
    talk: "Dialogue",
    event: EventId,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="whk_…", help="Only to this webhook.", callback=of_kind(WEBHOOK), autocompletion=ids(WEBHOOK)
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            metavar="ses_…|NAME",
            help="Only to this listening session.",
            autocompletion=ids(SESSION, SESSION_NAME),
        ),
    ] = None,
) -> None:
    """Send an event again, freshly signed, to all that want it now or to one."""
    from cstar_cli.commands.session_names import session_of
    from cstar_cli.render.events import resent as view
    from cstar_cli.resources import Resent

    if to and session:
        raise UsageError("--to and --session both say where it goes: give one of them.")
    target = session_of(talk.client, session) if session else to
    sent = talk.show(talk.post(f"/events/{event}/resend", {"to": target} if target else {}), Resent, view)
    if not sent.deliveries:
        talk.say(
            f"Nobody wants {sent.event.type} now: start cstar listen, or register a URL with cstar webhooks create"
        )


@app.command("types")
def types(
    event_type: Annotated[
        str | None,
        typer.Argument(metavar="TYPE", help="One type, like ticket.created.", autocompletion=complete_event_type),
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema: of one type, or of all.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    no_color: NoColor = False,
    wire: Wire = DEFAULT,
) -> None:
    """Show all event types, or the fields of one; no cloud is asked."""
    from cstar_cli.events.catalogue import find

    made_in = checked_name(wire)
    found = None if event_type is None else find(event_type, made_in)
    if schema:
        _print_schema(found, made_in)
    elif found is None:
        show_types(made_in, json=json, no_color=no_color)
    else:
        _show_fields(found, made_in, json=json, no_color=no_color)


def _print_schema(event_type: "EventType | None", wire: str) -> None:
    from json import dumps

    from cstar_cli.commands.saying import print_text
    from cstar_cli.events.schemas import schema_of, schema_of_all

    print_text(dumps(schema_of_all(wire) if event_type is None else schema_of(event_type, wire), indent=2))


def _show_fields(event_type: "EventType", wire: str, *, json: bool, no_color: bool) -> None:
    from cstar_cli.events.schemas import shown_fields
    from cstar_cli.render.console import open_console

    output = open_console(no_color=no_color).out
    fields = shown_fields(event_type.name, wire)
    if json:
        from cstar_cli.commands.saying import say_json_line
        from cstar_cli.events.canonical import dumps

        for field in fields:
            say_json_line(dumps({"name": field.name, **field.schema()}))
        return
    from cstar_cli.render.tables import table

    table(("Field of data", "Type"), ((field.name, field.described()) for field in fields), output)
