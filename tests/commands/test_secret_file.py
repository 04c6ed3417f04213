"""`cstar listen --env-file`: the file on the disk; what is in it is the matter of `tests/test_envfile.py`."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from cstar_cli.commands.secret_file import checked_names, put_secret
from cstar_cli.errors import CstarError, UsageError

NAMES = ("CSTAR_WEBHOOK_SECRET",)
LINE = "CSTAR_WEBHOOK_SECRET=whsec_1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_its_owners_alone(file: Path) -> None:
    assert put_secret(file, NAMES, "whsec_1") == [f"Made {file} with CSTAR_WEBHOOK_SECRET."]
    assert (file.read_text(), mode(file)) == (LINE, 0o600)


def test_of_a_file_that_is_there_all_else_stays(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfA=\xc3\xa9\r\nexport CSTAR_WEBHOOK_SECRET='x' # y\r\nB=2")
    file.chmod(0o664)
    assert put_secret(file, NAMES, "whsec_1") == [f"Wrote CSTAR_WEBHOOK_SECRET to {file}."]
    assert file.read_bytes() == b"\xef\xbb\xbfA=\xc3\xa9\r\nexport CSTAR_WEBHOOK_SECRET='whsec_1' # y\r\nB=2"
    assert mode(file) == 0o664
    assert [each.name for each in file.parent.iterdir()] == [".env"]


def test_what_is_right_already_is_not_written(file: Path) -> None:
    file.write_text(LINE)
    before = file.stat()
    assert put_secret(file, NAMES, "whsec_1") == [f"{file} has CSTAR_WEBHOOK_SECRET already."]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_each_name_gets_the_secret(file: Path) -> None:
    put_secret(file, checked_names(["A", "B", "A"]), "whsec_1")
    assert file.read_text() == "A=whsec_1\nB=whsec_1\n"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_one_and_its_target_is_written(file: Path, tmp_path: Path, there: bool) -> None:
    shared = tmp_path / "shared.env"
    if there:
        shared.write_text("A=1\n")
    file.symlink_to("shared.env")
    put_secret(file, NAMES, "whsec_1")
    assert file.is_symlink()
    assert shared.read_text() == ("A=1\n" if there else "") + LINE


def test_what_is_no_file_is_left_as_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("", "pipe"):
        with pytest.raises(CstarError, match=r"it is not a file\. Correct --env-file"):
            put_secret(tmp_path / name, NAMES, "whsec_1")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CstarError, match=r"nowhere/\.env: there is no such folder\. Make it, or correct --env-file"):
        put_secret(tmp_path / "nowhere" / ".env", NAMES, "whsec_1")


def test_a_file_that_is_not_utf_8_is_left_as_it_is(file: Path) -> None:
    file.write_bytes(b"A=\xe9\n")
    with pytest.raises(CstarError, match="it is not UTF-8"):
        put_secret(file, NAMES, "whsec_1")
    assert file.read_bytes() == b"A=\xe9\n"


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B", "Ä"])
def test_what_no_variable_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a variable's name"):
        checked_names([name])


@pytest.mark.parametrize(("ignored", "told"), [("", True), (".env*\n", False)])
def test_a_file_that_git_would_take_is_told_of(file: Path, ignored: str, told: bool) -> None:
    subprocess.run(["git", "init", "--quiet", "."], cwd=file.parent, check=True)
    (file.parent / ".gitignore").write_text(ignored)
    warning = f"Git doesn't ignore {file}: name it in .gitignore."
    assert (warning in put_secret(file, NAMES, "whsec_1")) is told
