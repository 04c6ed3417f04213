"""`listen` in a real terminal: what it shows there, Ctrl-C, a screen that nobody reads, a closed window."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..processes import CSTAR, Env, RunCstar, StartListening, StartServing
from ..receiver import Answer, StartReceiver
from .conftest import StartApi
from .terminal import COLUMNS, Terminal

StartTerminal = Callable[..., Terminal]

CTRL_C = b"\x03"
SGR = re.compile(r"\x1b\[[0-9;]*m")
# Escape, an OSC 52 that fills the clipboard, C1, and what reorders a line.
HOSTILE = "\x1b[31mred\x1b]52;c;ZXZpbA==\x07\u009b2J\u202egnp.exe\u2066\r\nX: y"


@pytest.fixture
def terminal(home: Env, tmp_path: Path) -> Iterator[StartTerminal]:
    with ExitStack() as started:

        def start(*command: str, variables: Env | None = None) -> Terminal:
            return started.enter_context(Terminal([*CSTAR, *command], {**home, **(variables or {})}, tmp_path))

        yield start


def plain(text: str) -> str:
    return SGR.sub("", text)


def test_lines_are_coloured_and_fit_into_eighty_columns(
    terminal: StartTerminal, receiver: StartReceiver, cstar: RunCstar
) -> None:
    window = terminal("listen", "-f", receiver().url)
    window.read_until("Ready!")
    for event_type in ("ticket.created", "ticket.message_added", "achievement.unlocked"):
        cstar("trigger", event_type)
        window.read_until(event_type)
    window.read_until(" ms")
    window.press(CTRL_C)
    window.wait()
    attempts = [line for line in window.lines if "evt_" in line]
    assert len(attempts) == 3
    assert all("\x1b[32m200\x1b[0m" in line for line in attempts)
    assert all(len(plain(line)) <= COLUMNS for line in window.lines)


def test_ctrl_c_exits_130_with_a_summary(terminal: StartTerminal, receiver: StartReceiver, cstar: RunCstar) -> None:
    window = terminal("listen", "-f", receiver().url)
    window.read_until("Ready!")
    cstar("trigger", "ticket.created", "--wait")
    window.press(CTRL_C)
    assert window.wait() == 130
    assert "Stopped: 1 forwarded, 1 succeeded, 0 failed.\n" in "\n".join(window.lines)
    assert "Traceback" not in "".join(window.lines)


@pytest.mark.parametrize(
    ("options", "variables"),
    [(("--no-color",), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), ((), {"FORCE_COLOR": "0"})],
    ids=["--no-color", "NO_COLOR", "TERM=dumb", "FORCE_COLOR=0"],
)
def test_colours_can_be_refused(
    terminal: StartTerminal,
    receiver: StartReceiver,
    cstar: RunCstar,
    options: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    window = terminal("listen", "-f", receiver().url, *options, variables=variables)
    window.read_until("Ready!")
    cstar("trigger", "ticket.created", "--wait")
    window.press(CTRL_C)
    window.wait()
    assert any("evt_" in line for line in window.lines)
    assert b"\x1b" not in window.shown


def test_a_hostile_answer_does_not_reach_the_terminal(
    terminal: StartTerminal, receiver: StartReceiver, cstar: RunCstar
) -> None:
    window = terminal("listen", "-f", receiver(Answer(500, HOSTILE.encode())).url)
    window.read_until("Ready!")
    cstar("trigger", "ticket.created")
    shown = window.read_until("gnp.exe\\u2066")
    assert "\\x1b[31mred\\x1b]52;c;ZXZpbA==\\x07\\x9b2J\\u202e" in shown
    assert not set(plain(shown)) & set("\x1b\x07\u009b\u202e\u2066")


def test_a_hostile_event_does_not_reach_the_terminal(
    terminal: StartTerminal, listening: StartListening, receiver: StartReceiver, cstar: RunCstar
) -> None:
    hostile_url = f"{receiver(Answer(500)).url}?a=%1b[31m"
    listening("-f", hostile_url)
    cstar("trigger", "ticket.created", "--wait")
    window = terminal("logs", "tail", "--no-follow")
    window.wait()
    assert not set(plain("".join(window.lines))) & set("\x1b\x07")


def test_quiet_shows_that_it_is_ready_and_failures_alone(
    terminal: StartTerminal, receiver: StartReceiver, cstar: RunCstar, home: Env
) -> None:
    app = receiver()
    window = terminal("listen", "-f", app.url, "--quiet")
    window.read_until("Ready!")
    cstar("trigger", "ticket.created", "--wait")
    app.answer = Answer(500)
    cstar("trigger", "ticket.closed", "--wait")
    window.read_until("500")
    window.press(CTRL_C)
    assert window.wait() == 130
    shown = [plain(line) for line in window.lines if line.strip("^C")]
    assert shown[0] == f"Ready! {home['CSTAR_API_BASE']} \u2192 {app.url}"
    assert " ticket.closed " in shown[1]
    assert not any("ticket.created" in line for line in shown)


def test_closing_the_window_ends_it_and_its_session(
    serving: StartServing, terminal: StartTerminal, receiver: StartReceiver, api: StartApi
) -> None:
    serving()
    window = terminal("listen", "-f", receiver().url)
    window.read_until("Ready!")
    cloud = api()
    assert cloud.post_event("ticket.created")["deliveredTo"] == 1
    window.close()
    assert window.wait() in (1, 130, -signal.SIGHUP)
    assert cloud.post_event("ticket.created")["deliveredTo"] == 0


def test_a_screen_that_nobody_reads_holds_up_no_forwarding(
    serving: StartServing, terminal: StartTerminal, receiver: StartReceiver, api: StartApi
) -> None:
    serving()
    app = receiver()
    window = terminal("listen", "-f", app.url)
    window.read_until("Ready!")
    cloud = api()
    for _ in range(600):  # nobody reads the window: more than its buffer holds
        cloud.post_event("ticket.created")
    app.wait_for(600)
    window.press(CTRL_C)
    assert window.wait() == 130
    assert "Stopped: 600 forwarded, 600 succeeded, 0 failed.\n" in "\n".join(window.lines)
