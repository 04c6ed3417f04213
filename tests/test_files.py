import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cstar_cli.errors import CstarError
from cstar_cli.files import make_folder, read, write_private


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("no_umask")
def test_a_replaced_file_becomes_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch(mode=0o666)
    write_private(path, "new")
    assert (mode(path), path.read_text()) == (0o600, "new")


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o755)
    make_folder(there)
    assert mode(there) == 0o755


def test_a_write_leaves_nothing_else_behind(tmp_path: Path) -> None:
    write_private(tmp_path / "file", "one")
    write_private(tmp_path / "file", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(CstarError, match="Make the folder writable, or set CSTAR_HOME"):
        write_private(tmp_path / "file", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_leftover_of_a_killed_process_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / f"file.{os.getpid()}.new").write_text("half")
    write_private(tmp_path / "file", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_is_no_text_is_told_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "cstar.toml"
    path.write_bytes(b"a = 1\n\x00\xff\n")
    with pytest.raises(CstarError, match=r"cstar\.toml: line 2 is no text in UTF-8\.$"):
        read(path)
