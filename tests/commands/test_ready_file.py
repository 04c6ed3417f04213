"""The file that tells scripts of readiness: when it is there, and what it never replaces."""

import json
import os
from pathlib import Path

import pytest

from cstar_cli.commands.ready_file import ReadyFile
from cstar_cli.errors import CstarError


def test_it_is_there_from_when_it_is_written_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "ready"
    with ReadyFile(path) as file:
        assert not path.exists()
        file.write({"session_id": "ses_1"})
        assert json.loads(path.read_text()) == {"session_id": "ses_1", "pid": os.getpid()}
        file.write({"session_id": "ses_2"})
        assert json.loads(path.read_text())["session_id"] == "ses_2"
    assert list(tmp_path.iterdir()) == []


def test_an_end_before_it_was_ready_leaves_nothing(tmp_path: Path) -> None:
    with ReadyFile(tmp_path / "ready"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_that_a_killed_run_has_left_is_gone_before_it_is_ready(tmp_path: Path) -> None:
    path = tmp_path / "ready"
    for left in ('{"session_id": "ses_0", "pid": 7}\n', ""):  # mktemp makes an empty one
        path.write_text(left)
        with ReadyFile(path):
            assert not path.exists()


def test_a_file_of_the_users_is_not_taken_for_one(tmp_path: Path) -> None:
    for text in ("PORT=3000\n", '{"name": "shop"}\n', "[1]", "\udce4"):
        path = tmp_path / "theirs"
        path.write_text(text, errors="surrogateescape")
        with pytest.raises(CstarError, match=f"{path} holds something else. Name another"), ReadyFile(path):
            pass
        assert path.read_text(errors="surrogateescape") == text


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(CstarError, match="it is not a file"), ReadyFile(path):
        pass
    assert path.is_fifo()


def test_what_another_has_written_there_since_stays(tmp_path: Path) -> None:
    path = tmp_path / "ready"
    with ReadyFile(path) as file:
        file.write({"session_id": "ses_1"})
        path.write_text("another's")
    assert path.read_text() == "another's"


@pytest.mark.parametrize("name", ["missing/ready", "."])
def test_one_that_cannot_be_written_is_told_at_the_start(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(CstarError, match=f"Can't write --ready-file {path}: "), ReadyFile(path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_without_a_path_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ReadyFile(None) as file:
        file.write({"session_id": "ses_1"})
        assert list(tmp_path.iterdir()) == []
