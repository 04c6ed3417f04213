"""What fixtures of one's own are called, by the files alone: completion asks at every press of a key."""

import re
from collections.abc import Iterable
from pathlib import Path

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def own_names(folders: Iterable[Path]) -> list[str]:
    """Return the names that have a file in one of the folders."""
    return sorted({name for folder in folders for name in _names_in(folder)})


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.stem for path in folder.glob("*.json") if NAME.fullmatch(path.stem)]
    except OSError:
        return []
