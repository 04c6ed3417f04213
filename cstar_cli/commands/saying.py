"""What a command says itself: on stdout what it is for, on stderr the rest. Foreign text in it is made harmless.

What is said is short: where its reader leaves, as `head` does, the command still goes on to its own end.
"""

from cstar_cli.render.console import open_console
from cstar_cli.render.output import whoever_reads
from cstar_cli.render.safe import harmless


def say(*lines: str) -> None:
    """Write lines to stdout."""
    out = open_console().out
    with whoever_reads(out.stream):
        for line in lines:
            out.line(harmless(line))


def print_text(text: str) -> None:
    """Write a text to stdout as it stands; on a terminal, without what could steer it."""
    out = open_console().out
    with whoever_reads(out.stream):
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

    say_json_line(msgspec.json.encode(value))


def say_json_line(line: bytes) -> None:
    """Write a JSON object that is encoded already to stdout, on a line."""
    out = open_console().out
    with whoever_reads(out.stream):
        out.raw_line(line)
