import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.recording.format import (
    VERSION,
    Answer,
    Damaged,
    Delivery,
    End,
    Line,
    Recording,
    Torn,
    body_of,
    delivery_in,
    encode,
    packed,
    read,
)

FIRST = Recording(VERSION, "cstar-cli/1", "2026-03-26T22:13:30.044Z")
END = End("2026-03-26T22:13:31.000Z", 1)


def delivery(body: bytes = b"{}", answer: bytes = b"ok") -> Delivery:
    text, in_base64 = packed(body)
    answer_text, answer_in_base64 = packed(answer)
    return Delivery(
        number=1,
        at="2026-03-26T22:13:30.044Z",
        event_id="evt_1",
        event_type="ticket.created",
        delivery_id="dlv_1",
        attempt=1,
        wire="2025-12",
        url="http://localhost:3000/",
        headers=(("x-cstar-signature", None), ("x-mine", "1")),
        body=text,
        body_base64=in_base64,
        answer=Answer(200, 1.5, body=answer_text, body_base64=answer_in_base64),
    )


def lines_in(text: bytes) -> list[Line]:
    return [placed.line for placed in read(io.BytesIO(text))]


@given(st.binary(), st.binary())
def test_any_bytes_come_back_as_they_were(body: bytes, answer: bytes) -> None:
    [_, again] = lines_in(encode(FIRST) + encode(delivery(body, answer)))
    assert isinstance(again, Delivery)
    assert again.answer is not None
    assert (body_of(again), body_of(again.answer)) == (body, answer)


@given(st.text())
def test_text_stands_in_the_file_as_text(text: str) -> None:
    try:
        body = text.encode()
    except UnicodeEncodeError:
        return
    assert json.loads(encode(delivery(body))).get("body", "") == text


def test_a_line_is_found_again_where_it_stands() -> None:
    text = encode(FIRST) + encode(delivery()) + encode(END)
    [_, placed, end] = read(io.BytesIO(text))
    assert delivery_in(text[placed.offset : end.offset]) == placed.line == delivery()


def test_unknown_kinds_and_fields_are_passed_over() -> None:
    later = json.dumps({**json.loads(encode(delivery())), "mood": "good"}).encode()
    text = encode(FIRST) + b'{"kind":"weather","sun":true}\n' + later + b"\n\r\n" + encode(END)
    assert lines_in(text) == [FIRST, delivery(), END]


def test_a_byte_order_mark_and_line_ends_of_windows_do_no_harm() -> None:
    text = (b"\xef\xbb\xbf" + encode(FIRST) + encode(delivery())).replace(b"\n", b"\r\n")
    assert lines_in(text) == [FIRST, delivery()]


def test_a_newer_version_is_refused_with_what_to_do() -> None:
    newer = msgspec.structs.replace(FIRST, version=VERSION + 1, agent="cstar-cli/9")
    with pytest.raises(Damaged, match=r"version 2, by cstar-cli/9, and this cstar reads up to version 1: update cstar"):
        lines_in(encode(newer))


@given(st.integers(1, len(encode(delivery())) - 1))
def test_a_last_line_that_was_never_finished_costs_nothing_but_itself(size: int) -> None:
    lines = read(io.BytesIO(encode(FIRST) + encode(delivery()) + encode(delivery())[:size]))
    assert [next(lines).line, next(lines).line] == [FIRST, delivery()]
    with pytest.raises(Torn):
        next(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "It is empty"),
        (b"# A page\n", "It is not a recording"),
        (b"\xff\xfe{", "It is not a recording"),
        (b"{}\n", "It is not a recording"),
        (encode(END), "It is not a recording"),
        (encode(FIRST)[:20], "It is not a recording"),
        (encode(FIRST) + b"nonsense\n", "Line 2 is not JSON"),
        (encode(FIRST) + b"[]\n", "Line 2 has no kind"),
        (encode(FIRST) + b"[" * 100_000 + b"\n", "Line 2 has no kind"),
        (encode(FIRST) + b'{"kind":"end","at":1}\n', "Line 2 has a wrong field"),
        (encode(FIRST) + encode(delivery()).replace(b"dlv_1", b"dlv_1\\r\\nevil: 1"), "Line 2 has a wrong field"),
        (
            encode(FIRST) + encode(delivery()).replace(b"evt_1", b"evt_1\\n"),
            "wrong field: Expected a name without spaces",
        ),
    ],
)
def test_what_is_no_recording_is_refused_and_it_is_said_where(text: bytes, said: str) -> None:
    with pytest.raises(Damaged, match=said):
        lines_in(text)


def test_a_body_that_is_no_base64_is_refused() -> None:
    with pytest.raises(Damaged, match="no base64"):
        body_of(msgspec.structs.replace(delivery(), body=None, body_base64="!"))
