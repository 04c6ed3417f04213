"""The note that tells others who runs the cloud of this machine: which process, where, on which database."""

import contextlib
import json
from pathlib import Path

import msgspec

from cstar_cli.config import Home
from cstar_cli.files import write_private


class RunningNote(msgspec.Struct, frozen=True):
    """Left behind when a cloud dies, so check it against the cloud's own `/health` before you trust it."""

    pid: int
    address: str
    database: str
    embedded: bool


def write_note(home: Home, note: RunningNote) -> None:
    # json takes the path of a database that isn't UTF-8, too
    write_private(_path(home), json.dumps(msgspec.structs.asdict(note)) + "\n")


def read_note(home: Home) -> RunningNote | None:
    with contextlib.suppress(OSError, ValueError):
        return msgspec.convert(json.loads(_path(home).read_bytes()), RunningNote)
    return None


def _path(home: Home) -> Path:
    return home.cloud / "running.json"
