"""The choice of a renderer, and the renderers."""

import os
import sys
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from typing import TextIO

import msgspec

from cstar_cli.activity import (
    Accepted,
    Activity,
    Attempted,
    CaughtUp,
    Disconnected,
    Down,
    Finishing,
    Forwarded,
    Notice,
    Overlap,
    Ready,
    Reconnected,
    Summary,
    Unheard,
    Up,
)
from cstar_cli.render.output import Look, Output, columns, has_symbols, no_columns, wants_colour

Renderer = Callable[[Activity], None]

_ASIDE = {CaughtUp, Unheard, Overlap, Notice, Disconnected, Reconnected, Down, Up, Finishing, Summary}


class Console(msgspec.Struct, frozen=True):
    """Where a command writes: `out` is what it is for, `err` is everything else."""

    out: Output
    err: Output


def open_console(
    *,
    no_color: bool = False,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    env: Mapping[str, str] = os.environ,
) -> Console:
    """Return the process's streams, with the looks that they and the environment allow."""

    def output(stream: TextIO) -> Output:
        look = Look(
            colour=wants_colour(stream, env, no_color),
            symbols=has_symbols(stream),
            columns=columns if stream.isatty() else no_columns,
        )
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the encoding lacks is shown as an escape, never sent
        return Output(stream, look)

    return Console(output(stdout or sys.stdout), output(stderr or sys.stderr))


def make_renderer(*, json: bool, quiet: bool, no_color: bool, console: Console | None = None) -> Renderer:
    """Return the renderer that the flags ask for."""
    console = console or open_console(no_color=no_color)
    renderer = json_renderer(console) if json else lines_renderer(console)
    return quiet_renderer(renderer, console, ready_line=not json) if quiet else renderer


def lines_renderer(console: Console) -> Renderer:
    """Lines for people: what the command is for on stdout, the course of things on stderr."""
    from cstar_cli.render.lines import lines_of

    def render(activity: Activity) -> None:
        output = console.err if type(activity) in _ASIDE else console.out
        for line in lines_of(activity, output.look):
            output.line(line)

    return render


def json_renderer(console: Console) -> Renderer:
    """One JSON object a line on stdout; what is no object, in words on stderr."""
    from cstar_cli.render.jsonlines import json_line

    aside = lines_renderer(console)

    def render(activity: Activity) -> None:
        line = json_line(activity)
        if line is None:
            aside(activity)
        else:
            console.out.raw_line(line)

    return render


def quiet_renderer(renderer: Renderer, console: Console, *, ready_line: bool) -> Renderer:
    """Nothing but failures and notices; with `ready_line`, readiness is one line on stderr."""
    from cstar_cli.render import ready

    def render(activity: Activity) -> None:
        match activity:
            case Ready() if ready_line:
                console.err.line(ready.ready_line(activity, console.err.look))
            case Forwarded(outcome="succeeded") | Attempted(outcome="succeeded") | Accepted() | Summary():
                pass
            case _:
                renderer(activity)

    return render
