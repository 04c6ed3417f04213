"""Many rows a statement."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache

from cstar_cli.cloud.store.sqlite import rows

# Rows a statement. Each step of a statement lets other threads run and then waits for its turn again: few are better.
_CHUNKS = (64, 16, 4, 1)


def insert(connection: sqlite3.Connection, into: str, given: Sequence[rows.Row]) -> None:
    """Insert rows that are all of one length."""
    for chunk in chunks(given):
        connection.execute(_insert(into, len(chunk[0]), len(chunk)), [value for row in chunk for value in row])


@cache
def _insert(into: str, columns: int, count: int) -> str:
    return f"{into} {values(columns, count)}"


def chunks(items: Sequence[rows.T]) -> Iterator[Sequence[rows.T]]:
    """Part them into the few lengths that statements are prepared for."""
    first = 0
    for length in _CHUNKS:
        while len(items) - first >= length:
            yield items[first : first + length]
            first += length


def values(columns: int, count: int) -> str:
    """Return the SQL of so many rows of parameters; they are called column1 and so on."""
    return "VALUES " + ", ".join([f"({', '.join('?' * columns)})"] * count)
