"""The embedded driver: one file, one process, stdlib sqlite3.

    driver.py      `SqliteStore`: the interface over the parts below
    lock.py        one process owns the file
    connection.py  pragmas, and migrations in their order
    writer.py      one thread writes, many changes a commit
    writes.py      the changes
    reads.py       the questions

One read-write connection lives on the writer's thread, so commits need no arbitration and SQLite's WAL-reset defect
(mended in 3.51.3) can't be met; readers are `query_only`.
"""
