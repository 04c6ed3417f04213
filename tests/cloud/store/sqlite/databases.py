"""Databases of SQLite that are migrated already: to migrate one waits for the disk longer than most tests take."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from cstar_cli.cloud.store.sqlite.connection import migrate


def migrated(path: Path) -> Path:
    """Make a database there as the migrations leave it, unless there is one; return its path."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        shutil.copyfile(_template(), path)
    return path


@functools.cache
def _template() -> Path:
    """A database that is migrated, to make others of."""
    folder = Path(tempfile.mkdtemp(prefix="cstar-sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate(folder / "template.db")
    return folder / "template.db"
