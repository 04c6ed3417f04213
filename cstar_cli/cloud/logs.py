"""Structured logs of a node: one line an event, `logs.info("request", method="GET", status=200)`.

A line says what happened and names ids; never a secret, a token, a header, a body, a query or what a URL may hide. What
looks like a secret is blotted out all the same: callers put keys into paths, where an id should be. Who runs the cloud
decides where lines go, with `configure`; inside `listen` nobody does, and there are none.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Literal, TextIO

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
Field = str | int | float | bool | None

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
    _log(logging.INFO, event, fields)


def warning(event: str, **fields: Field) -> None:
    _log(logging.WARNING, event, fields)


def error(event: str, **fields: Field) -> None:
    _log(logging.ERROR, event, fields)


def _log(level: int, event: str, fields: dict[str, Field]) -> None:
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, "%s", event, extra={"fields": fields})


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, and the fields that are known."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(said | _fields(record), default=str)


class TextLines(logging.Formatter):
    """Time, level, event, and `name=value` of the fields that are known, quoted where they aren't plain."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={_plain(value)}" for name, value in _fields(record).items())
        event = record.getMessage()
        shown = event if event.isascii() and event.isprintable() else json.dumps(event)
        return f"{_time(record)} {record.levelname:<7} {shown}{fields}"


def _fields(record: logging.LogRecord) -> dict[str, Field]:
    fields: dict[str, Field] = getattr(record, "fields", {})
    return {name: _blotted(value) for name, value in fields.items() if value is not None}


def _blotted(value: Field) -> Field:
    return _SECRET.sub(_BLOT, value) if isinstance(value, str) else value


def _plain(value: Field) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
