"""Posts one signed event to one URL, and says what came of it: the only place that does.

    Target.parse(url) ─┐
                       ├─► Sender.post(target, headers, body, timeout_s) ─► Outcome
    headers and body ──┘

A small HTTP/1.1 client with nothing in it that a delivery doesn't need: no redirects, no proxies, no cookies, no
decompression, TLS always verified.

    client      Sender: a pooled connection or a new one, one exchange, an Outcome
    ├── request     the bytes of one POST
    ├── posting     one post under way, without a task where a connection is kept
    ├── trickle     a request sent in pieces, for those who try out a receiver
    ├── verdict     how an exchange failed, in words
    ├── pool        idle keep-alive connections, by origin
    ├── connect     name → addresses → those that are allowed → TCP and TLS, each address in turn
    │   └── resolve     name lookups off the loop, equal ones shared
    └── connection  one socket: writes a request, feeds a reader, keeps the deadline
        ├── deadlines   one timer for the exchanges of all connections
        └── answer      one answer as it comes in, and its limits
            ├── parse             picks the reader that this platform has
            ├── parse_httptools   in C
            └── parse_h11         in plain Python

    guard       which addresses a service may post to

Rules that hold everywhere:

- One deadline for the whole exchange: name lookup, connecting, TLS, sending, headers, body. Monotonic clock.
- A receiver can cost memory only up to the limits in `answer`; past one, the connection is cut.
- Whatever the network or the receiver does becomes an Outcome, never an exception. A ValueError is a bug of the caller.
- An address is allowed or denied at connect, after the lookup: the one that is checked is the one connected to.
- A reused connection that closes before the first byte of an answer was stale: the same post goes again at once, on a
  new connection, and counts no attempt.
- A connection goes back to the pool only when both sides are done with it; otherwise it is aborted, not closed, since
  closing would wait for a receiver that doesn't read.
"""
