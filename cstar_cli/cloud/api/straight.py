"""The straight way of what is asked most: to send an event, with nothing out of the ordinary about it.

Most requests of a busy cloud are alike: a key that is known already, an event type of the catalogue, data that msgspec
reads as JavaScript does. They are checked by the same guards, limits and shapes as all others, but each once, and
answered without a scope, a layer of middleware or a route. Whatever isn't so plain (and all that is to be refused) goes
the ordinary way, from its beginning: `asked`, `made` and `take` answer None then, and nothing has happened.

A client's heads are alike too, but for the length of the body: one that was read and found in order is remembered, and
with the same bytes it is in order again. Who asks is found out each time, for a key may be revoked.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import msgspec

from cstar_cli.cloud import logs
from cstar_cli.cloud.api import access_log, views
from cstar_cli.cloud.api.answers import JSON, failure, succeeded
from cstar_cli.cloud.api.faults import answer_to_fault
from cstar_cli.cloud.api.guard import TEAMS, Guard, away
from cstar_cli.cloud.api.identity import Identity
from cstar_cli.cloud.api.limits import Limits
from cstar_cli.cloud.api.origins import HEADER, is_origin
from cstar_cli.cloud.service import Cloud
from cstar_cli.cloud.store.interface import StoreUnavailable
from cstar_cli.cloud.store.records import Delivery
from cstar_cli.cloud.working import Worker
from cstar_cli.events import catalogue, quick
from cstar_cli.events.envelope import Event, build_event
from cstar_cli.events.fixtures import fixture
from cstar_cli.events.wires import DEFAULT, WireName

ROUTE = TEAMS + "{team_id}/events"
MAX_BODY_BYTES = 64 * 1024  # a larger one isn't held before the application asks for it

MOST_HEADS = 1024
MAX_HEAD_BYTES = 2048  # of those that are remembered

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,5})\r\n", re.IGNORECASE)
_URL = re.compile(rb"/api/v1/teams/([A-Za-z0-9._~-]+)/events")
_ORIGIN = HEADER.encode()
_SPECIAL = frozenset({b"origin", b"idempotency-key", b"transfer-encoding", b"upgrade", b"expect"})

Headers = Sequence[tuple[bytes, bytes]]


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    data: msgspec.Raw = msgspec.Raw()
    custom: bool = False
    wire: WireName = DEFAULT


_decode = msgspec.json.Decoder(_Given).decode


class Head(msgspec.Struct, frozen=True):
    """What of a plain head counts."""

    path: str
    team_id: str
    authorization: str
    origin: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """A request whose head is in order."""

    identity: Identity
    head: Head
    began: float


class Answer(msgspec.Struct, frozen=True):
    """What goes out; `head` has the lines of the headers, each with its end."""

    status: int
    request_id: str
    head: bytes
    body: bytes


class Sending(msgspec.Struct, frozen=True):
    """An event on its way into the store; `limit` is told of its key's limit, `reply` gets the answer."""

    asked: Asked
    event: Event
    limit: dict[str, str]
    reply: Callable[[Answer], None]


