"""The tunnel's language: frames and two state machines. No I/O, no clock, no randomness.

    frames.py    what is said: message bytes ⇄ frames
    listener.py  the CLI's end: frames, results and ticks in; commands out
    ledger.py    what the CLI's end holds: deliveries, and how far each has come
    relay.py     the cloud's end: frames, deliveries and ticks in; commands out

heartbeat.py and standstill.py tell them when the other end, and when their own, is taken for dead.

Both ends are driven alike: something happens (`received`, `finished`, `tick`, …) and the machine answers with the
commands its owner must carry out, `Send` above all. Time is an argument, in seconds of a monotonic clock.
`docs/tunnel.md` tells the same for other languages.
"""
