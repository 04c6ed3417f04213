"""The cloud's HTTP and websocket face, on Starlette.

app.py         the ASGI application, from the table of routes and the middleware before it
routes.py      the table: every method, path and handler
operations.py  one row of it: reads the request into structs, wraps what the handler returns
openapi.py     the OpenAPI 3.1 document, from the same table and types

heads.py       heads of bounded size, before anything else
straight.py    the way past all that follows, for the plain requests that come most; straight_http.py its protocol
access_log.py  a line in the log and a count for each request
faults.py      what is answered when something of ours breaks
guard.py       who may come in, and to what: Host, Origin, team, read-only keys
identity.py    whose a token is
limits.py      how many requests a key may make
idempotency.py the first answer again, for the same `Idempotency-Key`
seeding.py     ids and secrets that are the same when a request is done again

answers.py     the reference's answer and error shapes, request ids
parameters.py  what queries may say
bodies.py      what bodies may say
views.py       what is answered about events and deliveries; webhook_views.py about webhooks

events.py      sending, looking up and resending events
deliveries.py  looking up, retrying and canceling deliveries
tail.py        the live log
webhooks.py    registered URLs
keys.py        API keys
status.py      who asks, who serves
probes.py      health, readiness and metrics, for anyone
sockets.py     who may open a websocket
handshake.py   its handshake, where that is plain
upgrading.py   any other, on uvicorn; from there on it is a tunnel's
tunnel.py      the websocket of a listener
"""
