import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from cstar_cli.cloud.running import RunningNote, read_note, write_note
from cstar_cli.config import Home
from cstar_cli.errors import CstarError

NOTE = RunningNote(pid=7, address="http://127.0.0.1:7827", database="/tmp/é.db", embedded=True)


@pytest.mark.parametrize("database", ["/tmp/é.db", "/tmp/not utf-8: \udcff.db"])
def test_a_note_is_read_as_it_was_written(tmp_path: Path, database: str) -> None:
    home, note = Home(tmp_path / "home"), replace(NOTE, database=database)
    write_note(home, note)
    assert read_note(home) == note


def test_a_later_note_replaces_the_earlier(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_note(home, NOTE)
    write_note(home, RunningNote(8, "http://127.0.0.1:1", "x", False))
    note = read_note(home)
    assert note
    assert note.pid == 8


def test_without_a_note_there_is_none(tmp_path: Path) -> None:
    assert read_note(Home(tmp_path)) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"pid":1}', b'{"pid":1,"more":2}', b"\xff", b"7"])
def test_a_damaged_note_is_none(tmp_path: Path, text: bytes) -> None:
    home = Home(tmp_path)
    home.cloud.mkdir()
    (home.cloud / "running.json").write_bytes(text)
    assert read_note(home) is None


def test_a_note_is_its_owners_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_note(home, NOTE)
    assert stat.S_IMODE((home.cloud / "running.json").stat().st_mode) == 0o600


def test_a_note_that_cannot_be_written_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CstarError, match="Not a directory"):
        write_note(Home(tmp_path / "file"), NOTE)
