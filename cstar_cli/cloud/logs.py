"""Structured logs of a node: one line an event, `logs.info("request", method="GET", status=200)`.

A line says what happened and names ids; never a secret, a token, a header, a body, a query or what a URL may hide. What
looks like a secret is blotted out all the same: callers put keys into paths, where an id should be. Who runs the cloud
decides where lines go, with `configure`; inside `listen` nobody does, and there are none.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Literal, TextIO

from cstar_cli.clock import now_ms
from cstar_cli.events.envelope import iso_ms

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
Field = str | int | float | bool | None
Fields = Mapping[str, Field]

LOGGER = logging.getLogger("cstar.cloud")
LOGGER.addHandler(logging.NullHandler())  # without one, warnings would go to stderr

_BLOT = "[secret]"
_SECRET = re.compile(r"Bearer(?:%20|\s)+[^\s/'\"]+|(?:[sp]k_(?:live|test)_|whsec_)[\w+=-]*", re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(r"[\w.:/@%+*,;()-]+", re.ASCII)
_to_json = json.JSONEncoder(default=str).encode


def configure(format: LogFormat, level: LogLevel, stream: TextIO) -> None:
    """Write the lines from this level up to the stream, and nowhere else."""
    LOGGER.handlers = [Lines(json_line if format == "json" else text_line, stream)]
    LOGGER.propagate = False
    LOGGER.setLevel(level.upper())


def is_on() -> bool:
    """Say whether lines of information are written at all: to make one up costs more than to drop it."""
    return LOGGER.isEnabledFor(logging.INFO)


def info(event: str, **fields: Field) -> None:
    _log(logging.INFO, event, fields)


def info_of_each(event: str, many: Sequence[Fields]) -> None:
    """Say the same of many at once, in one write."""
    lines = _lines()
    if lines and is_on():
        lines.say_of_each(logging.INFO, event, many)
        return
    for fields in many:
        _log(logging.INFO, event, fields)


def warning(event: str, **fields: Field) -> None:
    _log(logging.WARNING, event, fields)


def error(event: str, **fields: Field) -> None:
    _log(logging.ERROR, event, fields)


@contextmanager
def together() -> Iterator[None]:
    """Write what is said inside at once, when it is over. It must be over within the turn of the event loop."""
    lines = _lines()
    if lines:
        lines.keep()
    try:
        yield
    finally:
        if lines:
            lines.write_kept()


def _log(level: int, event: str, fields: Fields) -> None:
    if not LOGGER.isEnabledFor(level):
        return
    lines = _lines()
    if lines is None:
        LOGGER.log(level, "%s", event, extra={"fields": fields})
    else:
        lines.say(level, event, fields)


def _lines() -> "Lines | None":
    handler = LOGGER.handlers[0] if LOGGER.handlers else None
    return handler if isinstance(handler, Lines) else None


class Lines(logging.Handler):
    """Writes lines to a stream.

    It is told of them directly: what `logging` finds out for each record of its own costs far more than the line.
    """

    def __init__(self, line: Callable[[int, int, str, Fields], str], stream: TextIO) -> None:
        super().__init__()
        self._line = line
        self._stream = stream
        self._writing = threading.Lock()
        self._kept: list[str] = []
        self._keeping = 0  # how many have said that more will come

    def say(self, level: int, event: str, fields: Fields) -> None:
        self._put(self._line(now_ms(), level, event, fields))

    def say_of_each(self, level: int, event: str, many: Sequence[Fields]) -> None:
        line, now = self._line, now_ms()
        self._put("".join([line(now, level, event, fields) for fields in many]))

    def keep(self) -> None:
        with self._writing:
            self._keeping += 1

    def write_kept(self) -> None:
        with self._writing:
            self._keeping -= 1
            if self._kept and not self._keeping:
                self._write("".join(self._kept))
                self._kept.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Write what somebody has said who knows only `logging`."""
        self.say(record.levelno, record.getMessage(), getattr(record, "fields", {}))

    def _put(self, text: str) -> None:
        with self._writing:
            if self._keeping:
                self._kept.append(text)
            else:
                self._write(text)

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a node goes on without its log
            self._stream.write(text)
            self._stream.flush()


def json_line(time_ms: int, level: int, event: str, fields: Fields) -> str:
    """Return one JSON object: time, level, event, and the fields that are known."""
    said = {"time": iso_ms(time_ms), "level": logging.getLevelName(level).lower(), "event": event}

    def whole(fields: Fields) -> str:
        return _to_json({**said, **{name: value for name, value in fields.items() if value is not None}})

    return f"{_without_secrets(whole, fields)}\n"


def text_line(time_ms: int, level: int, event: str, fields: Fields) -> str:
    """Return time, level, event, and `name=value` of the fields that are known, quoted where they aren't plain."""
    return f"{_text_start(time_ms, level, event)}{_without_secrets(_text_fields, fields)}\n"


@lru_cache(maxsize=16)  # for what happens in one moment
def _text_start(time_ms: int, level: int, event: str) -> str:
    shown = event if event.isascii() and event.isprintable() else _to_json(event)
    return f"{iso_ms(time_ms)} {logging.getLevelName(level):<7} {shown}"


def _text_fields(fields: Fields) -> str:
    is_plain = _PLAIN.fullmatch
    return "".join(
        [
            f" {name}={value if type(value) is str and is_plain(value) else _shown(value)}"
            for name, value in fields.items()
            if value is not None
        ]
    )


def _without_secrets(write: Callable[[Fields], str], fields: Fields) -> str:
    """Return what is written of the fields, once more without secrets where there may be any."""
    line = write(fields)
    if _may_hold_secrets(line.lower()):
        return write({name: _blotted(value) for name, value in fields.items()})
    return line


def _may_hold_secrets(lower: str) -> bool:
    """Look for what is in all that the pattern finds: once in a whole line, that is much quicker."""
    return "bearer" in lower or "_live_" in lower or "_test_" in lower or "whsec_" in lower


def _blotted(value: Field) -> Field:
    return _SECRET.sub(_BLOT, value) if isinstance(value, str) else value


def _shown(value: Field) -> str:
    """Return what stands for a value that isn't a plain text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _to_json(text)
