"""Sessions of listeners as people see them."""

from collections.abc import Iterable

from cstar_cli.render.endpoints import wanted
from cstar_cli.render.output import Output
from cstar_cli.render.tables import Text, Url, table
from cstar_cli.render.times import clock_of
from cstar_cli.resources import Session


def sessions(records: Iterable[Session], output: Output) -> None:
    """Show sessions, one a row."""
    table(
        ("Session", "Status", "Forwards to", "Opened"),
        (
            (
                (record.id, record.name or ""),
                Text("connected", "green") if record.connected else Text("away", "yellow"),
                (Url(record.forward_to), wanted(record.events, record.wire)),
                clock_of(record.opened_at, output.look),
            )
            for record in records
        ),
        output,
    )
