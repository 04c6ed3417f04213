"""A database of another program is left as it is."""

import sqlite3
from pathlib import Path

import pytest

from cstar_cli.cloud.store.sqlite.driver import SqliteStore
from cstar_cli.errors import CstarError


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    with pytest.raises(CstarError, match="another program's database"):
        SqliteStore.open(path, lambda: 0)
    assert [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")] == ["mine"]
    connection.close()
