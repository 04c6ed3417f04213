"""A stream to write on: what its encoding and its terminal can show, one flushed line at a time."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import localtime, struct_time, time
from typing import Literal, TextIO

import msgspec

Colour = Literal["red", "green", "yellow", "cyan", "bold", "dim"]

_SGR: Mapping[Colour, int] = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}
_NARROWEST = 20  # no terminal is narrower
_USUAL_COLUMNS = 80
_SYMBOLS = "✓✗→…"
_ASCII = {"✓": "+", "✗": "x", "→": "->", "…": "..."}


def no_columns() -> None:
    """Stand for the width where there is no terminal."""


class Look(msgspec.Struct, frozen=True):
    """How lines look: with colours or not, with symbols beyond ASCII or not; times are those of `local`.

    `columns` is how wide the terminal is now, None where there is none: what is piped is never folded.
    """

    colour: bool = False
    symbols: bool = True
    columns: Callable[[], int | None] = no_columns
    local: Callable[[float], struct_time] = localtime
    now_s: Callable[[], float] = time

    def paint(self, colour: Colour, text: str) -> str:
        """Return the text in the colour, if there are colours."""
        return f"\x1b[{_SGR[colour]}m{text}\x1b[0m" if self.colour and text else text

    def symbol(self, symbol: str) -> str:
        """Return the symbol, or what stands for it in ASCII."""
        return symbol if self.symbols else _ASCII[symbol]


class OutputFault(OSError):
    """The output can't be written; says so."""


class Output(msgspec.Struct, frozen=True):
    """A text stream and its look."""

    stream: TextIO
    look: Look

    def line(self, text: str) -> None:
        """Write a line; on a terminal that is too narrow for it, several."""
        columns = self.look.columns() if len(text) > _NARROWEST else None
        if columns is not None:
            from cstar_cli.render.folding import folded

            text = "\n".join(folded(text, columns))
        self._write(text + "\n")

    def verbatim(self, text: str) -> None:
        """Write a line of a file's as it stands; to a terminal, what could steer that as escapes."""
        if not (text.isascii() and text.isprintable()) and self.stream.isatty():
            from cstar_cli.render.safe import escaped

            text = escaped(text.expandtabs(4))
        self._write(text + "\n")

    def raw_line(self, line: bytes) -> None:
        """Write exactly this JSON and a newline, whatever the stream's encoding.

        To a terminal goes, in place of what could steer it, what means the same within JSON.
        """
        if not (line.isascii() and b"\x7f" not in line) and self.stream.isatty():
            from cstar_cli.render.safe import escaped

            line = escaped(line.decode("utf-8", "replace")).encode("utf-8", "replace")
        try:
            self.stream.flush()
            self.stream.buffer.write(line + b"\n")
            self.stream.flush()
        except OSError as error:
            raise fault_of_output(error) from error

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError as error:
            raise fault_of_output(error) from error


def fault_of_output(error: OSError) -> OSError:
    """Return the error with what it befell, but for a reader that has left, of whom nobody is told."""
    if isinstance(error, BrokenPipeError | OutputFault):
        return error
    return OutputFault(error.errno, f"Can't write the output: {error.strerror or error}")


@contextmanager
def whoever_reads(stream: TextIO) -> Iterator[None]:
    """Let a reader leave while something short is written: the rest goes nowhere, and the command goes on."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def has_symbols(stream: TextIO) -> bool:
    """Say whether the stream's encoding has the symbols that the lines use."""
    try:
        _SYMBOLS.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def columns() -> int:
    """Return the width of the terminal as it is now: what shutil says, which takes longer to load than all of this."""
    try:
        wanted = int(os.environ.get("COLUMNS", "0"))
    except ValueError:
        wanted = 0
    if wanted > 0:
        return wanted
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _USUAL_COLUMNS  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):  # it is closed, or no terminal
        return _USUAL_COLUMNS


def wants_colour(stream: TextIO, env: Mapping[str, str], no_color: bool) -> bool:
    """Say whether to colour: `--no-color` and NO_COLOR forbid it, FORCE_COLOR demands it, else a terminal has it."""
    if no_color or env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return env["FORCE_COLOR"] != "0"
    return env.get("TERM") != "dumb" and stream.isatty() and understands_colours(stream)


if sys.platform == "win32":

    def understands_colours(stream: TextIO) -> bool:
        """Have a console of Windows take escapes for colours, as it doesn't by itself; return whether it does."""
        import ctypes
        import msvcrt

        virtual_terminal = 0x0004  # ENABLE_VIRTUAL_TERMINAL_PROCESSING
        try:
            handle, mode = msvcrt.get_osfhandle(stream.fileno()), ctypes.c_ulong()
            kernel = ctypes.windll.kernel32
            known = kernel.GetConsoleMode(handle, ctypes.byref(mode))
            return bool(known and kernel.SetConsoleMode(handle, mode.value | virtual_terminal))
        except (OSError, ValueError):
            return False

else:

    def understands_colours(stream: TextIO) -> bool:  # noqa: ARG001  # as on Windows
        """Say whether the terminal takes escapes for colours: all do."""
        return True
