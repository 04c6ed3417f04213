"""What is known of one thing: names and values in two columns, everything foreign made harmless."""

from collections.abc import Iterable

from cstar_cli.render.output import Colour, Output
from cstar_cli.render.safe import harmless

_NAME_WIDTH = 14

STATUS_COLOURS: dict[str, Colour] = {
    "active": "green",
    "succeeded": "green",
    "pending": "yellow",
    "failing": "yellow",
    "failed": "red",
    "disabled": "red",
    "canceled": "dim",
}


def facts(rows: Iterable[tuple[str, str | None, Colour | None]], output: Output) -> None:
    """Show each name with its value, in a colour or none; what has no value is left out."""
    for name, value, colour in rows:
        if value is not None:
            shown = harmless(value)
            painted = output.look.paint(colour, shown) if colour else shown
            output.line(f"  {output.look.paint('dim', name.ljust(_NAME_WIDTH))}  {painted}")
