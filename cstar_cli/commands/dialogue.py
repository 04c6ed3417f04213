"""One command's talk with a cloud: what it answers is shown as its own JSON, or in words for people."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from cstar_cli import config
from cstar_cli.activity import Notice
from cstar_cli.client.answers import read
from cstar_cli.client.api import ApiClient
from cstar_cli.client.connect import connect
from cstar_cli.commands.noting import note, note_list
from cstar_cli.config import Home
from cstar_cli.events.filters import EventFilter
from cstar_cli.render.console import Console, lines_renderer, open_console
from cstar_cli.render.output import Output, whoever_reads
from cstar_cli.render.safe import harmless

T = TypeVar("T")
Records = Iterable[msgspec.Raw]
Request = Mapping[str, object]


class Dialogue(msgspec.Struct, frozen=True):
    """Asks `client`, and shows on `console`: with `json` each record as the API has it, on a line of its own.

    What is shown is kept in `home`, for completion.

    `typed` reads a line from the terminal; it is None where there is nobody to ask.
    """

    client: ApiClient
    console: Console
    home: Home
    json: bool
    typed: Callable[[], str] | None

    def get(self, path: str) -> msgspec.Raw:
        """Return one record."""
        return self.client.get(path, {}, msgspec.Raw)

    def records(self, path: str, query: Mapping[str, str] | None = None, most: int | None = None) -> Records:
        """Return a list's records, at most so many."""
        return self.client.records(path, query or {}, most)

    def post(self, path: str, request: Request) -> msgspec.Raw:
        """Return what the cloud has made or done."""
        return self.client.post(path, request, msgspec.Raw)

    def patch(self, path: str, request: Request) -> msgspec.Raw:
        """Return what has changed."""
        return self.client.patch(path, request, msgspec.Raw)

    def delete(self, path: str) -> msgspec.Raw:
        """Return what the cloud says to a deletion."""
        return self.client.delete(path, msgspec.Raw)

    def read(self, record: msgspec.Raw, shape: type[T]) -> T:
        """Return what a record says."""
        return read(record, shape, self.client.api_base)

    def query(self, events: list[str] | None, **wanted: str | None) -> dict[str, str]:
        """Return the query that asks for what is wanted; event types that nothing known passes are told."""
        filter = EventFilter.parse(events or ())
        for warning in filter.warnings():
            self.say(warning)
        patterns = ",".join(filter.patterns) if events else None
        return {name: text for name, text in {"events": patterns, **wanted}.items() if text is not None}

    def show(self, record: msgspec.Raw, shape: type[T], view: Callable[[T, Output], None]) -> T:
        """Show one record, and return what it says."""
        known = self.read(record, shape)
        if self.json:
            self._line(record)
        else:
            view(known, self.console.out)
        note(self.home, self.client.api_base, known)
        return known

    def show_all(
        self,
        records: Records,
        shape: type[T],
        view: Callable[[Iterable[T], Output], None],
        none: str,
    ) -> None:
        """Show the records of a list; where there are `none`, say so beside the output."""
        if self.json:
            count = 0
            for count, record in enumerate(records, 1):  # noqa: B007  # it says whether there was any
                self._line(record)
        else:
            known = [self.read(record, shape) for record in records]
            count = len(known)
            if known:
                view(known, self.console.out)
            note_list(self.home, self.client.api_base, shape, known)
        if not count:
            self.say(none)

    def asks(self, question: str) -> bool:
        """Ask the user beside the output; only yes means yes."""
        self.console.err.stream.write(f"{harmless(question)} [y/N] ")
        self.console.err.stream.flush()
        return self.typed is not None and self.typed().strip().lower() in ("y", "yes")

    def say(self, hint: str) -> None:
        """Tell the user something beside the output."""
        lines_renderer(self.console)(Notice(hint))

    def _line(self, record: msgspec.Raw) -> None:
        with whoever_reads(self.console.out.stream):
            self.console.out.raw_line(msgspec.json.format(bytes(record), indent=-1))


@contextmanager
def dialogue(api_base: str, *, json: bool, no_color: bool) -> Iterator[Dialogue]:
    """Talk with the cloud at the address as this machine's profile."""
    console = open_console(no_color=no_color)
    notices = lines_renderer(console)
    with connect(api_base, os.environ, lambda message: notices(Notice(message))) as client:
        yield Dialogue(
            client, console, config.home(os.environ), json, sys.stdin.readline if sys.stdin.isatty() else None
        )
