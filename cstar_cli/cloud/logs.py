"""Structured logs of a node: one line an event, `logs.info("request", method="GET", status=200)`.

A line says what happened and names ids; never a secret, a token, a header, a body, a query or what a URL may hide. What
looks like a secret is blotted out all the same: callers put keys into paths, where an id should be. Who runs the cloud
decides where lines go, with `configure`; inside `listen` nobody does, and there are none.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, TextIO

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
Field = str | int | float | bool | None
Fields = Mapping[str, Field]

LOGGER = logging.getLogger("cstar.cloud")
LOGGER.addHandler(logging.NullHandler())  # without one, warnings would go to stderr

_BLOT = "[secret]"
_SECRET = re.compile(r"Bearer(?:%20|\s)+[^\s/'\"]+|(?:[sp]k_(?:live|test)_|whsec_)[\w+=-]*", re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(r"[\w.:/@%+*,;()-]+", re.ASCII)


def configure(format: LogFormat, level: LogLevel, stream: TextIO) -> None:
    """Write the lines from this level up to the stream, and nowhere else."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    LOGGER.handlers = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(level.upper())


def is_on() -> bool:
    """Say whether lines of information are written at all: to make one up costs more than to drop it."""
    return LOGGER.isEnabledFor(logging.INFO)


def info(event: str, **fields: Field) -> None:
    _log(logging.INFO, event, [fields])


def info_each(event: str, lines: Sequence[Fields]) -> None:
    """Write many lines of one event at once, which costs little more than to write one."""
    _log(logging.INFO, event, lines)


def warning(event: str, **fields: Field) -> None:
    _log(logging.WARNING, event, [fields])


def error(event: str, **fields: Field) -> None:
    _log(logging.ERROR, event, [fields])


def _log(level: int, event: str, lines: Sequence[Fields]) -> None:
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, "%s", event, extra={"lines": lines})


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, and the fields that are known."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        return "\n".join([json.dumps(said | _known(fields), default=str) for fields in _lines(record)])


class TextLines(logging.Formatter):
    """Time, level, event, and `name=value` of the fields that are known, quoted where they aren't plain."""

    def format(self, record: logging.LogRecord) -> str:
        event = record.getMessage()
        shown = event if event.isascii() and event.isprintable() else json.dumps(event)
        start = f"{_time(record)} {record.levelname:<7} {shown}"
        return "\n".join([start + _text(_known(fields)) for fields in _lines(record)])


def _lines(record: logging.LogRecord) -> Sequence[Fields]:
    lines: Sequence[Fields] = getattr(record, "lines", [{}])
    return lines


def _known(fields: Fields) -> dict[str, Field]:
    return {name: _blotted(value) for name, value in fields.items() if value is not None}


def _blotted(value: Field) -> Field:
    if not isinstance(value, str):
        return value
    return _SECRET.sub(_BLOT, value) if _may_hold_a_secret(value.lower()) else value


def _may_hold_a_secret(text: str) -> bool:
    """Say whether it takes the pattern to tell, which needs 20 times as long."""
    return "_live_" in text or "_test_" in text or "whsec_" in text or "bearer" in text


def _text(fields: Fields) -> str:
    return "".join([f" {name}={_plain(value)}" for name, value in fields.items()])


def _plain(value: Field) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else json.dumps(value)
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
