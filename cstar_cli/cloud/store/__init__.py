"""What the cloud remembers, behind one interface.

    records.py     what is stored, as plain data
    interface.py   `Store`, and what each driver promises
    wakeups.py     who is woken when something is committed
    queries.py     what a caller may ask of the log
    sqlite/        the embedded driver

An event, its deliveries and its sequence are one transaction; what the API answered 2xx to is durable.
A cursor is a place in the log's order of commits, so a reader that goes on after the last one seen misses nothing;
only the store that made it knows what it says.
"""
