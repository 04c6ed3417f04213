"""The two ends between which every tool is measured, in this process and on this process's core.

    events.py    the event, and how a stream of numbered ones is made
    services.py  what each tool believes its service to be
    websocket.py a server's half of a websocket, without I/O
    receiver.py  the local server that the tools post to
    stage.py     both as servers, and the loads: so many in flight, so many a second, a burst
    crowd.py     listeners of ours by the thousand
    asking.py    requests to a node of ours
    rate.py      how many in how long

They do as little as can be done for one event, and the relay in C (`limit/relay.c`) shows how little that is.
"""
