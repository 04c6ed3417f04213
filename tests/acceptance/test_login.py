"""A key typed in a real terminal."""

import json
from pathlib import Path

from ..processes import CSTAR, Env, RunCstar, StartServing
from .terminal import Terminal


def test_a_typed_key_is_not_shown(cstar: RunCstar, serving: StartServing, home: Env, tmp_path: Path) -> None:
    serving()
    key = json.loads(cstar("cloud", "keys", "create", "--json").stdout)["key"]
    with Terminal([*CSTAR, "login"], home, tmp_path) as window:
        window.read_until("API key: ")
        window.press(key.encode() + b"\n")
        shown = window.read_until("profile default")
        assert window.wait() == 0
    assert "Logged in to" in shown
    assert key not in shown


def test_ctrl_c_at_the_question_keeps_nothing(home: Env, tmp_path: Path) -> None:
    with Terminal([*CSTAR, "login"], home, tmp_path) as window:
        window.read_until("API key: ")
        window.press(b"\x03")
        assert window.wait() == 130
    assert not (Path(home["CSTAR_HOME"]) / "profiles").exists()
