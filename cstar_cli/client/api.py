"""ApiClient: requests to one team's API, answered, refused or put off."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from cstar_cli.activity import Accepted
from cstar_cli.backoff import retry_after_s
from cstar_cli.client.answers import (
    CreatedEvent,
    Health,
    Identified,
    Listing,
    Shape,
    decode,
    foreign,
    read,
    refusal,
    unreachable,
)
from cstar_cli.client.wire import Cut, Lost, NoConnection, NoHttp, Reply, Request, Wire, wire_to
from cstar_cli.errors import CloudUnreachable, CstarError

if TYPE_CHECKING:
    from cstar_cli.resources import Identity

# How long a command waits for a busy cloud, all in all: whoever is put off for longer is told so at once.
_PATIENCE_S = 120
_MAX_WAITS = 5
# A cloud that takes longer to say how it is, isn't well.
_HEALTH_S = 5.0
_DEFAULT_WAIT_S = 1
_PAGE_SIZE = 100
_JSON = {"Content-Type": "application/json"}
_KEY = "Idempotency-Key"
_ORIGIN = "X-CStar-Origin"


class Edges(msgspec.Struct, frozen=True):
    """What the client takes from the world; `say` tells the user something, beside the output.

    `new_key` makes what tells a request from all others: sent again, it is the same request.
    """

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]
    new_key: Callable[[], str]
    say: Callable[[str], None]


class ApiClient:
    """One team's API on one cloud.

    Every method raises CloudUnreachable, NotAllowed, UsageError (the cloud finds the request invalid) or CstarError.
    """

    def __init__(
        self,
        api_base: str,
        team_id: str,
        token: str,
        edges: Edges,
        wire: Wire | None = None,
        origin: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`origin` is asked which machine triggers, when something is triggered."""
        self.api_base = api_base
        self.edges = edges
        self._origin = origin
        self._team_url = f"{api_base}/api/v1/teams/{team_id}"
        self._wire = wire or wire_to(api_base, token, edges.monotonic)

    def __enter__(self) -> "ApiClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wire.close()

    def create_event(self, request: bytes) -> Accepted:
        """Post `{"type", "data"?, "custom"?}`; the event is durable when this returns."""
        body = self._ask(Request("POST", self._url("/events"), {**_JSON, **self._from_here()}, request))
        created = decode(body, CreatedEvent, self.api_base)
        return Accepted(
            event_id=created.event.id,
            event_type=created.event.type,
            delivery_ids=tuple(delivery.id for delivery in created.deliveries),
            line=msgspec.json.format(body, indent=-1),
            away=sum(delivery.target_away for delivery in created.deliveries),
            webhooks=sum(delivery.target.startswith("whk_") for delivery in created.deliveries),
        )

    def health(self) -> Health:
        """Return how the cloud is."""
        request = Request("GET", self._url("/health"), {}, silence_s=_HEALTH_S)
        return decode(self._ask(request), Health, self.api_base)

    def whoami(self) -> "Identity":
        """Return whom the cloud takes us for."""
        from cstar_cli.resources import Identity

        return decode(self._ask(Request("GET", f"{self.api_base}/api/v1/whoami", {})), Identity, self.api_base)

    def get(self, path: str, params: Mapping[str, str | int], shape: type[Shape]) -> Shape:
        """Return the `data` of any resource, in the given shape (`msgspec.Raw` for its JSON)."""
        return decode(self._ask(Request("GET", self._url(path, params), {})), shape, self.api_base)

    def records(self, path: str, params: Mapping[str, str | int], most: int | None = None) -> Iterator[msgspec.Raw]:
        """Yield a list's records, at most so many; one that newer ones push to a later page meanwhile comes once."""
        seen: set[str] = set()
        size = min(most or _PAGE_SIZE, _PAGE_SIZE)
        for number in count(1):
            url = self._url(path, {**params, "page": number, "pageSize": size})
            body = self._ask(Request("GET", url, {}))
            listing = read(body, Listing, self.api_base)
            for record in listing.data:
                record_id = read(record, Identified, self.api_base).id
                if record_id not in seen:
                    seen.add(record_id)
                    yield record
                if len(seen) == most:
                    return
            if not (listing.pagination.has_more and listing.data):
                return

    def post(self, path: str, request: object, shape: type[Shape]) -> Shape:
        """Return the `data` of what the cloud has made or done; a lost answer is asked for again."""
        return self._change("POST", path, request, shape)

    def patch(self, path: str, request: object, shape: type[Shape]) -> Shape:
        """Return the `data` of what has changed; a lost answer is asked for again."""
        return self._change("PATCH", path, request, shape)

    def delete(self, path: str, shape: type[Shape]) -> Shape:
        """Return the `data` of what the cloud says to a deletion."""
        return decode(self._ask(Request("DELETE", self._url(path), {})), shape, self.api_base)

    @contextmanager
    def tail(self, params: Mapping[str, str | int], silence_s: float) -> Iterator[Iterator[bytes]]:
        """Open the tail once; yields its lines. Raises Lost when it is cut or silent for too long."""
        request = Request("GET", self._url("/deliveries/tail", params), {}, silence_s=silence_s)
        with self._wire.open(request) as reply:
            if reply.status != 200:
                raise refusal(reply.status, _body(reply), self.api_base)
            kind = reply.header("content-type")
            if not kind.startswith("application/x-ndjson"):
                raise foreign(self.api_base, kind or "no Content-Type")
            yield _lines(reply.chunks())

    def unanswered(self, error: Lost) -> CstarError:
        """Return the error for a request that got no answer."""
        if isinstance(error, NoConnection):
            return unreachable(self.api_base, str(error))
        if isinstance(error, NoHttp):
            return foreign(self.api_base, "it speaks no HTTP")
        return CloudUnreachable(
            f"The cloud at {self.api_base} went away before it answered ({error}): what was asked may have been done; "
            "see cstar logs tail."
        )

    def _url(self, path: str, params: Mapping[str, str | int] | None = None) -> str:
        return f"{self._team_url}{path}?{urlencode(params)}" if params else self._team_url + path

    def _from_here(self) -> Mapping[str, str]:
        origin = self._origin()
        return {} if origin is None else {_ORIGIN: origin}

    def _change(self, method: str, path: str, content: object, shape: type[Shape]) -> Shape:
        headers = {**_JSON, _KEY: self.edges.new_key(), **(self._from_here() if method == "POST" else {})}
        request = Request(method, self._url(path), headers, msgspec.json.encode(content))
        return decode(self._ask(request), shape, self.api_base)

    def _ask(self, request: Request) -> bytes:
        """Return the body of a success. With a key, the cloud does the request once however often it comes."""
        keyed = _KEY in request.headers
        cut: Cut | None = None
        patience_s = _PATIENCE_S
        for attempt in range(_MAX_WAITS + 1):
            try:
                with self._wire.open(request) as reply:
                    body = _body(reply)
            except Lost as error:
                if cut or not keyed or not isinstance(error, Cut) or attempt == _MAX_WAITS:
                    raise self.unanswered(cut or error) from error
                cut = error
                self.edges.sleep(_DEFAULT_WAIT_S)
                continue
            if 200 <= reply.status < 300:
                return body
            # 429 means that nothing was done; after a 503 only what may be done twice is sure to be harmless.
            later = reply.status == 429 or (reply.status == 503 and (keyed or request.method != "POST"))
            asks = reply.header("retry-after")
            wait_s = retry_after_s(asks, _PATIENCE_S + 1) or _DEFAULT_WAIT_S
            patience_s -= wait_s
            if not later or not asks or patience_s < 0 or attempt == _MAX_WAITS:
                break
            self.edges.say(f"The cloud is busy (HTTP {reply.status}); trying again in {wait_s} s.")
            self.edges.sleep(wait_s)
        raise refusal(reply.status, body, self.api_base)


def _body(reply: Reply) -> bytes:
    return b"".join(reply.chunks())


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Split at newlines alone: `splitlines` also splits at U+2028 and U+0085, which JSON may hold raw.

    Text after the last newline is a line cut off, and is dropped.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)
