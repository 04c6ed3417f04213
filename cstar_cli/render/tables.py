"""Tables: rich on a terminal, tab-separated text for programs. The only place that loads rich.

A cell that must never be cut, like an id, keeps its width; a `Url` gives way in the middle when columns are few.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cstar_cli.render.output import Colour, Output, whoever_reads
from cstar_cli.render.safe import harmless

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
    from rich.measure import Measurement

_LEAST_WIDTH = 20
_WIDEST = 1000


@dataclass(frozen=True, slots=True)
class Text:
    """Foreign text that stays on its line, in a colour or none."""

    text: str
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class Url:
    """A text that may be shortened in its middle."""

    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text that is folded between its words, as often as it takes."""

    text: str


Cell = str | Text | Url | Words
# What stands in one column: one cell, or several under each other.
Stack = Cell | tuple[Cell, ...]


def table(
    titles: Sequence[str], rows: Iterable[Sequence[Stack]], output: Output, *, narrow: Iterable[str] | None = None
) -> None:
    """Show a table on a terminal; else each row's cells as they are, with tabs between them and without titles.

    A terminal that is too narrow for it gets the `narrow` lines, or each row's cells under each other.
    """
    known = list(rows)
    if not output.stream.isatty():
        with whoever_reads(output.stream):
            for row in known:
                output.line("\t".join(_plain(cell) for stack in row for cell in _cells(stack)))
        return
    if not known:
        return

    from rich import box
    from rich.table import Table

    shown = Table(
        box=box.SIMPLE_HEAD if output.look.symbols else box.ASCII2, header_style="bold", show_edge=False, pad_edge=False
    )
    for title, column in zip(titles, zip(*known, strict=True), strict=True):
        gives_way = any(isinstance(cell, Url | Words) for stack in column for cell in _cells(stack))
        shown.add_column(title, no_wrap=not gives_way)
    for row in known:
        shown.add_row(*(_shown(stack, output) for stack in row))
    if not _print(shown, output):
        for line in _stack(known, output) if narrow is None else narrow:
            output.line(line)


def event_types(rows: Iterable[tuple[str, str, str]], output: Output) -> None:
    """Show the event types; a row is group, name, meaning."""
    if not output.stream.isatty():
        with whoever_reads(output.stream):
            for _, name, meaning in rows:
                output.line(f"{name}\t{meaning}")
        return

    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE if output.look.symbols else box.ASCII2, header_style="bold")
    table.add_column("Event type", style="green", no_wrap=True)
    table.add_column("fires when")
    last, known = None, list(rows)
    for group, name, meaning in known:
        if last is not None and group != last:
            table.add_section()
        last = group
        table.add_row(name, meaning)
    if not _print(table, output):
        for _, name, meaning in known:
            output.line(output.look.paint("green", name))
            output.line(f"  {meaning}")


def shortened(text: str, width: int, ellipsis: str = "…") -> str:
    """Return the text in at most `width` characters, with the ellipsis for what its middle loses."""
    if len(text) <= width:
        return text
    kept = max(width - len(ellipsis), 2)
    return f"{text[: kept - kept // 2]}{ellipsis}{text[len(text) - kept // 2 :]}"


def _print(renderable: "ConsoleRenderable", output: Output) -> bool:
    """Show it, or say that the terminal is too narrow: rich would cut the ids."""
    from rich.console import Console
    from rich.measure import Measurement

    colour = output.look.colour
    console = Console(
        file=output.stream, no_color=not colour, force_terminal=colour, highlight=False, markup=False, emoji=False
    )
    least = Measurement.get(console, console.options.update(width=_WIDEST), renderable).minimum
    if least > console.width:
        return False
    console.print(renderable)
    return True


def _stack(rows: Iterable[Sequence[Stack]], output: Output) -> Iterator[str]:
    """Yield each row's cells, to stand under each other."""
    width = output.look.columns() or _WIDEST
    for row in rows:
        first, *others = (cell for stack in row for cell in _cells(stack))
        yield _painted(first, width, output)
        for cell in others:
            yield f"  {_painted(cell, width - 2, output)}"


def _painted(cell: Cell, width: int, output: Output) -> str:
    text = _plain(cell)
    if isinstance(cell, Url):
        text = shortened(text, width, output.look.symbol("…"))
    return output.look.paint(cell.colour, text) if isinstance(cell, Text) and cell.colour else text


def _cells(stack: Stack) -> tuple[Cell, ...]:
    return stack if isinstance(stack, tuple) else (stack,)


def _plain(cell: Cell) -> str:
    return harmless(cell if isinstance(cell, str) else cell.text)


def _shown(stack: Stack, output: Output) -> "ConsoleRenderable":
    from rich.console import Group

    return Group(*(_renderable(cell, output) for cell in _cells(stack)))


def _renderable(cell: Cell, output: Output) -> "ConsoleRenderable":
    match cell:
        case Url():
            return _Shrinking(_plain(cell), output.look.symbol("…"))
        case Words():
            return _Folding(_plain(cell))
        case Text(colour=colour):
            return _Whole(_plain(cell), colour or "")
        case str():
            return _Whole(_plain(cell), "")


@dataclass(frozen=True, slots=True)
class _Whole:
    """Text that asks for its whole width."""

    text: str
    style: str

    def __rich_measure__(self, console: "Console", options: "ConsoleOptions") -> "Measurement":
        from rich.cells import cell_len
        from rich.measure import Measurement

        return Measurement(cell_len(self.text), cell_len(self.text))

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        yield Text(self.text, style=self.style, no_wrap=True, overflow="ignore")


@dataclass(frozen=True, slots=True)
class _Folding:
    """Text that goes on below where it hasn't its whole width."""

    text: str

    def __rich_measure__(self, console: "Console", options: "ConsoleOptions") -> "Measurement":
        from rich.cells import cell_len
        from rich.measure import Measurement

        width = cell_len(self.text)
        return Measurement(min(width, _LEAST_WIDTH), width)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        yield Text(self.text, overflow="fold")


@dataclass(frozen=True, slots=True)
class _Shrinking:
    """Text that loses its middle where it hasn't its whole width."""

    text: str
    ellipsis: str

    def __rich_measure__(self, console: "Console", options: "ConsoleOptions") -> "Measurement":
        from rich.measure import Measurement

        return Measurement(min(len(self.text), _LEAST_WIDTH), len(self.text))

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        yield Text(shortened(self.text, options.max_width, self.ellipsis), no_wrap=True)
