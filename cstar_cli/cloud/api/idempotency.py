"""`Idempotency-Key`: within 24 hours the same request under the same key gets the first one's answer again.

The store knows who is doing a request and what it was answered, so that equal requests to different nodes are done
once. The answer is kept before it goes out. Answers that may change by themselves (5xx, 429) aren't kept: the request
is done again when it next comes. Then, and when a node dies in the middle, handlers that make something find the first
one's seed in `request.state.seed`, and make their ids from it (see `seeding`): what exists already isn't made twice.

An answer with a secret that is shown once must not be stored. Its handler sets `request.state.shown_once`, and when the
request comes again makes the same from the seed and the caller's token.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cstar_cli.cloud.api.answers import ApiError, invalid
from cstar_cli.cloud.api.bodies import read_body
from cstar_cli.cloud.api.guard import away, identity_of, refuse
from cstar_cli.cloud.store.accounts import Begun, StoredAnswer
from cstar_cli.cloud.store.interface import Accounts, StoreUnavailable

HEADER = "Idempotency-Key"
WAIT_S = 30.0
PATIENCE_MS = 25_000  # below the longest wait: who waits for a node that has died takes over
PAUSES_S = (0.02, 0.05, 0.1, 0.2)
MOST_ANSWER_BYTES = 4 * 1024 * 1024

_KEY = re.compile(r"[!-~]{1,255}")


class Idempotency:
    """ASGI middleware: does a POST or PATCH with an `Idempotency-Key` once. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        app: ASGIApp,
        accounts: Accounts,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        new_seed: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        self._app = app
        self._accounts = accounts
        self._clock = clock
        self._sleep = sleep
        self._new_seed = new_seed
        self._under_way: dict[tuple[str, str], _UnderWay] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope.setdefault("state", {})["seed"] = None
        identity = identity_of(scope)
        given = Headers(scope=scope).getlist(HEADER)
        if identity is None or not given or scope["method"] not in ("POST", "PATCH"):
            return await self._app(scope, receive, send)
        try:
            asked = await _asked(identity.team_id, given, Request(scope, receive))
            begun = await self._begin(asked)
        except ApiError as error:
            return await refuse(error, scope, receive, send)
        except StoreUnavailable as error:
            return await refuse(away(error, identity), scope, receive, send)
        except ClientDisconnect:
            return
        scope["state"]["seed"] = begun.seed
        if begun.mine:
            await self._do(asked, scope, send)
        elif begun.answer and begun.answer.body:
            await _again(begun.answer)(scope, receive, send)
        else:
            await self._app(scope, _Body(asked.body), send)

    async def _begin(self, asked: "_Asked") -> Begun:
        """Return when the request is to be done here, or is answered. Raises ApiError, StoreUnavailable."""
        until = self._clock() + WAIT_S
        turn = 0
        while True:
            await self._wait_for_ours(asked, until)
            begun = await self._accounts.begin(
                asked.team_id, asked.key, asked.fingerprint, self._new_seed(), PATIENCE_MS
            )
            if begun.mine or (begun.same and begun.answer):
                return begun
            if not begun.same:
                raise _reused()
            if self._clock() >= until:
                raise _in_use()
            if asked.place not in self._under_way:
                await self._sleep(PAUSES_S[min(turn, len(PAUSES_S) - 1)])
            turn += 1

    async def _wait_for_ours(self, asked: "_Asked", until: float) -> None:
        """Wait for the same request where this node does it: it is alive, however long it takes."""
        while (ours := self._under_way.get(asked.place)) and ours.fingerprint == asked.fingerprint:
            try:
                async with asyncio.timeout(until - self._clock()):
                    await ours.ended.wait()
            except TimeoutError as error:
                raise _in_use() from error

    async def _do(self, asked: "_Asked", scope: Scope, send: Send) -> None:
        """Do the request to its end, whether or not the caller still waits; its answer goes out once it is kept."""
        answer = _Answer()
        try:
            with self._noted(asked):
                try:
                    await self._app(scope, _Body(asked.body), answer)
                    if answer.may_be_kept:
                        await self._keep(asked, answer, shown_once=scope["state"].get("shown_once", False))
                finally:
                    if not answer.is_kept:
                        with suppress(StoreUnavailable):  # then the next one waits until patience ends
                            await self._accounts.abandon(asked.team_id, asked.key)
        finally:
            for message in answer.messages if answer.is_complete else ():
                await send(message)

    async def _keep(self, asked: "_Asked", answer: "_Answer", shown_once: bool) -> None:
        body = b"" if shown_once else answer.body
        with suppress(StoreUnavailable):  # what was done is done: the caller is told so all the same
            await self._accounts.finish(asked.team_id, asked.key, StoredAnswer(answer.status, body))
            answer.is_kept = True

    @contextmanager
    def _noted(self, asked: "_Asked") -> Iterator[None]:
        ours = self._under_way[asked.place] = _UnderWay(asked.fingerprint)
        try:
            yield
        finally:
            if self._under_way.get(asked.place) is ours:
                del self._under_way[asked.place]
            ours.ended.set()


class _Asked(msgspec.Struct, frozen=True):
    """A request with its key; the fingerprint tells requests apart."""

    team_id: str
    key: str
    fingerprint: str
    body: bytes

    @property
    def place(self) -> tuple[str, str]:
        return self.team_id, self.key


class _UnderWay(msgspec.Struct, frozen=True):
    """A request that this node is doing."""

    fingerprint: str
    ended: asyncio.Event = msgspec.field(default_factory=asyncio.Event)


class _Body:
    """ASGI's `receive` for a body that has been read. Of the caller it tells no more, so that the work goes on."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body

    async def __call__(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Answer:
    """ASGI's `send` that holds the answer back."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.is_kept = False

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def is_complete(self) -> bool:
        return len(self.messages) > 1 and not self.messages[-1].get("more_body", False)

    @property
    def status(self) -> int:
        status: int = self.messages[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def may_be_kept(self) -> bool:
        if not self.is_complete:
            return False
        return self.status < 500 and self.status != 429 and 0 < len(self.body) <= MOST_ANSWER_BYTES


class _Meta(msgspec.Struct, frozen=True):
    requestId: str = ""


class _Said(msgspec.Struct):
    """What an answer says of itself, in the reference's two shapes."""

    meta: _Meta = _Meta()
    error: dict[str, str] = {}


async def _asked(team_id: str, given: list[str], request: Request) -> _Asked:
    key = ",".join(given)
    if not _KEY.fullmatch(key):
        raise invalid("parameter_invalid", f"{HEADER} must be 1 to 255 visible ASCII characters.", HEADER)
    body = await read_body(request)
    path: str = request.scope["path"]
    what = hashlib.sha256()
    for part in (request.method.encode(), path.encode("utf-8", "backslashreplace"), body):
        what.update(len(part).to_bytes(8, "big") + part)
    return _Asked(team_id, key, what.hexdigest(), body)


def _again(answer: StoredAnswer) -> Response:
    said = msgspec.json.decode(answer.body, type=_Said)
    headers = {
        "x-cstar-request-id": said.meta.requestId or said.error.get("request_id", ""),
        "idempotent-replayed": "true",
    }
    return Response(answer.body, answer.status, headers=headers, media_type="application/json")


def _reused() -> ApiError:
    message = f"This {HEADER} was used for another request within 24 hours: give each request its own."
    return invalid("idempotency_key_reused", message, HEADER, http_status=422)


def _in_use() -> ApiError:
    message = f"The first request with this {HEADER} is still being done: ask again for its answer."
    return ApiError(409, "invalid_request_error", "idempotency_key_in_use", message, HEADER, retry=True)
