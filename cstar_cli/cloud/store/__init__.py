"""What the cloud remembers, behind one interface.

    interface.py   `Store`, and what each driver promises
    records.py     events, deliveries, attempts and sessions, as plain data
    webhooks.py    registered URLs and the queue of deliveries to them, as plain data
    accounts.py    API keys, request windows and kept answers, as plain data
    queries.py     what a caller may ask of the log
    reasons.py     why a delivery was stopped or can't be what was asked, in words
    skipping.py    how a backlog is ended, in batches
    meeting.py     which sessions are told of each other
    lately.py      what a new session's listener could have had before it
    targets.py     whom an event goes to, and the deliveries that this makes
    wakeups.py     who is woken when something is committed
    sqlite/        the embedded driver

An event, its deliveries and its sequence are one transaction; what the API answered 2xx to is durable.
A cursor is a place in the log's order of commits, so a reader that goes on after the last one seen misses nothing;
only the store that made it knows what it says.
"""
