"""One socket: writes a request, feeds its answer to a reader, keeps the deadline."""

import asyncio
import math
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, cast

from cstar_cli.sender.answer import AnswerReader, BadAnswer
from cstar_cli.sender.deadlines import Clock, Deadlines
from cstar_cli.sender.tls import is_alert


class Ending(Enum):
    """How an exchange came to its end."""

    COMPLETE = auto()
    EXPIRED = auto()
    CLOSED = auto()
    BAD = auto()


IN_USE: Final = math.inf
_COMPLETE: Final = Ending.COMPLETE  # by its own name, since Python 3.11 looks up members slowly


class Connection(asyncio.Protocol):
    """A connection to one origin, for one exchange at a time.

    It listens from its first moment: a receiver may answer, or send garbage, before anything was asked.
    `on_made` is called when there is a socket (after TLS), `on_lost` when that is gone.
    """

    def __init__(
        self,
        origin: tuple[str, str, int],
        reader: AnswerReader,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        deadlines: Deadlines,
        on_made: Callable[["Connection"], None],
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self.origin = origin
        self.reader = reader
        self.first_byte_at: float | None = None
        self.idle_since = IN_USE
        self.bad: str | None = None
        self.answered_in_tls = False
        self.lost_by: Exception | None = None
        self.loop = loop
        self._clock = clock
        self._deadlines = deadlines
        self._on_made = on_made
        self._on_lost = on_lost
        self._ending: Ending | None = None
        self._on_end: Callable[[Ending], None] | None = None
        self._transport: asyncio.Transport | None = None

    async def exchange(self, request: bytes, deadline: float | None) -> Ending:
        """Send a request and wait for the end of its answer, at most until the clock shows the deadline."""
        ended: asyncio.Future[Ending] = self.loop.create_future()

        def end(ending: Ending) -> None:
            if not ended.done():  # by a cancel
                ended.set_result(ending)

        self.begin(request, deadline, end)
        return await ended

    def begin(self, request: bytes, deadline: float | None, on_end: Callable[[Ending], None]) -> None:
        """Send a request; `on_end` is called once, when its answer ends or the clock shows the deadline.

        It is called before this returns where a connection that is new can't be used.
        """
        if self.idle_since != IN_USE:
            self.idle_since = IN_USE
            self.first_byte_at = self._ending = None
            self.reader.begin()
        transport = self._transport
        if transport is None or transport.is_closing():
            on_end(self._ending or Ending.CLOSED)
            return
        transport.write(request)
        if self._ending is not None:
            # Answered unasked. The answer to what was just sent is still to come, and must not be the next one's.
            self.reader.reusable = False
            on_end(self._ending)
            return
        self._on_end = on_end
        if deadline is not None:
            self._deadlines.watch(self, deadline, self.loop)

    def go_on(self, more: bytes) -> None:
        """Send more of the request that has begun."""
        if not self.closing and self._transport is not None:
            self._transport.write(more)

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    @property
    def reusable(self) -> bool:
        """Whether both sides have said all they had to, and the connection stays open."""
        return (
            self._ending is _COMPLETE
            and self.reader.reusable
            and self._transport is not None
            and not self._transport.is_closing()
            and self._transport.get_write_buffer_size() == 0
        )

    def abort(self) -> None:
        """Cut the connection without waiting for the receiver."""
        if self._transport is not None:
            self._transport.abort()

    def give_up(self) -> None:
        """Cut the connection, which may not hear of it: it is lost from now on."""
        self.abort()
        self._on_lost(self)

    def expire(self) -> None:
        """End the exchange, whose time is over."""
        self._end(Ending.EXPIRED)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since uvloop's transports are no asyncio.Transport by class.
        self._transport = cast(asyncio.Transport, transport)
        # uvloop writes at once only what is more than its limit, and everything else at the end of the loop's turn.
        self._transport.set_write_buffer_limits(high=0)
        self._on_made(self)

    def data_received(self, data: bytes) -> None:
        if self._ending is not None:
            # Nobody asked: an answer to come would be taken for this one.
            self.abort()
            return
        if self.first_byte_at is None:
            self.first_byte_at = self._clock()
        try:
            self.reader.feed(data)
        except BadAnswer as bad:
            self.bad = str(bad)  # not itself: it holds its frames, and with them us and what came
            self.answered_in_tls = is_alert(data)
            self._end(Ending.BAD)
            return
        if self.reader.complete:
            self._end(_COMPLETE)

    def eof_received(self) -> None:
        self.abort()  # before anyone is told, who might take it for reusable
        if self._ending is None:
            self.reader.feed_eof()
            self._end(Ending.COMPLETE if self.reader.complete else Ending.CLOSED)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_by = exc
        self._end(Ending.CLOSED)
        self.reader.end()
        self._on_lost(self)

    def _end(self, ending: Ending) -> None:
        if self._ending is None:
            self._ending = ending
            self._deadlines.forget(self)
            on_end, self._on_end = self._on_end, None
            if on_end is not None:
                on_end(ending)
