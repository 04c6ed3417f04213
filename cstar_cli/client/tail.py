"""The attempts of the cloud's log, live, across cuts, without gap or repeat."""

from collections.abc import Iterator

import msgspec

from cstar_cli.activity import Attempted, Notice
from cstar_cli.backoff import jittered
from cstar_cli.client.answers import TailLine, foreign
from cstar_cli.client.api import ApiClient
from cstar_cli.client.wire import Lost
from cstar_cli.errors import CloudUnreachable

# The cloud sends a line at least every 5 s.
SILENCE_S = 15.0
_FIRST_WAIT_S = 0.1
_MOST_WAIT_S = 10.0
# How far past a deadline a heartbeat may carry a wait; less would reopen the tail at every line.
_DEADLINE_SLACK_S = 0.1
_LEAST_SILENCE_S = 0.001  # no socket takes less


class TailQuery(msgspec.Struct, frozen=True):
    """Where to begin (one of `lines`, `since`, `after`), and which attempts to want; the cloud does the filtering."""

    lines: int | None = None
    since: str | None = None
    after: str | None = None
    follow: bool = True
    events: tuple[str, ...] = ()
    status: str | None = None
    target: str | None = None
    event_id: str | None = None

    def params(self, seen: str | None) -> dict[str, str | int]:
        """Return the query string; once a cursor was `seen`, the tail goes on behind it."""
        after = self.after if seen is None else seen
        start = {"after": after} if after is not None else {"since": self.since, "lines": self.lines}
        wanted = {
            **start,
            "follow": "true" if self.follow else "false",
            "events": ",".join(self.events) or None,
            "status": self.status,
            "target": self.target,
            "event_id": self.event_id,
        }
        return {key: value for key, value in wanted.items() if value is not None}


class Tail:
    """One following of the log: iterate it; `seen` is the cursor of the last line."""

    def __init__(self, client: ApiClient, query: TailQuery, deadline: float | None = None) -> None:
        """`deadline` is a time of the client's monotonic clock; without one it goes on for ever."""
        self.seen: str | None = None
        self._client = client
        self._query = query
        self._deadline = deadline
        self._connected = False
        self._progress = False

    def __iter__(self) -> Iterator[Attempted | Notice]:
        """Yield the attempts, and a Notice when the cloud goes and comes.

        Raises as ApiClient does; once connected, a cloud that is away is waited for.
        """
        edges = self._client.edges
        waits = jittered(_FIRST_WAIT_S, _MOST_WAIT_S, edges.random)
        away = False
        while not self._out_of_time():
            self._progress = False
            try:
                for item in self._once():
                    if away:
                        away = False
                        yield Notice("the cloud is back")
                    if item is not None:
                        yield item
                if not self._query.follow:
                    return
            except Lost as error:
                if not (self._connected and self._query.follow):
                    raise self._client.unanswered(error) from error
            except CloudUnreachable:
                if not (self._connected and self._query.follow):
                    raise
            if self._out_of_time():
                return
            if self._progress:
                waits = jittered(_FIRST_WAIT_S, _MOST_WAIT_S, edges.random)
            if not away:
                away = True
                yield Notice("the cloud is gone; waiting for it…")
            edges.sleep(min(next(waits), self._left_s()))

    def _once(self) -> Iterator[Attempted | None]:
        """Yield the attempts of one connection, and None for every other line, until it ends or must be reopened."""
        while True:
            silence_s = max(_LEAST_SILENCE_S, min(SILENCE_S, self._left_s()))
            with self._client.tail(self._query.params(self.seen), silence_s) as lines:
                self._connected = True
                for line in lines:
                    self._progress = True
                    yield self._read(line)
                    if self._left_s() <= 0:
                        return
                    # The read timeout is fixed for a connection: a shorter one needs another.
                    if self._left_s() < silence_s - _DEADLINE_SLACK_S:
                        break
                else:
                    return

    def _read(self, line: bytes) -> Attempted | None:
        try:
            head = msgspec.json.decode(line, type=TailLine)
            self.seen = head.cursor
            if head.kind != "attempt":
                return None
            return msgspec.json.decode(line, type=Attempted)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise foreign(self._client.api_base, f"a line of its log doesn't fit: {error}") from error

    def _left_s(self) -> float:
        return float("inf") if self._deadline is None else self._deadline - self._client.edges.monotonic()

    def _out_of_time(self) -> bool:
        return self._left_s() <= 0


def follow(client: ApiClient, query: TailQuery, deadline: float | None = None) -> Iterator[Attempted | Notice]:
    """Follow the log; see Tail."""
    return iter(Tail(client, query, deadline))


def end_of_log(client: ApiClient) -> str:
    """Return the cursor of the log's end as it is now: what is attempted from here on comes `after` it."""
    tail = Tail(client, TailQuery(lines=0, follow=False))
    for _ in tail:
        pass
    if tail.seen is None:
        raise foreign(client.api_base, "its log has no cursor")
    return tail.seen
