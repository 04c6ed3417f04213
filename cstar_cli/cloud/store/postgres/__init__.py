"""The driver of a service: one database, any number of nodes, asyncpg.

    driver.py         `PostgresStore`: the interface over the parts below
    migrating.py      the schema, under a lock that all nodes share
    connection.py     connections, and what their errors become
    database.py       a pool: questions, and changes that are durable when they answer
    batcher.py        group commit: changes of one kind, many a transaction
    bus.py            LISTEN, NOTIFY and the heartbeat
    polling.py        the backstop of the bus
    appending.py      events; making.py their deliveries; recording.py attempts
    sessions.py       sessions: opened, left, lost, settled; opening.py with what came before them; meeting.py
    webhooks.py       registered URLs
    queue.py          deliveries to webhooks: claiming.py, settling.py, and what people ask: interventions.py
    accounts.py       API keys, limits, answers to ask for again
    reads.py, log.py  questions; listing.py lists that are flat whatever their filter; cursor.py a place in the log
    upkeep.py         retention, caps, figures

What an outcome changes of a delivery is in no index of `deliveries`: what hasn't succeeded is in `undelivered` as well,
which triggers keep, and is found there.

All times are the database's (`now_ms()`), all topics are told after the commit. Rows are locked in one order, so that
two changes seldom wait for each other: deliveries by number, then their places in the queue, then webhooks; when the
database breaks a tie all the same, the change is made again.
"""