class Straight:
    """Decides which requests go the straight way, and answers them."""

    def __init__(self, cloud: Cloud, guard: Guard, limits: Limits) -> None:
        self._cloud = cloud
        self._guard = guard
        self._limits = limits
        self._heads: dict[bytes, Head] = {}
        self._gathered: list[Sending] = []
        self._storing = Worker("storing", self._store_gathered)

    def asked(self, method: bytes, url: bytes, headers: Headers) -> Asked | None:
        """Return the request, if its head is plain and whoever sends it is known and may."""
        found = _URL.fullmatch(url) if method == b"POST" else None
        said = dict(headers)
        if not found or len(said) < len(headers) or not _SPECIAL.isdisjoint(said):
            return None
        length = said.get(b"content-length", b"")
        if not length or len(length) > 5 or int(length) > MAX_BODY_BYTES:  # the HTTP parser lets only digits pass
            return None
        if not self._guard.is_ours(said.get(b"host", b"").decode("latin-1")):
            return None
        authorization = said.get(b"authorization", b"").decode("latin-1")
        origin = said[_ORIGIN].decode("latin-1") if _ORIGIN in said else None
        if origin is not None and not is_origin(origin):
            return None
        return self._asked(Head(url.decode(), found[1].decode(), authorization, origin))

    def recognised(self, data: bytes) -> tuple[Asked, bytes] | None:
        """Return the request and its body, if the bytes are one whole request with a head that is remembered."""
        end = data.find(_END)
        length = _LENGTH.search(data, 0, end + 2)
        if length is None or int(length[1]) != len(data) - end - 4 or int(length[1]) > MAX_BODY_BYTES:
            return None
        head = self._heads.get(_without(length, end))
        asked = self._asked(head) if head else None
        return (asked, data[end + 4 :]) if asked else None

    def remember(self, asked: Asked, data: bytes, body: bytes) -> None:
        """Remember the head, if the bytes, of which the HTTP parser has made the request, are it and the body alone."""
        end = data.find(_END)
        length = _LENGTH.search(data, 0, end + 2)
        if length and end <= MAX_HEAD_BYTES and end + 4 + len(body) == len(data):
            if len(self._heads) >= MOST_HEADS:
                del self._heads[next(iter(self._heads))]
            self._heads[_without(length, end)] = asked.head

    def _asked(self, head: Head) -> Asked | None:
        identity = self._guard.recall(head.authorization)
        if identity is None or identity.read_only or identity.team_id != head.team_id:
            return None
        return Asked(identity, head, perf_counter())

    def made(self, asked: Asked, body: bytes) -> Event | None:
        """Return the event that the body asks for."""
        try:
            given = _decode(body)
        except (msgspec.DecodeError, UnicodeError):
            return None
        made_in = given.wire
        if not catalogue.is_known(given.type, made_in):
            return None
        team_id, now_ms, origin = asked.identity.team_id, self._cloud.now_ms(), asked.head.origin
        if not given.data:
            data = fixture(given.type, team_id, now_ms, wire=made_in)
            return build_event(given.type, data, team_id, now_ms, origin=origin, made_in=made_in)
        return quick.build_event(given.type, given.data, team_id, now_ms, origin, made_in)

    def take(self, asked: Asked) -> dict[str, str] | None:
        """Count the request, and return what to tell of its key's limit."""
        return self._limits.take_at_once(asked.identity)

    def given_up(self, asked: Asked) -> None:
        """The client has gone before its body was complete."""
        self._note([(asked, access_log.NOT_ANSWERED, None)])

    def send(self, sending: Sending) -> None:
        """Store the event, with all others that come before the store is free for it, and reply when it is durable."""
        self._gathered.append(sending)
        self._storing.begin()

    async def _store_gathered(self) -> None:
        while self._gathered:
            gathered, self._gathered = self._gathered, []
            made = await self._store(gathered)
            # Later, so that the store works on what has come meanwhile.
            asyncio.get_running_loop().call_soon(self._reply, gathered, made)

    async def _store(self, gathered: Sequence[Sending]) -> Sequence[Sequence[Delivery] | Exception]:
        try:
            return await self._cloud.store.append_events([sending.event for sending in gathered])
        except Exception as error:
            if len(gathered) == 1:
                return [error]
            # One may have spoiled it for all: each is stored by itself, so that each gets its own answer.
            return [made for [made] in await asyncio.gather(*(self._store([sending]) for sending in gathered))]

    def _reply(self, gathered: Sequence[Sending], made: Sequence[Sequence[Delivery] | Exception]) -> None:
        answers = [
            self._failed(sending, one) if isinstance(one, Exception) else self._succeeded(sending, one)
            for sending, one in zip(gathered, made, strict=True)
        ]
        self._note(
            [(one.asked, answer.status, answer.request_id) for one, answer in zip(gathered, answers, strict=True)]
        )
        for sending, answer in zip(gathered, answers, strict=True):
            try:
                sending.reply(answer)
            except Exception as error:  # one connection's fault must not keep the others from their answers
                logs.error("answer not sent", request_id=answer.request_id, error=repr(error))

    def _succeeded(self, sending: Sending, deliveries: Sequence[Delivery]) -> Answer:
        self._cloud.metrics.event_accepted()
        request_id, body = succeeded(views.sent(sending.event, deliveries))
        head = f"x-cstar-request-id: {request_id}\r\ncontent-length: {len(body)}\r\ncontent-type: {JSON}\r\n".encode()
        return Answer(201, request_id, head + _lines(sending.limit) if sending.limit else head, body)

    def _failed(self, sending: Sending, error: Exception) -> Answer:
        if isinstance(error, StoreUnavailable):
            response = failure(away(error, sending.asked.identity))
        else:
            response = answer_to_fault({"method": "POST", "path": sending.asked.head.path}, error)
        request_id, head = response.headers["x-cstar-request-id"], _lines(response.headers) + _lines(sending.limit)
        return Answer(response.status_code, request_id, head, bytes(response.body))

    def _note(self, ended: Sequence[tuple[Asked, int, str | None]]) -> None:
        for _, status, _ in ended:
            self._cloud.metrics.requested("POST", ROUTE, status)
        if logs.is_on():
            now = perf_counter()
            logs.info_of_each(
                access_log.REQUEST, [_line(asked, status, id_, now - asked.began) for asked, status, id_ in ended]
            )


def _line(asked: Asked, status: int, request_id: str | None, took_s: float) -> logs.Fields:
    return access_log.line("POST", asked.head.path, status, took_s * 1000, request_id, asked.identity.team_id)


def _without(length: re.Match[bytes], end: int) -> bytes:
    """Return the head without the digits of its length."""
    return length.string[: length.start(1)] + b"\0" + length.string[length.end(1) : end]


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
