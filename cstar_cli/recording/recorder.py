"""What happens in a session → lines of its recording."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from cstar_cli.events.envelope import iso_ms
from cstar_cli.protocol.frames import Delivery as Pushed
from cstar_cli.protocol.frames import Result
from cstar_cli.recording.format import VERSION, Delivery, End, Recording, Session, encode, packed
from cstar_cli.recording.redacting import Answered, Redactor
from cstar_cli.recording.scrubbing import secret_values


class Way(msgspec.Struct, frozen=True):
    """Where a listener's events go; as which wire version; `body_limit` is how much of an answer it keeps."""

    url: str
    route: str | None
    body_limit: int
    wire: str


class Begun(msgspec.Struct, frozen=True):
    """A delivery that is being posted."""

    number: int
    at_ms: int
    pushed: Pushed
    way: Way


class Recorder:
    """Makes the lines, and hands them to `write`: a delivery's when it is known what came of it.

    A post that the listener has wait, and makes anew later, is recorded then.
    """

    def __init__(self, redactor: Redactor, write: Callable[[bytes], None], now_ms: Callable[[], int]) -> None:
        self._redactor = redactor
        self._write = write
        self._now_ms = now_ms
        self._session_ids: dict[str | None, str] = {}
        self._begun: dict[int, Begun] = {}
        self._undecided: dict[str, Delivery] = {}
        self._numbers = 0
        self.deliveries = 0

    @property
    def has_sessions(self) -> bool:
        """Whether any session has begun."""
        return bool(self._session_ids)

    def begin(self, agent: str, redacted: Iterable[str]) -> None:
        """The first line."""
        self._put(Recording(VERSION, agent, iso_ms(self._now_ms()), tuple(redacted)))

    def session(self, session_id: str, forward_to: str, events: Sequence[str], route: str | None) -> None:
        """A session has begun, maybe in place of another."""
        if self._session_ids.get(route) == session_id:
            return
        self._session_ids[route] = session_id
        url = self._redactor.scrubber.url(forward_to)
        self._put(Session(iso_ms(self._now_ms()), session_id, url, tuple(events), route))

    def began(self, pushed: Pushed, way: Way) -> Begun:
        """A delivery is posted."""
        self._numbers += 1
        begun = Begun(self._numbers, self._now_ms(), pushed, way)
        self._begun[begun.number] = begun
        self._undecided.pop(pushed.delivery_id, None)
        return begun

    def ended(self, begun: Begun, result: Result, *, undecided: bool) -> None:
        """This came of it; while it is undecided, the listener may have it wait instead."""
        line = self._line(begun, result)
        self._begun.pop(begun.number, None)
        if undecided:
            self._undecided[line.delivery_id] = line
        else:
            self._put_delivery(line)

    def decided(self, delivery_id: str) -> None:
        """What came of a delivery holds."""
        line = self._undecided.pop(delivery_id, None)
        if line is not None:
            self._put_delivery(line)

    def end(self) -> None:
        """The last lines: what was cut short, and that this is all."""
        for begun in self._begun.values():
            self._put_delivery(self._line(begun, None))
        self._begun.clear()
        self._put(End(iso_ms(self._now_ms()), self.deliveries))

    def _line(self, begun: Begun, result: Result | None) -> Delivery:
        pushed, way, redactor = begun.pushed, begun.way, self._redactor
        posted = redactor.posted(pushed.body)
        body, in_base64 = packed(posted.body or b"")
        line = Delivery(
            number=begun.number,
            at=iso_ms(begun.at_ms),
            event_id=pushed.event_id,
            event_type=pushed.event_type,
            delivery_id=pushed.delivery_id,
            attempt=pushed.attempt,
            wire=way.wire,
            url=redactor.scrubber.url(way.url),
            headers=(),
            body=body,
            body_base64=in_base64,
            removed=posted.body is None,
            session_id=self._session_ids.get(way.route),
            route=way.route,
        )
        if result is None:
            return line
        answer = redactor.answered(_answered(result, way), posted.hidden, secret_values(result.request_headers))
        return replace(line, headers=redactor.scrubber.headers(result.request_headers), answer=answer)

    def _put_delivery(self, line: Delivery) -> None:
        self.deliveries += 1
        self._put(line)

    def _put(self, line: Recording | Session | Delivery | End) -> None:
        self._write(encode(line))


def _answered(result: Result, way: Way) -> Answered:
    return Answered(
        status=result.status,
        duration_ms=result.duration_ms,
        error=result.error,
        headers=result.response_headers,
        body=result.body,
        cut=len(result.body) >= way.body_limit,
    )
