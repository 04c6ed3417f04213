"""The webhook service: embedded in `cstar listen`, or alone as `cstar cloud serve`. One code base.

    options.py     how a cloud runs, as plain data
    server.py      a node: all of the below, started and stopped together, behind uvicorn on a socket that we bind
    service.py     `Cloud`: what of a node the API works with
    running.py     the note that tells others who runs the cloud of this machine
    api/           HTTP and websocket in, records and JSON out; who may come in
    relay.py       drives one tunnel: opens its session and keeps it to the end (lifetime.py)
    exchange.py    what goes through an open tunnel: pushes what is due, settles what comes back
    pushing.py     reads what is due, once for all tunnels that were woken together
    outbox.py      what waits to be sent to a listener; results.py, what it has said and is to be stored
    node.py        `Node`: what tunnels share, such as one heartbeat for all (beat.py)
    working.py     a task that is there while there is something to do, and goes on when something breaks
    sessions.py    who is connected to this node, and the end of those who stay away
    dispatcher.py  delivers to webhooks: claims what is due; posting.py, settling.py, retries.py are its steps
    upkeep.py      what a node does now and then: lost sessions, retention
    observing.py   what is counted (metrics.py) and logged (logs.py) of each attempt
    store/         what is remembered

An event goes api → store (durable) → wake-up → relay → tunnel; its result comes back tunnel → relay → store, and wakes
whoever tails the log. On its way to a webhook the dispatcher stands for relay and tunnel. Nothing is handed from api to
relay or dispatcher but the wake-up: all look into the store, and so it doesn't matter on which node each of them is.
"""
