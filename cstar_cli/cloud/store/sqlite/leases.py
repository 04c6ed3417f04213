"""What is under way: a table in memory, which changes with the transactions of the writer's connection.

One process owns the file, so that no lease needs to outlive it; and a claim writes nothing that has to be durable.
A lease that has run out stays until its delivery is claimed again, settled or given up: until then it may be settled.
"""

import sqlite3

import msgspec

LEASES_OF_AN_OPENING = 2**32

_TABLES = """
PRAGMA temp_store = MEMORY;
CREATE TEMP TABLE leases (
    lease INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    target TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    UNIQUE (target, seq)
);
CREATE TEMP TABLE next_lease (lease INTEGER NOT NULL);
"""
# Of a delivery `d`, at the time `:now_ms`.
UNLEASED = (
    "NOT EXISTS (SELECT 1 FROM temp.leases l WHERE l.target = d.target AND l.seq = d.seq AND l.until_ms > :now_ms)"
)


def begin(connection: sqlite3.Connection) -> None:
    """Make the table; its leases are greater than any before."""
    connection.executescript(_TABLES)
    connection.execute("UPDATE openings SET number = number + 1")
    connection.execute("INSERT INTO next_lease SELECT number * ? FROM openings", (LEASES_OF_AN_OPENING,))


def next_lease(connection: sqlite3.Connection) -> int:
    (lease,) = connection.execute("SELECT lease FROM next_lease").fetchone()
    return int(lease)


def add(connection: sqlite3.Connection, first_lease: int, target: str, seqs: list[int], until_ms: int) -> None:
    """Lease deliveries to a target, from that number on; a lease that one of them had is over."""
    connection.execute(
        "INSERT OR REPLACE INTO temp.leases (lease, seq, target, until_ms)"
        " SELECT ? + key, value, ?, ? FROM json_each(?)",
        (first_lease, target, until_ms, msgspec.json.encode(seqs).decode()),
    )
    connection.execute("UPDATE next_lease SET lease = ?", (first_lease + len(seqs),))


def end(connection: sqlite3.Connection, seqs_json: str) -> None:
    """End the leases that deliveries of these numbers may have."""
    connection.execute(
        "DELETE FROM temp.leases WHERE lease IN (SELECT l.lease FROM json_each(?) g CROSS JOIN deliveries d"
        " ON d.seq = g.value CROSS JOIN temp.leases l ON l.target = d.target AND l.seq = d.seq)",
        (seqs_json,),
    )


def is_live(connection: sqlite3.Connection, delivery_id: str, now_ms: int) -> bool:
    """Say whether the delivery is under way."""
    (live,) = connection.execute(
        f"SELECT NOT {UNLEASED} FROM deliveries d WHERE id = :id", {"id": delivery_id, "now_ms": now_ms}
    ).fetchone()
    return bool(live)
