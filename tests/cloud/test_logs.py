"""Structured logs: one line an event, whatever its fields hold."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from cstar_cli.cloud import logs
from cstar_cli.cloud.logs import LOGGER, LogFormat, LogLevel, configure

from .streams import Writes


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handlers, propagate, level = LOGGER.handlers, LOGGER.propagate, LOGGER.level
    yield
    LOGGER.handlers, LOGGER.propagate = handlers, propagate
    LOGGER.setLevel(level)


def lines(format: LogFormat, level: LogLevel = "info") -> io.StringIO:
    stream = io.StringIO()
    configure(format, level, stream)
    return stream


def test_a_json_line_is_an_object_of_time_level_event_and_fields() -> None:
    stream = lines("json")
    logs.info("request", method="GET", status=200, ms=1.5, ok=True, team_id=None)
    said = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.pop("time"))
    assert said == {"level": "info", "event": "request", "method": "GET", "status": 200, "ms": 1.5, "ok": True}


@pytest.mark.parametrize("format", ["text", "json"])
def test_lines_that_are_written_together_are_as_if_each_were_written_alone(format: LogFormat) -> None:
    many: list[logs.Fields] = [{"path": "/a", "ms": 1.5, "ok": True}, {"path": "/sk_live_Ab9", "team_id": None}]
    together, of_each, alone = lines(format), lines(format), lines(format)
    for fields in many:
        logs.info("request", **fields)
    configure(format, "info", together)
    with logs.together():
        for fields in many:
            logs.info("request", **fields)
    configure(format, "info", of_each)
    logs.info_of_each("request", many)
    assert without_times(together) == without_times(of_each) == without_times(alone)


def without_times(stream: io.StringIO) -> list[str]:
    return [re.sub(r"\d{4}-\S+Z", "", line) for line in stream.getvalue().splitlines()]


def test_a_text_line_has_its_fields_behind_the_event() -> None:
    stream = lines("text")
    logs.warning("store away", reason="disk is full", code=13, path="/var/lib/cstar.db", team_id=None)
    _, line = stream.getvalue().split(" ", 1)
    assert line == 'WARNING store away reason="disk is full" code=13 path=/var/lib/cstar.db\n'


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("text", ["a\nb", "\x1b[31mred", "\u202eevil", "é", 'a="b"', "\x85next", "\ud800"])
def test_whatever_a_field_holds_it_is_one_harmless_line(format: LogFormat, text: str) -> None:
    stream = lines(format)
    logs.error("tunnel broke", error=text)
    logs.error(text)
    said = stream.getvalue()
    assert (len(said.splitlines()), said.count("\n")) == (2, 2)
    assert said.isascii()
    assert said.replace("\n", "").isprintable()


def test_what_is_said_together_is_one_write() -> None:
    stream = Writes()
    configure("text", "info", stream)
    with logs.together():
        logs.info("first")
        logs.info("second")
        assert stream.writes == []
    logs.info("third")
    assert [[line.split()[2] for line in text.splitlines()] for text in stream.writes] == [
        ["first", "second"],
        ["third"],
    ]


def test_what_is_said_of_each_is_one_write_of_those_that_are_wanted() -> None:
    stream = Writes()
    configure("text", "info", stream)
    logs.info_of_each("request", [{"status": 200}, {"status": 404}])
    [written] = stream.writes
    assert [line.split()[2:] for line in written.splitlines()] == [["request", "status=200"], ["request", "status=404"]]
    configure("text", "warning", stream)
    logs.info_of_each("request", [{"status": 200}])
    assert stream.writes == [written]


def test_what_is_said_together_within_what_is_said_together_is_no_less() -> None:
    stream = Writes()
    configure("text", "info", stream)
    with logs.together():
        logs.info("first")
        with logs.together():
            logs.info("second")
        logs.info("third")
    [written] = stream.writes
    assert [line.split()[2] for line in written.splitlines()] == ["first", "second", "third"]


def test_what_was_said_is_written_though_what_followed_broke() -> None:
    stream = lines("text")

    def say_and_break() -> None:
        with logs.together():
            logs.info("said")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        say_and_break()
    assert "said" in stream.getvalue()


def test_a_log_that_cannot_be_written_ends_nothing() -> None:
    stream = lines("text")
    stream.close()
    logs.error("tunnel broke")
    with logs.together():
        logs.error("tunnel broke")


def test_a_line_that_was_given_to_logging_itself_is_in_the_form_of_all() -> None:
    stream = lines("text")
    LOGGER.warning("store %s", "away", extra={"fields": {"reason": "disk is full"}})
    assert stream.getvalue().endswith(' WARNING store away reason="disk is full"\n')


def test_levels_below_the_wanted_are_left_out() -> None:
    stream = lines("text", "warning")
    logs.info("request")
    logs.warning("webhook disabled")
    assert "request" not in stream.getvalue()
    assert "webhook disabled" in stream.getvalue()


def test_lines_go_to_the_stream_alone(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    lines("text")
    logs.error("tunnel broke")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_unless_configured_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    kept, root.handlers = root.handlers, []
    try:
        logs.error("tunnel broke")
    finally:
        root.handlers = kept
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/api/v1/teams/t/api-keys/sk_live_Ab-9_z", "/api/v1/teams/t/api-keys/[secret]"),
        ("/api/v1/teams/pk_test_Ab9/events", "/api/v1/teams/[secret]/events"),
        ("/SK_LIVE_AB9", "/[secret]"),
        ("/webhooks/whsec_Ab+9=/test", "/webhooks/[secret]/test"),
        ("/Bearer%20xyz/events", "/[secret]/events"),
        ("OSError('Bearer xyz')", "OSError('[secret]')"),
        ("/webhooks/whk_Ab9/test", "/webhooks/whk_Ab9/test"),
    ],
)
def test_what_looks_like_a_secret_is_blotted_out(format: LogFormat, text: str, shown: str) -> None:
    stream = lines(format)
    logs.info("request", path=text, status=404)
    said = stream.getvalue()
    assert shown in said
    assert (text in said) == (text == shown)
