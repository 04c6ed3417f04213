"""Tables: rich on a terminal, tab-separated text for programs. The only place that loads rich."""

from collections.abc import Iterable

from cstar_cli.render.output import Output


def event_types(rows: Iterable[tuple[str, str, str]], output: Output) -> None:
    """Show the event types; a row is group, name, meaning."""
    if not output.stream.isatty():
        for _, name, meaning in rows:
            output.line(f"{name}\t{meaning}")
        return

    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE if output.look.symbols else box.ASCII2, header_style="bold")
    table.add_column("Event type", style="green", no_wrap=True)
    table.add_column("fires when")
    last = None
    for group, name, meaning in rows:
        if last is not None and group != last:
            table.add_section()
        last = group
        table.add_row(name, meaning)
    colour = output.look.colour
    Console(file=output.stream, no_color=not colour, force_terminal=colour, highlight=False).print(table)
