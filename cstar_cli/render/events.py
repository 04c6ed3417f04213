"""Events as people see them."""

from collections.abc import Iterable

from cstar_cli.render.deliveries import deliveries
from cstar_cli.render.facts import facts
from cstar_cli.render.output import Output
from cstar_cli.render.safe import harmless
from cstar_cli.render.tables import Words, table
from cstar_cli.render.times import clock_of
from cstar_cli.resources import Event, EventInFull, Resent


def events(records: Iterable[Event], output: Output) -> None:
    """Show events, one a row."""
    table(
        ("Event", "Type", "Created"),
        ((record.id, Words(record.type), clock_of(record.created_at, output.look)) for record in records),
        output,
    )


def event(record: EventInFull, output: Output) -> None:
    """Show what an event is, what became of it, and its body as it is sent."""
    facts(
        (
            ("Event", record.id, None),
            ("Type", record.type, "green"),
            ("Wire version", record.wire, None),
            ("Created", clock_of(record.created_at, output.look), None),
            ("Team", record.team_id, None),
            ("Deliveries", None if record.deliveries else "none", None),
        ),
        output,
    )
    output.line("")
    if record.deliveries:
        deliveries(record.deliveries, output)
        if record.more_deliveries:
            output.line(f"There are more: cstar deliveries list --event {harmless(record.id)} -n 1000")
        output.line("")
    output.line(harmless(record.body))


def resent(record: Resent, output: Output) -> None:
    """Show the new deliveries of an event."""
    deliveries(record.deliveries, output)
