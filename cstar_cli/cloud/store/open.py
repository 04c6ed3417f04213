"""Opens the store that a database's name stands for: a file, or the URL of a PostgreSQL database."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

from cstar_cli.cloud.store.interface import Store
from cstar_cli.errors import CstarError
from cstar_cli.files import make_folder

_SCHEMES = ("postgresql://", "postgres://")
_ACCOUNT = re.compile(r"([^:@/?#]*)(?::.*)?@([^@?#]*)")


def is_url(database: Path | str) -> bool:
    """Tell whether it is a PostgreSQL database's URL rather than a file."""
    return str(database).startswith(_SCHEMES)


def shown(database: Path | str) -> str:
    """Return it for people: without a password, and without the parameters, where one may stand too."""
    if not is_url(database):
        return str(database)
    scheme, _, rest = str(database).partition("://")
    # A password that isn't percent-encoded may hold anything.
    account = _ACCOUNT.match(rest)
    if account:
        return f"{scheme}://{account[1]}@{account[2]}"
    return f"{scheme}://{rest.partition('?')[0]}"


async def open_store(database: Path | str, *, now_ms: Callable[[], int], poll_s: float = 1.0) -> Store:
    """Open it for this process, migrated. A file goes by the clock handed in, a database by its own.

    Every `poll_s` a node of a database looks for what it wasn't told. Raises CstarError.
    """
    if is_url(database):
        _require_asyncpg()
        from cstar_cli.cloud.store.postgres.driver import PostgresStore

        return await PostgresStore.open(str(database), poll_s)
    from cstar_cli.cloud.store.sqlite.driver import SqliteStore

    path = Path(database)
    make_folder(path.parent)
    return SqliteStore.open(path, now_ms)


async def migrate(database: Path | str) -> list[str]:
    """Apply the migrations that it hasn't had, and return their names. Raises CstarError."""
    if is_url(database):
        _require_asyncpg()
        from cstar_cli.cloud.store.postgres import migrating

        return await migrating.migrate(str(database))
    from cstar_cli.cloud.store.sqlite.driver import SqliteStore

    make_folder(Path(database).parent)
    return SqliteStore.migrate(Path(database))


def _require_asyncpg() -> None:
    if importlib.util.find_spec("asyncpg") is None:
        raise CstarError("PostgreSQL needs asyncpg: pip install 'cstar-cli[postgres]'.")
