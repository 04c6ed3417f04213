"""What a command says itself: on stdout what it is for, on stderr the rest. Foreign text in it is made harmless."""

from cstar_cli.render.console import open_console
from cstar_cli.render.safe import harmless


def say(*lines: str) -> None:
    """Write lines to stdout."""
    out = open_console().out
    for line in lines:
        out.line(harmless(line))


def print_text(text: str) -> None:
    """Write a text to stdout as it stands; on a terminal, without what could steer it."""
    out = open_console().out
    for line in text.splitlines():
        out.verbatim(line)


def say_aside(*lines: str) -> None:
    """Write lines to stderr."""
    err = open_console().err
    for line in lines:
        err.line(harmless(line))


def say_json(value: object) -> None:
    """Write one JSON object to stdout, on a line."""
    import msgspec

    open_console().out.raw_line(msgspec.json.encode(value))
