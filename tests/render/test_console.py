import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from cstar_cli.events.catalogue import types
from cstar_cli.render import tables
from cstar_cli.render.console import Console, make_renderer, open_console
from cstar_cli.render.output import Look, Output, has_symbols, wants_colour

from . import samples
from .samples import Stream


def rendered(*, json: bool = False, quiet: bool = False) -> tuple[str, str]:
    out, err = Stream(), Stream()
    console = Console(Output(out, samples.PLAIN), Output(err, samples.PLAIN))
    render = make_renderer(json=json, quiet=quiet, no_color=True, console=console)
    for activity in samples.ALL:
        render(activity)
    return out.written().decode(), err.written().decode()


def test_stdout_has_what_the_command_is_for_and_stderr_the_rest() -> None:
    out, err = rendered()
    assert "Ready!" in out
    assert "200   4.2 ms" in out
    assert [line.split()[-1] for line in err.splitlines()] == [
        *("away", "meanwhile.", "meanwhile.", "once.", "does.", "waited.", "word", "unfinished."),
    ]


def test_with_json_every_line_of_stdout_is_an_object() -> None:
    out, err = rendered(json=True)
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines())
    assert len(out.splitlines()) == len(samples.ALL) - 3
    assert err.splitlines()[1:] == ["a word", "Stopped: 5 forwarded, 3 succeeded, 2 failed. 1 unfinished."]


def test_quiet_shows_failures_alone_and_is_ready_on_stderr() -> None:
    out, err = rendered(quiet=True)
    assert [line.split()[1] for line in out.splitlines() if line.startswith("14:")] == ["✗", "✗", "✗"]
    assert "Ready!" not in out
    assert err.startswith("Ready! http://127.0.0.1:7827 → http://localhost:3000/webhook\n")
    assert "Stopped" not in err


def test_quiet_json_keeps_the_ready_line_for_programs() -> None:
    out, _ = rendered(json=True, quiet=True)
    types = [json.loads(line).get("type") for line in out.splitlines()]
    assert types == [
        *("ready", "ready", "forwarded", "forwarded", None),
        *("disconnected", "reconnected", "reconnected", "down", "up"),
    ]


@pytest.mark.parametrize(
    ("terminal", "no_color", "env", "coloured"),
    [
        (True, False, {}, True),
        (False, False, {}, False),
        (True, True, {"FORCE_COLOR": "1"}, False),
        (True, False, {"NO_COLOR": "1"}, False),
        (True, False, {"NO_COLOR": ""}, True),
        (False, False, {"FORCE_COLOR": "1"}, True),
        (True, False, {"FORCE_COLOR": "0"}, False),
        (True, False, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (True, False, {"TERM": "dumb"}, False),
        (True, False, {"TERM": "xterm"}, True),
    ],
)
def test_colour_is_chosen_by_flag_environment_and_terminal(
    terminal: bool, no_color: bool, env: Mapping[str, str], coloured: bool
) -> None:
    assert wants_colour(Stream(terminal=terminal), env, no_color) is coloured


def test_each_stream_has_a_look_of_its_own() -> None:
    console = open_console(stdout=Stream(terminal=False), stderr=Stream(terminal=True), env={})
    assert (console.out.look.colour, console.err.look.colour) == (False, True)


@pytest.mark.parametrize(("encoding", "symbols"), [("utf-8", True), ("ascii", False), ("cp1252", False)])
def test_symbols_are_used_where_the_encoding_has_them(encoding: str, symbols: bool) -> None:
    assert has_symbols(Stream(encoding)) is symbols


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_character_that_the_encoding_lacks_is_escaped(errors: str) -> None:
    stream = Stream("ascii")
    stream.reconfigure(errors=errors)
    open_console(stdout=stream, env={}).out.line("Grüße \udc9b")
    assert stream.written() == b"Gr\\xfc\\xdfe \\udc9b\n"


def test_raw_bytes_pass_any_encoding_untouched() -> None:
    stream = Stream("ascii")
    Output(stream, Look()).raw_line("Grüße".encode())
    assert stream.written() == "Grüße\n".encode()


class ClosedPipe(Stream):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_closed_pipe_passes_up() -> None:
    render = make_renderer(json=False, quiet=False, no_color=True, console=open_console(stdout=ClosedPipe(), env={}))
    with pytest.raises(BrokenPipeError):
        render(samples.SUCCEEDED)


def shown_types(stream: Stream, look: Look) -> str:
    tables.event_types(((known.group, known.name, known.meaning) for known in types()), Output(stream, look))
    return stream.written().decode()


def test_the_table_of_types_is_tab_separated_for_programs() -> None:
    assert "boss.spawned\ta boss appears for the team\n" in shown_types(Stream(), Look())


@pytest.mark.parametrize("look", [Look(), Look(colour=True), Look(symbols=False)])
def test_the_table_of_types_has_all_of_them_on_a_terminal(look: Look) -> None:
    text = shown_types(Stream(terminal=True), look)
    assert all(known.name in text for known in types())
    assert ("\x1b[" in text) is look.colour


def test_rendering_lines_and_json_loads_neither_rich_nor_httpx() -> None:
    code = (
        "import sys; from cstar_cli.render.console import make_renderer;"
        "make_renderer(json=True, quiet=True, no_color=False);"
        "print([m for m in ('rich', 'httpx', 'click', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
