"""The CLI's side of the tunnel: stay connected, forward what comes, send back what came of it.

    listener.py     `Listener`: forwards what comes, drains at the end
    link.py         `Link`: stays connected for ever, or becomes the cloud
    undecided.py    failed attempts, until the cloud has said whether another follows
    surroundings.py what they need from outside
    connection.py   dial, frames in and out; which failures are worth another try
    websocket.py    one websocket, over the sans-I/O core of websockets, which whole messages pass by:
    cutting.py        those that come; those that are sent are framed by cstar_cli/framing.py
    forwarder.py    one delivery: sign, post, result
    chaos.py        what becomes of which delivery under `--chaos`,
    meddling.py       and its being done
    headers.py      the headers of a forwarded event: ours, and the user's
    addresses.py    what `--forward-to` may say
    routes.py       which events go where, as settings files say
    limits.py       how much it may be asked for
    hints.py        what to do when the local URL can't be posted to,
    loopback.py       whether the other loopback address would have answered,
    containers.py     which machine `localhost` is within a container,
    tls_hints.py      what is wrong with the certificate

What to do next is decided in `protocol.listener`; here it is done.
"""
