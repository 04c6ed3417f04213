"""The embedded driver: one file, one process, stdlib sqlite3.

    driver.py      `SqliteStore`: the interface over the parts below
    lock.py        one process owns the file
    connection.py  pragmas, and migrations in their order
    writer.py      one thread writes, many changes a commit
    writes.py      events and their deliveries
    recording.py   attempts, as they come into the log
    chunks.py      many rows a statement
    sessions.py    the changes of sessions; opening.py with what came before them, meeting.py what a new one finds
    webhooks.py    registered URLs
    queue.py       deliveries to webhooks: `claiming.py`, `settling.py`, and `interventions.py` of people
    leases.py      which of them are under way: in memory, for the process that owns the file
    accounts.py    API keys, what they may still ask, answers to ask for again
    upkeep.py      what keeps a long-lived database in shape
    readers.py     threads that read
    reads.py       the questions of events, deliveries and sessions
    log.py         the questions about attempts
    listing.py     lists that are flat whatever their filter

One read-write connection lives on the writer's thread, so commits need no arbitration and SQLite's WAL-reset defect
(mended in 3.51.3) can't be met; readers are `query_only`.
"""
