"""Connections to the file: pragmas, and migrations in their order."""

import os
import sqlite3
from pathlib import Path

from cstar_cli.cloud.store.sqlite import leases
from cstar_cli.errors import CstarError

# What the ends of all indexes need, and as much between two checkpoints that a page is written to the file once.
CACHE_KIB = 16 * 1024
PAGES_A_CHECKPOINT = 4000

APPLICATION_ID = int.from_bytes(b"cstr")  # in the file's header: this database is ours


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the one read-write connection and bring the schema up to date."""
    connection, _ = _open_migrated(path)
    try:
        leases.begin(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(path: Path) -> list[str]:
    """Bring the schema up to date, and return the names of the migrations that were missing."""
    connection, applied = _open_migrated(path)
    connection.close()
    return applied


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that can't change anything."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _open_migrated(path: Path) -> tuple[sqlite3.Connection, list[str]]:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_A_CHECKPOINT}")
        applied = _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection, applied


def _migrate(connection: sqlite3.Connection, path: Path) -> list[str]:
    """Apply the migrations that the file hasn't had, all or none; the file's `user_version` counts them."""
    scripts = sorted(Path(__file__).with_name("migrations").glob("*.sql"))
    (owner,), (tables,), (applied,) = (
        connection.execute(question).fetchone()
        for question in ("PRAGMA application_id", "SELECT count(*) FROM sqlite_schema", "PRAGMA user_version")
    )
    if owner != APPLICATION_ID and tables:
        raise CstarError(f"{path} is another program's database: give the path of one that cstar may make.")
    if applied > len(scripts):
        raise CstarError(f"{path} was made by a newer cstar: upgrade this one, or choose another --database.")
    missing = scripts[applied:]
    if missing:  # one commit: each waits for the disk
        statements = "\n".join(script.read_text("utf-8") for script in missing)
        marks = f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {len(scripts)};"
        connection.executescript(f"BEGIN;\n{statements}\n{marks}\nCOMMIT;")
    return [script.stem for script in missing]
