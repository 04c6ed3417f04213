"""The note that tells others who runs the cloud of this machine: which process, where, on which database."""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cstar_cli.config import Home
from cstar_cli.files import write_private


@dataclass(frozen=True, slots=True)
class RunningNote:
    """Left behind when a cloud dies, so check it against the cloud's own `/health` before you trust it."""

    pid: int
    address: str
    database: str
    embedded: bool


def write_note(home: Home, note: RunningNote) -> None:
    write_private(_path(home), json.dumps(asdict(note)) + "\n")


def read_note(home: Home) -> RunningNote | None:
    with contextlib.suppress(OSError, ValueError, TypeError):
        return RunningNote(**json.loads(_path(home).read_text("utf-8")))
    return None


def _path(home: Home) -> Path:
    return home.cloud / "running.json"
