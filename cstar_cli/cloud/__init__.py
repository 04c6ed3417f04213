"""The webhook service: embedded in `cstar listen`, or alone as `cstar cloud serve`. One code base.

    service.py   `Cloud`: the parts below, started and stopped together
    server.py    uvicorn on a socket that we bind, without its signal handlers
    running.py   the note that tells others who runs the cloud of this machine
    api/         HTTP and websocket in, records and JSON out; who may come in
    relay.py     drives one tunnel: pushes what is due, settles what comes back
    sessions.py  who is connected, and the end of those who stay away
    store/       what is remembered

An event goes api → store (durable) → wake-up → relay → tunnel; its result comes back tunnel → relay → store, and wakes
whoever tails the log. Nothing is handed from api to relay but the wake-up: both look into the store.
"""
