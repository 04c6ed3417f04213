"""The cloud's HTTP and websocket face, on Starlette.

app.py         the routes
guard.py       who may come in: Host, Origin, bearer token
answers.py     the reference's answer and error shapes, request ids
parameters.py  what queries and bodies may say
views.py       records → JSON
events.py      POST and GET of events
deliveries.py  GET of deliveries and their attempts
tail.py        the live log
tunnel.py      the websocket of a listener
"""
