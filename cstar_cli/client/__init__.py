"""The cloud's HTTP API as the CLI sees it: one `ApiClient` for one team of one cloud.

    wire      the seam: a Request goes out, a Reply comes in, or the answer is Lost
    plain     requests over http://, on a socket of our own: it loads in a tenth of httpx's time
    http      requests over https://: the one import of httpx
    answers   the API's answers as structs; a refusal → the CstarError a user can act on
    api       ApiClient: create_event, get, post, patch, delete, records (all pages), tail; waits where the cloud says
              "later", and asks again under the same `Idempotency-Key` where an answer was lost
    tail      TailQuery and follow(): the attempts of the cloud's log, across cuts, without gap or repeat
    waiting   the deliveries of some events, followed until each has its outcome or the time is up
    connect   the ApiClient of this machine's profile

    connect() ─► ApiClient ─► create_event() ─► Accepted
                     └──────► follow() ─► Attempted | Notice ─► await_outcomes()

Clock, sleep and randomness come in as `Edges`. Import the modules, late: this package loads nothing.
"""
