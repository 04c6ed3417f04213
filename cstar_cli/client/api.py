"""ApiClient: requests to one team's API, answered, refused or put off."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from types import TracebackType

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
from cstar_cli.client.http import CONNECT_TIMEOUT_S, httpx, open_client
from cstar_cli.errors import CloudUnreachable, CstarError
from cstar_cli.resources import Identity

# How long a command waits for a busy cloud, all in all: whoever is put off for longer is told so at once.
_PATIENCE_S = 120
_MAX_WAITS = 5
_DEFAULT_WAIT_S = 1
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Edges:
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
        self, api_base: str, team_id: str, token: str, edges: Edges, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.api_base = api_base
        self.edges = edges
        self._http = open_client(f"{api_base}/api/v1/teams/{team_id}", token, transport)

    def __enter__(self) -> "ApiClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def create_event(self, request: bytes) -> Accepted:
        """Post `{"type", "data"?, "custom"?}`; the event is durable when this returns."""
        body = self._ask("POST", "/events", content=request)
        created = decode(body, CreatedEvent, self.api_base)
        return Accepted(
            event_id=created.event.id,
            event_type=created.event.type,
            delivery_ids=tuple(delivery.id for delivery in created.deliveries),
            line=msgspec.json.format(body, indent=-1),
            webhooks=sum(delivery.target.startswith("whk_") for delivery in created.deliveries),
        )

    def health(self) -> Health:
        """Return how the cloud is."""
        return self.get("/health", {}, Health)

    def whoami(self) -> Identity:
        """Return whom the cloud takes us for."""
        return self.get(f"{self.api_base}/api/v1/whoami", {}, Identity)

    def get(self, path: str, params: Mapping[str, str | int], shape: type[Shape]) -> Shape:
        """Return the `data` of any resource, in the given shape (`msgspec.Raw` for its JSON)."""
        return decode(self._ask("GET", path, params=params), shape, self.api_base)

    def records(self, path: str, params: Mapping[str, str | int], most: int | None = None) -> Iterator[msgspec.Raw]:
        """Yield a list's records, at most so many; one that newer ones push to a later page meanwhile comes once."""
        seen: set[str] = set()
        size = min(most or _PAGE_SIZE, _PAGE_SIZE)
        for number in count(1):
            body = self._ask("GET", path, params={**params, "page": number, "pageSize": size})
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
        return decode(self._ask("DELETE", path), shape, self.api_base)

    @contextmanager
    def tail(self, params: Mapping[str, str | int], silence_s: float) -> Iterator[Iterator[bytes]]:
        """Open the tail once; yields its lines. Raises what httpx raises when it is cut or silent for too long."""
        timeout = httpx.Timeout(min(CONNECT_TIMEOUT_S, silence_s), read=silence_s)
        with self._http.stream("GET", "/deliveries/tail", params=dict(params), timeout=timeout) as response:
            if response.status_code != 200:
                raise refusal(response.status_code, response.read(), self.api_base)
            kind = response.headers.get("Content-Type", "")
            if not kind.startswith("application/x-ndjson"):
                raise foreign(self.api_base, kind or "no Content-Type")
            yield _lines(response.iter_bytes())

    def unanswered(self, error: httpx.TransportError) -> CstarError:
        """Return the error for a request that got no answer."""
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return unreachable(self.api_base, str(error))
        if isinstance(error, httpx.RemoteProtocolError) and not _is_cut(error):
            return foreign(self.api_base, "it speaks no HTTP")
        return CloudUnreachable(
            f"The cloud at {self.api_base} went away before it answered ({type(error).__name__}): what was asked may "
            "have been done; see cstar logs tail."
        )

    def _change(self, method: str, path: str, request: object, shape: type[Shape]) -> Shape:
        content = msgspec.json.encode(request)
        return decode(self._ask(method, path, content=content, key=self.edges.new_key()), shape, self.api_base)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        key: str | None = None,
    ) -> bytes:
        """Return the body of a success. With a `key`, the cloud does the request once however often it comes."""
        headers = {} if content is None else {"Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        cut: httpx.TransportError | None = None
        patience_s = _PATIENCE_S
        for attempt in range(_MAX_WAITS + 1):
            try:
                response = self._http.request(method, path, params=dict(params or {}), content=content, headers=headers)
            except httpx.TransportError as error:
                if cut or not key or not _is_cut(error) or attempt == _MAX_WAITS:
                    raise self.unanswered(cut or error) from error
                cut = error
                self.edges.sleep(_DEFAULT_WAIT_S)
                continue
            if response.is_success:
                return response.content
            # 429 means that nothing was done; after a 503 only what may be done twice is sure to be harmless.
            later = response.status_code == 429 or (response.status_code == 503 and (key or method != "POST"))
            wait_s = retry_after_s(response.headers.get("Retry-After", ""), _PATIENCE_S + 1) or _DEFAULT_WAIT_S
            patience_s -= wait_s
            if not later or "Retry-After" not in response.headers or patience_s < 0 or attempt == _MAX_WAITS:
                break
            self.edges.say(f"The cloud is busy (HTTP {response.status_code}); trying again in {wait_s} s.")
            self.edges.sleep(wait_s)
        raise refusal(response.status_code, response.content, self.api_base)


def _is_cut(error: httpx.TransportError) -> bool:
    """Say whether the connection went away under a request, instead of never coming or being silent for too long."""
    if isinstance(error, httpx.RemoteProtocolError):
        # h11 says so when the peer closes before a status line; all else it says means: that is no HTTP.
        return "disconnected" in str(error)
    return isinstance(error, httpx.NetworkError) and not isinstance(error, httpx.ConnectError)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Split at newlines alone: httpx's own iter_lines also splits at U+2028 and U+0085, which JSON may hold raw.

    Text after the last newline is a line cut off, and is dropped.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)
