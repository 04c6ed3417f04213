"""ApiClient: requests to one team's API, answered, refused or put off."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import msgspec

from cstar_cli.activity import Accepted
from cstar_cli.backoff import retry_after_s
from cstar_cli.client.answers import CreatedEvent, Health, Shape, decode, foreign, refusal, unreachable
from cstar_cli.client.http import CONNECT_TIMEOUT_S, httpx, open_client
from cstar_cli.errors import CloudUnreachable, CstarError

_MAX_WAITS = 5
_MAX_WAIT_S = 60
_DEFAULT_WAIT_S = 1


@dataclass(frozen=True, slots=True)
class Edges:
    """What the client takes from the world; `say` tells the user something, beside the output."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]
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
        body = self._ask("POST", "/events", content=request, headers={"Content-Type": "application/json"})
        created = decode(body, CreatedEvent, self.api_base)
        return Accepted(
            event_id=created.event.id,
            event_type=created.event.type,
            delivery_ids=tuple(delivery.id for delivery in created.deliveries),
            line=msgspec.json.format(body, indent=-1),
        )

    def health(self) -> Health:
        """Return how the cloud is."""
        return self.get("/health", {}, Health)

    def get(self, path: str, params: Mapping[str, str | int], shape: type[Shape]) -> Shape:
        """Return the `data` of any resource, in the given shape (`msgspec.Raw` for its JSON)."""
        return decode(self._ask("GET", path, params=params), shape, self.api_base)

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
        # h11 says so when the peer closes before a status line; all else it says means: that is no HTTP.
        if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
            return foreign(self.api_base, "it speaks no HTTP")
        return CloudUnreachable(
            f"The cloud at {self.api_base} went away before it answered ({type(error).__name__}): what was asked may "
            "have been done; see cstar logs tail."
        )

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        for attempt in range(_MAX_WAITS + 1):
            try:
                response = self._http.request(method, path, params=dict(params or {}), content=content, headers=headers)
            except httpx.TransportError as error:
                raise self.unanswered(error) from error
            if response.is_success:
                return response.content
            # 429 means that nothing was done, whatever the method; after a 503 only a read is sure to be harmless.
            later = response.status_code == 429 or (response.status_code == 503 and method == "GET")
            if not later or "Retry-After" not in response.headers or attempt == _MAX_WAITS:
                break
            self._wait(response)
        raise refusal(response.status_code, response.content, self.api_base)

    def _wait(self, response: httpx.Response) -> None:
        wait_s = retry_after_s(response.headers["Retry-After"], _MAX_WAIT_S) or _DEFAULT_WAIT_S
        self.edges.say(f"The cloud is busy (HTTP {response.status_code}); trying again in {wait_s} s.")
        self.edges.sleep(wait_s)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Split at newlines alone: httpx's own iter_lines also splits at U+2028 and U+0085, which JSON may hold raw.

    Text after the last newline is a line cut off, and is dropped.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)
